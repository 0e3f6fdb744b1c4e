//! One mailbox copied into another: everything comes once, as it was, whatever page sizes and interruptions.

use base::Guid;
use proptest::{collection::vec, prelude::*};
use store::{
    Config, Database, Flags, FolderRole, Limits, Mailbox, Merge, NewMessage, Owner, Removal, StoreError,
    property::{PropertyName, PropertyValue},
    transfer::PageLimits,
};

use crate::common::{append, config, mailbox, message, open, run};

const INBOX: store::FolderId = FolderRole::Inbox.folder();
const ALL: std::ops::RangeInclusive<u32> = 1..=u32::MAX;

/// Copies the inbox; returns copied and known items.
fn take(merge: &Merge, page: PageLimits) -> (u64, u64) {
    let (mut after, mut copied, mut known) = (0, 0, 0);
    loop {
        let merged = merge.page(INBOX, INBOX, after, page, Limits::default()).unwrap();
        assert_eq!(merged.bad, []);
        (copied, known) = (copied + merged.items, known + merged.known);
        match merged.next {
            Some(next) => after = next,
            None => return (copied, known),
        }
    }
}

/// What can be seen of the items of the inbox, but what names their places.
fn picture(mailbox: &Mailbox) -> Vec<String> {
    let items = mailbox.items_with_summaries(INBOX, &vec![ALL], usize::MAX).unwrap();
    items
        .into_iter()
        .map(|(item, summary)| {
            let (body, class) = (mailbox.body(item.id).unwrap(), mailbox.class(item.id).unwrap());
            format!("{:?}", (item.flags, item.received, item.size, summary, body, class))
        })
        .collect()
}

fn other(dir: &std::path::Path) -> Database {
    let config = config(dir);
    let engine = engine::Options { name: "DB02".into(), ..config.engine };
    Database::open(Config { guid: Guid([8; 16]), engine }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn everything_comes_once(
        sizes in vec((0usize..200, 0u8..32, any::<bool>()), 0..25),
        first in (1usize..6, 1u64..400), second in (1usize..6, 1u64..400), apart: bool,
    ) {
        let (dir, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = open(dir.path());
        let source = mailbox(&database, 1);
        let elsewhere = apart.then(|| other(far.path()));
        let target = mailbox(elsewhere.as_ref().unwrap_or(&database), 2);
        append(&target, FolderRole::Inbox, "of its own");
        for (size, system, keyword) in &sizes {
            let keywords = if *keyword { vec!["$Label".to_owned()] } else { Vec::new() };
            let flags = Flags { system: *system, keywords };
            let new = NewMessage { flags, ..message(&"x".repeat(*size)) };
            source.append(INBOX, new, Limits::default()).wait().unwrap();
        }
        let merge = Merge::new(&source, &target, None).unwrap();
        let page = |(items, bytes)| PageLimits { items, bytes };
        // Interrupted after the first page; then from the beginning.
        let merged = merge.page(INBOX, INBOX, 0, page(first), Limits::default()).unwrap();
        let (copied, known) = take(&merge, page(second));
        prop_assert_eq!(merged.items + copied, sizes.len() as u64);
        prop_assert_eq!(known, merged.items);
        prop_assert_eq!(&picture(&target)[1..], &picture(&source)[..]);
        prop_assert_eq!(target.check().unwrap(), []);
        prop_assert_eq!(database.check_bodies().unwrap(), []);
        // What has gone for good meanwhile comes again, and only that; the source may go.
        if !sizes.is_empty() {
            target.remove_items(INBOX, vec![2..=2], Removal::Destroy).wait().unwrap();
            prop_assert_eq!(take(&merge, page(second)), (1, sizes.len() as u64 - 1));
        }
        run(source.remove()).unwrap();
        prop_assert_eq!(picture(&target).len(), sizes.len() + 1);
        prop_assert_eq!(database.check_bodies().unwrap(), []);
    }
}

#[test]
fn named_properties_and_associated_items_come_along() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let (source, target) = (mailbox(&database, 1), mailbox(&database, 2));
    let name = |text: &str| PropertyName::Text(Guid([3; 16]), text.into());
    // The target knows another name under the number that the source has for this one.
    let ours = target.name_properties(vec![name("other")]).wait().unwrap()[0];
    let theirs = source.name_properties(vec![name("colour")]).wait().unwrap()[0];
    assert_eq!(ours, theirs);
    append(&source, FolderRole::Inbox, "one");
    let item = source.items(INBOX, &vec![ALL], 1).unwrap()[0].id;
    let red = PropertyValue::String("red".into());
    source.set_properties(Owner::Item(item), vec![(theirs, Some(red.clone()))]).wait().unwrap();
    let bag = [(0x0037, PropertyValue::String("view".into()))].into_iter().collect();
    source.save_associated(INBOX, None, "IPM.Configuration.View", bag).wait().unwrap();

    let merge = Merge::new(&source, &target, None).unwrap();
    assert_eq!(take(&merge, PageLimits::default()), (1, 0));
    let copy = target.items(INBOX, &vec![ALL], 1).unwrap()[0].id;
    let number = target.named_properties(&[name("colour")]).unwrap()[0].unwrap();
    assert_ne!(number, ours);
    let bag = target.properties(Owner::Item(copy)).unwrap();
    assert_eq!(bag.iter().map(|(tag, value)| (tag.id(), value.clone())).collect::<Vec<_>>(), [(number, red)]);

    for (replace, copied, there) in [(false, 1, 1), (false, 0, 1), (true, 0, 1)] {
        assert_eq!(merge.associated(INBOX, INBOX, replace).unwrap(), copied);
        assert_eq!(target.status(INBOX).unwrap().associated, there);
    }
    // Another request that is told to keep all brings it again; one that maps by class replaces it.
    let again = Merge::new(&source, &target, Some(Guid([5; 16]))).unwrap();
    assert_eq!(again.associated(INBOX, INBOX, true).unwrap(), 1);
    assert_eq!(target.status(INBOX).unwrap().associated, 1);
    assert_eq!(take(&again, PageLimits::default()), (1, 0));
    assert_eq!(target.check().unwrap(), []);
}

#[test]
fn a_full_mailbox_takes_nothing_and_none_goes_into_itself() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let (source, target) = (mailbox(&database, 1), mailbox(&database, 2));
    append(&source, FolderRole::Inbox, "four");
    let merge = Merge::new(&source, &target, None).unwrap();
    let limits = Limits { prohibit_send_receive: Some(3), ..Limits::default() };
    let full = merge.page(INBOX, INBOX, 0, PageLimits::default(), limits);
    assert!(matches!(full, Err(StoreError::Quota { .. })), "{full:?}");
    assert_eq!(target.statistics().unwrap().items, 0);
    assert!(Merge::new(&source, &source, None).is_err());
}
