//! What administrators do with the queues.

use super::*;
use crate::queue::QueueIdentity;

async fn stuck() -> (House, u64, QueueIdentity) {
    let house = House::new().await;
    house.world.connector("Internet", &["*"], &[]).await;
    house.world.mailbox("nuno").await;
    house.world.contact("outside", "x@ext.example").await;
    house.courier.answers.lock().push_back(Err(Reply::new(451, (4, 4, 0), "down")));
    let id = house.accept(mail("nuno@rialto.test", &["outside@rialto.test"], "out")).await.unwrap();
    house.idle().await;
    let identity = house.transport.queues().remove(1).info.identity;
    (house, id, identity)
}

#[tokio::test]
async fn queues_are_listed_as_the_product_does() {
    let (house, id, identity) = stuck().await;
    let reports = house.transport.queues();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0].info.identity, QueueIdentity::Submission);
    let report = &reports[1];
    assert!(matches!(report.info.identity, QueueIdentity::Number(_)));
    assert_eq!(report.delivery_type, crate::queue::DeliveryType::DnsConnectorDelivery);
    assert_eq!(report.info.last_error, "451 4.4.0 down");
    assert_eq!(report.info.last_retry, Some(crate::world::START));
    assert_eq!(report.info.next_retry.unwrap().since(crate::world::START), Duration::from_mins(1));
    assert_eq!((report.info.retry_count, report.info.outgoing_rate), (1, 0.0));
    assert!(report.info.incoming_rate > 0.0);
    let messages = house.transport.messages(&identity, 10).unwrap();
    assert_eq!((messages[0].id, messages[0].message.subject.as_str()), (id, "Ponte"));
    assert!(house.transport.messages(&QueueIdentity::Number(999), 1).is_err());
}

#[tokio::test]
async fn retry_and_resubmit() {
    for resubmit in [false, true] {
        let (house, _, identity) = stuck().await;
        house.transport.retry_queue(&identity, resubmit).await.unwrap();
        house.idle().await;
        if resubmit {
            // It is back in the same resting queue until its time.
            house.later(Duration::from_mins(1)).await;
        }
        assert_eq!(house.queues(), [], "resubmit {resubmit}");
        assert_eq!(house.courier.carried.lock().len(), 1);
    }
}

#[tokio::test]
async fn suspended_messages_stay_suspended_over_a_restart() {
    let (house, id, _) = stuck().await;
    house.transport.suspend_message(id, true).await.unwrap();
    house.later(Duration::from_mins(5)).await;
    let house = house.crash().await;
    house.idle().await;
    assert!(house.courier.carried.lock().is_empty());
    house.transport.suspend_message(id, false).await.unwrap();
    house.idle().await;
    assert_eq!(house.courier.carried.lock().len(), 1);
}

#[tokio::test]
async fn a_suspended_queue_begins_nothing() {
    let (house, _, identity) = stuck().await;
    house.transport.suspend_queue(&identity, true).await.unwrap();
    house.later(Duration::from_mins(5)).await;
    assert_eq!(house.queues()[0].1, QueueStatus::Suspended);
    // Neither does a restart release it, nor what comes for the hop meanwhile.
    let house = house.crash().await;
    house.accept(mail("nuno@rialto.test", &["outside@rialto.test"], "more")).await.unwrap();
    house.idle().await;
    assert_eq!(house.queues(), [("ext.example".to_owned(), QueueStatus::Suspended, 2)]);
    let identity = house.transport.queues().remove(1).info.identity;
    house.transport.suspend_queue(&identity, false).await.unwrap();
    house.idle().await;
    assert_eq!(house.queues(), []);
    let house = house.crash().await;
    assert_eq!(house.transport.queues().len(), 1, "what was released stays so");
}

#[tokio::test]
async fn the_submission_queue_can_be_held_before_anything_comes() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let team = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap().guid;
    house.world.group("team", &[team]).await;
    house.transport.suspend_queue(&QueueIdentity::Submission, true).await.unwrap();
    let house = house.crash().await;
    house.accept(mail("x@ext.example", &["team@rialto.test"], "held")).await.unwrap();
    house.idle().await;
    assert_eq!(house.queues(), [("Submission".to_owned(), QueueStatus::Suspended, 1)]);
    house.transport.suspend_queue(&QueueIdentity::Submission, false).await.unwrap();
    house.idle().await;
    assert_eq!(house.inbox("nuno").len(), 1);
}

#[tokio::test]
async fn removed_with_a_notification_or_without() {
    for with_ndr in [true, false] {
        let (house, id, _) = stuck().await;
        house.transport.remove_message(id, with_ndr).await.unwrap();
        house.idle().await;
        assert_eq!(house.queues(), []);
        assert_eq!(house.inbox("nuno").len(), usize::from(with_ndr));
        assert!(house.transport.remove_message(id, with_ndr).await.is_err());
    }
}
