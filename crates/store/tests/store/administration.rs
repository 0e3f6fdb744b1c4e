//! What administrators do: mount, count, connect, repair, retain; and properties.

use base::{EnhancedTimeSpan, Guid};
use store::{
    Database, DisconnectReason, FolderRole, Limits, MailboxState, MountState, Owner, Removal,
    StorageLimitStatus, StoreError, Stores,
    property::{PropertyBag, PropertyName, PropertyValue, tags},
};

use crate::common::{GUID, NOW, append, config, mailbox, open, run};

#[test]
fn databases_mount_dismount_and_keep_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let stores = Stores::default();
    assert!(matches!(stores.get(GUID), Err(StoreError::NotMounted(GUID))));
    let database = stores.mount(config(dir.path())).unwrap();
    let user = mailbox(&database, 1);
    append(&user, FolderRole::Inbox, "kept");
    stores.mount(config(dir.path())).unwrap();
    let offline = database.offline();
    assert!(!*offline.borrow() && user.available().is_ok());
    assert_eq!(stores.states(), [(GUID, MountState::Mounted)]);
    stores.dismount(GUID).unwrap();
    assert_eq!(stores.states(), [(GUID, MountState::Dismounted)]);
    let late = user.append(FolderRole::Inbox.folder(), crate::common::message("late"), Limits::default());
    assert!(matches!(late.wait(), Err(StoreError::Engine(_))));
    assert!(*offline.borrow() && *database.offline().borrow());
    assert!(matches!(user.available(), Err(StoreError::Engine(_))));

    let database = stores.mount(config(dir.path())).unwrap();
    let user = database.mailbox(Guid([1; 16])).unwrap();
    assert_eq!(user.status(FolderRole::Inbox.folder()).unwrap().items, 1);
    stores.dismount_all().unwrap();

    let wrong = Guid([8; 16]);
    let mut other = config(dir.path());
    other.guid = wrong;
    assert!(matches!(stores.mount(other), Err(StoreError::WrongDatabase { found: GUID, .. })));
    assert!(matches!(&stores.states()[1], (guid, MountState::Failed(_)) if *guid == wrong));
}

#[test]
fn a_retired_database_serves_nobody_though_its_engine_is_open() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    database.retire();
    assert!(*database.offline().borrow());
    let fault = base::Fault::from(user.available().unwrap_err());
    assert_eq!(fault.code, base::Fault::OFFLINE);
    assert!(database.status().dismounted.is_none());
}

fn fixture() -> (tempfile::TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    (dir, database)
}

#[test]
fn statistics_tell_what_a_mailbox_is_and_holds() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    append(&user, FolderRole::Inbox, "four");
    append(&user, FolderRole::Drafts, "xx");
    user.remove_items(FolderRole::Drafts.folder(), vec![1..=1], Removal::Recoverable).wait().unwrap();
    user.record_logon("contoso\\ana").unwrap().unwrap().wait().unwrap();
    assert!(user.record_logon("contoso\\ana").unwrap().is_none(), "not every logon is a commit");
    user.record_logoff().wait().unwrap();
    let statistics = user.statistics().unwrap();
    assert_eq!((statistics.items, statistics.size), (1, 4));
    assert_eq!((statistics.recoverable, statistics.recoverable_size), (1, 2));
    assert_eq!(statistics.display_name, "User 1");
    assert_eq!((statistics.last_logon, statistics.last_logoff), (Some(NOW), Some(NOW)));
    assert_eq!(statistics.last_user, "contoso\\ana");
    assert_eq!(database.statistics().unwrap(), [(user.id(), statistics)]);

    let folders = user.folder_statistics(true).unwrap();
    let inbox = folders.iter().find(|f| f.folder.role == Some(FolderRole::Inbox)).unwrap();
    assert_eq!((inbox.status.items, inbox.oldest, inbox.newest), (1, Some(NOW), Some(NOW)));
    let deletions = folders.iter().find(|f| f.folder.role == Some(FolderRole::Deletions)).unwrap();
    assert_eq!(deletions.folder.path, ["Recoverable Items", "Deletions"]);
    assert_eq!(deletions.status.items, 1);
    assert_eq!(folders.iter().find(|f| f.folder.role == Some(FolderRole::Outbox)).unwrap().oldest, None);
}

#[test]
fn mailboxes_are_disconnected_and_connected_again() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    let again =
        store::NewMailbox { guid: Guid([1; 16]), display_name: String::new(), culture: String::new() };
    assert!(matches!(database.create_mailbox(again).wait(), Err(StoreError::MailboxExists(_))));
    user.disconnect(DisconnectReason::Disabled).wait().unwrap();
    let state = MailboxState::Disconnected { reason: DisconnectReason::Disabled, since: NOW };
    assert_eq!(user.statistics().unwrap().state, state);
    user.connect("Somebody else").wait().unwrap();
    let statistics = user.statistics().unwrap();
    assert_eq!((statistics.state, &*statistics.display_name), (MailboxState::Connected, "Somebody else"));
}

#[test]
fn retention_destroys_what_was_deleted_long_enough_ago() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    for text in ["a", "b", "c"] {
        append(&user, FolderRole::Inbox, text);
    }
    user.remove_items(FolderRole::Inbox.folder(), vec![1..=2], Removal::Recoverable).wait().unwrap();
    assert_eq!(run(user.purge_recoverable(NOW)).unwrap(), 0);
    assert_eq!(run(user.purge_recoverable(NOW.plus(EnhancedTimeSpan::from_days(14)))).unwrap(), 2);
    let statistics = user.statistics().unwrap();
    assert_eq!((statistics.items, statistics.recoverable, statistics.recoverable_size), (1, 0, 0));
    assert_eq!(user.check().unwrap(), []);
}

#[test]
fn limits_tell_where_a_mailbox_stands() {
    let limits = Limits { warning: Some(10), prohibit_send: Some(20), prohibit_send_receive: Some(30) };
    for (size, status) in [
        (9, StorageLimitStatus::BelowLimit),
        (10, StorageLimitStatus::IssueWarning),
        (20, StorageLimitStatus::ProhibitSend),
        (30, StorageLimitStatus::MailboxDisabled),
    ] {
        assert_eq!(limits.status(size), status);
    }
    assert_eq!(Limits::default().status(u64::MAX), StorageLimitStatus::BelowLimit);
}

#[test]
fn properties_follow_their_owner() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    let inbox = FolderRole::Inbox.folder();
    append(&user, FolderRole::Inbox, "a");
    let item = user.items(inbox, &vec![1..=1], 1).unwrap().remove(0);
    let text = |s: &str| Some(PropertyValue::String(s.into()));
    for owner in [Owner::Mailbox, Owner::Folder(inbox), Owner::Item(item.id)] {
        assert!(user.properties(owner).unwrap().is_empty());
        user.set_properties(owner, vec![(tags::PR_COMMENT.id(), text("hello"))]).wait().unwrap();
        assert_eq!(user.properties(owner).unwrap().text(tags::PR_COMMENT), Some("hello"));
    }
    let changed = user.items(inbox, &vec![1..=1], 1).unwrap().remove(0);
    assert!(changed.modseq > item.modseq);
    assert_eq!(changed.flags, item.flags, "the mark of a bag is no flag");
    user.copy(inbox, vec![1..=1], inbox, Limits::default()).wait().unwrap();
    let copy = user.items(inbox, &vec![2..=2], 1).unwrap().remove(0);
    assert_eq!(user.properties(Owner::Item(copy.id)).unwrap().text(tags::PR_COMMENT), Some("hello"));
    user.set_properties(Owner::Item(item.id), vec![(tags::PR_COMMENT.id(), None)]).wait().unwrap();
    assert!(user.properties(Owner::Item(item.id)).unwrap().is_empty());
    let large = vec![(tags::PR_BODY.id(), text(&"x".repeat(2 << 20)))];
    assert!(matches!(user.set_properties(Owner::Mailbox, large).wait(), Err(StoreError::Limit(_))));
    user.remove_items(inbox, vec![2..=2], Removal::Destroy).wait().unwrap();
    assert!(matches!(user.properties(Owner::Item(copy.id)), Err(StoreError::NoItem(_))));
}

#[test]
fn named_properties_get_numbers_once() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    let set = Guid([3; 16]);
    let names = vec![PropertyName::Number(set, 0x8102), PropertyName::Text(set, "Keywords".into())];
    assert_eq!(user.named_properties(&names).unwrap(), [None, None]);
    assert_eq!(user.name_properties(names.clone()).wait().unwrap(), [0x8000, 0x8001]);
    let more = vec![names[1].clone(), PropertyName::Number(Guid([4; 16]), 0x8102)];
    assert_eq!(user.name_properties(more).wait().unwrap(), [0x8001, 0x8002]);
    assert_eq!(user.property_name(0x8001).unwrap().as_ref(), Some(&names[1]));
    assert_eq!(user.property_name(0x9000).unwrap(), None);
}

#[test]
fn associated_items_are_kept_apart() {
    let (_dir, database) = fixture();
    let user = mailbox(&database, 1);
    let inbox = FolderRole::Inbox.folder();
    let bag: PropertyBag =
        [(tags::PR_SUBJECT.id(), PropertyValue::String("view".into()))].into_iter().collect();
    let id = user.save_associated(inbox, None, "IPM.Configuration.X", bag.clone()).wait().unwrap();
    user.save_associated(inbox, Some(id), "IPM.Configuration.Y", bag.clone()).wait().unwrap();
    let all = user.associated(inbox).unwrap();
    assert_eq!((all.len(), &*all[0].class, &all[0].properties), (1, "IPM.Configuration.Y", &bag));
    let status = user.status(inbox).unwrap();
    assert_eq!((status.items, status.associated), (0, 1));
    assert_eq!(user.statistics().unwrap().associated, 1);
    user.delete_associated(inbox, id).wait().unwrap();
    assert_eq!(user.statistics().unwrap().associated_size, 0);
    assert!(matches!(user.delete_associated(inbox, id).wait(), Err(StoreError::NoItem(_))));
}
