//! What administrators say about a move, and what they are told.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{Disk, Guid, disk::OpenMode};
use dag::machine::status::CopyStatus;
use directory::{
    Edit, Value,
    verbs::{note_move, remove_mailbox, switch_databases},
};
use jobs::moves::{
    constraint::{Copy, Seen},
    moves_of,
};
use store::{
    DisconnectReason, MailboxState, StoreError,
    transfer::{PageLimits, Step},
};

use crate::house::{House, going, picture, small};

async fn note(house: &House, request: Guid, edits: Vec<(&'static str, Edit)>) {
    assert!(house.directory.commit(move |draft| note_move(draft, request, edits)).await.unwrap());
}

fn report(house: &House, request: Guid) -> String {
    let object = house.object(request);
    let lines: Vec<_> = object.values("Report").iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_tells_what_it_did() {
    let house = House::new(30).await;
    let expected = picture(&house.open().await);
    let request = house.request(Vec::new()).await;
    house.carry(request).await;
    let object = house.object(request);
    assert_eq!((object.text("Status"), object.int("PercentComplete")), (Some("Completed"), Some(100)));
    assert_eq!(object.int("ItemsTransferred"), Some(33));
    let lines = report(&house, request);
    for line in ["The move has begun. Items: 33,", "Everything is copied.", "The move is complete."] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(picture(&house.open().await), expected);
    // The mailbox remembers it, once, when the request is gone.
    let [moved] = &moves_of(&house.open().await).unwrap()[..] else { panic!("one move") };
    assert_eq!((moved.request, &*moved.source, &*moved.target), (request, "DB1", "DB2"));
    assert_eq!((moved.items, moved.archive, moved.times.contains(&None)), ([33, 0], false, false));
    // Its time is over after thirty days.
    house.clock.advance(Duration::from_secs(31 * 86_400));
    house.mover(small()).sweep(&[]).await;
    assert!(house.directory.snapshot().get(request).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_waits_to_be_completed_where_that_was_asked() {
    let house = House::new(10).await;
    let request = house.request(vec![("SuspendWhenReadyToComplete", Value::Bool(true))]).await;
    house.carry(request).await;
    assert_eq!(house.status(request), "AutoSuspended");
    assert!(house.deliver(1).await, "the mailbox is in use");
    assert_eq!(house.lives_in(), house.databases[0]);
    let resume = vec![("SuspendWhenReadyToComplete", Edit::set(false)), ("Status", Edit::set("Queued"))];
    note(&house, request, resume).await;
    house.carry(request).await;
    assert_eq!(house.status(request), "Completed");
    assert_eq!(crate::house::deliveries(&house.open().await), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_move_stops_and_one_with_a_time_waits_for_it() {
    let house = House::new(10).await;
    let later = base::Timestamp::from_secs(crate::house::NOW.secs() + 3600);
    let request = house.request(vec![("CompleteAfter", Value::Time(later))]).await;
    house.carry(request).await;
    let object = house.object(request);
    assert_eq!(
        (object.text("Status"), object.text("StatusDetail")),
        (Some("InProgress"), Some("IncrementalSync"))
    );
    assert_eq!(object.stored_value("NextTry"), Some(&Value::Time(later)));
    note(&house, request, vec![("Suspend", Edit::set(true))]).await;
    house.carry(request).await;
    assert_eq!(house.status(request), "Suspended");
    house.clock.advance(Duration::from_secs(3601));
    note(&house, request, vec![("Suspend", Edit::set(false)), ("Status", Edit::set("Queued"))]).await;
    house.carry(request).await;
    assert_eq!(house.status(request), "Completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_lag_hold_a_move_back_and_it_is_tried_again() {
    let house = House::new(10).await;
    let current = Arc::new(AtomicBool::default());
    let seen = current.clone();
    let copies = move |_, _| -> Seen {
        let is_current = seen.load(Ordering::SeqCst);
        let status = if is_current { CopyStatus::Healthy } else { CopyStatus::Suspended };
        let second = Copy { active: false, status, ..Copy::ONLY };
        Box::pin(async move { vec![Copy::ONLY, second] })
    };
    let (second, constraint) = (house.databases[1], Edit::set("SecondCopy"));
    let set = move |draft: &mut directory::Draft<'_>| {
        draft.modify(second, vec![("DataMoveReplicationConstraint", constraint)])
    };
    house.directory.commit(set).await.unwrap();
    let mut settings = small();
    settings.max_retries = 2;
    let mover = house.mover_with(settings, Box::new(copies));
    let request = house.request(Vec::new()).await;
    for _ in 0..2 {
        mover.carry(request, going()).await;
        let object = house.object(request);
        let detail = object.text("StatusDetail");
        assert_eq!(
            (object.text("Status"), detail),
            (Some("Retrying"), Some("StalledDueToTarget_MdbReplication"))
        );
        let message = object.text("Message").unwrap();
        assert!(message.ends_with(" the constraint SecondCopy yet: DB2\\? is Suspended"), "{message}");
        let states = house.database(1).transfers().unwrap();
        assert_eq!(states[0].progress.items, 0, "nothing is put where it is not copied");
    }
    assert!(house.open().await.available().is_ok(), "the mailbox is not locked meanwhile");
    current.store(true, Ordering::SeqCst);
    mover.carry(request, going()).await;
    assert_eq!(house.status(request), "Completed");
}

/// A database with a copy that follows in its own site and one that does not in another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_constraint_holds_back_or_lets_through_as_named() {
    for (constraint, is_let_through) in [
        ("None", true),
        ("SecondCopy", true),
        ("SecondDatacenter", false),
        ("AllDatacenters", false),
        ("AllCopies", false),
        ("CINoReplication", true),
        ("CISecondCopy", true),
        ("CISecondDatacenter", false),
    ] {
        let house = House::new(3).await;
        let copies = |_, _| -> Seen {
            let here = Copy { active: false, status: CopyStatus::Healthy, ..Copy::ONLY };
            let there = Copy { site: Guid([9; 16]), status: CopyStatus::Suspended, ..here };
            Box::pin(async move { vec![Copy::ONLY, here, there] })
        };
        let (second, value) = (house.databases[1], Edit::set(constraint));
        let set = move |draft: &mut directory::Draft<'_>| {
            draft.modify(second, vec![("DataMoveReplicationConstraint", value)])
        };
        house.directory.commit(set).await.unwrap();
        let request = house.request(Vec::new()).await;
        let mut settings = small();
        settings.max_retries = 1;
        let mover = house.mover_with(settings, Box::new(copies));
        mover.carry(request, going()).await;
        let expected = if is_let_through { "Completed" } else { "Retrying" };
        assert_eq!(house.status(request), expected, "{constraint}");
        if !is_let_through {
            // Its tries are counted.
            mover.carry(request, going()).await;
            assert_eq!(house.object(request).text("FailureType"), Some("Stalled"), "{constraint}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_does_not_pass_ends_the_move_after_so_many_times() {
    let house = House::new(5).await;
    let request = house.request(Vec::new()).await;
    let (stores, second) = (house.stores.clone(), house.databases[1]);
    crate::house::blocking(move || stores.dismount(second)).await.unwrap();
    let mut settings = small();
    settings.max_retries = 3;
    for _ in 0..3 {
        house.mover(settings.clone()).carry(request, going()).await;
        assert_eq!(house.status(request), "Retrying");
    }
    house.mover(settings).carry(request, going()).await;
    let object = house.object(request);
    assert_eq!((object.text("Status"), object.text("FailureType")), (Some("Failed"), Some("Stalled")));
    assert!(object.text("Message").unwrap().contains("tried 3 times"));
    assert!(matches!(house.stores.get(second), Err(StoreError::NotMounted(_))));
}

/// Damages a body in the log on the simulated disk.
fn damage(house: &House, what: &[u8]) {
    let disk: &dyn Disk = &house.disk;
    let dir = Path::new("/data/DB1");
    for path in disk.list(dir).unwrap().into_iter().map(|name| dir.join(name)) {
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let file = disk.open(&path, OpenMode::Existing).unwrap();
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        if let Some(at) = bytes.windows(what.len()).position(|window| window == what) {
            return house.disk.flip(&path, (at + 3) * 8);
        }
    }
    panic!("the body isn't in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_item_counts_and_is_named() {
    let house = House::new(20).await;
    let database = house.database(0);
    crate::house::blocking(move || database.checkpoint()).await.unwrap();
    damage(&house, b"Subject: 7\r\n");
    let request = house.request(Vec::new()).await;
    house.carry(request).await;
    let object = house.object(request);
    assert_eq!(
        (object.text("Status"), object.text("StatusDetail")),
        (Some("Failed"), Some("FailedBadItemLimit"))
    );
    let message = object.text("Message").unwrap();
    assert!(message.contains("item with UID 5 in /Top of Information Store/Inbox"), "{message}");
    assert_eq!(house.lives_in(), house.databases[0]);
    let again = vec![
        ("BadItemLimit", Edit::set(Value::Count(base::Unlimited::Limited(1)))),
        ("Status", Edit::set("Queued")),
    ];
    note(&house, request, again).await;
    house.carry(request).await;
    assert_eq!(house.status(request), "CompletedWithWarning");
    assert!(report(&house, request).contains("Left out: item with UID 5"));
    assert_eq!(house.open().await.check().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_goes_after_the_switch_leaves_the_mailbox_where_it_is_now() {
    let house = House::new(5).await;
    let request = house.request(Vec::new()).await;
    let source = house.open().await;
    let (target, from) = (house.database(1), source.clone());
    source.lock().await.unwrap();
    crate::house::blocking(move || {
        let transfer = target.begin_transfer(request, &from).unwrap();
        while transfer.step(PageLimits::default()).unwrap() != Step::UpToDate {}
        transfer.settle().unwrap();
        transfer.activate().wait().unwrap();
    })
    .await;
    assert!(house.directory.commit(move |draft| switch_databases(draft, request)).await.unwrap());
    let user = house.user;
    house.directory.commit(move |draft| remove_mailbox(draft, user)).await.unwrap();
    let mailbox = house.database(1).mailbox(house.mailbox).unwrap();
    mailbox.disconnect(DisconnectReason::Disabled).await.unwrap();
    assert!(house.directory.snapshot().get(request).is_none(), "a request goes with its user");
    house.mover(small()).sweep(&[]).await;
    assert_eq!(house.database(1).transfers().unwrap(), []);
    assert_eq!(mailbox.statistics().unwrap().items, 6);
    let reason = |mailbox: &store::Mailbox| match mailbox.statistics().unwrap().state {
        MailboxState::Disconnected { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(reason(&source), Some(DisconnectReason::SoftDeleted));
    assert_eq!(reason(&mailbox), Some(DisconnectReason::Disabled));
}
