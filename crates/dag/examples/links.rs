//! How fast two servers talk over loopback: `cargo run --release -p rialto-dag --example links`. Prints megabytes
//! a second of one stream, and calls a second at several depths.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::{sync::Arc, time::Duration};

use base::{
    Clock, Guid,
    clock::SystemClock,
    rng::{SeededRng, SystemRng},
};
use bytes::Bytes;
use dag::link::{
    Audience, Endpoint, Host, Links, Options, Roster,
    authority::{Authority, ServerKey},
    service,
};
use tokio::{sync::watch, task::JoinSet};

const CALL: Endpoint = Endpoint::of(service::TEST);
const BULK: Endpoint = Endpoint::in_group(service::TEST, Guid([1; 16]));
/// How much one stream carries.
const TOTAL: u64 = 2 << 30;
/// How long calls are counted.
const COUNTED: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let authority = Authority::create(SystemClock.now()).unwrap();
    let roster = watch::channel(Arc::<Roster>::default()).0;
    let server = || {
        let (guid, key) = (Guid::new(&SystemRng), ServerKey::generate().unwrap());
        let links = Links::start(Options {
            identity: Arc::new(authority.identify(guid, &key, SystemClock.now()).unwrap()),
            listener: Some(base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap()),
            roster: roster.subscribe(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SeededRng::new(1)),
        });
        let links = links.unwrap();
        let host =
            Host { addresses: vec![links.address().unwrap().to_string()], key: Some(key.fingerprint()) };
        roster.send_modify(|roster| _ = Arc::make_mut(roster).insert(guid, host));
        (guid, links)
    };
    let ((_, here), (there, other)) = (server(), server());
    let _echo = other.register_call(Audience::Servers, CALL, |_, request| async move { Ok(vec![request]) });
    let _bulk = other.register_stream(Audience::Servers, BULK, |_, _, sink, mut source| async move {
        while source.next().await.unwrap().is_some() {}
        sink.finish().await.unwrap();
    });
    stream(&here, there).await;
    for (at_a_time, bytes) in [(1, 100), (1, 10_000), (16, 10_000), (64, 10_000), (256, 100)] {
        calls(&here, there, at_a_time, bytes).await;
    }
}

async fn stream(links: &Links, to: Guid) {
    let (mut sink, mut source) = links.open_stream(to, BULK, Bytes::new()).await.unwrap();
    let (chunk, begun) = (Bytes::from(vec![1; 1 << 20]), SystemClock.monotonic());
    for _ in 0..TOTAL >> 20 {
        sink.send(chunk.clone()).await.unwrap();
    }
    sink.finish().await.unwrap();
    while source.next().await.unwrap().is_some() {}
    let took = SystemClock.monotonic() - begun;
    println!("one stream: {:.0} MB/s", TOTAL as f64 / 1e6 / took.as_secs_f64());
}

async fn calls(links: &Links, to: Guid, at_a_time: usize, bytes: usize) {
    let mut callers = JoinSet::new();
    let begun = SystemClock.monotonic();
    for _ in 0..at_a_time {
        let (links, request) = (links.clone(), Bytes::from(vec![1; bytes]));
        callers.spawn(async move {
            let mut answered = 0_u64;
            while SystemClock.monotonic() - begun < COUNTED {
                links.call(to, CALL, vec![request.clone()], DEADLINE).await.unwrap();
                answered += 1;
            }
            answered
        });
    }
    let answered: u64 = callers.join_all().await.into_iter().sum();
    let took = SystemClock.monotonic() - begun;
    println!(
        "{at_a_time:>3} at a time, {bytes:>5} bytes there and back: {:>6.0} calls/s",
        answered as f64 / took.as_secs_f64()
    );
}
