//! What copies cost and how fast they take over, with processes of their own on one machine:
//! `cargo run --release -p rialto-dag --example copies -- [SECONDS [ROUNDS]]`. Prints the rate of durable 10 KB
//! records of one copy and of three, then kills the active copy with SIGKILL in rounds, under load, and prints how
//! long it took until the next record was acknowledged. In the end every copy must hold all that was acknowledged.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::{
    collections::BTreeSet,
    ops::{Bound, ControlFlow},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::{
    Clock, Guid,
    clock::SystemClock,
    disk::SystemDisk,
    rng::{Rng, SystemRng},
};
use bytes::{BufMut, Bytes, BytesMut};
use dag::{
    copies::{Carrier, reachable, take_seed},
    link::{
        Audience, Endpoint, Host, LinkError, Links, Options, Refusal, Roster,
        authority::{Authority, ServerKey},
        service,
    },
    replica::{Group, Work, Writers, found},
};
use engine::{Database, Read, Replica};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};

const SERVERS: usize = 3;
/// The fourth one on the links is whoever measures.
const CLIENT: usize = SERVERS;
const DATABASE: Guid = Guid([0xdb; 16]);
const TEST: Endpoint = Endpoint::of(service::TEST);
const BODY: usize = 10_000;
const DEADLINE: Duration = Duration::from_secs(12);

fn server(number: usize) -> Guid {
    Guid([number as u8 + 1; 16])
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime.block_on(serve(Path::new(&arguments[1]), arguments[2].parse().unwrap())),
        seconds => {
            let seconds = seconds.map_or(5, |seconds| seconds.parse().unwrap());
            let rounds = arguments.get(1).map_or(10, |rounds| rounds.parse().unwrap());
            runtime.block_on(measure(Duration::from_secs(seconds), rounds));
        }
    }
}

/// The links of one of the servers, as the files in the folder describe them.
fn links(dir: &Path, number: usize) -> Links {
    let read = |name: String| std::fs::read(dir.join(name)).unwrap();
    let authority = Authority::from_der(&read("authority".into()), &read("authority.key".into())).unwrap();
    let key = |number: usize| ServerKey::from_der(&read(format!("{number}.key"))).unwrap();
    let port: u16 = String::from_utf8(read("port".into())).unwrap().parse().unwrap();
    let host = |number: usize| Host {
        addresses: vec![format!("127.0.0.1:{}", port + number as u16)],
        key: Some(key(number).fingerprint()),
    };
    let roster: Roster = (0..=SERVERS).map(|number| (server(number), host(number))).collect();
    let address = host(number).addresses[0].parse().unwrap();
    // The roster does not change, and lives as long as the process.
    let roster = Box::leak(Box::new(watch::channel(Arc::new(roster)).0)).subscribe();
    Links::start(Options {
        identity: Arc::new(authority.identify(server(number), &key(number), SystemClock.now()).unwrap()),
        listener: Some(base::net::listen(address).unwrap()),
        roster,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    })
    .unwrap()
}

fn options(dir: PathBuf) -> engine::Options {
    engine::Options {
        dir,
        name: "copies".into(),
        segment_bytes: 64 << 20,
        cache_bytes: 32 << 20,
        checkpoint_bytes: 256 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    }
}

/// One server: makes or opens its copy, and does what it is told.
async fn serve(dir: &Path, number: usize) {
    let links = links(dir, number);
    let folder = dir.join(number.to_string());
    if !folder.join("index.redb").exists() {
        if number == 0 {
            let database = Database::open(options(folder.clone())).unwrap();
            found(&database, server(0)).await.unwrap();
            database.close().unwrap();
        } else {
            let disk = Arc::new(SystemDisk);
            while take_seed(&links, server(0), DATABASE, disk.clone(), folder.clone(), |_| ()).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let replica = Replica::open(options(folder), false).unwrap();
    let carrier = Carrier::new(links.clone(), DATABASE);
    let group = Group::start("copies", server(number), replica, carrier, (Work::Threads, Writers::Active))
        .await
        .unwrap();
    let _reachable = reachable(&links, DATABASE, &group);
    let _told = links.register_call(Audience::Servers, TEST, move |_, request| {
        let group = group.clone();
        async move {
            let refuse = |why: String| Refusal::new(0, why);
            match request.first() {
                Some(b'p') => put(&group, request.slice(1..)).await,
                Some(b'k') => Ok(keys(&group)),
                Some(b'a') => {
                    for number in 1..SERVERS {
                        group.add_learner(server(number)).await.map_err(|e| refuse(e.to_string()))?;
                    }
                    let all = (0..SERVERS).map(server).collect();
                    group.set_voters(all).await.map_err(|e| refuse(e.to_string()))?;
                    Ok(Vec::new())
                }
                _ => {
                    let standing = group.standing();
                    let mut answer = BytesMut::new();
                    answer.put_u8(u8::from(standing.is_active));
                    answer.put_u64(standing.applied.index);
                    Ok(vec![answer.freeze()])
                }
            }
        }
    });
    std::future::pending::<()>().await;
}

async fn put(group: &Group, request: Bytes) -> Result<Vec<Bytes>, Refusal> {
    let commit = group.database().commit(move |txn| {
        let body = txn.append_body(&[request.slice(8..)]);
        txn.put(&request[..8], &body.encode());
        Ok::<_, std::convert::Infallible>(())
    });
    match commit.await {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(Refusal::new(1, error.to_string())),
    }
}

fn keys(group: &Group) -> Vec<Bytes> {
    let mut keys = BytesMut::new();
    let scanned = group.database().view(|view| {
        view.scan(Bound::Unbounded, Bound::Unbounded, false, &mut |key, _| {
            keys.extend_from_slice(key);
            ControlFlow::Continue(())
        })
    });
    scanned.unwrap();
    // More than one answer can hold is cut in pieces by the links themselves.
    vec![keys.freeze()]
}

/// The servers, and whoever measures them.
struct Bench {
    dir: PathBuf,
    links: Links,
    children: Vec<Option<Child>>,
    active: AtomicUsize,
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<u64>>,
}

impl Bench {
    fn start(&mut self, number: usize) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["serve".as_ref(), self.dir.as_os_str(), number.to_string().as_ref()])
            .spawn()
            .unwrap();
        self.children[number] = Some(child);
    }

    async fn tell(&self, number: usize, what: Vec<Bytes>) -> Result<Bytes, LinkError> {
        self.links.call(server(number), TEST, what, DEADLINE).await
    }

    /// Whether a server has the active copy, and how far its state reaches.
    async fn standing(&self, number: usize) -> Option<(bool, u64)> {
        let answer = self.tell(number, vec![Bytes::from_static(b"s")]).await.ok()?;
        Some((answer[0] == 1, u64::from_be_bytes(answer[1..9].try_into().unwrap())))
    }

    async fn find_active(&self) {
        loop {
            for number in 0..SERVERS {
                if self.children[number].is_some()
                    && self.standing(number).await.is_some_and(|(active, _)| active)
                {
                    return self.active.store(number, Ordering::Relaxed);
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// One writer: a record after the other, each with whoever is active, never the same one twice.
    async fn write(&self, body: Bytes, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let key = self.next.fetch_add(1, Ordering::Relaxed);
            let number = self.active.load(Ordering::Relaxed);
            let request =
                vec![Bytes::from_static(b"p"), Bytes::copy_from_slice(&key.to_be_bytes()), body.clone()];
            match self.tell(number, request).await {
                Ok(_) => _ = self.acknowledged.lock().insert(key),
                Err(_) => {
                    // A dead or passive one: the next is tried.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let next = (number + 1) % SERVERS;
                    let _ = self.active.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed);
                }
            }
        }
    }

    async fn rate(self: &Arc<Self>, writers: usize, seconds: Duration) -> f64 {
        let before = self.acknowledged.lock().len();
        let (begun, stop) = (SystemClock.monotonic(), Arc::new(AtomicBool::new(false)));
        let mut all = JoinSet::new();
        for _ in 0..writers {
            let (bench, stop) = (self.clone(), stop.clone());
            all.spawn(async move { bench.write(body(), &stop).await });
        }
        tokio::time::sleep(seconds).await;
        stop.store(true, Ordering::Relaxed);
        all.join_all().await;
        (self.acknowledged.lock().len() - before) as f64 / (SystemClock.monotonic() - begun).as_secs_f64()
    }
}

fn body() -> Bytes {
    let mut body = vec![0; BODY];
    SystemRng.fill(&mut body);
    body.into()
}

async fn measure(seconds: Duration, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_owned();
    let authority = Authority::create(SystemClock.now()).unwrap();
    std::fs::write(dir.join("authority"), authority.certificate()).unwrap();
    std::fs::write(dir.join("authority.key"), authority.key()).unwrap();
    for number in 0..=SERVERS {
        std::fs::write(dir.join(format!("{number}.key")), ServerKey::generate().unwrap().to_der()).unwrap();
    }
    std::fs::write(dir.join("port"), (20_000 + SystemRng.below(20_000)).to_string()).unwrap();
    let links = links(&dir, CLIENT);
    let mut bench = Bench {
        dir,
        links,
        children: (0..SERVERS).map(|_| None).collect(),
        active: 0.into(),
        next: 0.into(),
        acknowledged: Mutex::default(),
    };
    bench.start(0);
    bench.find_active().await;
    let mut bench = Arc::new(bench);
    let one: Vec<f64> = vec![bench.rate(16, seconds).await, bench.rate(64, seconds).await];
    for number in 1..SERVERS {
        Arc::get_mut(&mut bench).unwrap().start(number);
    }
    let begun = SystemClock.monotonic();
    while bench.tell(0, vec![Bytes::from_static(b"a")]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("two copies seeded and caught up in {:.1} s", (SystemClock.monotonic() - begun).as_secs_f64());
    for (writers, one) in [16, 64].into_iter().zip(one) {
        let three = bench.rate(writers, seconds).await;
        println!(
            "{writers} writers: one copy {one:.0}/s, three copies {three:.0}/s, {:.2} of one",
            three / one
        );
    }
    failovers(bench, rounds).await;
}

async fn failovers(mut bench: Arc<Bench>, rounds: usize) {
    let mut took = Vec::new();
    for _ in 0..rounds {
        bench.find_active().await;
        let active = bench.active.load(Ordering::Relaxed);
        let (stop, mut all) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for _ in 0..8 {
            let (bench, stop) = (bench.clone(), stop.clone());
            all.spawn(async move { bench.write(body(), &stop).await });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Killed from outside: the child's handle is shared with nobody who writes.
        let pid = bench.children[active].as_ref().map(Child::id).unwrap();
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        let begun = SystemClock.monotonic();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let before = bench.acknowledged.lock().len();
        while bench.acknowledged.lock().len() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(SystemClock.monotonic() - begun);
        stop.store(true, Ordering::Relaxed);
        all.join_all().await;
        let alone = Arc::get_mut(&mut bench).unwrap();
        alone.children[active].take().unwrap().wait().unwrap();
        alone.start(active);
        while bench.standing(active).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_millis();
    if !took.is_empty() {
        println!(
            "{rounds} failovers, from SIGKILL to the next record acknowledged: p50 {} ms, p99 {} ms, most {} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    verify(&bench).await;
    for child in &mut Arc::get_mut(&mut bench).unwrap().children {
        child.as_mut().unwrap().kill().unwrap();
        child.take().unwrap().wait().unwrap();
    }
}

/// Every copy comes to hold all that was acknowledged.
async fn verify(bench: &Bench) {
    bench.find_active().await;
    let mut waited = 0;
    loop {
        let mut reached = BTreeSet::new();
        for number in 0..SERVERS {
            reached.insert(bench.standing(number).await.map(|(_, applied)| applied));
        }
        if reached.len() == 1 {
            break;
        }
        waited += 1;
        assert!(waited < 600, "the copies do not agree after a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let acknowledged = bench.acknowledged.lock().clone();
    for number in 0..SERVERS {
        let keys = bench.tell(number, vec![Bytes::from_static(b"k")]).await.unwrap();
        let keys: BTreeSet<u64> =
            keys.as_chunks::<8>().0.iter().map(|key| u64::from_be_bytes(*key)).collect();
        let lost = acknowledged.difference(&keys).count();
        println!("copy {number}: {} records, {} acknowledged, {lost} lost", keys.len(), acknowledged.len());
        assert_eq!(lost, 0);
    }
}
