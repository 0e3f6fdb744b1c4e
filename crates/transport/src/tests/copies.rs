//! A queue with copies on other servers: they lose touch, and what was asked of them may have been done or not.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use base::{Rng, rng::SeededRng};
use engine::{EngineError, EntryId, Record, Replica};

use super::{elsewhere::Pair, *};
use crate::queue::adoption;

/// Plays the group of a replicated queue until the test ends: the active copy, with a majority that is there or
/// is not.
async fn play(replica: Replica, rng: SeededRng, is_calm: Arc<AtomicBool>) {
    loop {
        replica.called().await;
        if !is_calm.load(SeqCst) && rng.below(6) == 0 {
            replica.refuse(&EngineError::Passive(String::new()));
        }
        while let Some(turn) = replica.gather() {
            let (all, calm) = (turn.records().len(), is_calm.load(SeqCst));
            let (taken, outcome) = match if calm { 9 } else { rng.below(6) } {
                0 => (0, Err(EngineError::Conflict)),
                1 | 2 => (rng.below(all as u64 + 1) as usize, Err(EngineError::Unknown)),
                _ => (all, Ok(())),
            };
            let last = replica.log_state().last.index;
            let numbered = (last + 1..).zip(&turn.records()[..taken]);
            let entry = |index| EntryId { term: 1, index };
            let records: Vec<Record> =
                numbered.map(|(index, record)| record.clone().with_entry(entry(index))).collect();
            replica.accept(records.clone()).unwrap();
            replica.flush().unwrap();
            replica.apply(&records).unwrap();
            // Nobody is told of what is not known, though it was done.
            let known = if outcome.is_ok() { taken } else { 0 };
            replica.answer(turn, known, outcome);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_is_delivered_once_and_what_is_refused_never() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(0..3, |seed: u64| seed..seed + 1) {
        let world = Arc::new(World::new().await);
        let options = engine_options(world.dir.path(), "replicated", &world.clock, &world.disk);
        let replica = Replica::open(options, true).unwrap();
        let place = Place { queue: Some(replica.database().clone()), ..Place::alone(&world) };
        let is_calm = Arc::new(AtomicBool::new(true));
        let group = tokio::spawn(play(replica, SeededRng::new(seed), is_calm.clone()));
        let house = House::at(world, place).await;
        house.world.connector("Internet", &["*"], &[]).await;
        let nuno = house.world.mailbox("nuno").await;
        let outside = house.world.contact("outside", "x@ext.example").await;
        house.world.group("team", &[nuno, outside]).await;
        is_calm.store(false, SeqCst);
        let rng = SeededRng::new(seed + 1000);
        let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
        for n in 0..60 {
            let text = format!("message-{n}-");
            match house.accept(mail("y@ext.example", &["team@rialto.test"], &text)).await {
                Ok(_) => acknowledged.push(text),
                Err(Refusal::Said(reply)) => {
                    assert_eq!(reply.to_string(), "451 4.4.0 Message failed to be made redundant");
                    refused.push(text);
                }
                Err(other) => panic!("{other:?}"),
            }
            if rng.below(3) == 0 {
                house.later(Duration::from_secs(rng.below(8))).await;
            }
        }
        is_calm.store(true, SeqCst);
        for _ in 0..3 {
            house.later(Duration::from_secs(61)).await;
        }
        assert_eq!(house.queues(), [], "SEED={seed}");
        house.transport.core.spool.disown().await.unwrap();
        let house = house.crash().await;
        house.later(Duration::from_mins(15)).await;
        assert!(!refused.is_empty() && acknowledged.len() > 10, "SEED={seed}: it was not tried");
        let inbox = house.inbox("nuno");
        let text = |letter: &Letter| {
            letter.parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect::<String>()
        };
        let letters: Vec<String> =
            house.courier.carried.lock().iter().map(|(_, letter)| text(letter)).collect();
        let copies =
            |of: &str| [&inbox, &letters].map(|all| all.iter().filter(|one| one.contains(of)).count());
        for text in &acknowledged {
            assert_eq!(copies(text), [1, 1], "SEED={seed}: {text}");
        }
        for text in &refused {
            assert_eq!(copies(text), [0, 0], "SEED={seed}: {text} was refused");
        }
        group.abort();
    }
}

#[tokio::test]
async fn a_queue_that_is_taken_away_takes_nothing_and_goes_on_where_others_have_left_it() {
    let Pair { a, b, .. } = Pair::new().await;
    let options = engine_options(a.world.dir.path(), "lent", &a.world.clock, &a.world.disk);
    let queue = blocking(move || engine::Database::open(options)).await.unwrap();
    a.transport.stop().await.unwrap();
    let House { world, place, stores, courier, .. } = a;
    let place = Place { queue: Some(queue.clone()), ..place };
    let transport = open(&world, &place, &stores, &courier, Transport::open).await;
    let a = House { world, place, stores, transport, courier };
    a.world.connector("Internet", &["*"], &[]).await;
    a.world.contact("outside", "x@ext.example").await;
    let send = async |text: &str| a.accept(mail("y@ext.example", &["outside@rialto.test"], text)).await;
    let later = || Ok(Reply::new(451, (4, 7, 1), "later"));
    a.courier.answers.lock().extend([later(), later()]);
    send("one-").await.unwrap();
    send("two-").await.unwrap();
    a.idle().await;
    send("three-").await.unwrap();
    assert_eq!(a.courier.carried.lock().drain(..).count(), 2, "both were told to come later");

    a.transport.close_queue();
    let Err(Refusal::Said(reply)) = send("refused-").await else { panic!("it was taken") };
    assert_eq!(reply.to_string(), "451 4.4.0 Message failed to be made redundant");
    a.later(Duration::from_mins(20)).await;
    assert_eq!(a.courier.carried.lock().len(), 0, "what is not here is not sent");
    assert!(a.transport.core.spool.oldest().is_err(), "how old it is, nobody knows");

    // Another server has it for a while, and takes the oldest ones over before it is lost in turn.
    let core = &b.transport.core;
    let numbers = adoption::foreign_page(&queue, None).unwrap();
    let (batch, _) = core.read_together(&queue, &mut &numbers[..2]).unwrap();
    let notes = core.copy(a.place.server, &batch).await.unwrap();
    let left = adoption::leave(&queue, core.server_object, notes).await.unwrap();
    b.transport.settle_adoption(&queue, a.place.server).await.unwrap();
    assert_eq!((left.len(), core.spool.notes(None).unwrap().len()), (2, 0));
    a.transport.open_queue(queue, true).await.unwrap();
    let waiting = a.queues();
    assert_eq!(waiting, [("Submission".to_owned(), QueueStatus::Ready, 1)]);
    send("four-").await.unwrap();
    a.idle().await;
    b.later(Duration::from_mins(20)).await;
    let subjects = |house: &House| house.courier.carried.lock().len();
    assert_eq!((subjects(&a), subjects(&b)), (2, 2));
    assert_eq!((a.queues(), b.queues()), (vec![], vec![]));
}
