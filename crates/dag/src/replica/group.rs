//! A copy at work: it takes part in its group, and while it is the active one it commits transactions.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine::{Database, EngineError, EntryId, Record, Replica, Seed};
use openraft::{
    ChangeMembers, Config, Raft, SnapshotPolicy,
    async_runtime::{Instant, WatchReceiver},
};
use tokio::sync::Mutex;

use super::{
    committing::commit,
    elsewhere::Lent,
    flusher::Work,
    log::Log,
    message::Malformed,
    network::{Network, Peers, Stranded},
    pace::Pace,
    state::State,
    types::{ServerId, Types, encode_members, members},
};

/// The active copy says that it is there this often.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Without a word from the active copy for a time between these two, others stand for election.
const ELECTION: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(600));
/// So long after a majority was heard from, none of the others becomes active: less than [`ELECTION`] says, for the
/// clocks' sake.
const LEASE: Duration = Duration::from_millis(500);
/// So long after a majority was heard from, an active copy counts as cut off: longer than any passing trouble.
const CUT_OFF: Duration = Duration::from_secs(5);
/// A transaction that no majority has taken after this long is given up; its fate is not known.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long another copy may take to take over before this one goes on.
const HANDING_OVER: Duration = Duration::from_secs(2);
/// Entries sent in one request at most; their bytes are bounded where they are read.
const ENTRIES_AT_ONCE: u64 = 1024;

/// A copy that lacks more entries than this does not begin to decide, and takes over from nobody.
pub(super) const BEHIND_MAX: u64 = 1000;

type Engine = Raft<Types, State>;

/// What went wrong with a copy or its group.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// openraft refused, or stopped.
    #[error("{0}")]
    Raft(String),
    /// Another copy said something that cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A thread could not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) fn raft(error: impl std::fmt::Display) -> GroupError {
    GroupError::Raft(error.to_string())
}

/// How a copy stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The active copy, as far as this one knows.
    pub active: Option<ServerId>,
    /// True when this copy is the active one.
    pub is_active: bool,
    /// The present term.
    pub term: u64,
    /// The last entry in the log.
    pub last: EntryId,
    /// The last entry applied.
    pub applied: EntryId,
    /// Who decides.
    pub voters: BTreeSet<ServerId>,
    /// Who decides before and after a change of the members that is under way.
    pub settled: BTreeSet<ServerId>,
    /// Who only receives.
    pub learners: BTreeSet<ServerId>,
    /// On the active copy: how far the log of each copy reaches.
    pub received: Vec<(ServerId, Option<u64>)>,
    /// On the active copy: when a majority was last heard from, before now.
    pub quorum_heard: Option<Duration>,
    /// On the active copy, beside a witness: copies that lack what was confirmed without them.
    pub behind: Vec<ServerId>,
    /// On the active copy: copies that must be seeded anew.
    pub stranded: Vec<ServerId>,
}

impl Standing {
    /// Who decides or receives.
    pub fn members(&self) -> BTreeSet<ServerId> {
        self.voters.union(&self.learners).copied().collect()
    }

    /// True of an active copy that no majority has answered for a while: it may answer nobody, and another one may have
    /// taken over.
    pub fn is_cut_off(&self) -> bool {
        let alone = || self.voters.len() == 1;
        self.is_active && !alone() && self.quorum_heard.is_none_or(|heard| heard > CUT_OFF)
    }
}

/// Makes a database the first copy of a group: whoever else is to hold one is added later.
pub async fn found(database: &Database, me: ServerId) -> Result<(), EngineError> {
    let note = encode_members(&members(vec![BTreeSet::from([me])], BTreeSet::from([me])));
    let founded = database
        .commit(move |txn| {
            txn.note(&note);
            Ok::<_, std::convert::Infallible>(())
        })
        .await?;
    founded.map_err(|never| match never {})
}

/// On which copies transactions are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// On the active one alone.
    Active,
    /// On all: those that are not active borrow turns from the one that is.
    All,
}

/// A copy and its part in the group.
pub struct Group {
    me: ServerId,
    pub(super) replica: Arc<Replica>,
    pub(super) raft: Engine,
    stranded: Arc<Stranded>,
    witnesses: Arc<parking_lot::Mutex<BTreeSet<ServerId>>>,
    pace: Arc<Pace>,
    pub(super) peers: Arc<dyn Peers>,
    pub(super) writers: Writers,
    /// Held by whoever adds entries: a proposal is made for the place that comes next. Counts the turns.
    pub(super) proposing: Arc<Mutex<u64>>,
    pub(super) lent: Arc<parking_lot::Mutex<Option<Lent>>>,
    /// It may stand for election.
    pub(super) stands: AtomicBool,
    pub(super) stopped: AtomicBool,
}

impl Group {
    /// Takes up a copy's part in its group.
    pub async fn start(
        name: &str,
        me: ServerId,
        replica: Replica,
        peers: Arc<dyn Peers>,
        (work, writers): (Work, Writers),
    ) -> Result<Arc<Self>, GroupError> {
        let replica = Arc::new(replica);
        let stranded = Arc::new(Stranded::default());
        let (witnesses, pace) = (Arc::default(), Arc::new(Pace::default()));
        let network = Network {
            peers: peers.clone(),
            stranded: stranded.clone(),
            witnesses: Arc::clone(&witnesses),
            pace: pace.clone(),
        };
        let log = Log::new(replica.clone(), work)?;
        let state = State::new(replica.clone());
        let raft = Raft::new(me, Arc::new(config(name)?), network, log, state).await.map_err(raft)?;
        let (proposing, lent, stopped) = (Arc::default(), Arc::default(), false.into());
        let stands = true.into();
        let group = Self {
            me,
            replica,
            raft,
            stranded,
            witnesses,
            pace,
            peers,
            writers,
            proposing,
            lent,
            stands,
            stopped,
        };
        let group = Arc::new(group);
        let committer = commit(Arc::downgrade(&group), group.replica.clone());
        match work {
            Work::InLine => drop(tokio::spawn(committer)),
            // Transactions read from the disk: they must not hold up the network's threads.
            Work::Threads => {
                let runtime = tokio::runtime::Handle::current();
                let thread = std::thread::Builder::new().name("copy commit".into());
                thread.spawn(move || runtime.block_on(committer))?;
            }
        }
        Ok(group)
    }

    /// The database as its readers and writers see it. Commits fail with [`EngineError::Passive`] unless this
    /// is the active copy.
    pub fn database(&self) -> &Database {
        self.replica.database()
    }

    /// Whether a new copy is being made from this one.
    pub fn is_seeding(&self) -> bool {
        self.replica.is_seeding()
    }

    /// Begins a seed of this copy, from which a new one is made.
    pub fn seed(&self) -> Result<Seed, EngineError> {
        self.replica.seed()
    }

    /// The records of these entries, as far as the log still has them.
    pub fn entries(&self, range: std::ops::Range<u64>) -> Result<Vec<Record>, EngineError> {
        let mut records = Vec::new();
        let mut next = range.start.max(self.replica.log_state().cut.index + 1);
        loop {
            let more = self.replica.entries(next..range.end, u64::MAX)?;
            if more.is_empty() {
                return Ok(records);
            }
            next += more.len() as u64;
            records.extend(more);
        }
    }

    /// The server this copy is on.
    pub fn me(&self) -> ServerId {
        self.me
    }

    /// How this copy stands.
    pub fn standing(&self) -> Standing {
        let metrics = self.raft.metrics();
        let metrics = WatchReceiver::borrow_watched(&metrics);
        let membership = metrics.membership_config.membership();
        let heard = metrics.last_quorum_acked.map(|at| Instant::elapsed(&*at));
        Standing {
            active: metrics.current_leader,
            is_active: metrics.state.is_leader(),
            term: metrics.current_term,
            last: self.replica.log_state().last,
            applied: self.replica.applied().0,
            voters: membership.voter_ids().collect(),
            settled: membership
                .voter_ids()
                .filter(|voter| membership.get_joint_config().iter().all(|voters| voters.contains(voter)))
                .collect(),
            learners: membership.learner_ids().collect(),
            received: metrics
                .replication
                .iter()
                .flatten()
                .map(|(server, last)| (*server, last.as_ref().map(|id| id.index)))
                .collect(),
            quorum_heard: heard,
            behind: if self.witnesses.lock().is_empty() { Vec::new() } else { self.pace.behind() },
            stranded: self.stranded.list(),
        }
    }

    /// Whether this copy may answer for the database at this moment: it is the active one, and no other can have
    /// become it.
    pub fn may_answer(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = WatchReceiver::borrow_watched(&metrics);
        let alone = || metrics.membership_config.membership().voter_ids().all(|voter| voter == self.me);
        let heard = || metrics.last_quorum_acked.is_some_and(|at| Instant::elapsed(&*at) < LEASE);
        metrics.state.is_leader() && (heard() || alone())
    }

    /// How far this copy's log reaches: where it begins, up to where it was received, and up to where it was
    /// applied, as log positions.
    pub fn reach(&self) -> [u64; 3] {
        let log = self.replica.log_state();
        [log.begin, log.end, self.database().status().durable]
    }

    /// Waits until this copy does not stand as it did, whenever a majority was last heard from.
    pub async fn changed_since(&self, before: &Standing) {
        let mut metrics = self.raft.metrics();
        let is_same = || Standing { quorum_heard: before.quorum_heard, ..self.standing() } == *before;
        while is_same() && WatchReceiver::changed(&mut metrics).await.is_ok() {}
    }

    /// Has another server receive all entries from now on, once it is reached.
    pub async fn add_learner(&self, server: ServerId) -> Result<(), GroupError> {
        self.change(self.raft.add_learner(server, openraft::impls::EmptyNode::new(), false)).await
    }

    /// Decides who decides: the voters from now on.
    pub async fn set_voters(&self, voters: BTreeSet<ServerId>) -> Result<(), GroupError> {
        self.change(self.raft.change_membership(ChangeMembers::ReplaceAllVoters(voters), true)).await
    }

    /// Stops sending to servers that do not decide.
    pub async fn remove_learners(&self, servers: BTreeSet<ServerId>) -> Result<(), GroupError> {
        self.change(self.raft.change_membership(ChangeMembers::RemoveNodes(servers), true)).await
    }

    /// Waits until a change of the members is committed; if no majority takes it, transactions must not wait for ever.
    async fn change<T, E: std::fmt::Display>(
        &self,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<(), GroupError> {
        let _turn = self.proposing.lock().await;
        let changed = tokio::time::timeout(PATIENCE, change).await;
        changed.map_err(|_| raft("no majority has taken it in time"))?.map(drop).map_err(raft)
    }

    /// Who would best take over: on the active copy, the one of those who decide, keep up and may that has most of the
    /// log.
    pub fn heir(&self, may: impl Fn(ServerId) -> bool) -> Option<ServerId> {
        let standing = self.standing();
        let witnesses = self.witnesses();
        let can = |server: &ServerId| {
            *server != self.me && standing.voters.contains(server) && !witnesses.contains(server)
        };
        let others = standing.received.iter().filter_map(|(server, received)| Some((*server, (*received)?)));
        let heirs = others
            .filter(|(server, received)| can(server) && received + BEHIND_MAX >= standing.last.index)
            .filter(|(server, _)| may(*server));
        let heir = heirs.max_by_key(|(_, received)| *received).map(|(heir, _)| heir);
        heir.filter(|_| standing.is_active)
    }

    /// Hands over to another copy, once the transactions under way are finished, and waits until it has taken
    /// over. If it does not, this copy goes on.
    pub async fn hand_over(&self, to: ServerId) -> Result<(), GroupError> {
        let _turn = self.proposing.lock().await;
        let before = self.standing();
        let is_witness = self.witnesses.lock().contains(&to);
        if to == self.me || is_witness || !before.is_active || !before.voters.contains(&to) {
            return Err(raft(format!("server {to} cannot take over from this copy")));
        }
        self.raft.trigger().transfer_leader(to).await.map_err(raft)?;
        let mut metrics = self.raft.metrics();
        let taken_over = async {
            while self.standing().term == before.term {
                WatchReceiver::changed(&mut metrics).await?;
            }
            Ok::<_, openraft_rt::RecvError>(())
        };
        if let Ok(taken_over) = tokio::time::timeout(HANDING_OVER, taken_over).await {
            return taken_over.map_err(|_| raft("this copy was stopped"));
        }
        // openraft takes no more proposals once it has begun to hand over; a new term does.
        self.elect().await?;
        Err(raft(format!("server {to} did not take over in time; this copy stays the active one")))
    }

    /// Says which members are witnesses: they are told which entries there are, not what those hold, and none of them
    /// becomes active.
    pub fn set_witnesses(&self, witnesses: BTreeSet<ServerId>) {
        *self.witnesses.lock() = witnesses;
    }

    /// The members that are witnesses.
    pub fn witnesses(&self) -> BTreeSet<ServerId> {
        self.witnesses.lock().clone()
    }

    /// Stands for election now, whether or not the active copy is heard.
    pub async fn elect(&self) -> Result<(), GroupError> {
        self.raft.trigger().elect(false).await.map_err(raft)
    }

    /// Says whether this copy may stand for election.
    pub fn may_stand(&self, may: bool) {
        self.stands.store(may, Ordering::Release);
        self.raft.runtime_config().elect(may);
    }

    /// Gives up the log below a position.
    pub async fn purge_below(&self, position: u64) -> Result<(), GroupError> {
        let replica = self.replica.clone();
        let index = tokio::task::spawn_blocking(move || replica.entry_before(position)).await;
        self.purge(index.map_err(raft)??).await
    }

    /// Gives up the log up to and including this entry.
    pub async fn purge(&self, index: u64) -> Result<(), GroupError> {
        self.raft.trigger().snapshot().await.map_err(raft)?;
        // openraft gives up nothing that its snapshot, which it takes in its own time, does not cover.
        let index = index.min(self.replica.applied().0.index);
        let covered = || {
            let metrics = self.raft.metrics();
            let metrics = WatchReceiver::borrow_watched(&metrics);
            metrics.snapshot.as_ref().is_some_and(|last| last.index >= index)
        };
        self.wait(covered).await;
        self.raft.trigger().purge_log(index).await.map_err(raft)
    }

    /// Leaves the group's work; the copy stays as it is on the disk.
    pub async fn stop(&self) -> Result<(), GroupError> {
        self.stopped.store(true, Ordering::Release);
        let stopped = self.raft.shutdown().await.map_err(raft);
        self.replica.ring();
        self.replica.refuse(&EngineError::Passive(String::new()));
        self.replica.database().close()?;
        stopped
    }
}

pub(super) fn config(name: &str) -> Result<Config, GroupError> {
    let config = Config {
        cluster_name: name.to_owned(),
        heartbeat_interval: HEARTBEAT.as_millis() as u64,
        election_timeout_min: ELECTION.0.as_millis() as u64,
        election_timeout_max: ELECTION.1.as_millis() as u64,
        max_payload_entries: ENTRIES_AT_ONCE,
        // Copies are seeded apart from openraft, and the log is cut when we say so.
        replication_lag_threshold: u64::MAX,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        enable_pre_vote: Some(true),
        broadcast_submitted_on_append: Some(true),
        ..Config::default()
    };
    config.validate().map_err(raft)
}
