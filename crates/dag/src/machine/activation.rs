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
    /// Active copies on its server now.
    pub active_databases: u32,
    /// `MaximumActiveDatabases` of its server.
    pub maximum_active: Option<u32>,
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
    /// `-SkipMaximumActiveDatabasesChecks`.
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
    /// `-MountDialOverride`; a switchover without one is lossless.
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
                write!(f, "The server has its maximum of {most} active databases (MaximumActiveDatabases).")
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
    let lossless = request.cause != Cause::Failure && request.dial.is_none_or(|d| d == MountDial::Lossless);
    let by_preference = lossless || candidates.iter().any(|one| one.dial == MountDial::Lossless);
    fit.sort_by_key(|one| {
        let key = if by_preference {
            (u64::from(one.preference), one.copy_queue)
        } else {
            (one.copy_queue, u64::from(one.preference))
        };
        (one.health, criteria(one), key, one.server)
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
    if let Some(most) = one.maximum_active
        && one.active_databases >= most
        && !request.skip.maximum_active
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
    let dial = match (request.dial, request.cause) {
        (Some(dial), _) => dial,
        (None, Cause::Failure) => candidate.dial,
        (None, Cause::Switchover | Cause::Named(_)) => MountDial::Lossless,
    };
    match dial.logs() {
        Some(allowed) if missing > allowed => Err(Rejection::Lossy { missing, allowed }),
        _ => Ok(()),
    }
}
