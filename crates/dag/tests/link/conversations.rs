//! Streams as bytes that are read and written, as other rooms see them.

use base::neighbours::NeighbourError;
use bytes::Bytes;
use dag::{
    link::{Audience, Endpoint, converse, service},
    neighbours::neighbours,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Organization, TEST, run};

#[test]
fn what_is_written_is_read_there_and_ends_are_passed_on() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _reverses =
            b.links.register_stream(Audience::Servers, TEST, |_, head: Bytes, sink, source| async move {
                let mut here = converse(sink, source);
                let mut all = head.to_vec();
                here.read_to_end(&mut all).await.unwrap();
                all.reverse();
                here.write_all(&all).await.unwrap();
                here.shutdown().await.unwrap();
            });
        let others = neighbours(&a.links, service::TEST);
        let mut there = others.converse(b.guid, Bytes::from_static(b"head ")).await.unwrap();
        let said: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
        there.write_all(&said).await.unwrap();
        there.shutdown().await.unwrap();
        let mut answer = Vec::new();
        there.read_to_end(&mut answer).await.unwrap();
        answer.reverse();
        assert!(answer.strip_prefix(b"head ") == Some(&said));
    });
}

#[test]
fn whoever_is_not_there_is_said_to_be_unreachable() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let others = neighbours(&a.links, service::TEST);
        let asked = others.ask(b.guid, vec![Bytes::from_static(b"?")]).await;
        assert!(matches!(asked, Err(NeighbourError::Unreachable(_))), "{asked:?}");
        // One that nobody takes breaks off.
        let mut there = others.converse(b.guid, Bytes::new()).await.unwrap();
        assert!(there.read(&mut [0; 8]).await.is_err());
        assert!(there.write_all(b"?").await.is_err());
    });
}

#[test]
fn an_end_is_told_from_breaking_off() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _says_bye =
            b.links.register_stream(Audience::Servers, TEST, |_, head: Bytes, sink, source| async move {
                let mut here = converse(sink, source);
                here.write_all(b"bye").await.unwrap();
                if head == "politely" {
                    here.shutdown().await.unwrap();
                    assert!(here.write_all(b"more").await.is_err());
                    return;
                }
                // Until it was heard: what is dropped may take with it what waits.
                here.read_exact(&mut [0; 5]).await.unwrap();
            });
        let others = neighbours(&a.links, service::TEST);
        for (head, polite) in [("politely", true), ("rudely", false)] {
            let mut there = others.converse(b.guid, Bytes::from_static(head.as_bytes())).await.unwrap();
            let mut bye = [0; 3];
            there.read_exact(&mut bye).await.unwrap();
            assert_eq!(&bye, b"bye");
            if !polite {
                there.write_all(b"heard").await.unwrap();
            }
            assert_eq!(there.read(&mut [0; 8]).await.ok(), polite.then_some(0), "{head}");
        }
    });
}

#[test]
fn thousands_stay_open_and_leave_room_for_others() {
    const MANY: usize = 3_000;
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let clients = Endpoint::of(service::CLIENTS);
        let _echoes = b.links.register_stream(Audience::Servers, clients, |_, _, sink, source| async move {
            let mut here = converse(sink, source);
            let mut some = [0; 100];
            while let Ok(read @ 1..) = here.read(&mut some).await {
                here.write_all(&some[..read]).await.unwrap();
            }
        });
        let _answers = b.echo();
        a.until_up(&b).await;
        let others = neighbours(&a.links, service::CLIENTS);
        let mut open = Vec::new();
        for _ in 0..MANY {
            open.push(others.converse(b.guid, Bytes::new()).await.unwrap());
        }
        assert_eq!(a.call(&b, b"still there?").await.unwrap(), "still there?");
        for conversation in &mut open {
            conversation.write_all(b"hello").await.unwrap();
        }
        for conversation in &mut open {
            let mut echo = [0; 5];
            conversation.read_exact(&mut echo).await.unwrap();
            assert_eq!(&echo, b"hello");
        }
        // Much more than such a one has room for at a time.
        let (mut from, mut to) = tokio::io::split(open.pop().unwrap());
        let much = vec![7; 3 << 20];
        let (written, read) = tokio::join!(to.write_all(&much), async {
            let mut back = vec![0; much.len()];
            from.read_exact(&mut back).await.map(|_| back)
        });
        written.unwrap();
        assert!(read.unwrap() == much);
    });
}
