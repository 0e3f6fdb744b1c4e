//! The machine goes down at every write of a move while mail comes in; afterwards the move goes on, and nothing
//! is lost, doubled or changed.

use base::{
    rng::SeededRng,
    sim::{Crash, SimDisk},
};
use store::{DisconnectReason, MailboxState};

use crate::house::{House, deliveries, picture};

/// Moves while mail comes in; the numbers of deliveries that were acknowledged.
async fn run(house: &House, request: base::Guid) -> Vec<u64> {
    let user = async {
        let mut acknowledged = Vec::new();
        for n in 0..40 {
            if !house.deliver(n).await {
                break;
            }
            acknowledged.push(n);
            tokio::task::yield_now().await;
        }
        acknowledged
    };
    let (acknowledged, ()) = tokio::join!(user, house.carry(request));
    acknowledged
}

/// What must hold when the move is over.
async fn check(house: &House, request: base::Guid, expected: &[String], what: &str) {
    for _ in 0..5 {
        if house.status(request) == "Completed" {
            break;
        }
        house.carry(request).await;
    }
    assert_eq!(house.status(request), "Completed", "{what}: {:?}", house.object(request).values("Report"));
    assert_eq!(house.lives_in(), house.databases[1], "{what}");
    let mailbox = house.open().await;
    assert_eq!(picture(&mailbox), expected, "{what}");
    assert_eq!(mailbox.check().unwrap(), [], "{what}");
    let target = house.database(1);
    assert_eq!((target.transfers().unwrap(), target.check_bodies().unwrap()), (vec![], vec![]), "{what}");
    let state = house.database(0).mailbox(house.mailbox).unwrap().statistics().unwrap().state;
    let soft = matches!(state, MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, .. });
    assert!(soft, "{what}: {state:?}");
}

async fn round(house: &House, disk: SimDisk, at: u64, how: Crash, expected: &[String]) -> bool {
    let what = format!("down at call {at}, {how:?}");
    let before = house.reopened(disk.clone()).await;
    let request = before.request(Vec::new()).await;
    let first = disk.calls();
    disk.down_at(first + at);
    let acknowledged = run(&before, request).await;
    let came_through = before.status(request) == "Completed";
    let left = disk.crash(how, &SeededRng::new(at));
    let house = before.reopened(left).await;
    // At every moment the mailbox is somewhere, whole.
    assert_eq!(picture(&house.open().await), expected, "{what}");
    // The queue delivers again what it has no answer for, while the move goes on.
    let user = async {
        for n in 0..45 {
            assert!(house.deliver(n).await, "{what}");
        }
    };
    tokio::join!(user, check_later(&house, request));
    check(&house, request, expected, &what).await;
    let found = deliveries(&house.open().await);
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..45).collect::<Vec<_>>(), "{what}: acknowledged {acknowledged:?}");
    came_through
}

async fn check_later(house: &House, request: base::Guid) {
    house.carry(request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_survives_going_down_at_every_write() {
    let house = House::new(40).await;
    let expected = picture(&house.open().await);
    let (mut at, mut survived) = (1, 0);
    // Where the move comes through before the machine goes down, there is no later write to go down at.
    while survived < 2 {
        let how = if at % 2 == 0 { Crash::Kill } else { Crash::PowerCut };
        let disk = house.disk.fork();
        survived += u32::from(round(&house, disk, at, how, &expected).await);
        at += 3;
        assert!(at < 3000, "the move does not end");
    }
    assert!(at > 60, "the machine never went down in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_request_leaves_the_source_as_it_was_wherever_it_stood() {
    let house = House::new(40).await;
    let expected = picture(&house.open().await);
    for at in (1..200).step_by(17) {
        let disk = house.disk.fork();
        let before = house.reopened(disk.clone()).await;
        let request = before.request(vec![]).await;
        disk.down_at(disk.calls() + at);
        before.carry(request).await;
        let left = before.reopened(disk.crash(Crash::Kill, &SeededRng::new(at))).await;
        if left.object(request).flag("Switched") {
            break;
        }
        left.directory.commit(move |draft| draft.delete(request)).await.unwrap();
        left.mover(crate::house::small()).sweep(&[]).await;
        let mailbox = left.open().await;
        assert_eq!((mailbox.database().guid(), picture(&mailbox)), (left.databases[0], expected.clone()));
        assert!(mailbox.available().is_ok() && left.deliver(1).await);
        let target = left.database(1);
        assert_eq!((target.transfers().unwrap(), target.statistics().unwrap()), (vec![], vec![]), "{at}");
    }
}
