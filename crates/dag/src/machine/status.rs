//! The status of a copy, derived from what is seen of it; the words of `Get-MailboxDatabaseCopyStatus`.

use std::fmt;

use super::generation::{Generation, Position, logs_between};

/// What a copy is doing (the product's monitoring page for availability groups names and explains these).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyStatus {
    /// It cannot copy or replay, and is tried again from time to time.
    Failed,
    /// It is being made from another copy.
    Seeding,
    /// Another copy is being made from it.
    SeedingSource,
    /// An administrator has suspended it.
    Suspended,
    /// It copies and replays, or has copied and replayed all there is.
    Healthy,
    /// Its server does not answer.
    ServiceDown,
    /// Its database and log are being opened and verified.
    Initializing,
    /// Its log is being compared with that of the active copy.
    Resynchronizing,
    /// The active copy, serving clients.
    Mounted,
    /// The active copy, serving nobody.
    Dismounted,
    /// The active copy, about to serve.
    Mounting,
    /// The active copy, about to stop serving.
    Dismounting,
    /// It was healthy when it lost the active copy.
    DisconnectedAndHealthy,
    /// It was comparing when it lost the active copy.
    DisconnectedAndResynchronizing,
    /// It failed for good: an administrator, or a reseed, must help.
    FailedAndSuspended,
    /// Records of it are being replaced from another copy.
    SinglePageRestore,
}

impl CopyStatus {
    /// All of them, as the product lists them.
    pub const ALL: [Self; 16] = [
        Self::Failed,
        Self::Seeding,
        Self::SeedingSource,
        Self::Suspended,
        Self::Healthy,
        Self::ServiceDown,
        Self::Initializing,
        Self::Resynchronizing,
        Self::Mounted,
        Self::Dismounted,
        Self::Mounting,
        Self::Dismounting,
        Self::DisconnectedAndHealthy,
        Self::DisconnectedAndResynchronizing,
        Self::FailedAndSuspended,
        Self::SinglePageRestore,
    ];
    /// Only the active copy can have it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Mounted | Self::Dismounted | Self::Mounting | Self::Dismounting)
    }
    /// A passive copy that can become active by itself (best copy selection).
    pub const fn is_activatable(self) -> bool {
        matches!(
            self,
            Self::Healthy
                | Self::DisconnectedAndHealthy
                | Self::DisconnectedAndResynchronizing
                | Self::SeedingSource
        )
    }
    /// A copy that counts as available: it holds the data and keeps up.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Mounted | Self::Healthy | Self::SeedingSource)
    }
}

impl fmt::Display for CopyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whether the active copy serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Mount {
    /// Clients are served.
    Mounted,
    /// On the way there.
    Mounting,
    /// On the way down.
    Dismounting,
    /// Nobody is served.
    Dismounted,
}

/// How far a passive copy has come since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Stage {
    /// Database and log are being opened and verified.
    Opening,
    /// The end of its log is being compared with that of the active copy.
    Comparing,
    /// It takes what the active copy sends.
    Following,
}

/// What a copy is to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// The one clients use.
    Active(Mount),
    /// One that follows.
    Passive(Stage),
}

/// What went wrong with a copy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Failing {
    /// It may pass: the copy is tried again.
    Passing(String),
    /// It will not pass by itself: the log it needs is gone, its records differ, its disk is broken.
    ForGood(String),
}

impl Failing {
    /// What to tell an administrator.
    pub fn text(&self) -> &str {
        match self {
            Self::Passing(text) | Self::ForGood(text) => text,
        }
    }
}

/// What is seen of a copy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Active or passive.
    pub role: Role,
    /// Its server answers.
    pub server_reachable: bool,
    /// It hears the active copy.
    pub connected: bool,
    /// An administrator has suspended it.
    pub suspended: bool,
    /// It is being made from another copy.
    pub seeding: bool,
    /// Another copy is being made from it.
    pub seeding_source: bool,
    /// Records of it are being replaced from another copy.
    pub restoring: bool,
    /// What went wrong, if anything did.
    pub failing: Option<Failing>,
}

/// The status: the first that holds, from what hides most to what hides nothing.
pub fn status(facts: &Facts) -> CopyStatus {
    if !facts.server_reachable {
        return CopyStatus::ServiceDown;
    }
    match facts.role {
        Role::Active(Mount::Mounted) => CopyStatus::Mounted,
        Role::Active(Mount::Mounting) => CopyStatus::Mounting,
        Role::Active(Mount::Dismounting) => CopyStatus::Dismounting,
        Role::Active(Mount::Dismounted) => CopyStatus::Dismounted,
        Role::Passive(stage) => passive(facts, stage),
    }
}

fn passive(facts: &Facts, stage: Stage) -> CopyStatus {
    match (&facts.failing, stage) {
        // A copy is suspended, and may have failed, before it is seeded.
        _ if facts.seeding => CopyStatus::Seeding,
        (Some(Failing::ForGood(_)), _) => CopyStatus::FailedAndSuspended,
        (Some(Failing::Passing(_)), _) if facts.suspended => CopyStatus::FailedAndSuspended,
        (Some(Failing::Passing(_)), _) => CopyStatus::Failed,
        _ if facts.seeding_source => CopyStatus::SeedingSource,
        _ if facts.suspended => CopyStatus::Suspended,
        _ if facts.restoring => CopyStatus::SinglePageRestore,
        (None, Stage::Opening) => CopyStatus::Initializing,
        (None, Stage::Comparing) if facts.connected => CopyStatus::Resynchronizing,
        (None, Stage::Comparing) => CopyStatus::DisconnectedAndResynchronizing,
        (None, Stage::Following) if facts.connected => CopyStatus::Healthy,
        (None, Stage::Following) => CopyStatus::DisconnectedAndHealthy,
    }
}

/// How far a copy has come, beside the active one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// Where the active copy's records end, as far as is known here.
    pub generated: Position,
    /// Up to where this copy has the records, verified.
    pub received: Position,
    /// Up to where it has applied them.
    pub replayed: Position,
}

impl Progress {
    /// Logs this copy has yet to get.
    pub const fn copy_queue(&self) -> u64 {
        logs_between(self.received, self.generated)
    }
    /// Logs it has and has yet to replay.
    pub const fn replay_queue(&self) -> u64 {
        logs_between(self.replayed, self.received)
    }
    /// The last complete logs generated, received (inspected) and replayed.
    pub const fn generations(&self) -> [Generation; 3] {
        [
            Generation::complete_at(self.generated),
            Generation::complete_at(self.received),
            Generation::complete_at(self.replayed),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use super::{CopyStatus as Is, Role::*, Stage::*};

    fn healthy() -> Facts {
        Facts {
            role: Passive(Following),
            server_reachable: true,
            connected: true,
            suspended: false,
            seeding: false,
            seeding_source: false,
            restoring: false,
            failing: None,
        }
    }

    /// The product's page "Monitor database availability groups": each status with what it is explained by.
    #[test]
    fn every_status_follows_from_what_is_seen() {
        let passing = || Some(Failing::Passing("no space".into()));
        let for_good = || Some(Failing::ForGood("the log it needs is gone".into()));
        let rows: Vec<(Is, Facts)> = vec![
            (Is::Failed, Facts { failing: passing(), ..healthy() }),
            (Is::Seeding, Facts { seeding: true, suspended: true, failing: for_good(), ..healthy() }),
            (Is::SeedingSource, Facts { seeding_source: true, ..healthy() }),
            (Is::Suspended, Facts { suspended: true, connected: false, ..healthy() }),
            (Is::Healthy, healthy()),
            (Is::ServiceDown, Facts { server_reachable: false, suspended: true, ..healthy() }),
            (Is::Initializing, Facts { role: Passive(Opening), ..healthy() }),
            (Is::Resynchronizing, Facts { role: Passive(Comparing), ..healthy() }),
            (Is::Mounted, Facts { role: Active(Mount::Mounted), seeding_source: true, ..healthy() }),
            (Is::Dismounted, Facts { role: Active(Mount::Dismounted), failing: for_good(), ..healthy() }),
            (Is::Mounting, Facts { role: Active(Mount::Mounting), ..healthy() }),
            (Is::Dismounting, Facts { role: Active(Mount::Dismounting), ..healthy() }),
            (Is::DisconnectedAndHealthy, Facts { connected: false, ..healthy() }),
            (
                Is::DisconnectedAndResynchronizing,
                Facts { role: Passive(Comparing), connected: false, ..healthy() },
            ),
            (Is::FailedAndSuspended, Facts { failing: for_good(), ..healthy() }),
            (Is::FailedAndSuspended, Facts { failing: passing(), suspended: true, ..healthy() }),
            (Is::SinglePageRestore, Facts { restoring: true, ..healthy() }),
        ];
        for (expected, facts) in &rows {
            assert_eq!(status(facts), *expected, "{facts:?}");
            assert_eq!(expected.is_active() && facts.server_reachable, matches!(facts.role, Active(_)));
        }
        for known in Is::ALL {
            assert!(rows.iter().any(|(expected, _)| *expected == known), "{known} has no row");
        }
    }

    #[test]
    fn queues_are_logs_missing_and_logs_waiting() {
        let mb = super::super::GENERATION_BYTES;
        let progress = Progress { generated: 10 * mb, received: 7 * mb + 1, replayed: 7 * mb };
        assert_eq!((progress.copy_queue(), progress.replay_queue()), (3, 1));
        assert_eq!(progress.generations(), [Generation(10), Generation(7), Generation(7)]);
        assert_eq!(Progress::default().copy_queue(), 0);
    }
}
