//! Other servers: refusals, hops that are down, expiry, reports.

use super::*;
use crate::queue::{Message, NewMessage};

const HOUR: Duration = Duration::from_hours(1);

async fn with_a_contact() -> House {
    let house = House::new().await;
    house.world.connector("Internet", &["*"], &[]).await;
    house.world.mailbox("nuno").await;
    house.world.contact("outside", "x@ext.example").await;
    house
}

async fn send(house: &House) {
    house.accept(mail("nuno@rialto.test", &["outside@rialto.test"], "out")).await.unwrap();
    house.idle().await;
}

#[tokio::test]
async fn a_permanent_refusal_comes_back_with_the_servers_own_words() {
    let house = with_a_contact().await;
    house.courier.answers.lock().push_back(Ok(Reply::new(550, (5, 7, 1), "go away")));
    send(&house).await;
    let inbox = house.inbox("nuno");
    assert!(inbox[0].contains("Diagnostic-Code: smtp;550 5.7.1 go away\r\n"), "{}", inbox[0]);
    assert!(inbox[0].contains("Remote-MTA: dns;mx.ext.example\r\n"));
    assert!(inbox[0].contains("\r\n\r\noutside@rialto.test\r\n"), "people see the address they wrote to");
    assert!(house.events().contains(&"FAIL SMTP x@ext.example 550 5.7.1 go away".into()));
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn a_transient_refusal_is_tried_again_at_the_message_retry_interval() {
    let house = with_a_contact().await;
    let later = Ok(Reply::new(451, (4, 7, 1), "greylisted"));
    house.courier.answers.lock().push_back(later);
    send(&house).await;
    assert_eq!(house.queues(), [("ext.example".to_owned(), QueueStatus::Ready, 1)]);
    let queue = house.transport.queues().remove(1).info.identity;
    let waiting = house.transport.messages(&queue, 10).unwrap();
    assert_eq!((waiting[0].status, waiting[0].recipients[0].attempts), (MessageStatus::Retry, 1));
    assert_eq!(waiting[0].recipients[0].last_error, "451 4.7.1 greylisted");
    let settings = house.transport.core.settings();
    house.later(settings.message_retry_interval.to_duration() - Duration::from_secs(1)).await;
    assert_eq!(house.courier.carried.lock().len(), 1);
    house.later(Duration::from_secs(1)).await;
    assert_eq!(house.courier.carried.lock().len(), 2);
    assert_eq!(house.queues(), []);
    assert!(house.events().contains(&"DEFER SMTP x@ext.example 451 4.7.1 greylisted".into()));
}

#[tokio::test]
async fn a_hop_that_is_down_is_tried_at_the_products_pace_until_the_message_expires() {
    let house = with_a_contact().await;
    let down = || Err(Reply::new(451, (4, 4, 0), "connection refused"));
    house.courier.answers.lock().extend((0..1000).map(|_| down()));
    send(&house).await;
    let attempts = || 1000 - house.courier.answers.lock().len();
    let mut minutes = Vec::new();
    let mut seen = attempts();
    for minute in 1..=120 {
        house.later(Duration::from_mins(1)).await;
        if attempts() > seen {
            minutes.push(minute);
            seen = attempts();
        }
    }
    // Four glitches a minute apart, six transient failures five minutes apart, then every ten minutes.
    assert_eq!(minutes[..12], [1, 2, 3, 4, 9, 14, 19, 24, 29, 34, 44, 54]);
    assert_eq!(house.queues()[0].1, QueueStatus::Retry);
    assert!(house.inbox("nuno").is_empty());
    for _ in 0..3 {
        house.later(HOUR).await;
    }
    let delayed = house.inbox("nuno");
    assert_eq!(delayed.len(), 1);
    assert!(
        delayed[0].contains("Subject: Delivery delayed: Ponte") && delayed[0].contains("Action: delayed")
    );
    assert!(delayed[0].contains("Will-Retry-Until: Wed, 25 Nov 2026 05:38:01 +0000"));
    for _ in 0..50 {
        house.later(HOUR).await;
    }
    let all = house.inbox("nuno");
    assert_eq!(all.len(), 2, "one delay, one failure");
    assert!(
        all[1].contains("550 5.4.7 QUEUE.Expired; message expired; last error: 451 4.4.0 connection refused"),
        "{}",
        all[1]
    );
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn without_a_connector_mail_waits_as_unreachable_until_one_comes() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.world.contact("outside", "x@ext.example").await;
    send(&house).await;
    assert_eq!(house.queues(), [("Unreachable Domain".to_owned(), QueueStatus::Ready, 1)]);
    house.world.connector("Internet", &["*"], &["[192.0.2.7]"]).await;
    house.idle().await;
    assert_eq!(house.queues(), []);
    assert!(matches!(house.courier.carried.lock()[0].0, Hop::SmartHost(_)));
}

#[tokio::test]
async fn recipients_of_one_message_share_a_letter_and_messages_a_connection() {
    let house = with_a_contact().await;
    house.world.contact("other", "y@ext.example").await;
    for n in 0..3 {
        let to = ["outside@rialto.test", "other@rialto.test"];
        house.accept(mail("nuno@rialto.test", &to, &n.to_string())).await.unwrap();
    }
    house.idle().await;
    let carried = house.courier.carried.lock().clone();
    assert_eq!(carried.len(), 3);
    assert!(carried.iter().all(|(_, letter)| letter.envelope.to.len() == 2));
}

#[tokio::test]
async fn who_asked_hears_that_a_server_without_reports_took_it() {
    let house = with_a_contact().await;
    let mut asking = mail("nuno@rialto.test", &["outside@rialto.test"], "x");
    asking.envelope.to[0].notify = Some(wire::smtp::Notify { success: true, failure: true, delay: false });
    house.accept(asking).await.unwrap();
    house.idle().await;
    assert!(house.inbox("nuno")[0].contains("Action: relayed\r\nStatus: 2.1.9\r\n"));
}

#[tokio::test]
async fn a_message_that_breaks_the_courier_down_is_set_aside() {
    let house = with_a_contact().await;
    let poison = || Err(Reply::new(451, (4, 4, 0), "panic"));
    house.courier.answers.lock().extend([poison(), poison()]);
    send(&house).await;
    house.later(Duration::from_mins(2)).await;
    assert_eq!(house.queues(), [("Poison Message".to_owned(), QueueStatus::Ready, 1)]);
    assert!(
        house.events().iter().any(|event| event.starts_with("POISONMESSAGE POISONMESSAGE x@ext.example"))
    );
    // It neither expires nor is forgotten by a restart; an administrator gives it another chance.
    house.later(HOUR * 100).await;
    let house = house.crash().await;
    assert_eq!(house.queues().len(), 1);
    let id = house.transport.messages(&crate::queue::QueueIdentity::Poison, 9).unwrap()[0].id;
    house.transport.suspend_message(id, false).await.unwrap();
    house.idle().await;
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn when_a_connector_goes_its_mail_finds_another_way() {
    let house = with_a_contact().await;
    house.courier.answers.lock().push_back(Err(Reply::new(451, (4, 4, 0), "down")));
    send(&house).await;
    let connector = house.world.view().send_connectors().next().unwrap().guid;
    house.world.edit(connector, "Enabled", false).await;
    house.later(Duration::from_mins(1)).await;
    assert_eq!(house.queues(), [("Unreachable Domain".to_owned(), QueueStatus::Ready, 1)]);
    house.world.connector("Other", &["*"], &["smart.example"]).await;
    house.idle().await;
    assert_eq!(house.queues(), []);
    assert!(matches!(house.courier.carried.lock()[0].0, Hop::SmartHost(_)));
}

/// Writes ever smaller rows into the queue's database until not even the smallest fits.
async fn exhaust(spool: &crate::queue::Spool, body: &Message) {
    let mut size = 256 << 10;
    while size > 0 {
        let new = NewMessage {
            id: spool.next_id(),
            message: Message { message_id: "x".repeat(size), ..body.clone() },
            recipients: Vec::new(),
            parts: Vec::new(),
        };
        match spool.accept(new).await {
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_of_the_database(), "{error}");
                size /= 2;
            }
        }
    }
}

/// The next server takes a message, and then our own disk is too full to note it.
#[tokio::test]
async fn what_was_sent_is_not_sent_again_while_the_disk_is_full() {
    let house = with_a_contact().await;
    let mut asking = mail("nuno@rialto.test", &["outside@rialto.test"], "out");
    asking.envelope.to[0].notify = Some(wire::smtp::Notify { success: true, failure: true, delay: false });
    let id = house.accept(asking).await.unwrap();
    let (core, disk) = (Arc::clone(&house.transport.core), house.world.disk.clone());
    *house.courier.meanwhile.lock() = Some(Box::new(move || {
        Box::pin(async move {
            let message = core.spool.load(id).unwrap().message;
            disk.fill(true);
            exhaust(&core.spool, &message).await;
        })
    }));
    house.idle().await;
    let carried = || house.courier.carried.lock().len();
    for _ in 0..5 {
        house.later(Duration::from_secs(5)).await;
        assert_eq!(house.queues(), [("ext.example".to_owned(), QueueStatus::Retry, 1)]);
    }
    assert_eq!(carried(), 1);
    // An administrator is told so, and takes nothing back that is done.
    assert!(house.transport.remove_message(id, true).await.is_err());
    house.world.disk.fill(false);
    house.later(Duration::from_secs(5)).await;
    assert_eq!((carried(), house.queues()), (1, Vec::new()));
    assert!(matches!(house.transport.core.spool.load(id), Err(TransportError::NoMessage(_))));
    let events = house.events();
    let count = |kind: &str| events.iter().filter(|event| event.starts_with(kind)).count();
    assert_eq!((count("SEND"), count("DSN"), count("FAIL")), (1, 1, 0), "{events:?}");
    assert_eq!(house.inbox("nuno").len(), 1, "the report that was asked for");
}

/// What a stop can still write it does, and what only the process knew comes once more after its death.
#[tokio::test]
async fn a_stop_notes_what_was_kept() {
    for stop in [true, false] {
        let house = with_a_contact().await;
        let (core, disk) = (Arc::clone(&house.transport.core), house.world.disk.clone());
        *house.courier.meanwhile.lock() = Some(Box::new(move || {
            Box::pin(async move {
                disk.fill(true);
                exhaust(&core.spool, &Message::blank(Guid::EMPTY, core.now())).await;
            })
        }));
        send(&house).await;
        house.world.disk.fill(false);
        if stop {
            house.transport.stop().await.unwrap();
        }
        let house = house.crash().await;
        house.later(Duration::from_secs(5)).await;
        assert_eq!(house.courier.carried.lock().len(), if stop { 1 } else { 2 });
        assert_eq!(house.queues(), []);
    }
}
