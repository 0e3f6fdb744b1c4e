//! What is said of copies, and asked of whoever keeps them.

use std::collections::BTreeSet;

use base::{Guid, Timestamp};
use dag::machine::{
    activation,
    lag::PlayDown,
    status::{Facts, Progress, Role},
};
use serde::{Deserialize, Serialize};

/// What is seen of one copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CopyReport {
    /// Its server.
    pub server: Guid,
    /// What its status follows from.
    pub facts: Facts,
    /// How far it has come.
    pub progress: Progress,
    /// When what it has last was generated, received and replayed, where that is known.
    pub times: [Option<Timestamp>; 3],
    /// Where its log begins, bytes.
    pub oldest: u64,
    /// Free bytes of its volume.
    pub free_bytes: Option<u64>,
    /// Bytes of its log.
    pub bytes: u64,
    /// Of the active copy: the servers whose copies belong to its group, and those of them that decide.
    pub members: BTreeSet<Guid>,
    /// See `members`.
    pub voters: BTreeSet<Guid>,
    /// How far its seed is.
    pub seeding: Option<Seeding>,
    /// Why it replays all it has, though it has a lag.
    pub play_down: Option<PlayDown>,
}

/// How far a seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeding {
    /// Where from.
    pub source: Guid,
    /// Bytes that are there.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl Seeding {
    /// How much is there, in percent.
    pub fn percent(&self) -> usize {
        let percent = self.done_bytes.saturating_mul(100).checked_div(self.total_bytes).unwrap_or(0);
        usize::try_from(percent).unwrap_or(100)
    }
}

/// A copy to be made anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seed {
    /// Of which database.
    pub database: Guid,
    /// Where.
    pub server: Guid,
    /// From which copy; from the active one where nobody says.
    pub source: Option<Guid>,
    /// What is there already may go.
    pub delete_existing: bool,
    /// Return once it has begun.
    pub begin_only: bool,
}

/// A switchover: the servers to try, the best first.
#[derive(Clone, Debug)]
pub struct Switchover {
    /// Of which database.
    pub database: Guid,
    /// What was asked for: what may be lost, which checks are left out.
    pub request: activation::Request,
    /// Where to, one after the other until one is mounted.
    pub order: Vec<Guid>,
    /// For the record.
    pub comment: String,
}

/// How a switchover went.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Where the active copy is now.
    pub active: Guid,
    /// Whether it serves.
    pub mounted: bool,
    /// Logs that were lost.
    pub lost_logs: u64,
    /// What was tried before, and why it was not kept.
    pub warnings: Vec<String>,
}

/// What becomes of members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction<'a> {
    /// Servers were added, removed or set otherwise: the directory says how.
    Configure,
    /// These members stop; the directory says so once they have been told. Those that are lost need not answer.
    Stop(&'a [Guid]),
    /// These members take part again; the directory says so once they have been told.
    Start(&'a [Guid]),
    /// These members, which are stopped, are evicted, and those that are left go on without a majority of all.
    Restore(&'a [Guid]),
}

/// What is seen of a group.
#[derive(Clone, Debug, Default)]
pub struct GroupReport {
    /// The members that answer.
    pub operational: Vec<Guid>,
    /// The member that decides.
    pub primary: Option<Guid>,
    /// The witness is in use and answers.
    pub witness_in_use: bool,
}

/// A check of a server's part in replication.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// `ReplayService`, `QuorumGroup` …
    pub check: String,
    /// What is wrong, if anything is.
    pub error: Option<String>,
}

/// Facts of a copy of which nothing else is known.
pub fn facts(role: Role, server_reachable: bool) -> Facts {
    Facts {
        role,
        server_reachable,
        connected: server_reachable,
        suspended: false,
        seeding: false,
        seeding_source: false,
        restoring: false,
        failing: None,
    }
}
