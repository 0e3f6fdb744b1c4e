//! How far the log of each copy may be cut: normal truncation, which waits for every copy, and loose
//! truncation, which a copy turns to when its own disk is short.
//!
//! The active copy computes the *global* point, what no copy it protects still needs, and tells it to the
//! others; each copy then cuts its own log ([`cut`]) by that, its own needs and its own free space. Rules: the
//! product's page "Manage mailbox database copies", sections on log truncation.

use base::Guid;

use super::generation::{Position, bytes_of, whole};

/// The settings of loose truncation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loose {
    /// `LooseTruncation_MinCopiesToProtect`: 0 turns loose truncation off; otherwise the straggler is ignored only
    /// while so many other passive copies are protected.
    pub min_copies_to_protect: usize,
    /// `LooseTruncation_MinDiskFreeSpaceThresholdInMB`: a copy with less than this free is short of space.
    pub min_disk_free_space_mb: u64,
    /// `LooseTruncation_MinLogsToProtect`, where it is set.
    pub min_logs_to_protect: Option<u64>,
}

impl Default for Loose {
    /// Off; 200 GB; 10,000 logs of the active copy and 100,000 of a passive one.
    fn default() -> Self {
        Self { min_copies_to_protect: 0, min_disk_free_space_mb: 204_800, min_logs_to_protect: None }
    }
}

impl Loose {
    /// Logs kept by the active copy before what it and the protected copies need.
    pub fn logs_of_active(&self) -> u64 {
        self.min_logs_to_protect.unwrap_or(10_000)
    }
    /// Logs kept by a passive copy, counted from its newest; a tenth of it is kept before what it needs itself.
    pub fn logs_of_passive(&self) -> u64 {
        self.min_logs_to_protect.unwrap_or(100_000)
    }
    fn wanted_by(&self, free_bytes: u64) -> bool {
        self.min_copies_to_protect > 0 && free_bytes >> 20 < self.min_disk_free_space_mb
    }
}

/// What a copy knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// It is the active copy.
    pub active: bool,
    /// Where its log begins: everything below has been cut already.
    pub oldest: Position,
    /// Where its log ends.
    pub end: Position,
    /// Its index stands there: what lies above is needed to recover it.
    pub checkpoint: Position,
    /// Everything below is older than `ReplayLagTime` + `TruncationLagTime`; `end` where both are zero.
    pub aged: Position,
    /// Free bytes of its volume.
    pub free_bytes: u64,
}

/// What the active copy knows of a passive one, or last knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its server.
    pub server: Guid,
    /// It has the records below, verified. While it is seeded: where the seed ends.
    pub received: Position,
    /// It has applied the records below.
    pub replayed: Position,
    /// It has a replay lag.
    pub lagged: bool,
    /// An administrator has suspended it.
    pub suspended: bool,
}

impl Other {
    /// What normal truncation must leave: lagged copies need only have received.
    const fn needs(&self) -> Position {
        if self.lagged || self.replayed > self.received { self.received } else { self.replayed }
    }
    /// What it asks for next is gone: only a reseed brings it back, so nothing is kept for it.
    const fn is_lost(&self, oldest: Position) -> bool {
        self.received < oldest
    }
}

/// What holds of the database, for all copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `CircularLoggingEnabled`: logs go without having been backed up.
    pub circular: bool,
    /// A full or incremental backup holds everything below.
    pub backed_up: Position,
    /// Loose truncation.
    pub loose: Loose,
}

impl Rules {
    fn spared_by_backup(&self) -> Position {
        if self.circular { Position::MAX } else { self.backed_up }
    }
}

/// What keeps the global point where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The newest log.
    End,
    /// No backup since.
    Backup,
    /// The active copy's own recovery.
    Checkpoint,
    /// The active copy's truncation lag.
    Lag,
    /// A copy has not received or replayed further.
    Copy(Guid),
    /// A copy is suspended.
    Suspended(Guid),
    /// Loose truncation keeps so many logs.
    MinLogs,
}

/// What the active copy decides for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Everything below may go, wherever it is.
    pub below: Position,
    /// What keeps the rest.
    pub held: Held,
    /// The copies that need what goes: from now on FailedAndSuspended, until they are reseeded.
    pub lost: Vec<Guid>,
}

/// The global point, by the active copy. It never goes back behind the active copy's own oldest log.
pub fn global(rules: &Rules, active: &Own, others: &[Other]) -> Global {
    let normal = normal(rules, active, others);
    let loose = rules.loose.wanted_by(active.free_bytes).then(|| loose(rules, active, others));
    let (below, held) = match loose {
        Some(loose) if loose.0 > normal.0 => loose,
        _ => normal,
    };
    let below = whole(below).max(active.oldest);
    let lost = others.iter().filter(|other| other.is_lost(below)).map(|other| other.server).collect();
    Global { below, held, lost }
}

/// What the active copy itself and backups need, whatever other copies do.
fn own_needs(rules: &Rules, active: &Own) -> (Position, Held) {
    let needs = [
        (active.end, Held::End),
        (active.checkpoint, Held::Checkpoint),
        (active.aged, Held::Lag),
        (rules.spared_by_backup(), Held::Backup),
    ];
    least(needs).unwrap_or((0, Held::End))
}

fn normal(rules: &Rules, active: &Own, others: &[Other]) -> (Position, Held) {
    let living = || others.iter().filter(|other| !other.is_lost(active.oldest));
    if let Some(suspended) = living().find(|other| other.suspended) {
        return (active.oldest, Held::Suspended(suspended.server));
    }
    let needs = living().map(|other| (other.needs(), Held::Copy(other.server)));
    least(needs.chain([own_needs(rules, active)])).unwrap_or((0, Held::End))
}

/// One copy, the one that is farthest behind, is not waited for. A copy that is lost already is that one: no
/// second is given up beside it.
fn loose(rules: &Rules, active: &Own, others: &[Other]) -> (Position, Held) {
    let mut protected: Vec<&Other> = others.iter().filter(|other| !other.is_lost(active.oldest)).collect();
    // The server decides between equals, so that every round ignores the same.
    protected.sort_by_key(|other| (other.received.min(other.needs()), other.server));
    if protected.len() == others.len() && protected.len() > rules.loose.min_copies_to_protect {
        protected.remove(0);
    }
    let needs = protected.iter().map(|other| (other.needs(), Held::Copy(other.server)));
    // The logs to keep precede what the copies and the active one's recovery need; a backup needs no margin.
    let copies = least(needs.chain([(active.checkpoint, Held::Checkpoint)])).unwrap_or((0, Held::End));
    let margin = bytes_of(rules.loose.logs_of_active());
    least([(copies.0.saturating_sub(margin), Held::MinLogs), own_needs(rules, active)]).unwrap_or(copies)
}

fn least(needs: impl IntoIterator<Item = (Position, Held)>) -> Option<(Position, Held)> {
    needs.into_iter().min_by_key(|need| need.0)
}

/// How far a copy cuts its own log, given the last global point it was told. Never back, never what its own
/// recovery or a backup needs.
pub fn cut(rules: &Rules, own: &Own, global: Position) -> Position {
    let must_keep = own.checkpoint.min(own.end).min(rules.spared_by_backup());
    let normal = global.min(own.aged);
    // The active copy's looseness is in the global point already.
    let loose = if !own.active && rules.loose.wanted_by(own.free_bytes) {
        let logs = rules.loose.logs_of_passive();
        let newest = own.end.saturating_sub(bytes_of(logs));
        newest.min(own.checkpoint.saturating_sub(bytes_of(logs / 10)))
    } else {
        0
    };
    whole(normal.max(loose).min(must_keep)).max(own.oldest)
}
