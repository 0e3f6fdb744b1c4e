//! The house falls at any moment: nothing acknowledged is lost, nothing is seen twice.

use super::*;

#[tokio::test]
async fn what_was_queued_is_there_after_a_crash() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let group = house.world.group("team", &[]).await;
    let nuno = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap().guid;
    house.world.commit(move |draft| draft.add_member(group, nuno)).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(house.accept(mail("x@ext.example", &["team@rialto.test"], &n.to_string())).await.unwrap());
    }
    let house = house.crash().await;
    assert_eq!(house.queues(), [("Submission".to_owned(), QueueStatus::Ready, 10)]);
    let next = house.accept(mail("x@ext.example", &["team@rialto.test"], "11")).await.unwrap();
    assert!(ids.iter().all(|id| *id < next), "numbers are never given twice");
    house.idle().await;
    assert_eq!(house.inbox("nuno").len(), 11);
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn a_crash_between_delivery_and_its_record_shows_nothing_twice() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let contact = house.world.contact("inner", "nuno@rialto.test").await;
    let _ = contact;
    house.accept(mail("x@ext.example", &["inner@rialto.test"], "once")).await.unwrap();
    // One step: the categorizer. Then the rows of that moment are kept, as a crash would keep them.
    let core = &house.transport.core;
    let job = core.schedule.lock().take(core.now()).unwrap();
    core.process(job).await;
    let copy = house.world.dir.path().join("copy");
    copy_folder(&house.world.dir.path().join("queue"), &copy);
    house.idle().await;
    assert_eq!((house.inbox("nuno").len(), house.queues().len()), (1, 0));
    let House { world, place, stores, transport, courier } = house;
    transport.stop().await.unwrap();
    drop(transport);
    std::fs::remove_dir_all(world.dir.path().join("queue")).unwrap();
    std::fs::rename(&copy, world.dir.path().join("queue")).unwrap();
    let transport = open(&world, &place, &stores, &courier, Transport::open).await;
    let house = House { world, place, stores, transport, courier };
    assert_eq!(house.queues(), [("db01".to_owned(), QueueStatus::Ready, 1)]);
    house.idle().await;
    assert_eq!((house.inbox("nuno").len(), house.queues().len()), (1, 0));
    assert_eq!(house.events().last().unwrap(), "DUPLICATEDELIVER STOREDRIVER nuno");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn crashes_at_random_lose_and_double_nothing() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(0..3, |seed: u64| seed..seed + 1) {
        use base::Rng;
        let rng = base::rng::SeededRng::new(seed);
        let mut house = House::new().await;
        let (a, b) = (house.world.mailbox("a").await, house.world.mailbox("b").await);
        house.world.group("team", &[a, b]).await;
        let mut acknowledged = Vec::new();
        for n in 0..40 {
            let to = ["a@rialto.test", "team@rialto.test"][rng.below(2) as usize];
            let text = format!("message-{n}-");
            house.accept(mail("x@ext.example", &[to, "b@rialto.test"], &text)).await.unwrap();
            acknowledged.push(text);
            for _ in 0..rng.below(4) {
                let core = &house.transport.core;
                let job = core.schedule.lock().take(core.now());
                if let Some(job) = job {
                    core.process(job).await;
                }
            }
            if rng.below(5) == 0 {
                house = house.crash().await;
            }
        }
        let house = house.crash().await;
        house.idle().await;
        for name in ["a", "b"] {
            let inbox = house.inbox(name);
            for text in &acknowledged {
                let copies = inbox.iter().filter(|message| message.contains(text.as_str())).count();
                assert_eq!(copies, 1, "SEED={seed}: {text} in {name}");
            }
        }
        assert_eq!(house.queues(), [], "SEED={seed}");
    }
}

/// The process dies while it works on a message: `core` is let go with the message under way.
async fn dies_while_working_on(house: House, ids: &[u64]) -> House {
    std::mem::forget(house.transport.core.underway.mark(ids));
    house.crash().await
}

#[tokio::test]
async fn a_message_that_kills_the_service_twice_is_set_aside() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let nuno = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap().guid;
    house.world.group("team", &[nuno]).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(house.accept(mail("x@ext.example", &["team@rialto.test"], &n.to_string())).await.unwrap());
    }
    let house = dies_while_working_on(house, &ids).await;
    // Two of the three come through, each tried alone; the third kills again.
    let core = &house.transport.core;
    let first = core.schedule.lock().take(core.now()).unwrap();
    assert_eq!(first.ids, ids[..1]);
    assert_eq!(core.schedule.lock().take(core.now()), None, "one at a time");
    let mut next = first;
    while !next.ids.contains(&ids[2]) {
        core.process(next).await;
        next = core.schedule.lock().take(core.now()).unwrap();
    }
    let house = dies_while_working_on(house, &ids[2..]).await;
    house.idle().await;
    assert_eq!(house.inbox("nuno").len(), 2);
    let poison = [("Poison Message".to_owned(), QueueStatus::Ready, 1)];
    assert_eq!(house.queues(), poison);
    assert!(house.events().iter().any(|event| event.starts_with("POISONMESSAGE POISONMESSAGE team")));
    let house = house.crash().await;
    house.later(Duration::from_hours(1)).await;
    assert_eq!(house.queues(), poison, "it stays there");
    house.transport.suspend_message(ids[2], false).await.unwrap();
    house.idle().await;
    assert_eq!((house.inbox("nuno").len(), house.queues().len()), (3, 0));
}

#[tokio::test]
async fn a_stop_accuses_nobody_and_who_came_through_is_forgiven() {
    let house = House::new().await;
    house.world.connector("Internet", &["*"], &[]).await;
    house.world.contact("outside", "x@ext.example").await;
    let later = || Ok(Reply::new(451, (4, 7, 1), "later"));
    house.courier.answers.lock().extend([later(), later(), later()]);
    let id = house.accept(mail("y@ext.example", &["outside@rialto.test"], "a")).await.unwrap();
    let mut house = house;
    for _ in 0..3 {
        house = dies_while_working_on(house, &[id]).await;
        let failures = || house.transport.core.spool.load(id).unwrap().message.failures;
        assert_eq!(failures(), 1);
        house.later(Duration::from_mins(10)).await;
        assert_eq!(failures(), 0);
    }
    std::mem::forget(house.transport.core.underway.mark(&[id]));
    house.transport.stop().await.unwrap();
    let house = house.crash().await;
    assert_eq!(house.transport.core.spool.load(id).unwrap().message.failures, 0);
    house.later(Duration::from_mins(10)).await;
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn it_runs_by_itself_and_stops_when_told() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let nuno = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap().guid;
    house.world.group("team", &[nuno]).await;
    let House { world, place, stores, transport, courier } = house;
    drop(transport);
    let transport = open(&world, &place, &stores, &courier, Transport::start).await;
    let house = House { world, place, stores, transport, courier };
    for _ in 0..20 {
        house.accept(mail("x@ext.example", &["team@rialto.test"], "x")).await.unwrap();
    }
    for _ in 0..500 {
        if house.inbox("nuno").len() == 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    house.transport.stop().await.unwrap();
    assert_eq!(house.inbox("nuno").len(), 20);
    assert!(house.accept(mail("x@ext.example", &["team@rialto.test"], "late")).await.is_err());
}

/// The house on a full volume: no message is acknowledged that is not there, and it recovers by itself.
#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let nuno = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap().guid;
    house.world.group("team", &[nuno]).await;
    let big = "x".repeat(100_000);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        house.world.disk.fill(true);
        // By the queue and by the short way in turn, until both say no.
        let mut refused = [0, 0];
        for n in 0..200 {
            let way = n % 2;
            let to = ["team@rialto.test", "nuno@rialto.test"][way];
            let text = format!("message-{round}-{n}-{big}");
            match house.accept(mail("x@ext.example", &[to], &text)).await {
                Ok(_) => acknowledged.push(format!("message-{round}-{n}-")),
                Err(Refusal::Failed(fault)) => {
                    assert_eq!(
                        Reply::from(&fault).to_string(),
                        "452 4.3.1 Insufficient system resources (UsedDiskSpace)"
                    );
                    refused[way] += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
            if refused.iter().all(|count| *count > 2) {
                break;
            }
        }
        assert!(refused.iter().all(|count| *count > 2), "{refused:?}");
        house.world.disk.fill(false);
        let text = format!("message-{round}-after-");
        house.accept(mail("x@ext.example", &["team@rialto.test"], &text)).await.unwrap();
        acknowledged.push(text);
        house.later(Duration::from_mins(5)).await;
    }
    let house = house.crash().await;
    // What waited for the disk is tried again at the message retry interval at the latest.
    house.later(Duration::from_mins(15)).await;
    let inbox = house.inbox("nuno");
    for text in &acknowledged {
        let copies = inbox.iter().filter(|message| message.contains(text.as_str())).count();
        assert_eq!(copies, 1, "{text} of {} in {} {:?}", acknowledged.len(), inbox.len(), house.queues());
    }
    assert_eq!(inbox.len(), acknowledged.len());
    assert_eq!(house.queues(), []);
}
