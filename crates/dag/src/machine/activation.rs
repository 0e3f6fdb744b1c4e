//! Which copy becomes active: best copy selection, with the reason why each other copy does not.
//!
//! Rules: the product's page "Active Manager" (best copy selection) and `Move-ActiveMailboxDatabase`. There is no
//! content index beside the store, so its criteria are left out.

use std::fmt;

use base::Guid;

use super::status::CopyStatus;

/// A copy with this many logs to get, or more, is not a good one.
pub const COPY_QUEUE_MAX: u64 = 10;
/// …and with this many to replay.
pub const REPLAY_QUEUE_MAX: u64 = 50;

/// `DatabaseCopyAutoActivationPolicy`, of a server or a copy. The stricter of both counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoActivation {
    /// Any copy may become active by itself.
    #[default]
    Unrestricted,
    /// Only for a failure in its own site.
    IntrasiteOnly,
    /// Only by an administrator.
    Blocked,
}

impl AutoActivation {
    /// By its word, without case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Unrestricted, Self::IntrasiteOnly, Self::Blocked]
            .into_iter()
            .find(|one| format!("{one:?}").eq_ignore_ascii_case(word))
    }
}

/// `AutoDatabaseMountDial`, and what `-MountDialOverride` knows beside it: how many logs may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MountDial {
    /// None.
    Lossless,
    /// Up to 6.
    #[default]
    GoodAvailability,
    /// Up to 12.
    BestAvailability,
    /// Any number; only as an override.
    BestEffort,
}

impl MountDial {
    /// By its word, without case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Lossless, Self::GoodAvailability, Self::BestAvailability, Self::BestEffort]
            .into_iter()
            .find(|one| format!("{one:?}").eq_ignore_ascii_case(word))
    }
    /// The most logs that may be lost; `None`: any number.
    pub const fn logs(self) -> Option<u64> {
        match self {
            Self::Lossless => Some(0),
            Self::GoodAvailability => Some(6),
            Self::BestAvailability => Some(12),
            Self::BestEffort => None,
        }
    }
}

/// How healthy a copy's server is beside the one that is left; better first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerHealth {
    /// Every monitor is healthy.
    #[default]
    AllHealthy,
    /// Those of normal priority are.
    NormalHealthy,
    /// Better than the server that is left.
    BetterThanSource,
    /// The same.
    SameAsSource,
    /// Worse: never chosen.
    Worse,
}

/// A copy that may become active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its server.
    pub server: Guid,
    /// The server's name, for reasons.
    pub name: String,
    /// The server's site.
    pub site: String,
    /// `ActivationPreference`, 1 first.
    pub preference: u32,
    /// What it is doing.
    pub status: CopyStatus,
    /// Logs it has yet to get; after the attempt to copy the last ones, those it will never get.
    pub copy_queue: u64,
    /// Logs it has yet to replay.
    pub replay_queue: u64,
    /// The stricter of its own policy and the server's.
    pub policy: AutoActivation,
    /// `Suspend-MailboxDatabaseCopy -ActivationOnly`, or the server is in maintenance.
    pub activation_suspended: bool,
    /// `DatabaseCopyActivationDisabledAndMoveNow` of its server: only where no other copy will do.
    pub last_resort: bool,
    /// Active copies on its server now.
    pub active_databases: u32,
    /// `MaximumActiveDatabases` of its server: never more.
    pub maximum_active: Option<u32>,
    /// `MaximumPreferredActiveDatabases` of its server: not more if it can be helped.
    pub maximum_preferred: Option<u32>,
    /// `AutoDatabaseMountDial` of its server.
    pub dial: MountDial,
    /// How its server is.
    pub health: ServerHealth,
}

/// The checks that `Move-ActiveMailboxDatabase` is told to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// `-SkipHealthChecks`: a copy that is not healthy will do.
    pub health: bool,
    /// `-SkipLagChecks`: long queues will do.
    pub lag: bool,
    /// `-SkipActiveCopyChecks`: the active copy may be the source of a seed.
    pub active_copy: bool,
    /// `-SkipMaximumActiveDatabasesChecks`: the preferred maximum may be passed, the hard one never.
    pub maximum_active: bool,
    /// `-SkipClientExperienceChecks`: the monitors of the server do not matter.
    pub client_experience: bool,
}

impl Skip {
    /// `-SkipAllChecks`.
    pub const ALL: Self =
        Self { health: true, lag: true, active_copy: true, maximum_active: true, client_experience: true };
}

/// Why the active copy is to be elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It failed: nobody asked.
    Failure,
    /// An administrator asked for any better place.
    Switchover,
    /// An administrator named the server.
    Named(Guid),
}

/// What is to be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Why.
    pub cause: Cause,
    /// The server of the active copy.
    pub source: Guid,
    /// Its site.
    pub source_site: String,
    /// The active copy is the source of a seed.
    pub source_seeds: bool,
    /// `-MountDialOverride`, which is `Lossless` when nobody says otherwise; `None` for that of the target's server,
    /// as after a failure.
    pub dial: Option<MountDial>,
    /// Checks left out.
    pub skip: Skip,
}

/// Why a copy does not become active; prints as a sentence for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is the active one.
    Active,
    /// Its server cannot be reached.
    Unreachable,
    /// It is not in a state for it.
    Status(CopyStatus),
    /// Its own or its server's policy blocks it.
    Blocked,
    /// Its policy keeps it to its own site.
    OtherSite(String),
    /// Activation of the copy is suspended.
    ActivationSuspended,
    /// Its server has as many active databases as it may.
    MaximumActive(u32),
    /// Its server is in a worse state than the one that is left.
    WorseHealth,
    /// It has too many logs to get.
    CopyQueue(u64),
    /// It has too many logs to replay.
    ReplayQueue(u64),
    /// It is the source of a seed.
    SeedingSource,
    /// The active copy is the source of a seed.
    ActiveSeeds,
    /// More logs would be lost than the dial allows.
    Lossy {
        /// Logs that are missing.
        missing: u64,
        /// Logs that may be.
        allowed: u64,
    },
    /// Another server was asked for.
    NotNamed,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => write!(f, "The copy is the active one already."),
            Self::Unreachable => write!(f, "The server that holds the copy can't be reached."),
            Self::Status(status) => write!(f, "The copy is in state '{status}'."),
            Self::Blocked => {
                write!(f, "The activation policy (DatabaseCopyAutoActivationPolicy) is 'Blocked'.")
            }
            Self::OtherSite(site) => write!(
                f,
                "The activation policy is 'IntrasiteOnly', and the active copy is in another site ('{site}')."
            ),
            Self::ActivationSuspended => write!(f, "Activation of the copy is suspended."),
            Self::MaximumActive(most) => {
                write!(f, "The server has its maximum of {most} active databases.")
            }
            Self::WorseHealth => write!(f, "The server is less healthy than the one with the active copy."),
            Self::CopyQueue(logs) => {
                write!(f, "The copy queue has {logs} logs; it must have fewer than {COPY_QUEUE_MAX}.")
            }
            Self::ReplayQueue(logs) => {
                write!(f, "The replay queue has {logs} logs; it must have fewer than {REPLAY_QUEUE_MAX}.")
            }
            Self::SeedingSource => write!(f, "Another copy is being seeded from the copy."),
            Self::ActiveSeeds => write!(f, "Another copy is being seeded from the active copy."),
            Self::Lossy { missing, allowed } => {
                write!(f, "{missing} logs would be lost, and the mount dial allows {allowed}.")
            }
            Self::NotNamed => write!(f, "Another server was asked for."),
        }
    }
}

/// A copy that was turned down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its server.
    pub server: Guid,
    /// The server's name.
    pub name: String,
    /// Why.
    pub reason: Rejection,
}

/// The outcome: try `order` one after the other; for each, copy the last logs, ask [`may_mount`], mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Servers, the best first.
    pub order: Vec<Guid>,
    /// The others, each with its reason, as they came.
    pub rejected: Vec<Rejected>,
}

/// Sorts the copies into those to try and those that may not become active.
pub fn select(request: &Request, candidates: &[Candidate]) -> Selection {
    let mut selection = Selection::default();
    let mut fit: Vec<&Candidate> = Vec::new();
    for candidate in candidates {
        match check(request, candidate) {
            Ok(()) => fit.push(candidate),
            Err(reason) => selection.rejected.push(Rejected {
                server: candidate.server,
                name: candidate.name.clone(),
                reason,
            }),
        }
    }
    let lossless = request.cause != Cause::Failure && request.dial == Some(MountDial::Lossless);
    let by_preference = lossless || candidates.iter().any(|one| one.dial == MountDial::Lossless);
    fit.sort_by_key(|one| {
        let key = if by_preference {
            (u64::from(one.preference), one.copy_queue)
        } else {
            (one.copy_queue, u64::from(one.preference))
        };
        (one.last_resort, one.health, criteria(one), key, one.server)
    });
    selection.order = fit.iter().map(|one| one.server).collect();
    selection
}

/// The sets of criteria, the best first: both queues short, the replay queue, the copy queue, neither.
fn criteria(candidate: &Candidate) -> u8 {
    let copied = candidate.copy_queue < COPY_QUEUE_MAX;
    let replayed = candidate.replay_queue < REPLAY_QUEUE_MAX;
    match (copied, replayed) {
        (true, true) => 0,
        (false, true) => 1,
        (true, false) => 2,
        (false, false) => 3,
    }
}

fn check(request: &Request, one: &Candidate) -> Result<(), Rejection> {
    if one.server == request.source {
        return Err(Rejection::Active);
    }
    if one.status == CopyStatus::ServiceDown {
        return Err(Rejection::Unreachable);
    }
    match request.cause {
        Cause::Named(server) if server != one.server => return Err(Rejection::NotNamed),
        Cause::Named(_) => by_name(request, one)?,
        Cause::Failure | Cause::Switchover => by_itself(request, one)?,
    }
    if request.source_seeds && !request.skip.active_copy && request.cause != Cause::Failure {
        return Err(Rejection::ActiveSeeds);
    }
    let preferred = one.maximum_preferred.filter(|_| !request.skip.maximum_active);
    if let Some(most) = one.maximum_active.into_iter().chain(preferred).min()
        && one.active_databases >= most
    {
        return Err(Rejection::MaximumActive(most));
    }
    if one.health == ServerHealth::Worse && !request.skip.client_experience {
        return Err(Rejection::WorseHealth);
    }
    Ok(())
}

/// What an administrator decided with open eyes is not blocked by policies, but the copy must be able to.
fn by_name(request: &Request, one: &Candidate) -> Result<(), Rejection> {
    if !request.skip.health && !one.status.is_activatable() {
        return Err(Rejection::Status(one.status));
    }
    if request.skip.lag {
        return Ok(());
    }
    if one.status == CopyStatus::SeedingSource {
        return Err(Rejection::SeedingSource);
    }
    if one.copy_queue >= COPY_QUEUE_MAX {
        return Err(Rejection::CopyQueue(one.copy_queue));
    }
    if one.replay_queue >= REPLAY_QUEUE_MAX {
        return Err(Rejection::ReplayQueue(one.replay_queue));
    }
    Ok(())
}

fn by_itself(request: &Request, one: &Candidate) -> Result<(), Rejection> {
    if one.policy == AutoActivation::Blocked {
        return Err(Rejection::Blocked);
    }
    if one.policy == AutoActivation::IntrasiteOnly && !one.site.eq_ignore_ascii_case(&request.source_site) {
        return Err(Rejection::OtherSite(request.source_site.clone()));
    }
    if one.activation_suspended {
        return Err(Rejection::ActivationSuspended);
    }
    if !request.skip.health && !one.status.is_activatable() {
        return Err(Rejection::Status(one.status));
    }
    Ok(())
}

/// Whether a copy may be mounted once the attempt to copy the last logs is over and `missing` are lost for good.
pub fn may_mount(request: &Request, candidate: &Candidate, missing: u64) -> Result<(), Rejection> {
    match request.dial.unwrap_or(candidate.dial).logs() {
        Some(allowed) if missing > allowed => Err(Rejection::Lossy { missing, allowed }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server(n: u8) -> Guid {
        Guid([n; 16])
    }
    fn copy(n: u8) -> Candidate {
        Candidate {
            server: server(n),
            name: format!("MBX{n}"),
            site: "Portland".into(),
            preference: u32::from(n),
            status: CopyStatus::Healthy,
            copy_queue: 0,
            replay_queue: 0,
            policy: AutoActivation::Unrestricted,
            activation_suspended: false,
            last_resort: false,
            active_databases: 1,
            maximum_active: None,
            maximum_preferred: None,
            dial: MountDial::GoodAvailability,
            health: ServerHealth::AllHealthy,
        }
    }
    fn failure() -> Request {
        Request {
            cause: Cause::Failure,
            source: server(0),
            source_site: "Portland".into(),
            source_seeds: false,
            dial: None,
            skip: Skip::default(),
        }
    }
    fn named(n: u8) -> Request {
        Request { cause: Cause::Named(server(n)), dial: Some(MountDial::Lossless), ..failure() }
    }
    fn order(request: &Request, copies: &[Candidate]) -> Vec<u8> {
        select(request, copies).order.iter().map(|guid| guid.0[0]).collect()
    }

    /// The product's page "Active Manager", section on the selection process.
    #[test]
    fn the_best_copy_comes_first() {
        let queues = |n, copy_queue, replay_queue| Candidate { copy_queue, replay_queue, ..copy(n) };
        let lossless = |one| Candidate { dial: MountDial::Lossless, ..one };
        let rows: Vec<(&str, Vec<Candidate>, Vec<u8>)> = vec![
            ("the shorter copy queue", vec![queues(1, 3, 0), queues(2, 2, 0)], vec![2, 1]),
            ("preference breaks the tie", vec![queues(2, 3, 0), queues(1, 3, 9)], vec![1, 2]),
            (
                "preference first where a dial is lossless",
                vec![lossless(queues(1, 3, 0)), queues(2, 2, 0)],
                vec![1, 2],
            ),
            ("fewer than 10 logs to copy", vec![queues(1, 10, 0), queues(2, 9, 49)], vec![2, 1]),
            ("fewer than 50 logs to replay", vec![queues(1, 0, 50), queues(2, 9, 49)], vec![2, 1]),
            ("the replay queue before the copy queue", vec![queues(1, 0, 50), queues(2, 10, 0)], vec![2, 1]),
            (
                "a server that is to be left only where there is no other",
                vec![Candidate { last_resort: true, ..copy(1) }, queues(2, 50, 90)],
                vec![2, 1],
            ),
            ("any healthy copy at last", vec![queues(1, 1000, 5000)], vec![1]),
            (
                "the healthier server",
                vec![Candidate { health: ServerHealth::SameAsSource, ..copy(1) }, queues(2, 50, 90)],
                vec![2, 1],
            ),
        ];
        for (what, copies, expected) in rows {
            assert_eq!(order(&failure(), &copies), expected, "{what}");
        }
        let switchover = Request { cause: Cause::Switchover, dial: Some(MountDial::Lossless), ..failure() };
        assert_eq!(
            order(&switchover, &[queues(1, 3, 0), queues(2, 2, 0)]),
            [1, 2],
            "lossless: by preference"
        );
    }

    /// Each reason, in what an administrator is told.
    #[test]
    fn a_rejected_copy_says_why() {
        let seeds = |request: Request| Request { source_seeds: true, ..request };
        let full = Candidate { maximum_active: Some(1), ..copy(1) };
        let rows: Vec<(Request, Candidate, Rejection, &str)> = vec![
            (failure(), Candidate { server: server(0), ..copy(1) }, Rejection::Active, "is the active one"),
            (
                failure(),
                Candidate { status: CopyStatus::ServiceDown, ..copy(1) },
                Rejection::Unreachable,
                "can't be reached",
            ),
            (
                failure(),
                Candidate { status: CopyStatus::Suspended, ..copy(1) },
                Rejection::Status(CopyStatus::Suspended),
                "in state 'Suspended'",
            ),
            (
                failure(),
                Candidate { policy: AutoActivation::Blocked, ..copy(1) },
                Rejection::Blocked,
                "is 'Blocked'",
            ),
            (
                failure(),
                Candidate { policy: AutoActivation::IntrasiteOnly, site: "New York".into(), ..copy(1) },
                Rejection::OtherSite("Portland".into()),
                "in another site ('Portland')",
            ),
            (
                failure(),
                Candidate { activation_suspended: true, ..copy(1) },
                Rejection::ActivationSuspended,
                "is suspended",
            ),
            (failure(), full.clone(), Rejection::MaximumActive(1), "its maximum of 1"),
            (Request { skip: Skip::ALL, ..named(1) }, full, Rejection::MaximumActive(1), "its maximum of 1"),
            (
                failure(),
                Candidate { maximum_preferred: Some(1), ..copy(1) },
                Rejection::MaximumActive(1),
                "its maximum of 1",
            ),
            (
                failure(),
                Candidate { health: ServerHealth::Worse, ..copy(1) },
                Rejection::WorseHealth,
                "less healthy",
            ),
            (named(2), copy(1), Rejection::NotNamed, "Another server"),
            (
                named(1),
                Candidate { copy_queue: 10, ..copy(1) },
                Rejection::CopyQueue(10),
                "has 10 logs; it must have fewer than 10",
            ),
            (
                named(1),
                Candidate { replay_queue: 50, ..copy(1) },
                Rejection::ReplayQueue(50),
                "has 50 logs; it must have fewer than 50",
            ),
            (
                named(1),
                Candidate { status: CopyStatus::SeedingSource, ..copy(1) },
                Rejection::SeedingSource,
                "seeded from the copy",
            ),
            (seeds(named(1)), copy(1), Rejection::ActiveSeeds, "seeded from the active copy"),
        ];
        for (request, candidate, reason, text) in rows {
            let found = select(&request, std::slice::from_ref(&candidate));
            assert_eq!(found.order, [], "{reason:?}");
            assert_eq!(found.rejected.len(), 1);
            assert_eq!(found.rejected[0].reason, reason);
            assert!(found.rejected[0].reason.to_string().contains(text), "{}", found.rejected[0].reason);
        }
    }

    /// `Move-ActiveMailboxDatabase`: what each of its switches leaves out; a policy does not bind an administrator.
    #[test]
    fn an_administrator_may_skip_checks() {
        let skip = |skip: Skip| Request { skip, ..named(1) };
        let of = Skip::default();
        for (request, candidate) in [
            (skip(Skip { health: true, ..of }), Candidate { status: CopyStatus::Failed, ..copy(1) }),
            (skip(Skip { lag: true, ..of }), Candidate { copy_queue: 99, replay_queue: 99, ..copy(1) }),
            (skip(Skip { lag: true, ..of }), Candidate { status: CopyStatus::SeedingSource, ..copy(1) }),
            (skip(Skip { maximum_active: true, ..of }), Candidate { maximum_preferred: Some(1), ..copy(1) }),
            (
                skip(Skip { client_experience: true, ..of }),
                Candidate { health: ServerHealth::Worse, ..copy(1) },
            ),
            (named(1), Candidate { policy: AutoActivation::Blocked, ..copy(1) }),
            (named(1), Candidate { activation_suspended: true, ..copy(1) }),
        ] {
            assert_eq!(order(&request, std::slice::from_ref(&candidate)), [1], "{candidate:?}");
        }
        let seeding = Request { source_seeds: true, ..skip(Skip { active_copy: true, ..of }) };
        assert_eq!(order(&seeding, &[copy(1)]), [1]);
    }

    /// `AutoDatabaseMountDial` and `-MountDialOverride`.
    #[test]
    fn the_dial_says_how_much_may_be_lost() {
        use MountDial::{BestAvailability, BestEffort, GoodAvailability, Lossless};
        for (own, over, most) in [
            (Lossless, None, Some(0)),
            (GoodAvailability, None, Some(6)),
            (BestAvailability, None, Some(12)),
            (BestAvailability, Some(Lossless), Some(0)),
            (Lossless, Some(BestEffort), None),
        ] {
            let (request, one) = (Request { dial: over, ..failure() }, Candidate { dial: own, ..copy(1) });
            let last = most.unwrap_or(u64::MAX);
            assert_eq!(may_mount(&request, &one, last), Ok(()), "{own:?} {over:?}");
            if let Some(allowed) = most {
                let missing = allowed + 1;
                assert_eq!(may_mount(&request, &one, missing), Err(Rejection::Lossy { missing, allowed }));
            }
        }
    }

    #[test]
    fn words_are_read_without_case() {
        assert_eq!(AutoActivation::parse("intrasiteonly"), Some(AutoActivation::IntrasiteOnly));
        assert_eq!(MountDial::parse("BESTEFFORT"), Some(MountDial::BestEffort));
        assert_eq!((AutoActivation::parse(""), MountDial::parse("None")), (None, None));
        assert!(AutoActivation::Blocked > AutoActivation::IntrasiteOnly);
    }

    fn any_candidate() -> impl Strategy<Value = Candidate> {
        let queues = (0u64..20, 0u64..100);
        let limits = (0u32..4, prop::option::of(0u32..4), prop::option::of(0u32..4));
        (1u8..6, 0usize..16, queues, 0u8..3, any::<bool>(), limits, 0u8..5).prop_map(
            |(n, status, (copy_queue, replay_queue), policy, suspended, limits, health)| Candidate {
                status: CopyStatus::ALL[status],
                copy_queue,
                replay_queue,
                policy: [
                    AutoActivation::Unrestricted,
                    AutoActivation::IntrasiteOnly,
                    AutoActivation::Blocked,
                ][usize::from(policy)],
                site: if n % 2 == 0 { "Portland" } else { "New York" }.into(),
                activation_suspended: suspended,
                active_databases: limits.0,
                maximum_active: limits.1,
                maximum_preferred: limits.2,
                health: [
                    ServerHealth::AllHealthy,
                    ServerHealth::NormalHealthy,
                    ServerHealth::BetterThanSource,
                    ServerHealth::SameAsSource,
                    ServerHealth::Worse,
                ][usize::from(health)],
                ..copy(n)
            },
        )
    }

    proptest! {
        /// By itself nothing that is blocked, suspended, full or out of reach becomes active, and every copy is either
        /// in the order or has a reason; a good copy is never behind a worse one.
        #[test]
        fn a_blocked_copy_is_never_picked(
            mut copies in prop::collection::vec(any_candidate(), 0..6),
            asked in any::<bool>(),
        ) {
            copies.sort_by_key(|one| one.server);
            copies.dedup_by_key(|one| one.server);
            let cause = if asked { Cause::Switchover } else { Cause::Failure };
            let found = select(&Request { cause, ..failure() }, &copies);
            prop_assert_eq!(found.order.len() + found.rejected.len(), copies.len());
            let picked: Vec<&Candidate> = found
                .order
                .iter()
                .filter_map(|server| copies.iter().find(|one| one.server == *server))
                .collect();
            for one in &picked {
                prop_assert!(one.policy != AutoActivation::Blocked && !one.activation_suspended);
                prop_assert!(one.policy == AutoActivation::Unrestricted || one.site == "Portland");
                prop_assert!(one.status.is_activatable());
                prop_assert!(one.maximum_active.is_none_or(|most| one.active_databases < most));
                prop_assert!(one.health != ServerHealth::Worse);
            }
            for pair in picked.windows(2) {
                prop_assert!(pair[0].health <= pair[1].health);
                prop_assert!(pair[0].health < pair[1].health || criteria(pair[0]) <= criteria(pair[1]));
            }
            // The order they came in does not matter.
            copies.reverse();
            prop_assert_eq!(select(&Request { cause, ..failure() }, &copies).order, found.order);
        }
    }
}
