//! Changes: atomic, in order, seen when durable; what cannot be changed.

use base::{FaultKind, Guid, Rng, rng::SeededRng};
use directory::{
    DirectoryError, Draft, Edit, Scope, Value, View, schema,
    verbs::{NewGroup, new_group, set_recipient},
};

use crate::{house, mailbox, open};

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
            draft.modify(guid, vec![("ForwardingAddress", Edit::set(Value::Link(nobody)))])
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
            directory.commit(|draft| draft.resolve("user7", Scope::Any).and_then(|o| draft.delete(o.guid)))
        })
        .collect();
    let mut deleted = 0;
    for outcome in outcomes {
        deleted += usize::from(outcome.await.is_ok());
    }
    assert_eq!(deleted, 1, "exactly one wins");
}

/// One random change; those the rules refuse are part of the test.
fn shake(draft: &mut Draft<'_>, rng: &dyn Rng, step: usize) -> Result<(), DirectoryError> {
    let some = |draft: &Draft<'_>, of: &'static schema::Class| -> Option<Guid> {
        let all: Vec<Guid> = draft.of_class(of).map(|object| object.guid).collect();
        (!all.is_empty()).then(|| all[rng.below(all.len() as u64) as usize])
    };
    let (user, group) = (some(draft, &schema::USER), some(draft, &schema::GROUP));
    let proxy = |n: u64| Value::Proxy(format!("smtp:extra{n}@rialto.test").parse().unwrap());
    match (rng.below(9), user, group) {
        (0 | 1, ..) => _ = mailbox(draft, &format!("u{step} {}", rng.below(5))),
        (2, ..) => _ = new_group(draft, NewGroup { name: format!("g{step}"), ..NewGroup::default() })?,
        (3, Some(user), Some(group)) => draft.add_member(group, user)?,
        (4, Some(user), Some(group)) => draft.remove_member(group, user)?,
        (5, Some(user), Some(group)) => {
            let edits =
                vec![("ForwardingAddress", Edit::set(Value::Link(group))), ("DisplayName", "Same".into())];
            draft.modify(user, edits)?;
        }
        (6, Some(user), _) => {
            let edit = Edit::AddRemove { add: vec![proxy(rng.below(6))], remove: vec![proxy(rng.below(6))] };
            set_recipient(draft, user, vec![("EmailAddresses", edit)])?;
        }
        (7, Some(user), _) => _ = draft.modify(user, vec![("Name", Edit::set(format!("renamed{step}")))])?,
        (8, user, group) => draft
            .delete(if rng.below(2) == 0 { user.or(group) } else { group.or(user) }.unwrap_or(Guid::EMPTY))?,
        _ => {}
    }
    Ok(())
}

/// Everything the indexes of a view answer, as text.
fn answers(view: &View) -> Vec<String> {
    let mut out = Vec::new();
    for class in schema::CLASSES {
        for object in view.of_class(class) {
            let guid = object.guid;
            let mut row = vec![object.identity(), object.change.to_string()];
            row.extend(view.linking_to(guid).map(|o| o.identity()));
            row.extend(view.members_of(guid).chain(view.groups_of(guid)).map(|g| g.to_string()));
            row.extend(view.matching(&object.name, Scope::Any).iter().map(|o| o.guid.to_string()));
            row.push(format!("{:?}", view.by_dn(&object.dn()).map(|o| o.guid)));
            if let Some(recipient) = view.recipient(guid) {
                let found = recipient.email_addresses().map(|p| view.recipient_by_proxy(p).map(|r| r.guid));
                row.extend(found.map(|found| format!("{}", found == Some(guid))));
            }
            out.push(row.join(" | "));
        }
    }
    out.extend((0..6).map(|n| {
        let address = format!("extra{n}@rialto.test").parse().unwrap();
        format!("{:?}", view.recipient_by_address(&address).map(|r| r.guid))
    }));
    out
}

#[tokio::test]
async fn indexes_after_random_changes_are_those_of_a_fresh_reading() {
    let (directory, dir) = house().await;
    for seed in 0..4 {
        directory
            .commit(move |draft| {
                let rng = SeededRng::new(seed);
                for step in 0..150 {
                    let _ = shake(draft, &rng, seed as usize * 1000 + step);
                }
                Ok(())
            })
            .await
            .unwrap();
    }
    let before = answers(&directory.snapshot());
    assert!(before.len() > 50);
    assert!(!before.iter().any(|row| row.contains("false")), "every address finds its owner");
    directory.close().unwrap();
    drop(directory);
    assert_eq!(answers(&open(dir.path()).snapshot()), before);
}
