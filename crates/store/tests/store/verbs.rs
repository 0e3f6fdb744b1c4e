//! Every verb as its callers use it.

use store::{
    Database, FlagChange, Flags, FolderId, FolderRole, ItemId, Limits, Mailbox, Removal, StoreError,
};

use crate::common::{self, append, delivery, mailbox, open, run, to_inbox};

const INBOX: FolderId = FolderRole::Inbox.folder();
const DELETIONS: FolderId = FolderRole::Deletions.folder();

struct Fixture {
    database: Database,
    mailbox: Mailbox,
    _dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let mailbox = mailbox(&database, 1);
    Fixture { database, mailbox, _dir: dir }
}

fn all() -> store::UidRanges {
    vec![1..=u32::MAX]
}

fn system(flags: u8) -> Flags {
    Flags { system: flags, keywords: Vec::new() }
}

fn id_of(mailbox: &Mailbox, folder: FolderId, uid: u32) -> ItemId {
    mailbox.items(folder, &vec![uid..=uid], 1).unwrap()[0].id
}

#[test]
fn a_delivery_reaches_every_recipient_once_and_shares_its_body() {
    let f = fixture();
    let other = mailbox(&f.database, 2);
    let recipients = vec![to_inbox(&f.mailbox), to_inbox(&other), to_inbox(&f.mailbox)];
    let answers = f.database.deliver(delivery(1, recipients.clone(), "hello")).wait().unwrap();
    let uids: Vec<_> = answers.iter().map(|a| a.as_ref().unwrap().uid).collect();
    assert_eq!(uids, [1, 1, 1]);
    assert!(answers[2].as_ref().unwrap().item.is_none(), "the same mailbox twice is one item");

    let again = f.database.deliver(delivery(1, recipients, "hello")).wait().unwrap();
    assert!(again.iter().all(|a| a.as_ref().unwrap().item.is_none()), "a redelivery changes nothing");
    for mailbox in [&f.mailbox, &other] {
        assert_eq!(mailbox.status(INBOX).unwrap().items, 1);
        let body = mailbox.body(id_of(mailbox, INBOX, 1)).unwrap();
        assert_eq!(&body[..], b"Received: here\r\nhello");
    }
}

#[test]
fn what_a_session_is_told_of_a_folder_keeps_up_with_it() {
    let f = fixture();
    let contents = || f.mailbox.contents(INBOX).unwrap();
    assert_eq!((contents().uids, contents().first_unseen), (vec![], None));
    for n in 1..=1_000 {
        append(&f.mailbox, FolderRole::Inbox, &n.to_string());
    }
    assert_eq!(contents().uids, Vec::from_iter(1..=1_000));
    assert_eq!(contents().first_unseen, Some(1));
    let flag = |ranges, change, flags| {
        f.mailbox.change_flags(INBOX, ranges, change, flags, None).wait().unwrap();
    };
    flag(vec![1..=900], FlagChange::Add, system(Flags::SEEN));
    assert_eq!(contents().first_unseen, Some(901));
    flag(all(), FlagChange::Add, system(Flags::SEEN));
    assert_eq!(contents().first_unseen, None);
    flag(vec![7..=7], FlagChange::Replace, Flags { system: 0, keywords: vec!["Work".into()] });
    assert_eq!((contents().first_unseen, contents().keywords), (Some(7), vec!["Work".to_owned()]));
    f.mailbox.remove_items(INBOX, vec![2..=999], Removal::Destroy).wait().unwrap();
    assert_eq!((contents().uids, contents().first_unseen), (vec![1, 1000], None));
    f.mailbox.remove_items(INBOX, all(), Removal::Destroy).wait().unwrap();
    assert_eq!(contents().uids, [0_u32; 0]);
    assert_eq!(f.mailbox.check().unwrap(), []);
}

#[test]
fn a_recipient_that_fails_does_not_touch_the_others() {
    let f = fixture();
    let full = mailbox(&f.database, 2);
    let limits = Limits { prohibit_send_receive: Some(10), ..Limits::default() };
    let mut nowhere = to_inbox(&f.mailbox);
    nowhere.mailbox = store::MailboxId(99);
    let mut no_folder = to_inbox(&full);
    no_folder.folder = FolderId(1 << 40);
    let recipients = vec![
        store::Recipient { limits, ..to_inbox(&full) },
        nowhere,
        no_folder,
        store::Recipient { flags: Flags::SEEN, ..to_inbox(&f.mailbox) },
    ];
    let answers = f.database.deliver(delivery(1, recipients, "hello")).wait().unwrap();
    assert!(matches!(answers[0], Err(StoreError::Quota { limit: 10, .. })));
    assert!(matches!(answers[1], Err(StoreError::NoMailbox)));
    assert!(matches!(answers[2], Err(StoreError::NoFolder(_))));
    assert_eq!(answers[3].as_ref().unwrap().uid, 1);
    assert_eq!(full.status(INBOX).unwrap().items, 0);
    assert_eq!(f.mailbox.status(INBOX).unwrap().unread, 0);

    // The queue tries again for those who failed; the one who has it is not served twice.
    let retry = vec![to_inbox(&full), to_inbox(&f.mailbox)];
    let answers = f.database.deliver(delivery(1, retry, "hello")).wait().unwrap();
    assert!(answers[0].as_ref().unwrap().item.is_some());
    assert!(answers[1].as_ref().unwrap().item.is_none());
}

#[test]
fn forgotten_deliveries_are_new_again() {
    let f = fixture();
    f.database.deliver(delivery(1, vec![to_inbox(&f.mailbox)], "a")).wait().unwrap();
    assert_eq!(run(f.database.forget_deliveries(common::NOW)).unwrap(), 0);
    let later = common::NOW.plus(base::EnhancedTimeSpan::from_days(2));
    assert_eq!(run(f.database.forget_deliveries(later)).unwrap(), 1);
    f.database.deliver(delivery(1, vec![to_inbox(&f.mailbox)], "a")).wait().unwrap();
    assert_eq!(f.mailbox.status(INBOX).unwrap().items, 2);
}

#[test]
fn flags_change_counts_and_modseqs() {
    let f = fixture();
    for text in ["a", "b", "c"] {
        append(&f.mailbox, FolderRole::Inbox, text);
    }
    let before = f.mailbox.status(INBOX).unwrap();
    let flags = Flags { system: Flags::SEEN, keywords: vec!["$Work".into(), "$work".into()] };
    let refused = f.mailbox.change_flags(INBOX, vec![1..=2], FlagChange::Add, flags.clone(), None);
    assert_eq!(refused.wait().unwrap(), [0u32; 0]);
    let items = f.mailbox.items(INBOX, &all(), 10).unwrap();
    assert_eq!(items[0].flags, Flags { system: Flags::SEEN, keywords: vec!["$Work".into()] });
    assert!(items[0].modseq > before.highest_modseq && items[1].modseq > items[0].modseq);
    assert_eq!(f.mailbox.status(INBOX).unwrap().unread, 1);

    let again = f.mailbox.change_flags(INBOX, vec![1..=2], FlagChange::Add, flags, None);
    assert_eq!(again.wait().unwrap(), [0u32; 0]);
    assert_eq!(f.mailbox.items(INBOX, &all(), 10).unwrap(), items, "no change, no new modseq");

    let since = Some(before.highest_modseq);
    let change = f.mailbox.change_flags(INBOX, all(), FlagChange::Replace, system(Flags::FLAGGED), since);
    assert_eq!(change.wait().unwrap(), [1, 2], "changed since: left alone");
    let flags: Vec<_> =
        f.mailbox.items(INBOX, &all(), 10).unwrap().into_iter().map(|i| i.flags.system).collect();
    assert_eq!(flags, [Flags::SEEN, Flags::SEEN, Flags::FLAGGED]);
    let remove = f.mailbox.change_flags(INBOX, all(), FlagChange::Remove, system(Flags::SEEN), None);
    remove.wait().unwrap();
    assert_eq!(f.mailbox.status(INBOX).unwrap().unread, 3);
}

#[test]
fn copies_share_the_body_and_survive_the_original() {
    let f = fixture();
    append(&f.mailbox, FolderRole::Inbox, "a");
    append(&f.mailbox, FolderRole::Inbox, "b");
    let drafts = FolderRole::Drafts.folder();
    let pairs = f.mailbox.copy(INBOX, all(), drafts, Limits::default()).wait().unwrap();
    assert_eq!(pairs, [(1, 1), (2, 2)]);
    let gone = f.mailbox.remove_items(INBOX, all(), Removal::Destroy).wait().unwrap();
    assert_eq!(gone, [1, 2]);
    let copied = id_of(&f.mailbox, drafts, 2);
    assert_eq!(&f.mailbox.body(copied).unwrap()[..], b"b");
    assert_eq!(&f.mailbox.summaries(&[copied]).unwrap()[0][..], b"summary of b");
    let full = Limits { prohibit_send_receive: Some(3), ..Limits::default() };
    let over = f.mailbox.copy(drafts, all(), drafts, full).wait();
    assert!(matches!(over, Err(StoreError::Quota { size: 2, limit: 3 })));
}

#[test]
fn a_moved_item_keeps_its_identity() {
    let f = fixture();
    append(&f.mailbox, FolderRole::Inbox, "a");
    let id = id_of(&f.mailbox, INBOX, 1);
    let archive = FolderRole::Archive.folder();
    append(&f.mailbox, FolderRole::Archive, "earlier");
    assert_eq!(f.mailbox.move_items(INBOX, all(), archive).wait().unwrap(), [(1, 2)]);
    assert_eq!(f.mailbox.locate(id).unwrap(), (archive, 2));
    assert_eq!(id_of(&f.mailbox, archive, 2), id);
    assert_eq!(f.mailbox.uids(INBOX).unwrap(), [0u32; 0]);
    assert_eq!(f.mailbox.uids(archive).unwrap(), [1, 2]);
    // Within one folder it is renumbered.
    assert_eq!(f.mailbox.move_items(archive, vec![1..=1], archive).wait().unwrap(), [(1, 3)]);
    assert_eq!(f.mailbox.status(archive).unwrap().items, 2);
}

#[test]
fn expunge_takes_what_is_marked_and_keeps_it_recoverable() {
    let f = fixture();
    for text in ["a", "b", "c"] {
        append(&f.mailbox, FolderRole::Inbox, text);
    }
    let mark =
        f.mailbox.change_flags(INBOX, vec![1..=1, 3..=3], FlagChange::Add, system(Flags::DELETED), None);
    mark.wait().unwrap();
    assert_eq!(f.mailbox.status(INBOX).unwrap().deleted, 2);
    let id = id_of(&f.mailbox, INBOX, 3);
    let expunged = f.mailbox.expunge(INBOX, vec![2..=9], Removal::Recoverable).wait().unwrap();
    assert_eq!(expunged, [3]);
    assert_eq!(f.mailbox.uids(INBOX).unwrap(), [1, 2]);
    let (folder, _) = f.mailbox.locate(id).unwrap();
    assert_eq!(folder, DELETIONS);
    assert_eq!(&f.mailbox.body(id).unwrap()[..], b"c");
    assert_eq!(f.mailbox.items(DELETIONS, &all(), 1).unwrap()[0].flags.system, 0, "recovered undeleted");
    // From Recoverable Items there is nowhere further to go.
    f.mailbox.remove_items(DELETIONS, all(), Removal::Recoverable).wait().unwrap();
    assert!(matches!(f.mailbox.body(id), Err(StoreError::NoItem(_))));
}

#[test]
fn changes_since_tells_what_came_changed_and_went() {
    let f = fixture();
    for text in ["a", "b", "c"] {
        append(&f.mailbox, FolderRole::Inbox, text);
    }
    let start = f.mailbox.status(INBOX).unwrap().highest_modseq;
    append(&f.mailbox, FolderRole::Inbox, "d");
    f.mailbox.change_flags(INBOX, vec![2..=2], FlagChange::Add, system(Flags::SEEN), None).wait().unwrap();
    f.mailbox.remove_items(INBOX, vec![1..=1], Removal::Recoverable).wait().unwrap();
    let changes = f.mailbox.changes_since(INBOX, start).unwrap();
    assert_eq!(changes.changed.iter().map(|i| i.uid).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(changes.vanished, [1]);
    assert_eq!(changes.modseq, f.mailbox.status(INBOX).unwrap().highest_modseq);
    let none = f.mailbox.changes_since(INBOX, changes.modseq).unwrap();
    assert_eq!((none.changed, none.vanished), (vec![], vec![]));
}

#[test]
fn what_vanished_long_ago_is_told_by_the_gaps() {
    let f = fixture();
    append(&f.mailbox, FolderRole::Inbox, "kept");
    let start = f.mailbox.status(INBOX).unwrap().highest_modseq;
    // Begun all at once, so that they share their flushes.
    let limits = Limits::default();
    let appends: Vec<_> = (0..4100).map(|_| f.mailbox.append(INBOX, common::message("x"), limits)).collect();
    let uids: Vec<_> = appends.into_iter().map(|append| append.wait().unwrap()).collect();
    let remove = |uid| f.mailbox.remove_items(INBOX, vec![uid..=uid], Removal::Destroy);
    let removals: Vec<_> = uids.into_iter().map(remove).collect();
    removals.into_iter().for_each(|removal| assert_eq!(removal.wait().unwrap().len(), 1));
    let changes = f.mailbox.changes_since(INBOX, start).unwrap();
    assert_eq!(changes.vanished, (2..=4101).collect::<Vec<_>>());
    assert!(changes.changed.is_empty());
}

#[test]
fn summaries_come_in_the_order_asked() {
    let f = fixture();
    for n in 0..20 {
        append(&f.mailbox, FolderRole::Inbox, &n.to_string());
        append(&f.mailbox, FolderRole::Drafts, "between");
    }
    let both = f.mailbox.items_with_summaries(INBOX, &vec![3..=5, 7..=30], 6).unwrap();
    let expect: Vec<_> = [2, 3, 4, 6, 7, 8].iter().map(|n| format!("summary of {n}")).collect();
    assert_eq!(both.iter().map(|(_, s)| String::from_utf8(s.to_vec()).unwrap()).collect::<Vec<_>>(), expect);
    let ids: Vec<_> = both.iter().rev().map(|(item, _)| item.id).chain([ItemId(9999)]).collect();
    let summaries = f.mailbox.summaries(&ids).unwrap();
    assert_eq!(&summaries[0][..], b"summary of 8");
    assert!(summaries[6].is_empty());
    // An item that is gone among ascending ids leaves its place empty.
    let ids = [both[0].0.id, both[1].0.id, both[2].0.id];
    f.mailbox.remove_items(INBOX, vec![4..=4], Removal::Destroy).wait().unwrap();
    let summaries = f.mailbox.summaries(&ids).unwrap();
    assert_eq!((summaries[0].len(), summaries[1].len(), summaries[2].len()), (12, 0, 12));
}

#[test]
fn folder_verbs_refuse_what_they_must() {
    let f = fixture();
    let m = &f.mailbox;
    let a = m.create_folder(None, "Projects", "IPF.Note").wait().unwrap();
    let b = m.create_folder(Some(a), "2026", "IPF.Note").wait().unwrap();
    assert!(matches!(m.create_folder(None, "projects", "").wait(), Err(StoreError::FolderExists(_))));
    assert!(matches!(m.create_folder(None, "INBOX", "").wait(), Err(StoreError::FolderExists(_))));
    assert!(matches!(m.rename_folder(a, Some(b), "x").wait(), Err(StoreError::Cycle)));
    assert!(matches!(m.delete_folder(a).wait(), Err(StoreError::HasChildren)));
    assert!(matches!(m.delete_folder(INBOX).wait(), Err(StoreError::DefaultFolder)));
    assert!(matches!(m.rename_folder(INBOX, None, "x").wait(), Err(StoreError::DefaultFolder)));
    assert!(matches!(m.create_folder(Some(DELETIONS), "x", "").wait(), Err(StoreError::NoFolder(_))));
    for bad in ["", " ", "a\nb", &"x".repeat(256)] {
        assert!(matches!(m.create_folder(None, bad, "").wait(), Err(StoreError::FolderName(_))), "{bad:?}");
    }
}

#[test]
fn folders_are_made_renamed_moved_and_deleted() {
    let f = fixture();
    let m = &f.mailbox;
    let a = m.create_folder(None, "Projects", "IPF.Note").wait().unwrap();
    let b = m.create_folder(Some(a), "2026", "IPF.Note").wait().unwrap();
    let paths = |m: &Mailbox| -> Vec<String> {
        m.folders().unwrap().iter().map(|f| f.path.join("/")).filter(|p| p.starts_with('P')).collect()
    };
    assert_eq!(paths(m), ["Projects", "Projects/2026"]);
    let known = m.folders().unwrap().into_iter().find(|folder| folder.id == a).unwrap();
    m.rename_folder(a, None, "PROJECTS").wait().unwrap();
    // Who knew it under its old name comes too late.
    let late = m.rename_known_folder(&known, None, "Mine").wait();
    assert!(matches!(late, Err(StoreError::NoFolder(_))), "{late:?}");
    m.rename_folder(b, None, "Past").wait().unwrap();
    assert_eq!(paths(m), ["PROJECTS", "Past"]);
    assert_eq!(m.find_folder(None, "past").unwrap(), Some(b));

    m.append(b, common::message("old"), Limits::default()).wait().unwrap();
    let validity = m.status(b).unwrap().uid_validity;
    m.delete_folder(b).wait().unwrap();
    assert!(matches!(m.status(b), Err(StoreError::NoFolder(_))));
    assert_eq!(m.status(DELETIONS).unwrap().items, 1);
    let again = m.create_folder(None, "Past", "IPF.Note").wait().unwrap();
    assert_ne!(again, b);
    assert!(m.status(again).unwrap().uid_validity > validity);
    m.subscribe(again, false).wait().unwrap();
    assert!(!m.folders().unwrap().iter().find(|f| f.id == again).unwrap().subscribed);
}

#[test]
fn default_folders_speak_the_owners_language() {
    let f = fixture();
    f.mailbox.localize_folders("pt-PT").wait().unwrap();
    let folders = f.mailbox.folders().unwrap();
    let name = |role| folders.iter().find(|f| f.role == Some(role)).unwrap().path.join("/");
    assert_eq!(name(FolderRole::SentItems), "Itens Enviados");
    assert_eq!(f.mailbox.find_folder(None, "itens enviados").unwrap(), Some(FolderRole::SentItems.folder()));
    assert_eq!(f.mailbox.find_folder(None, "Sent Items").unwrap(), None);
    assert_eq!(folders.len(), 12, "hidden folders stay hidden");
    assert!(f.mailbox.all_folders().unwrap().len() > 20);
}

#[test]
fn a_watch_wakes_when_the_change_is_durable_even_if_nobody_awaits_it() {
    let f = fixture();
    let mut watch = f.mailbox.watch(INBOX).unwrap();
    let mut tree = f.mailbox.watch(FolderRole::Root.folder()).unwrap();
    assert_eq!(*watch.borrow(), f.mailbox.status(INBOX).unwrap().highest_modseq);
    assert!(!watch.has_changed().unwrap());
    drop(f.mailbox.append(INBOX, common::message("a"), Limits::default()));
    run(watch.changed()).unwrap();
    assert_eq!(*watch.borrow_and_update(), f.mailbox.status(INBOX).unwrap().highest_modseq);
    assert!(!tree.has_changed().unwrap());
    f.mailbox.create_folder(None, "new", "").wait().unwrap();
    run(tree.changed()).unwrap();
    append(&f.mailbox, FolderRole::Drafts, "elsewhere");
    assert!(!watch.has_changed().unwrap());
}

#[test]
fn a_removed_mailbox_leaves_nothing_and_frees_its_name() {
    let f = fixture();
    let guid = base::Guid([2; 16]);
    let other = mailbox(&f.database, 2);
    let both = vec![to_inbox(&f.mailbox), to_inbox(&other)];
    f.database.deliver(delivery(1, both, "shared")).wait().unwrap();
    run(other.remove()).unwrap();
    assert!(matches!(f.database.mailbox(guid), Err(StoreError::NoMailbox)));
    assert!(matches!(other.folders(), Err(StoreError::NoMailbox)));
    let to = vec![to_inbox(&other)];
    let answer = f.database.deliver(delivery(2, to, "late")).wait().unwrap();
    assert!(matches!(answer[0], Err(StoreError::NoMailbox)));
    let body = f.mailbox.body(id_of(&f.mailbox, INBOX, 1)).unwrap();
    assert_eq!(&body[..], b"Received: here\r\nshared");
    assert_ne!(mailbox(&f.database, 2).id(), other.id(), "numbers are never used again");
}
