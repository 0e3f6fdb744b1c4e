//! A copy made over the links, and kept: two servers on loopback, real disks, records of all lengths.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use base::{Clock, Guid, clock::SystemClock, disk::SystemDisk, rng::SystemRng};
use bytes::Bytes;
use dag::{
    copies::{Carrier, reachable, take_seed},
    link::{
        Host, Links, Options, Roster,
        authority::{Authority, ServerKey},
    },
    replica::{Group, Work, Writers, found},
};
use engine::{BodyRef, Database, Read, Replica};
use tokio::sync::watch;

const DATABASE: Guid = Guid([0xdb; 16]);

fn options(dir: PathBuf) -> engine::Options {
    engine::Options {
        dir,
        name: "test".into(),
        segment_bytes: 64 << 20,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 1 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    }
}

async fn start(links: &Links, me: Guid, dir: PathBuf) -> Arc<Group> {
    let replica = Replica::open(options(dir), false).unwrap();
    Group::start("test", me, replica, Carrier::new(links.clone(), DATABASE), (Work::Threads, Writers::Active))
        .await
        .unwrap()
}

async fn put(group: &Group, key: &'static [u8], len: usize) {
    let body = Bytes::from(vec![key[0]; len]);
    let commit = group.database().commit(move |txn| {
        let body = txn.append_body(&[body]);
        txn.put(key, &body.encode());
        Ok::<_, std::convert::Infallible>(())
    });
    commit.await.unwrap().unwrap();
}

fn has(group: &Group, key: &[u8], len: usize) -> bool {
    let Some(value) = group.database().view(|view| view.get(key)).unwrap() else { return false };
    let body = group.database().read_body(&BodyRef::decode(&value).unwrap()).unwrap();
    assert_eq!(body, vec![key[0]; len]);
    true
}

async fn until(what: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_over_the_links_and_kept() {
    let authority = Authority::create(SystemClock.now()).unwrap();
    let roster = watch::channel(Arc::<Roster>::default()).0;
    let server = || {
        let (guid, key) = (Guid::new(&SystemRng), ServerKey::generate().unwrap());
        let identity = Arc::new(authority.identify(guid, &key, SystemClock.now()).unwrap());
        let listener = Some(base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap());
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let links =
            Links::start(Options { identity, listener, roster: roster.subscribe(), clock, rng }).unwrap();
        let addresses = vec![links.address().unwrap().to_string()];
        let host = Host { addresses, key: Some(key.fingerprint()) };
        roster.send_modify(|roster| _ = Arc::make_mut(roster).insert(guid, host));
        (guid, links)
    };
    let ((first, here), (second, there)) = (server(), server());
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (folder.path().join("1"), folder.path().join("2"));
    let database = Database::open(options(dir.clone())).unwrap();
    found(&database, first).await.unwrap();
    database.close().unwrap();
    drop(database);
    let active = start(&here, first, dir).await;
    let _reachable = reachable(&here, DATABASE, &active);
    until(|| active.standing().is_active).await;
    put(&active, b"before", 3 << 20).await;

    let disk = Arc::new(SystemDisk);
    take_seed(&there, first, DATABASE, disk, other.clone(), |_| ()).await.unwrap();
    let passive = start(&there, second, other).await;
    let _also_reachable = reachable(&there, DATABASE, &passive);
    active.add_learner(second).await.unwrap();
    active.set_voters([first, second].into()).await.unwrap();
    // Longer than a call of the links can be.
    put(&active, b"long", 20 << 20).await;
    put(&active, b"short", 10).await;
    until(|| has(&passive, b"short", 10)).await;
    assert!(has(&passive, b"before", 3 << 20) && has(&passive, b"long", 20 << 20));

    active.hand_over(second).await.unwrap();
    until(|| passive.standing().is_active).await;
    put(&passive, b"after", 10).await;
    until(|| has(&active, b"after", 10)).await;
    active.stop().await.unwrap();
    passive.stop().await.unwrap();
}
