//! A mailbox moved while it is used: whatever happens to the source and wherever the move stops, the target is
//! in the end what the source is.

use std::path::Path;

use base::Guid;
use proptest::{collection::vec, prelude::*};
use store::{
    Config, Database, DisconnectReason, FolderRole, Mailbox, MailboxState, Owner, StoreError,
    property::{PropertyName, PropertyValue},
    transfer::{PageLimits, Step, Transfer},
};

use crate::{
    common::{append, config, delivery, mailbox, open, run, to_inbox},
    random::{Verb, World, compare_folder, verb},
};

const OTHER: Guid = Guid([8; 16]);
const MOVE: Guid = Guid([9; 16]);
const SMALL: PageLimits = PageLimits { items: 3, bytes: 100 };

fn open_other(dir: &Path) -> Database {
    let config = config(dir);
    Database::open(Config { guid: OTHER, engine: engine::Options { name: "DB02".into(), ..config.engine } })
        .unwrap()
}

fn take_all(transfer: &Transfer, limits: PageLimits) {
    while transfer.step(limits).unwrap() != Step::UpToDate {}
}

/// All that can be seen of a mailbox, but what names its database.
fn picture(mailbox: &Mailbox) -> Vec<String> {
    let statistics = mailbox.statistics().unwrap();
    let mut lines = vec![format!("{:?}", (statistics.items, statistics.size, statistics.associated_size))];
    lines.push(format!("{:?}", mailbox.properties(Owner::Mailbox).unwrap()));
    for folder in mailbox.all_folders().unwrap() {
        lines.push(format!("{folder:?} {:?}", mailbox.contents(folder.id).unwrap()));
        lines.push(format!("{:?}", mailbox.associated(folder.id).unwrap()));
        lines.push(format!("{:?}", mailbox.properties(Owner::Folder(folder.id)).unwrap()));
        for since in [0, 5, 20] {
            lines.push(format!("{:?}", mailbox.changes_since(folder.id, since).unwrap()));
        }
        for (item, summary) in
            mailbox.items_with_summaries(folder.id, &vec![1..=u32::MAX], usize::MAX).unwrap()
        {
            let (body, class) = (mailbox.body(item.id).unwrap(), mailbox.class(item.id).unwrap());
            let bag = mailbox.properties(Owner::Item(item.id)).unwrap();
            lines.push(format!("{:?}", (mailbox.locate(item.id).unwrap(), summary, body, class, bag)));
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_target_becomes_the_source(
        before in vec(verb(), 0..30),
        during in vec((verb(), 0..4usize, any::<bool>(), 0..8u8), 0..40),
    ) {
        let mut world = World::new();
        let dir = tempfile::tempdir().unwrap();
        let mut other = open_other(dir.path());
        before.into_iter().for_each(|verb| world.apply(verb));
        for (verb, steps, settle, kill) in during {
            world.apply(verb);
            let transfer = other.begin_transfer(MOVE, &world.mailboxes[0]).unwrap();
            for _ in 0..steps {
                transfer.step(SMALL).unwrap();
            }
            if settle {
                transfer.settle().unwrap();
            }
            if kill == 0 {
                drop(transfer);
                other.close().unwrap();
                other = open_other(dir.path());
                world.apply(Verb::Reopen);
            }
        }
        let source = world.mailboxes[0].clone();
        let transfer = other.begin_transfer(MOVE, &source).unwrap();
        run(source.lock()).unwrap();
        take_all(&transfer, SMALL);
        transfer.settle().unwrap();
        prop_assert_eq!(transfer.verify().unwrap(), []);
        transfer.activate().wait().unwrap();
        let target = other.mailbox(source.statistics().unwrap().guid).unwrap();
        prop_assert_eq!(target.check().unwrap(), []);
        prop_assert_eq!(other.check_bodies().unwrap(), []);
        prop_assert_eq!(picture(&target), picture(&source));
        for (id, folder) in &world.models[0].folders {
            compare_folder(&target, *id, folder);
        }
        run(other.finish_transfer(MOVE)).unwrap();
        prop_assert_eq!(other.transfers().unwrap(), []);
        // Clients that followed the source go on with the target.
        world.mailboxes[0] = target;
        world.follow(0);
    }
}

struct House {
    _dirs: [tempfile::TempDir; 2],
    source: Database,
    target: Database,
    mailbox: Mailbox,
}

fn house() -> House {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (source, target) = (open(dirs[0].path()), open_other(dirs[1].path()));
    let mailbox = mailbox(&source, 1);
    for n in 0..10 {
        append(&mailbox, FolderRole::Inbox, &format!("message {n}"));
    }
    House { _dirs: dirs, source, target, mailbox }
}

fn switch(house: &House, id: Guid) -> Mailbox {
    let transfer = house.target.begin_transfer(id, &house.mailbox).unwrap();
    run(house.mailbox.lock()).unwrap();
    take_all(&transfer, PageLimits::default());
    transfer.settle().unwrap();
    transfer.activate().wait().unwrap();
    house.mailbox.disconnect(DisconnectReason::SoftDeleted).wait().unwrap();
    run(house.target.finish_transfer(id)).unwrap();
    house.target.mailbox(Guid([1; 16])).unwrap()
}

#[test]
fn a_locked_mailbox_says_that_it_is_being_moved() {
    let house = house();
    let watch = house.mailbox.watch(FolderRole::Inbox.folder()).unwrap();
    run(house.mailbox.lock()).unwrap();
    assert_eq!(*watch.borrow(), u64::MAX, "who waits wakes");
    let moving = |error: StoreError| assert!(matches!(error, StoreError::Moving), "{error}");
    moving(house.mailbox.available().unwrap_err());
    moving(house.mailbox.create_folder(None, "New", "").wait().unwrap_err());
    let delivery = delivery(1, vec![to_inbox(&house.mailbox)], "late");
    moving(house.source.deliver(delivery).wait().unwrap().remove(0).unwrap_err());
    house.mailbox.unlock().wait().unwrap();
    assert!(house.mailbox.available().is_ok());
    append(&house.mailbox, FolderRole::Inbox, "again");
}

#[test]
fn the_source_stays_soft_deleted_and_locked_until_it_is_connected() {
    let house = house();
    let target = switch(&house, MOVE);
    let state = house.mailbox.statistics().unwrap().state;
    assert!(matches!(state, MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, .. }));
    assert!(matches!(house.mailbox.available(), Err(StoreError::Moving)));
    assert_eq!(append(&target, FolderRole::Inbox, "after"), 11);
    house.mailbox.connect("Again").wait().unwrap();
    assert!(house.mailbox.available().is_ok());
}

#[test]
fn a_mailbox_moves_back_over_the_source_it_left() {
    let house = house();
    let target = switch(&house, MOVE);
    append(&target, FolderRole::Inbox, "after");
    let back = house.source.begin_transfer(Guid([10; 16]), &target).unwrap();
    run(target.lock()).unwrap();
    take_all(&back, PageLimits::default());
    back.settle().unwrap();
    back.activate().wait().unwrap();
    let home = house.source.mailbox(Guid([1; 16])).unwrap();
    assert_ne!(home.id(), house.mailbox.id());
    assert_eq!(home.status(FolderRole::Inbox.folder()).unwrap().items, 11);
    assert_eq!(run(house.source.finish_removals()).unwrap(), 1);
    assert_eq!(house.source.statistics().unwrap().len(), 1);
}

#[test]
fn a_move_that_is_cancelled_leaves_nothing_and_one_that_switched_is_not_cancelled() {
    let house = house();
    let transfer = house.target.begin_transfer(MOVE, &house.mailbox).unwrap();
    while transfer.progress().unwrap().items == 0 {
        transfer.step(SMALL).unwrap();
    }
    assert_eq!((transfer.progress().unwrap().items, house.target.transfers().unwrap().len()), (3, 1));
    assert_eq!(house.target.statistics().unwrap().len(), 0, "a partial copy is nobody's mailbox");
    run(house.target.cancel_transfer(MOVE)).unwrap();
    run(house.target.cancel_transfer(MOVE)).unwrap();
    assert_eq!((house.target.transfers().unwrap(), house.target.status().live_bytes), (vec![], 0));
    let transfer = house.target.begin_transfer(MOVE, &house.mailbox).unwrap();
    take_all(&transfer, SMALL);
    transfer.settle().unwrap();
    transfer.activate().wait().unwrap();
    assert!(matches!(run(house.target.cancel_transfer(MOVE)), Err(StoreError::NoTransfer(MOVE))));
    transfer.deactivate().wait().unwrap();
    assert!(matches!(house.target.mailbox(Guid([1; 16])), Err(StoreError::NoMailbox)));
    run(house.target.cancel_transfer(MOVE)).unwrap();
}

#[test]
fn a_delivery_that_comes_again_after_the_move_is_known() {
    let house = house();
    let first = house.source.deliver(delivery(5, vec![to_inbox(&house.mailbox)], "once"));
    let first = first.wait().unwrap().remove(0).unwrap();
    let target = switch(&house, MOVE);
    let again = house.target.deliver(delivery(5, vec![to_inbox(&target)], "once"));
    let again = again.wait().unwrap().remove(0).unwrap();
    assert_eq!((again.uid, again.item), (first.uid, None));
}

#[test]
fn settings_and_names_travel() {
    let house = house();
    let name = PropertyName::Text(Guid([3; 16]), "Keywords".into());
    let id = house.mailbox.name_properties(vec![name.clone()]).wait().unwrap()[0];
    let set = vec![(id, Some(PropertyValue::String("x".into())))];
    house.mailbox.set_properties(Owner::Mailbox, set.clone()).wait().unwrap();
    house.mailbox.set_properties(Owner::Folder(FolderRole::Inbox.folder()), set).wait().unwrap();
    let expected = picture(&house.mailbox);
    let target = switch(&house, MOVE);
    assert_eq!(target.named_properties(&[name]).unwrap(), [Some(id)]);
    assert_eq!(picture(&target), expected);
}

/// Changes bytes of a body in the log's files; the index has what it needs already.
fn corrupt(dir: &Path, what: &[u8]) {
    let mut found = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        while let Some(at) = bytes.windows(what.len()).position(|window| window == what) {
            bytes[at] ^= 0x20;
            found += 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(found > 0, "the body isn't in the log");
}

#[test]
fn what_cannot_be_read_is_said_and_left_out() {
    let house = house();
    append(&house.mailbox, FolderRole::Inbox, "a body to be damaged");
    append(&house.mailbox, FolderRole::Drafts, "the last one");
    house.source.checkpoint().unwrap();
    corrupt(house._dirs[0].path(), b"a body to be damaged");
    let transfer = house.target.begin_transfer(MOVE, &house.mailbox).unwrap();
    take_all(&transfer, SMALL);
    let bad = transfer.bad_items().unwrap();
    assert_eq!((bad.len(), bad[0].folder, bad[0].uid), (1, FolderRole::Inbox.folder(), 11));
    assert!(bad[0].reason.contains("checksum"), "{}", bad[0].reason);
    run(house.mailbox.lock()).unwrap();
    transfer.settle().unwrap();
    transfer.settle().unwrap();
    assert_eq!(transfer.verify().unwrap(), []);
    transfer.activate().wait().unwrap();
    let target = house.target.mailbox(Guid([1; 16])).unwrap();
    assert_eq!(target.check().unwrap(), []);
    let status = target.status(FolderRole::Inbox.folder()).unwrap();
    assert_eq!((status.items, status.uid_next), (10, 12));
    let since = house.mailbox.status(FolderRole::Inbox.folder()).unwrap().highest_modseq;
    assert_eq!(target.changes_since(FolderRole::Inbox.folder(), since).unwrap().vanished, [11]);
    assert_eq!(target.statistics().unwrap().items, 11);
}
