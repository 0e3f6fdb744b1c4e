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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::machine::GENERATION_BYTES as MB;

    const PLENTY: u64 = 1 << 50;
    const SHORT: u64 = 1 << 20;

    fn server(n: u8) -> Guid {
        Guid([n; 16])
    }
    /// A copy of its own: log from 0 to 1,000 MB, checkpoint at 900 MB.
    fn own(active: bool) -> Own {
        let (end, checkpoint) = (1000 * MB, 900 * MB);
        Own { active, oldest: 0, end, checkpoint, aged: end, free_bytes: PLENTY }
    }
    fn other(n: u8, received: u64, replayed: u64) -> Other {
        Other {
            server: server(n),
            received: received * MB,
            replayed: replayed * MB,
            lagged: false,
            suspended: false,
        }
    }
    const CIRCULAR: Rules = Rules {
        circular: true,
        backed_up: 0,
        loose: Loose { min_copies_to_protect: 0, min_disk_free_space_mb: 204_800, min_logs_to_protect: None },
    };
    fn loosely(copies: usize, logs: Option<u64>) -> Rules {
        let loose = Loose { min_copies_to_protect: copies, min_logs_to_protect: logs, ..Loose::default() };
        Rules { loose, ..CIRCULAR }
    }

    /// The criteria of normal truncation, one by one ("Database copies and log truncation").
    #[test]
    fn normal_truncation_waits_for_every_copy() {
        let followers = [other(1, 1000, 950), other(2, 990, 800)];
        let lagged = Other { lagged: true, ..other(3, 700, 10) };
        let suspended = Other { suspended: true, ..other(4, 600, 600) };
        let backed_up = Rules { circular: false, backed_up: 500 * MB + 7, ..CIRCULAR };
        let behind = Own { aged: 300 * MB, ..own(true) };
        let with = |one: Other| [followers[0], followers[1], one];
        for (what, rules, active, others, below, held) in [
            ("alone, up to the checkpoint", CIRCULAR, own(true), &[][..], 900, Held::Checkpoint),
            ("what the last copy replayed", CIRCULAR, own(true), &followers, 800, Held::Copy(server(2))),
            ("what a lagged copy received", CIRCULAR, own(true), &with(lagged), 700, Held::Copy(server(3))),
            (
                "nothing while one is suspended",
                CIRCULAR,
                own(true),
                &with(suspended),
                0,
                Held::Suspended(server(4)),
            ),
            ("what is backed up", backed_up, own(true), &followers, 500, Held::Backup),
            ("what is old enough", CIRCULAR, behind, &followers, 300, Held::Lag),
        ] {
            let found = global(&rules, &active, others);
            assert_eq!((found.below, found.held), (below * MB, held), "{what}");
            assert_eq!(found.lost, [], "{what}");
            assert_eq!(cut(&rules, &active, found.below), below * MB, "{what}");
        }
    }

    #[test]
    fn a_passive_copy_cuts_what_the_active_one_gave_up() {
        let passive = own(false);
        let lagged = Own { aged: 200 * MB, checkpoint: 250 * MB, ..passive };
        for (what, copy, told, below) in [
            ("the global point", passive, 800, 800),
            ("its own recovery", passive, 950, 900),
            ("ReplayLagTime + TruncationLagTime", lagged, 800, 200),
            ("a lagged copy's own recovery", Own { aged: 300 * MB, ..lagged }, 800, 250),
            ("never back", Own { oldest: 850 * MB, ..passive }, 800, 850),
        ] {
            assert_eq!(cut(&CIRCULAR, &copy, told * MB), below * MB, "{what}");
        }
    }

    /// The rules of loose truncation on the active copy; S08.
    #[test]
    fn short_of_space_the_active_copy_ignores_the_oldest_straggler_only() {
        let short = Own { free_bytes: SHORT, ..own(true) };
        let gone = Other { suspended: true, ..other(1, 5, 5) };
        let others = [gone, other(2, 1000, 900), other(3, 1000, 700)];
        for (what, rules, active, others, below, lost) in [
            ("off", CIRCULAR, short, &others[..], 0, vec![]),
            ("not short", loosely(1, Some(10)), own(true), &others, 0, vec![]),
            ("the others less the logs to keep", loosely(1, Some(10)), short, &others, 690, vec![server(1)]),
            (
                "as many copies as are to be protected",
                loosely(2, Some(10)),
                short,
                &others,
                690,
                vec![server(1)],
            ),
            ("one more copy is to be protected", loosely(3, Some(10)), short, &others, 0, vec![]),
            ("10,000 logs of the active copy", loosely(1, None), short, &others, 0, vec![]),
            (
                "a second straggler is waited for while the first is lost",
                loosely(1, Some(10)),
                Own { oldest: 600 * MB, ..short },
                &[gone, other(2, 1000, 900), other(3, 650, 650)],
                650,
                vec![server(1)],
            ),
            (
                "what is not backed up is kept",
                Rules { circular: false, backed_up: 100 * MB, ..loosely(1, Some(10)) },
                short,
                &others,
                100,
                vec![server(1)],
            ),
        ] {
            let found = global(&rules, &active, others);
            assert_eq!((found.below, found.lost), (below * MB, lost), "{what}");
        }
    }

    /// The rules of loose truncation on a passive copy: so many logs from the newest, a tenth before its own range.
    #[test]
    fn short_of_space_a_passive_copy_cuts_for_itself() {
        let short = Own { free_bytes: SHORT, ..own(false) };
        let lagged = Own { checkpoint: 300 * MB, aged: 200 * MB, ..short };
        for (what, rules, copy, told, below) in [
            ("off", CIRCULAR, short, 5, 5),
            ("so many logs from the newest", loosely(1, Some(200)), short, 5, 800),
            ("a tenth before its own range", loosely(1, Some(50)), short, 5, 895),
            ("100,000 by default", loosely(1, None), short, 5, 5),
            ("a lagged copy keeps its range", loosely(1, Some(200)), lagged, 5, 280),
            ("where the active copy gave up more", loosely(1, Some(500)), short, 850, 850),
            (
                "backups count",
                Rules { circular: false, backed_up: 33 * MB, ..loosely(1, Some(200)) },
                short,
                5,
                33,
            ),
        ] {
            assert_eq!(cut(&rules, &copy, told * MB), below * MB, "{what}");
        }
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let loose = Loose::default();
        assert_eq!((loose.min_copies_to_protect, loose.min_disk_free_space_mb), (0, 204_800));
        assert_eq!((loose.logs_of_active(), loose.logs_of_passive()), (10_000, 100_000));
    }

    fn any_rules() -> impl Strategy<Value = Rules> {
        let loose = (0usize..4, any::<bool>(), 0u64..300);
        (any::<bool>(), 0u64..1200, loose).prop_map(|(circular, backed_up, (copies, set, logs))| Rules {
            circular,
            backed_up: backed_up * MB / 3,
            loose: Loose {
                min_copies_to_protect: copies,
                min_logs_to_protect: set.then_some(logs),
                ..Loose::default()
            },
        })
    }
    fn any_own(active: bool) -> impl Strategy<Value = Own> {
        (0u64..1000, 0u64..1000, 0u64..1000, any::<bool>()).prop_map(move |(a, b, aged, short)| Own {
            active,
            oldest: a.min(b) * MB,
            end: 1000 * MB + 5,
            checkpoint: a.max(b) * MB + 3,
            aged: aged * MB + 9,
            free_bytes: if short { SHORT } else { PLENTY },
        })
    }
    fn any_other() -> impl Strategy<Value = (u64, u64, bool, bool)> {
        (0u64..1001, 0u64..1001, any::<bool>(), any::<bool>())
    }

    proptest! {
        /// Truncation never removes what a protected copy needs: at most one copy is given up, and only by loose
        /// truncation, with enough others protected; a suspended copy holds everything otherwise.
        #[test]
        fn what_a_protected_copy_needs_stays(
            rules in any_rules(),
            active in any_own(true),
            others in prop::collection::vec(any_other(), 0..6),
        ) {
            let others: Vec<Other> = others.iter().zip(1..).map(|((a, b, lagged, suspended), n)| Other {
                lagged: *lagged,
                suspended: *suspended,
                ..other(n, *a.max(b), *a.min(b))
            }).collect();
            let found = global(&rules, &active, &others);
            let cut = cut(&rules, &active, found.below);
            prop_assert!(cut >= active.oldest, "never back");
            let own = active.checkpoint.min(active.end);
            prop_assert!(cut <= own.max(active.oldest), "its own recovery");
            prop_assert!(rules.circular || cut <= rules.backed_up.max(active.oldest), "backups");
            let lost_before = others.iter().filter(|other| other.received < active.oldest).count();
            let lost = others.iter().filter(|other| other.received < cut).count();
            prop_assert!(found.lost.len() >= lost);
            let loose = rules.loose.min_copies_to_protect > 0 && active.free_bytes == SHORT;
            if loose && lost_before == 0 {
                prop_assert!(found.lost.len() <= 1);
                prop_assert!(lost == 0 || others.len() > rules.loose.min_copies_to_protect);
            } else {
                prop_assert_eq!(found.lost.len(), lost_before);
            }
            for other in others.iter().filter(|other| !found.lost.contains(&other.server)) {
                prop_assert!(other.received >= cut);
                if !loose {
                    prop_assert!(other.needs() >= cut || cut == active.oldest);
                    prop_assert!(!other.suspended || cut == active.oldest);
                }
            }
            // Deciding again changes nothing.
            let again = Own { oldest: cut, ..active };
            prop_assert!(global(&rules, &again, &others).below >= cut);
        }

        /// A passive copy never cuts what its recovery, a backup or the logs to keep need, and never goes back.
        #[test]
        fn a_passive_copy_keeps_what_it_needs(
            rules in any_rules(),
            copy in any_own(false),
            told in 0u64..1100,
            more in 0u64..100,
        ) {
            let before = cut(&rules, &copy, told * MB);
            prop_assert!(before >= copy.oldest);
            prop_assert!(before == copy.oldest || before.is_multiple_of(MB), "whole logs");
            prop_assert!(before <= copy.checkpoint.max(copy.oldest));
            prop_assert!(rules.circular || before <= rules.backed_up.max(copy.oldest));
            if before > (told * MB).min(copy.aged).max(copy.oldest) {
                prop_assert!(rules.loose.min_copies_to_protect > 0 && copy.free_bytes == SHORT);
                prop_assert!(copy.end - before >= bytes_of(rules.loose.logs_of_passive()));
            }
            let after = cut(&rules, &Own { oldest: before, ..copy }, (told + more) * MB);
            prop_assert!(after >= before, "monotonic");
        }
    }
}
