//! Servers: joining by key, removal.

use base::{EnhancedTimeSpan, Guid};
use directory::{
    Directory, DirectoryError, Scope,
    schema::{RECEIVE_CONNECTOR, SERVER},
    seed::Ports,
    verbs::server::{
        Joining, authority, join_server, link_of, new_join_key, remove_server, set_authority, set_link,
    },
};

use crate::{house, mailbox};

fn joining(name: &str, key: u8) -> Joining {
    Joining {
        key_hash: [key; 32],
        name: name.to_uppercase(),
        fqdn: format!("{name}.rialto.test"),
        addresses: vec![format!("{name}.rialto.test:64327")],
        link_key: [key; 32],
        ports: Ports::default(),
        site: None,
    }
}

/// Lets a server join with a key of its own.
async fn joined(directory: &Directory, name: &'static str, key: u8) -> Guid {
    let join = directory.commit(move |draft| {
        let expires = draft.now().plus(EnhancedTimeSpan::from_secs(60));
        new_join_key(draft, &[key; 32], expires)?;
        join_server(draft, &joining(name, key))
    });
    join.await.unwrap()
}

#[tokio::test]
async fn a_key_is_good_once_and_until_it_expires() {
    let (directory, _dir) = house().await;
    let server = joined(&directory, "ex2", 2).await;
    let view = directory.snapshot();
    let object = view.get(server).unwrap();
    assert_eq!(link_of(object), (vec!["ex2.rialto.test:64327".into()], Some([2; 32])));
    assert_eq!(view.receive_connectors(server).count(), 5);
    let refusals = [
        (joining("ex3", 2), "used already, by the server ex2.rialto.test"),
        (joining("ex3", 9), "isn't known"),
        (joining("ex3", 3), "has expired"),
        (joining("ex2", 4), "There is a server EX2 (ex2.rialto.test) already"),
    ];
    for (joining, why) in refusals {
        let refused = directory.commit(move |draft| {
            let now = draft.now();
            new_join_key(draft, &[3; 32], now.plus(EnhancedTimeSpan::from_secs(-1)))?;
            new_join_key(draft, &[4; 32], now.plus(EnhancedTimeSpan::from_secs(1)))?;
            join_server(draft, &joining)
        });
        let said = refused.await.unwrap_err().public_text;
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(directory.snapshot().servers().count(), 2);
}

#[tokio::test]
async fn the_authority_is_kept() {
    let (directory, _dir) = house().await;
    assert_eq!(authority(&directory.snapshot()), None);
    assert!(directory.commit(|draft| set_authority(draft, b"certificate")).await.unwrap());
    assert!(!directory.commit(|draft| set_authority(draft, b"certificate")).await.unwrap());
    assert_eq!(authority(&directory.snapshot()).unwrap(), b"certificate");
}

#[tokio::test]
async fn a_removed_server_takes_its_connectors_along_but_no_mailboxes() {
    let (directory, _dir) = house().await;
    let one = directory.snapshot().servers().next().unwrap().guid;
    let only = directory.commit(move |draft| remove_server(draft, one)).await.unwrap_err();
    assert!(only.public_text.contains("is the only server"), "{only}");
    let two = joined(&directory, "ex2", 2).await;
    directory.commit(|draft| Ok(mailbox(draft, "Ana Silva"))).await.unwrap();
    let full = directory.commit(move |draft| remove_server(draft, one)).await.unwrap_err();
    assert!(full.public_text.contains("contains one or more mailboxes"), "{full}");
    directory.commit(move |draft| remove_server(draft, two)).await.unwrap();
    let view = directory.snapshot();
    assert!(view.of_class(&RECEIVE_CONNECTOR).all(|connector| connector.link("Server") == Some(one)));
    let missing = view.resolve("EX2", Scope::Class(&SERVER)).unwrap_err();
    assert!(matches!(missing, DirectoryError::NotFound { .. }));
    let moved = directory.commit(move |draft| set_link(draft, one, &["192.0.2.1:1".into()], &[1; 32])).await;
    assert!(moved.unwrap());
}
