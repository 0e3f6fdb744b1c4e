//! Requests and answers.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::Guid;
use bytes::Bytes;
use dag::link::{Audience, CALL_MAX, Endpoint, LinkError, Refusal, service};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{LONG, Organization, TEST, run};

#[test]
fn a_request_in_pieces_is_answered_with_its_sender_known() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let expected = a.guid;
        let _answers = b.links.register_call(Audience::Servers, TEST, move |peer, request| async move {
            assert_eq!(peer.server, expected);
            Ok(vec![Bytes::from_static(b"got "), request])
        });
        let pieces = ["one", "", "two", "three"].map(Bytes::from).to_vec();
        assert_eq!(a.links.call(b.guid, TEST, pieces, LONG).await.unwrap(), "got onetwothree");
        assert_eq!(a.links.call(b.guid, TEST, Vec::new(), LONG).await.unwrap(), "got ");
        let state = a.until(b.guid, "measured", |state| state.rtt.is_some()).await;
        assert!(state.last_heard.is_some() && state.failure.is_none(), "{state:?}");
        assert!(state.clock_ahead_micros.unwrap().abs() < 5_000_000, "one machine has one clock: {state:?}");
    });
}

#[test]
fn a_thousand_at_a_time_and_more() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        // None is answered before a thousand have come.
        let (gate, came) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let _answers = b.links.register_call(Audience::Servers, TEST, move |_, request| {
            let (gate, came) = (gate.clone(), came.clone());
            async move {
                if came.fetch_add(1, Ordering::SeqCst) + 1 == 1000 {
                    gate.add_permits(1_000_000);
                }
                let _through = gate.acquire().await.unwrap();
                Ok(vec![request])
            }
        });
        let mut calls = JoinSet::new();
        for number in 0..3000_u32 {
            let (links, guid) = (a.links.clone(), b.guid);
            calls.spawn(async move {
                let request = Bytes::copy_from_slice(&number.to_le_bytes());
                let answer = links.call(guid, TEST, vec![request.clone()], LONG).await.unwrap();
                assert_eq!(answer, request);
                number
            });
        }
        let answered: BTreeSet<u32> = calls.join_all().await.into_iter().collect();
        assert_eq!(answered.len(), 3000);
    });
}

#[test]
fn long_requests_and_answers_go_through_and_longer_ones_are_refused() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        let long = Bytes::from(vec![7_u8; CALL_MAX]);
        let mut calls = JoinSet::new();
        for _ in 0..12 {
            let (links, guid, long) = (a.links.clone(), b.guid, long.clone());
            calls.spawn(async move { links.call(guid, TEST, vec![long], LONG).await });
        }
        while let Some(answer) = calls.join_next().await {
            assert!(answer.unwrap().unwrap() == long);
        }
        let longer = vec![long.clone(), Bytes::from_static(b"x")];
        let error = a.links.call(b.guid, TEST, longer, LONG).await.unwrap_err();
        assert!(matches!(error, LinkError::TooLong { limit: CALL_MAX, .. }), "{error}");
        // An answer that is too long is refused where it arrives.
        let _verbose = b.links.register_call(Audience::Servers, TEST, |_, request| async move {
            Ok(vec![Bytes::from(vec![0; CALL_MAX]), request])
        });
        let error = a.call(&b, b"x").await.unwrap_err();
        assert!(matches!(error, LinkError::TooLong { .. }), "{error}");
        assert_eq!(a.call(&b, b"").await.unwrap().len(), CALL_MAX);
    });
}

#[test]
fn refusals_missing_services_and_deadlines_are_told_apart() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let group = Guid([9; 16]);
        let _refuses = b.links.register_call(
            Audience::Servers,
            Endpoint::in_group(service::TEST, group),
            |_, _| async { Err(Refusal::new(42, "not today")) },
        );
        let call = |endpoint, deadline| a.links.call(b.guid, endpoint, Vec::new(), deadline);
        let refused = call(Endpoint::in_group(service::TEST, group), LONG).await.unwrap_err();
        assert_eq!(refused, LinkError::Refused(Refusal::new(42, "not today")));
        let missing = call(TEST, LONG).await.unwrap_err();
        assert_eq!(missing, LinkError::NoSuchService);
        assert!(!missing.is_unknown());
        let never = b.links.register_call(Audience::Servers, TEST, |_, _| std::future::pending());
        let late = call(TEST, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(late, LinkError::Deadline);
        assert!(late.is_unknown());
        drop(never);
        assert_eq!(call(TEST, LONG).await.unwrap_err(), LinkError::NoSuchService);
        // A handler that panics answers nobody, and harms nobody else.
        let _panics = b.links.register_call(Audience::Servers, TEST, |_, request: Bytes| async move {
            assert_ne!(request, "panic", "as asked");
            Ok(vec![request])
        });
        assert_eq!(a.call(&b, b"panic").await.unwrap_err(), LinkError::Reset);
        assert_eq!(a.call(&b, b"fine").await.unwrap(), "fine");
        assert_eq!(
            a.links.call(Guid([1; 16]), TEST, Vec::new(), LONG).await.unwrap_err(),
            LinkError::Stranger(Guid([1; 16]))
        );
    });
}

#[test]
fn calls_made_while_the_link_is_being_made_wait_for_it() {
    run(async {
        let organization = Organization::new();
        let b = organization.server();
        let _echo = b.echo();
        let a = organization.server();
        assert_eq!(a.call(&b, b"at once").await.unwrap(), "at once");
    });
}

#[test]
fn a_graceful_close_lets_what_is_open_finish() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let (gate, began) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let _answers = b.links.register_call(Audience::Servers, TEST, {
            let (gate, began) = (gate.clone(), began.clone());
            move |_, request| {
                let (gate, began) = (gate.clone(), began.clone());
                async move {
                    began.add_permits(1);
                    let _through = gate.acquire().await.unwrap();
                    Ok(vec![request])
                }
            }
        });
        let (links, guid) = (a.links.clone(), b.guid);
        let open = tokio::spawn(async move { links.call(guid, TEST, vec!["slow".into()], LONG).await });
        began.acquire().await.unwrap().forget();
        let closing = tokio::spawn(async move {
            b.links.close().await;
            b
        });
        a.until(guid, "down", |state| state.status == dag::link::Status::Down).await;
        gate.add_permits(1);
        assert_eq!(open.await.unwrap().unwrap(), "slow");
        let b = closing.await.unwrap();
        assert_eq!(b.links.call(a.guid, TEST, Vec::new(), LONG).await.unwrap_err(), LinkError::Closed);
        let error = a.links.call(guid, TEST, Vec::new(), LONG).await.unwrap_err();
        assert!(matches!(error, LinkError::Down { .. }), "{error}");
    });
}
