//! Copies of a database under simulation: crashes, power cuts, partitions, lost, late and reordered messages.
//! Nothing acknowledged is lost or doubled, the copies' logs agree, one copy is active at a time.
//! `SEED=n` repeats one run (nearly: in which order tokio wakes those who wait for the same thing is not seeded,
//! so repeat it a few times), `RUNS=n` makes n.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::{Bound, ControlFlow},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{
    Guid,
    clock::SystemClock,
    rng::{Rng, SeededRng},
    sim::{Crash, SimDisk},
};
use bytes::Bytes;
use dag::replica::{
    Answered, Group, Member, Peers, ServerId, Witness, Work, Writers, found, seed_this_thread,
};
use engine::{BodyRef, Database, EngineError, EntryId, Options, Planting, Read, Record, Replica};
use parking_lot::Mutex;

const RUNS: u64 = 50;

fn server(number: usize) -> ServerId {
    Guid([number as u8 + 1; 16])
}

fn options(disk: &SimDisk) -> Options {
    Options {
        dir: Path::new("/db").into(),
        name: "sim".into(),
        segment_bytes: 64 << 10,
        cache_bytes: 256 << 10,
        checkpoint_bytes: 48 << 10,
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SystemClock),
    }
}

/// The network: who is up, who hears whom, how bad it is.
struct Net {
    rng: Arc<SeededRng>,
    nodes: Mutex<BTreeMap<ServerId, Party>>,
    /// Pairs (from, to) that nothing passes.
    cut: Mutex<BTreeSet<(ServerId, ServerId)>>,
    /// Messages lost, of a hundred.
    loss: AtomicU64,
    /// Delays up to this, milliseconds.
    delay: AtomicU64,
}

/// What a server has of the database.
#[derive(Clone)]
enum Party {
    Copy(Arc<Group>),
    Witness(Arc<Witness>),
}

impl Party {
    async fn answer(&self, request: Bytes) -> io::Result<Vec<Bytes>> {
        let answer = match self {
            Self::Copy(group) => group.answer(request).await,
            Self::Witness(witness) => witness.answer(request).await,
        };
        answer.map_err(io::Error::other)
    }
    async fn stop(&self) {
        let stopped = match self {
            Self::Copy(group) => group.stop().await,
            Self::Witness(witness) => witness.stop().await,
        };
        let _ = stopped;
    }
}

/// One incarnation of a server on the network.
struct Port {
    net: Arc<Net>,
    me: ServerId,
    alive: Arc<std::sync::atomic::AtomicBool>,
}

impl Port {
    async fn pass(&self, from: ServerId, to: ServerId) -> io::Result<()> {
        let net = &self.net;
        let delay = net.rng.below(net.delay.load(Ordering::Relaxed) + 1);
        tokio::time::sleep(Duration::from_micros(100 + delay * 1000)).await;
        let lost = net.rng.below(100) < net.loss.load(Ordering::Relaxed);
        if lost || net.cut.lock().contains(&(from, to)) || !self.alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Peers for Port {
    fn call(&self, to: ServerId, request: Vec<Bytes>, within: Duration) -> Answered<'_> {
        let request = Bytes::from(request.concat());
        let call = async move {
            self.pass(self.me, to).await?;
            let member = self.net.nodes.lock().get(&to).cloned();
            let member = member.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            let answer = member.answer(request).await?;
            drop(member);
            self.pass(to, self.me).await?;
            Ok(Bytes::from(answer.concat()))
        };
        Box::pin(async move {
            tokio::time::timeout(within, call).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

/// A server: its disk outlives its crashes.
struct Node {
    id: ServerId,
    disk: SimDisk,
    alive: Arc<std::sync::atomic::AtomicBool>,
    is_witness: bool,
    member: Option<Party>,
}

impl Node {
    fn group(&self) -> Option<&Arc<Group>> {
        match &self.member {
            Some(Party::Copy(group)) => Some(group),
            _ => None,
        }
    }
}

struct World {
    rng: Arc<SeededRng>,
    net: Arc<Net>,
    nodes: Vec<Node>,
    /// Keys that were acknowledged, and those of which nobody knows.
    acknowledged: Arc<Mutex<BTreeSet<u64>>>,
    /// How many of them were written on a copy that was not active.
    elsewhere: Arc<AtomicU64>,
    tried: u64,
    /// Every other seed has transactions on all copies.
    writers: Writers,
    /// Who was active in which term.
    reigns: BTreeMap<u64, ServerId>,
}

impl World {
    async fn new(seed: u64, servers: usize) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let net = Arc::new(Net {
            rng: rng.clone(),
            nodes: Mutex::default(),
            cut: Mutex::default(),
            loss: 0.into(),
            delay: 2.into(),
        });
        let nodes = (0..servers)
            .map(|number| Node {
                id: server(number),
                disk: SimDisk::default(),
                alive: Arc::default(),
                // In half of the runs the last server is a witness.
                is_witness: number > 0 && number + 1 == servers && seed % 4 > 1,
                member: None,
            })
            .collect();
        let writers = if seed.is_multiple_of(2) { Writers::Active } else { Writers::All };
        let (acknowledged, elsewhere, reigns) = (Arc::default(), Arc::default(), BTreeMap::new());
        let mut world = Self { rng, net, nodes, acknowledged, elsewhere, tried: 0, writers, reigns };
        // The first copy is founded and works; the others are made from it.
        let database = Database::open(options(&world.nodes[0].disk)).unwrap();
        found(&database, server(0)).await.unwrap();
        database.close().unwrap();
        drop(database);
        world.start(0).await;
        let first = world.nodes[0].group().cloned().unwrap();
        while !first.standing().is_active {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for number in 1..servers {
            for _ in 0..world.rng.below(20) {
                world.write();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if world.nodes[number].is_witness {
                first.set_witnesses([server(number)].into());
            } else {
                world.make_copy(&first, number);
            }
            world.start(number).await;
            first.add_learner(server(number)).await.unwrap();
        }
        first.set_voters((0..servers).map(server).collect()).await.unwrap();
        world
    }

    /// Makes a server's copy anew from another one's.
    fn make_copy(&mut self, from: &Group, number: usize) {
        let disk = SimDisk::default();
        let mut planting = Planting::begin(Arc::new(disk.clone()), "/db".into()).unwrap();
        let mut seed = from.seed().unwrap();
        while let Some(piece) = seed.next().unwrap() {
            planting.take(piece).unwrap();
        }
        self.nodes[number].disk = disk;
    }

    async fn start(&mut self, number: usize) {
        let witnesses: BTreeSet<_> = self.nodes.iter().filter(|n| n.is_witness).map(|n| n.id).collect();
        // Copies start without knowing who is a witness, now and then.
        let told = self.rng.below(4) > 0;
        let node = &mut self.nodes[number];
        node.alive = Arc::new(true.into());
        let member = if node.is_witness {
            let file = (Arc::new(node.disk.clone()) as _, "/witness/one".into());
            Party::Witness(Witness::start("sim", node.id, file, Work::InLine).await.unwrap())
        } else {
            let replica = Replica::open(options(&node.disk), true).unwrap();
            let port = Arc::new(Port { net: self.net.clone(), me: node.id, alive: node.alive.clone() });
            let how = (Work::InLine, self.writers);
            let group = Group::start("sim", node.id, replica, port, how).await.unwrap();
            if told {
                group.set_witnesses(witnesses);
            }
            Party::Copy(group)
        };
        self.net.nodes.lock().insert(node.id, member.clone());
        node.member = Some(member);
    }

    /// The server dies: from now on its disk answers nothing to it, and nobody hears it.
    fn crash(&mut self, number: usize) {
        let how = if self.rng.below(2) == 0 { Crash::Kill } else { Crash::PowerCut };
        let node = &mut self.nodes[number];
        let Some(member) = node.member.take() else { return };
        node.alive.store(false, Ordering::Relaxed);
        self.net.nodes.lock().remove(&node.id);
        // How much of the index's file was written is the index engine's business: it must not move all dice
        // that are cast from here on.
        let mut seed = [0; 8];
        self.rng.fill(&mut seed);
        node.disk = node.disk.crash(how, &SeededRng::new(u64::from_le_bytes(seed)));
        tokio::spawn(async move {
            member.stop().await;
        });
    }

    /// Clients write to whoever says it is active, and to others where those take it.
    fn write(&mut self) {
        for node in &self.nodes {
            let Some(group) = node.group() else { continue };
            let takes_it = self.writers == Writers::All && self.rng.below(3) == 0;
            let is_active = group.standing().is_active;
            if !is_active && !takes_it {
                continue;
            }
            let key = self.tried;
            self.tried += 1;
            let body = Bytes::from(vec![key as u8; 1 + self.rng.below(3000) as usize]);
            let commit = group.database().commit(move |txn| {
                let count = count(txn)?;
                let body = txn.append_body(&[body]);
                txn.put(b"count", &(count + 1).to_be_bytes());
                txn.put(&[&b"k"[..], &key.to_be_bytes()].concat(), &body.encode());
                Ok::<_, EngineError>(())
            });
            let (acknowledged, elsewhere) = (self.acknowledged.clone(), self.elsewhere.clone());
            tokio::spawn(async move {
                if let Ok(done) = commit.await {
                    done.unwrap();
                    acknowledged.lock().insert(key);
                    elsewhere.fetch_add(u64::from(!is_active), Ordering::Relaxed);
                }
            });
        }
    }

    fn watch(&mut self) {
        for node in &self.nodes {
            let Some(standing) = node.group().map(|group| group.standing()) else { continue };
            if standing.is_active {
                let reign = *self.reigns.entry(standing.term).or_insert(node.id);
                assert_eq!(reign, node.id, "two copies were active in term {}", standing.term);
            }
        }
    }

    /// Normal truncation: what every copy has goes.
    async fn truncate(&self) {
        let Some(active) = self.nodes.iter().flat_map(Node::group).find(|g| g.standing().is_active) else {
            return;
        };
        let received = active.standing().received;
        if received.len() == self.nodes.len()
            && let Some(all) = received.iter().map(|(_, last)| last.unwrap_or(0)).min()
        {
            for group in self.nodes.iter().flat_map(Node::group) {
                let _ = group.purge(all).await;
            }
        }
    }

    async fn trouble(&mut self) {
        let number = self.rng.below(self.nodes.len() as u64) as usize;
        match self.rng.below(14) {
            12 | 13 => self.truncate().await,
            0..3 => self.crash(number),
            3..6 => {
                if self.nodes[number].member.is_none() {
                    self.start(number).await;
                }
            }
            6 => {
                let others = (0..self.nodes.len()).filter(|other| *other != number);
                let pairs = others.flat_map(|o| [(server(o), server(number)), (server(number), server(o))]);
                self.net.cut.lock().extend(pairs);
            }
            7 => {
                let other = self.rng.below(self.nodes.len() as u64) as usize;
                self.net.cut.lock().insert((server(number), server(other)));
            }
            8 | 9 => self.net.cut.lock().clear(),
            10 => {
                self.net.loss.store(self.rng.below(30), Ordering::Relaxed);
                self.net.delay.store(self.rng.below(300), Ordering::Relaxed);
            }
            _ => {
                if let Some(group) = self.nodes[number].group() {
                    let (group, to) =
                        (group.clone(), server(self.rng.below(self.nodes.len() as u64) as usize));
                    tokio::spawn(async move {
                        let _ = group.hand_over(to).await;
                    });
                }
            }
        }
    }

    /// All is well again: every copy must come to hold the same, and all that was acknowledged.
    async fn settle(&mut self) {
        self.net.cut.lock().clear();
        self.net.loss.store(0, Ordering::Relaxed);
        self.net.delay.store(2, Ordering::Relaxed);
        for number in 0..self.nodes.len() {
            if self.nodes[number].member.is_none() {
                self.start(number).await;
            }
        }
        let mut waited = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.watch();
            let standings: Vec<_> =
                self.nodes.iter().flat_map(Node::group).map(|group| group.standing()).collect();
            let at = (standings[0].last, standings[0].last);
            if standings.iter().any(|s| s.is_active) && standings.iter().all(|s| (s.last, s.applied) == at) {
                break;
            }
            waited += 1;
            assert!(waited < 300, "the copies do not agree after a minute: {standings:#?}");
        }
        // Each copy has cut its log where it liked; what all still have must agree.
        let logs: Vec<_> = self.nodes.iter().flat_map(Node::group).map(|group| log(group)).collect();
        let shortest = logs.iter().map(Vec::len).min().unwrap_or(0);
        let ends: Vec<_> = logs.iter().map(|log| &log[log.len() - shortest..]).collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "the logs differ");
        for group in self.nodes.iter().flat_map(Node::group) {
            let database = group.database();
            let keys = keys(database);
            let missing: Vec<_> = self.acknowledged.lock().difference(&keys).copied().collect();
            assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
            let counted = database.view(|view| count(view)).unwrap();
            assert_eq!(counted, keys.len() as u64, "a transaction was applied twice or to another state");
        }
    }
}

fn count(read: &impl Read) -> Result<u64, EngineError> {
    let value = read.get(b"count")?;
    Ok(value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap())))
}

fn keys(database: &Database) -> BTreeSet<u64> {
    let mut found = Vec::new();
    database
        .view(|view| {
            view.scan(Bound::Included(b"k"), Bound::Excluded(b"l"), false, &mut |key, value| {
                let key = u64::from_be_bytes(key[1..].try_into().unwrap());
                found.push((key, BodyRef::decode(value).unwrap()));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    for (key, body) in &found {
        let body = database.read_body(body).unwrap();
        assert!(body.iter().all(|byte| *byte == *key as u8), "the body of {key} is another's");
    }
    found.into_iter().map(|(key, _)| key).collect()
}

fn log(group: &Group) -> Vec<(EntryId, u64)> {
    group.entries(1..u64::MAX).unwrap().iter().map(|record: &Record| (record.entry(), record.end())).collect()
}

/// Transactions tried, acknowledged, and of these written on a copy that was not active.
async fn run(seed: u64) -> [u64; 3] {
    let mut world = World::new(seed, 3).await;
    for _ in 0..40 {
        world.trouble().await;
        for _ in 0..world.rng.below(10) {
            world.write();
            let pause = world.rng.below(100);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            world.watch();
        }
    }
    world.settle().await;
    let acknowledged = world.acknowledged.lock().len() as u64;
    let figures = [world.tried, acknowledged, world.elsewhere.load(Ordering::Relaxed)];
    for node in &world.nodes {
        node.member.as_ref().unwrap().stop().await;
    }
    // The groups know the network, and it knows them: without this nothing of a run would ever be freed.
    world.net.nodes.lock().clear();
    figures
}

fn simulate(seed: u64) -> [u64; 3] {
    seed_this_thread(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run(seed))
}

#[test]
fn nothing_acknowledged_is_lost_whatever_fails() {
    if std::env::var("RUST_LOG").is_ok() {
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    }
    let seeds: Vec<u64> = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..std::env::var("RUNS").map_or(RUNS, |runs| runs.parse().unwrap())).collect(),
    };
    let next = AtomicU64::new(0);
    let totals = Mutex::new([0; 3]);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let figures = std::panic::catch_unwind(|| simulate(seed));
                    let Ok(figures) = figures else { panic!("SEED={seed} failed") };
                    totals.lock().iter_mut().zip(figures).for_each(|(total, figure)| *total += figure);
                }
            });
        }
    });
    let [tried, acknowledged, elsewhere] = *totals.lock();
    eprintln!(
        "{} seeds: {tried} tried, {acknowledged} acknowledged, {elsewhere} of them on a copy that was not active",
        seeds.len()
    );
    assert!(acknowledged > 0 && (elsewhere > 0 || seeds.len() < 2));
}
