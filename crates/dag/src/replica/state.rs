//! The engine's index as openraft's state machine. A snapshot carries nothing: copies are seeded apart from
//! openraft, and it only has to know how far the state reaches.

use std::{io, sync::Arc};

use engine::Replica;
use futures_util::{Stream, StreamExt};
use openraft::{
    OptionalSend, RaftSnapshotBuilder,
    storage::{EntryResponder, RaftStateMachine, Snapshot, SnapshotMeta},
};

use super::types::{LogId, Outcome, Payload, Types, decode_members, log_id};

/// Records applied under one lock at most.
const APPLIED_AT_ONCE: usize = 256;

type StoredMembers = openraft::alias::StoredMembershipOf<Types>;

/// A copy's state.
#[derive(Clone)]
pub(crate) struct State {
    replica: Arc<Replica>,
}

impl State {
    /// The state of a copy.
    pub(crate) fn new(replica: Arc<Replica>) -> Self {
        Self { replica }
    }

    fn snapshot(&self) -> SnapshotOf {
        let (entry, members) = self.now();
        let meta = SnapshotMeta { last_log_id: Some(entry), last_membership: members };
        Snapshot { meta, snapshot: () }
    }

    fn now(&self) -> (LogId, StoredMembers) {
        let (entry, note) = self.replica.applied();
        let members = note.and_then(|note| {
            let members = decode_members(&note.bytes)?;
            Some(StoredMembers::new(Some(log_id(note.entry)), members))
        });
        (log_id(entry), members.unwrap_or_default())
    }
}

impl RaftStateMachine<Types> for State {
    type SnapshotData = ();
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembers)> {
        let (entry, members) = self.now();
        Ok((Some(entry), members))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut ready = entries.ready_chunks(APPLIED_AT_ONCE);
        while let Some(items) = ready.next().await {
            let (mut records, mut answers) =
                (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
            for item in items {
                let (entry, responder) = item?;
                let Payload::Stored(record, members) = entry.payload else {
                    return Err(io::Error::other("an entry that is not in the log cannot be applied"));
                };
                let conflict = record.is_blank() && members.is_none();
                answers.push((responder, if conflict { Outcome::Conflict } else { Outcome::Applied }));
                records.push(record);
            }
            self.replica.apply(&records).map_err(io::Error::other)?;
            for (responder, outcome) in answers {
                if let Some(responder) = responder {
                    responder.send(outcome);
                }
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf, (): ()) -> io::Result<()> {
        Err(io::Error::other(format!(
            "this copy must be seeded anew: the group is at {:?}",
            meta.last_log_id
        )))
    }

    /// There is always one: openraft asks for it when a copy needs log that is gone, and stops for good without. The
    /// network refuses to send it, and notes whom it was meant for.
    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf>> {
        Ok(Some(self.snapshot()))
    }
}

type SnapshotMetaOf = openraft::alias::SnapshotMetaOf<Types>;
type SnapshotOf = openraft::alias::SnapshotOf<Types, ()>;

impl RaftSnapshotBuilder<Types> for State {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf> {
        Ok(self.snapshot())
    }
}
