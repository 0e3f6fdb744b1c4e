//! Transactions on the active copy: those that wait run together, and become entries that a majority takes.

use std::sync::{Arc, Weak, atomic::Ordering};

use engine::{EngineError, Record, Replica};
use futures_util::TryStreamExt;
use openraft::{async_runtime::WatchReceiver, errors::ClientWriteError};

use super::{
    Group, Writers,
    group::PATIENCE,
    types::{Outcome, Proposal},
};

impl Group {
    /// Commits the transactions that wait, where this copy may; refuses them otherwise.
    async fn commit_waiting(&self) {
        let mut turns = self.proposing.lock().await;
        loop {
            let leader = match self.raft.as_leader() {
                Ok(leader) => leader,
                Err(_) if self.writers == Writers::All => return self.commit_elsewhere().await,
                Err(_) => return self.replica.refuse(&EngineError::Passive(self.whereabouts())),
            };
            if !self.caught_up().await {
                return self.replica.refuse(&EngineError::Passive(self.whereabouts()));
            }
            let Some(turn) = self.replica.gather() else { return };
            *turns += 1;
            let (committed, outcome) = self.propose(leader.term(), *turns, turn.records()).await;
            self.replica.answer(turn, committed, outcome);
        }
    }

    pub(super) fn whereabouts(&self) -> String {
        match self.standing().active {
            Some(server) if server != self.me() => format!("; server {server} has the active one"),
            _ => "; none is at present".to_owned(),
        }
    }

    /// Waits until all that is in the log has been applied, which says what the state is that transactions
    /// are to see. False when this copy stopped being active.
    pub(super) async fn caught_up(&self) -> bool {
        let last = || self.replica.log_state().last;
        self.wait(|| self.raft.as_leader().is_err() || self.replica.applied().0 == last()).await
            && self.raft.as_leader().is_ok()
    }

    /// Waits until this is so, or for too long: then it says false.
    pub(super) async fn wait(&self, is_so: impl Fn() -> bool) -> bool {
        let mut metrics = self.raft.metrics();
        let waiting = async {
            while !is_so() {
                if WatchReceiver::changed(&mut metrics).await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or(false)
    }

    /// Has records committed in order; says how many took effect, and what the others met.
    pub(super) async fn propose(
        &self,
        term: u64,
        turn: u64,
        records: &[Record],
    ) -> (usize, Result<(), EngineError>) {
        if records.is_empty() {
            return (0, Ok(()));
        }
        let proposals: Vec<Proposal> =
            records.iter().map(|record| Proposal { term, turn, record: record.clone() }).collect();
        let Ok(mut answers) = self.raft.client_write_many(proposals).await else {
            return (0, Err(EngineError::Passive(String::new())));
        };
        let mut committed = 0;
        let all = async {
            while committed < records.len() {
                match answers.try_next().await {
                    Ok(Some(Ok(written))) if written.response == Outcome::Applied => committed += 1,
                    Ok(Some(Ok(_))) => return Err(EngineError::Conflict),
                    Ok(Some(Err(ClientWriteError::ForwardToLeader(_)))) => {
                        return Err(EngineError::Passive(self.whereabouts()));
                    }
                    _ => return Err(EngineError::Unknown),
                }
            }
            Ok(())
        };
        let outcome = tokio::time::timeout(PATIENCE, all).await.unwrap_or(Err(EngineError::Unknown));
        (committed, outcome)
    }
}

/// Serves the queue of transactions until the group is gone.
pub(super) async fn commit(group: Weak<Group>, replica: Arc<Replica>) {
    loop {
        replica.called().await;
        match group.upgrade() {
            Some(group) if !group.stopped.load(Ordering::Acquire) => group.commit_waiting().await,
            _ => return,
        }
    }
}
