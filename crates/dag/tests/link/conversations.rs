//! Streams as bytes that are read and written, as other rooms see them.

use base::neighbours::NeighbourError;
use bytes::Bytes;
use dag::{
    link::{Audience, converse, service},
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
        // A stream that nobody takes ends.
        let mut there = others.converse(b.guid, Bytes::new()).await.unwrap();
        assert_eq!(there.read(&mut [0; 8]).await.unwrap(), 0);
    });
}
