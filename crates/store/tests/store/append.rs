//! Messages stored together or in another's place, where items come from, and metadata.

use base::FaultKind;
use bytes::Bytes;
use store::{Flags, FolderRole, Limits, Owner};

use crate::common::{NOW, append, mailbox, message, open};

const INBOX: store::FolderId = FolderRole::Inbox.folder();
const DRAFTS: store::FolderId = FolderRole::Drafts.folder();

#[test]
fn several_messages_are_stored_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let m = mailbox(&open(dir.path()), 1);
    let messages = || vec![message("one"), message("two")];
    assert_eq!(m.append_all(INBOX, messages(), Limits::default()).wait().unwrap(), [1, 2]);
    let limits = Limits { prohibit_send_receive: Some(10), ..Limits::default() };
    let full = m.append_all(INBOX, messages(), limits).wait().unwrap_err();
    assert_eq!(base::Fault::from(full).kind, FaultKind::TooLarge);
    assert_eq!(m.status(INBOX).unwrap().items, 2);
}

#[test]
fn a_message_takes_the_place_of_another_or_nothing_happens() {
    let dir = tempfile::tempdir().unwrap();
    let m = mailbox(&open(dir.path()), 1);
    let old = append(&m, FolderRole::Drafts, "first");
    let new = m.replace_item(DRAFTS, old, DRAFTS, message("second"), Limits::default()).wait().unwrap();
    assert_eq!((new, m.uids(DRAFTS).unwrap()), (2, vec![2]));
    assert_eq!(m.status(FolderRole::Deletions.folder()).unwrap().items, 1);
    assert!(m.replace_item(DRAFTS, old, DRAFTS, message("third"), Limits::default()).wait().is_err());
    assert_eq!(m.uids(DRAFTS).unwrap(), [2]);
}

#[test]
fn copies_know_the_first_of_them_and_when_they_came() {
    let dir = tempfile::tempdir().unwrap();
    let m = mailbox(&open(dir.path()), 1);
    append(&m, FolderRole::Inbox, "a");
    m.copy(INBOX, vec![1..=1], DRAFTS, Limits::default()).wait().unwrap();
    m.copy(DRAFTS, vec![1..=1], DRAFTS, Limits::default()).wait().unwrap();
    m.move_items(DRAFTS, vec![2..=2], INBOX).wait().unwrap();
    let all: Vec<_> = [INBOX, DRAFTS].iter().flat_map(|f| m.items(*f, &vec![1..=9], 9).unwrap()).collect();
    let ids: Vec<_> = all.iter().map(|item| item.id).collect();
    let provenances: Vec<_> = m.provenances(&ids).unwrap().into_iter().flatten().collect();
    assert_eq!(provenances.len(), 3);
    assert!(provenances.iter().all(|p| p.origin == ids[0] && p.saved == Some(NOW)), "{provenances:?}");
}

#[test]
fn what_is_marked_deleted_is_summed() {
    let dir = tempfile::tempdir().unwrap();
    let m = mailbox(&open(dir.path()), 1);
    append(&m, FolderRole::Inbox, "four");
    append(&m, FolderRole::Inbox, "sixteen");
    assert_eq!(m.deleted_size(INBOX).unwrap(), 0);
    let deleted = Flags { system: Flags::DELETED, ..Flags::default() };
    m.change_flags(INBOX, vec![2..=2], store::FlagChange::Add, deleted, None).wait().unwrap();
    assert_eq!(m.deleted_size(INBOX).unwrap(), 7);
}

#[test]
fn metadata_is_set_read_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let m = mailbox(&open(dir.path()), 1);
    let owner = Owner::Folder(INBOX);
    let set = |name: &str, value: Option<&'static str>| {
        m.set_metadata(owner, vec![(name.to_owned(), value.map(|v| Bytes::from_static(v.as_bytes())))]).wait()
    };
    assert!(m.metadata(owner).unwrap().is_empty());
    set("/private/b", Some("2")).unwrap();
    set("/private/a", Some("1")).unwrap();
    set("/private/b", Some("3")).unwrap();
    let all = m.metadata(owner).unwrap();
    assert_eq!(all, [("/private/a".into(), Bytes::from("1")), ("/private/b".into(), Bytes::from("3"))]);
    assert!(m.metadata(Owner::Mailbox).unwrap().is_empty());
    set("/private/a", None).unwrap();
    set("/private/b", None).unwrap();
    assert!(m.metadata(owner).unwrap().is_empty());
    assert!(m.properties(owner).unwrap().is_empty());
    for n in 0..256 {
        set(&format!("/private/{n}"), Some("x")).unwrap();
    }
    assert!(set("/private/one-too-many", Some("x")).is_err());
}
