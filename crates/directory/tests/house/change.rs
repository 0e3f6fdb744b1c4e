//! Changes: atomic, in order, seen when durable; what cannot be changed.

use base::FaultKind;
use directory::{DirectoryError, Edit};

use crate::{house, mailbox};

#[tokio::test]
async fn a_failed_transaction_leaves_no_trace() {
    let (directory, _dir) = house().await;
    let (before, change) = (directory.snapshot().len(), directory.snapshot().change());
    let outcome = directory
        .commit(|draft| {
            mailbox(draft, "nuno");
            assert!(draft.by_alias("nuno").is_some(), "a draft sees its own changes");
            Err::<(), _>(DirectoryError::Invalid("no".into()))
        })
        .await;
    assert_eq!(outcome.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!((directory.snapshot().len(), directory.snapshot().change()), (before, change));
    let panicked = directory.commit(|_| -> Result<(), DirectoryError> { panic!("a defect") }).await;
    assert_eq!(panicked.unwrap_err().kind, FaultKind::Internal);
    directory.commit(|draft| Ok(mailbox(draft, "nuno"))).await.unwrap();
}

#[tokio::test]
async fn watchers_wake_and_change_numbers_grow() {
    let (directory, _dir) = house().await;
    let mut watch = directory.watch();
    let before = *watch.borrow_and_update();
    let nuno = directory.commit(|draft| Ok(mailbox(draft, "nuno"))).await.unwrap();
    watch.changed().await.unwrap();
    assert!(*watch.borrow_and_update() > before);
    let guid = nuno.guid;
    let same =
        directory.commit(move |draft| draft.modify(guid, vec![("Title", Edit::clear())])).await.unwrap();
    assert!(!same, "nothing changed");
    assert!(!watch.has_changed().unwrap());
    let changed =
        directory.commit(move |draft| draft.modify(guid, vec![("title", Edit::set("Dr"))])).await.unwrap();
    assert!(changed);
    assert!(directory.snapshot().get(guid).unwrap().change > nuno.change);
}

#[tokio::test]
async fn what_cannot_be_changed() {
    let (directory, _dir) = house().await;
    let guid = directory.commit(|draft| Ok(mailbox(draft, "nuno").guid)).await.unwrap();
    for (name, value) in [
        ("PasswordHash", "x"),
        ("ExchangeGuid", "x"),
        ("RecipientType", "x"),
        ("NoSuchThing", "x"),
        ("Name", " "),
        ("DisplayName", "a\r\nb"),
        ("MailboxType", "SharedMailbox"),
    ] {
        let outcome = directory.commit(move |draft| draft.modify(guid, vec![(name, Edit::set(value))])).await;
        assert_eq!(outcome.unwrap_err().kind, FaultKind::Invalid, "{name}");
    }
    let dangling = directory
        .commit(move |draft| {
            let nobody = draft.new_guid();
            draft.modify(guid, vec![("ForwardingAddress", Edit::set(directory::Value::Link(nobody)))])
        })
        .await;
    assert_eq!(dangling.unwrap_err().kind, FaultKind::NotFound);
    directory.commit(move |draft| draft.modify(guid, vec![("Name", Edit::set("Nuno M."))])).await.unwrap();
    let view = directory.snapshot();
    assert_eq!(view.get(guid).unwrap().dn().as_str(), "CN=Nuno M.,CN=Users,DC=rialto,DC=test");
    assert!(view.by_dn(&"CN=nuno,CN=Users,DC=rialto,DC=test".parse().unwrap()).is_none());
}

#[tokio::test]
async fn transactions_at_once_are_serialised() {
    let (directory, _dir) = house().await;
    let tasks: Vec<_> = (0..50)
        .map(|i| {
            let directory = directory.clone();
            tokio::spawn(async move {
                directory.commit(move |draft| Ok(mailbox(draft, &format!("user{i}")).guid)).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        let guid = task.await.unwrap();
        assert!(directory.snapshot().get(guid).is_some(), "visible when acknowledged");
    }
    let outcomes: Vec<_> = (0..8)
        .map(|_| {
            directory.commit(|draft| {
                draft.resolve("user7", directory::Scope::Any).and_then(|o| draft.delete(o.guid))
            })
        })
        .collect();
    let mut deleted = 0;
    for outcome in outcomes {
        deleted += usize::from(outcome.await.is_ok());
    }
    assert_eq!(deleted, 1, "exactly one wins");
}
