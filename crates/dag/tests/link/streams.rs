//! Long streams: order, back pressure, fairness, ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use dag::link::{Audience, LinkError};
use tokio::sync::{Notify, oneshot};

use crate::support::{LONG, Organization, TEST, run};

/// A piece of a stream whose bytes say where they belong.
fn piece(at: u64, len: usize) -> Bytes {
    (at..at + len as u64).map(|i| (i % 251) as u8).collect()
}

#[test]
fn both_directions_keep_their_order_and_their_ends() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo =
            b.links.register_stream(Audience::Servers, TEST, |_, head, mut sink, mut source| async move {
                assert_eq!(head, "what it is about");
                while let Some(bytes) = source.next().await.unwrap() {
                    sink.send(bytes).await.unwrap();
                }
                sink.finish().await.unwrap();
            });
        let head = Bytes::from_static(b"what it is about");
        let (mut sink, mut source) = a.links.open_stream(b.guid, TEST, head).await.unwrap();
        let total = 20 << 20;
        let sending = tokio::spawn(async move {
            let mut at = 0;
            for len in [1, 100, 65_536, 65_537, 1 << 20].into_iter().cycle() {
                let len = len.min((total - at) as usize);
                sink.send(piece(at, len)).await.unwrap();
                at += len as u64;
                if at == total {
                    return sink.finish().await.unwrap();
                }
            }
        });
        let mut at = 0;
        while let Some(bytes) = source.next().await.unwrap() {
            assert!(bytes == piece(at, bytes.len()), "at {at}");
            at += bytes.len() as u64;
        }
        assert_eq!(at, total);
        sending.await.unwrap();
        assert_eq!(source.next().await, Ok(None));
    });
}

#[test]
fn a_slow_reader_holds_its_own_stream_back_and_nothing_else() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        let (read_on, sent) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let go = read_on.clone();
        let (done, finished) = oneshot::channel();
        let done = parking_lot::Mutex::new(Some(done));
        let slow = dag::link::Endpoint::in_group(dag::link::service::TEST, base::Guid([2; 16]));
        let _slow = b.links.register_stream(Audience::Servers, slow, move |_, _, sink, mut source| {
            let (go, done) = (go.clone(), done.lock().take());
            async move {
                let _held = sink;
                go.notified().await;
                let mut total = 0;
                while let Some(bytes) = source.next().await.unwrap() {
                    total += bytes.len() as u64;
                }
                done.unwrap().send(total).unwrap();
            }
        });
        let (mut sink, _source) = a.links.open_stream(b.guid, slow, Bytes::new()).await.unwrap();
        let (counter, total) = (sent.clone(), 64_u64 << 20);
        let sending = tokio::spawn(async move {
            let chunk = Bytes::from(vec![1; 64 << 10]);
            while counter.load(Ordering::SeqCst) < total {
                sink.send(chunk.clone()).await.unwrap();
                counter.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
            sink.finish().await.unwrap();
        });
        // The sender comes to rest while nobody reads; others are answered all the while.
        let mut before = u64::MAX;
        while sent.load(Ordering::SeqCst) != before {
            before = sent.load(Ordering::SeqCst);
            for _ in 0..100 {
                assert_eq!(a.call(&b, b"in between").await.unwrap(), "in between");
            }
        }
        assert!(before < 8 << 20, "{before} bytes are on their way to somebody who does not read");
        read_on.notify_one();
        sending.await.unwrap();
        assert_eq!(finished.await.unwrap(), total);
    });
}

#[test]
fn calls_and_heartbeats_get_through_beside_bulk() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        let bulk = dag::link::Endpoint::in_group(dag::link::service::TEST, base::Guid([3; 16]));
        let _bulk = b.links.register_stream(Audience::Servers, bulk, |_, _, sink, mut source| async move {
            let _held = sink;
            while source.next().await.unwrap_or(None).is_some() {}
        });
        let sent = Arc::new(AtomicU64::new(0));
        let mut senders = Vec::new();
        for _ in 0..4 {
            let (mut sink, source) = a.links.open_stream(b.guid, bulk, Bytes::new()).await.unwrap();
            let sent = sent.clone();
            senders.push(tokio::spawn(async move {
                let _source = source;
                let chunk = Bytes::from(vec![1; 1 << 20]);
                loop {
                    sink.send(chunk.clone()).await.unwrap();
                    sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                }
            }));
        }
        let mut answered = 0;
        while sent.load(Ordering::SeqCst) < 256 << 20 || answered < 50 {
            assert_eq!(a.call(&b, b"urgent").await.unwrap(), "urgent");
            answered += 1;
        }
        let state = a.until(b.guid, "measured", |state| state.rtt.is_some()).await;
        assert!(state.rtt.unwrap() < Duration::from_secs(5), "{state:?}");
        // Between two answers each stream had a few turns, not all of them the whole time.
        assert!(sent.load(Ordering::SeqCst) / answered < 32 << 20, "{answered} answers");
        senders.iter().for_each(|sender| sender.abort());
    });
}

#[test]
fn a_stream_given_up_ends_on_both_sides() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let (ended, end) = oneshot::channel();
        let ended = parking_lot::Mutex::new(Some(ended));
        let _reads = b.links.register_stream(Audience::Servers, TEST, move |_, head, sink, mut source| {
            let ended = ended.lock().take();
            async move {
                if head == "refuse" {
                    return sink.refuse(7, "no more seeds");
                }
                let _held = sink;
                while let Ok(Some(_)) = source.next().await {}
                ended.unwrap().send(source.next().await).unwrap();
            }
        });
        let (mut sink, source) = a.links.open_stream(b.guid, TEST, Bytes::new()).await.unwrap();
        sink.send("begun".into()).await.unwrap();
        drop(sink);
        assert_eq!(end.await.unwrap(), Err(LinkError::Reset));
        drop(source);
        let (mut sink, mut source) = a.links.open_stream(b.guid, TEST, "refuse".into()).await.unwrap();
        let error = source.next().await.unwrap_err();
        assert_eq!(error, LinkError::Refused(dag::link::Refusal::new(7, "no more seeds")));
        assert_eq!(sink.send("more".into()).await.unwrap_err(), error);
        let head = Bytes::from(vec![0; dag::link::HEAD_MAX + 1]);
        let error = a.links.open_stream(b.guid, TEST, head).await.err().unwrap();
        assert!(matches!(error, LinkError::TooLong { .. }));
    });
}

#[test]
fn the_loss_of_one_side_ends_what_is_open() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _swallows =
            b.links.register_stream(Audience::Servers, TEST, |_, _, sink, mut source| async move {
                let _held = sink;
                let _ = source.next().await;
                std::future::pending::<()>().await;
            });
        let (mut sink, mut source) = a.links.open_stream(b.guid, TEST, Bytes::new()).await.unwrap();
        sink.send(Bytes::from(vec![0; 1 << 20])).await.unwrap();
        let chunk = Bytes::from(vec![0; 1 << 20]);
        let sending = tokio::spawn(async move {
            loop {
                if let Err(error) = sink.send(chunk.clone()).await {
                    return error;
                }
            }
        });
        let guid = b.guid;
        organization.change(|roster| _ = roster.remove(&guid));
        let error = sending.await.unwrap();
        assert!(matches!(error, LinkError::Lost(_)), "{error:?}");
        assert!(matches!(tokio::time::timeout(LONG, source.next()).await.unwrap(), Err(LinkError::Lost(_))));
    });
}
