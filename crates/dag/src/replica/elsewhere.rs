//! Writing on a copy that is not the active one: it borrows a turn from the active copy, brings its state up to
//! what the active one has, runs its transactions, and gives the turn back with what they wrote.

use std::time::Duration;

use engine::{EngineError, Record};
use tokio::sync::OwnedMutexGuard;

use super::{
    group::{Group, PATIENCE},
    message::{Answer, Place, Request, Setback},
    network::ask,
    types::ServerId,
};

/// How long another copy has a turn at most: meanwhile nobody else writes.
const TURN: Duration = Duration::from_secs(2);

/// A turn that another copy has.
pub(super) struct Lent {
    ticket: u64,
    term: u64,
    _turn: OwnedMutexGuard<u64>,
}

impl Group {
    /// Lends a turn at proposing.
    pub(super) async fn lend(&self) -> Answer {
        let mut turn = self.proposing.clone().lock_owned().await;
        let Ok(leader) = self.raft.as_leader() else { return self.passive() };
        if !self.caught_up().await {
            return self.passive();
        }
        *turn += 1;
        let (ticket, last) = (*turn, self.replica.log_state().last);
        *self.lent.lock() = Some(Lent { ticket, term: leader.term(), _turn: turn });
        let lent = self.lent.clone();
        tokio::spawn(async move {
            tokio::time::sleep(TURN).await;
            lent.lock().take_if(|lent| lent.ticket == ticket);
        });
        Answer::Lent(ticket, (last.term, last.index))
    }

    fn passive(&self) -> Answer {
        Answer::Failed(EngineError::Passive(self.whereabouts()).to_string())
    }

    /// Takes a turn back and has its records committed, if it was not over.
    pub(super) async fn take_back(&self, ticket: u64, records: &[Record]) -> Answer {
        let Some(lent) = self.lent.lock().take_if(|lent| lent.ticket == ticket) else {
            return Answer::Settled(0, Some(Setback::Passive));
        };
        let (committed, outcome) = self.propose(lent.term, ticket, records).await;
        let setback = outcome.err().map(|error| match error {
            EngineError::Conflict => Setback::Conflict,
            EngineError::Passive(_) => Setback::Passive,
            _ => Setback::Unknown,
        });
        Answer::Settled(committed, setback)
    }

    /// Commits the transactions that wait on this copy, which is not the active one.
    pub(super) async fn commit_elsewhere(&self) {
        let standing = self.standing();
        let refuse = || self.replica.refuse(&EngineError::Passive(self.whereabouts()));
        let Some(active) = standing.active.filter(|_| !standing.is_active) else { return refuse() };
        let borrowed = ask(&*self.peers, active, &Request::Borrow, &[], PATIENCE).await;
        let Ok(Answer::Lent(ticket, last)) = borrowed else { return refuse() };
        let turn = if self.has_applied(last).await { self.replica.gather() } else { None };
        let Some(turn) = turn else {
            let _ = self.give_back(active, ticket, &[]).await;
            return refuse();
        };
        let (committed, outcome) = self.give_back(active, ticket, turn.records()).await;
        // Whoever is answered finds here what it has written.
        self.has_applied((0, last.1 + committed as u64)).await;
        self.replica.answer(turn, committed, outcome);
    }

    async fn has_applied(&self, (_, index): Place) -> bool {
        self.wait(|| self.replica.applied().0.index >= index).await
    }

    async fn give_back(
        &self,
        active: ServerId,
        ticket: u64,
        records: &[Record],
    ) -> (usize, Result<(), EngineError>) {
        let lengths = records.iter().map(|record| record.len() as u32).collect();
        let request = Request::Return { ticket, lengths };
        match ask(&*self.peers, active, &request, records, PATIENCE).await {
            Ok(Answer::Settled(committed, setback)) => {
                let outcome = setback.map_or(Ok(()), |setback| {
                    Err(match setback {
                        Setback::Passive => EngineError::Passive(self.whereabouts()),
                        Setback::Conflict => EngineError::Conflict,
                        Setback::Unknown => EngineError::Unknown,
                    })
                });
                (committed.min(records.len()), outcome)
            }
            _ => (0, Err(EngineError::Unknown)),
        }
    }
}
