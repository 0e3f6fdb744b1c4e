//! A server is lost, and another one takes over its queue.

use base::Rng;
use engine::Database;

use super::{
    elsewhere::{Pair, Weather, Wire},
    *,
};
use crate::queue::{Note, adoption};

/// Opens the queue of a server that is not running, as its active copy would be.
async fn queue_of(house: &Lost) -> Database {
    let dir = house.place.folder(&house.world, "queue");
    let options = engine_options(dir.parent().unwrap(), "mail queue", &house.world.clock, &house.world.disk);
    for _ in 0..500 {
        let options = engine::Options { dir: dir.clone(), ..options.clone() };
        if let Ok(database) = blocking(move || Database::open(options)).await {
            return database;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the queue of the lost server did not open");
}

/// A house without its transport.
struct Lost {
    world: Arc<World>,
    place: Place,
    stores: Stores,
    courier: Arc<Ways>,
}

impl Lost {
    fn new(house: House, wire: &Wire) -> Self {
        *wire.there.lock() = None;
        let House { world, place, stores, courier, .. } = house;
        Self { world, place, stores, courier }
    }

    /// The server comes back, and has its queue again.
    async fn back(self, wire: &Wire) -> House {
        let Lost { world, place, stores, courier } = self;
        let transport = open(&world, &place, &stores, &courier, Transport::open).await;
        wire.lead_to(&transport);
        House { world, place, stores, transport, courier }
    }
}

/// Mail at A that waits for everything there is to wait for, and an organisation in which it is A's alone.
async fn waiting_mail(a: &House, second: Guid, messages: usize) {
    a.world.connector("Internet", &["*"], &[]).await;
    let ana = a.world.mailbox_in("ana", second).await;
    let outside = a.world.contact("outside", "x@ext.example").await;
    a.world.group("team", &[ana, outside]).await;
    for n in 0..messages {
        a.accept(mail("y@ext.example", &["team@rialto.test"], &format!("message-{n}-"))).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_lost_server_had_accepted_is_delivered_by_another_one() {
    let Pair { a, b, second, to_a, to_b } = Pair::new().await;
    to_b.set(Weather::Down);
    a.courier.answers.lock().push_back(Ok(Reply::new(451, (4, 7, 1), "not now")));
    waiting_mail(&a, second, 1).await;
    a.idle().await;
    a.accept(mail("y@ext.example", &["team@rialto.test"], "message-1-")).await.unwrap();
    let id = a.transport.messages(&"Submission".parse().unwrap(), 9).unwrap()[0].id;
    let received = a.transport.core.spool.load(id).unwrap().message.received;
    b.clock().advance(Duration::from_secs(60));
    let lost = Lost::new(a, &to_a);
    let queue = queue_of(&lost).await;
    let adopted = b.transport.adopt(queue.clone(), lost.place.server).await.unwrap();
    assert_eq!(adopted, crate::Adoption { adopted: 2, left: 0 });
    assert_eq!(b.transport.adopt(queue, lost.place.server).await.unwrap(), crate::Adoption::default());
    assert_eq!(b.transport.core.spool.oldest().unwrap(), Some(received), "they expire when they would have");
    b.idle().await;
    assert_eq!(b.inbox("ana").len(), 2);
    assert_eq!(b.courier.carried.lock().len(), 1, "the other one was asked to come later");
    b.later(Duration::from_mins(10)).await;
    assert_eq!((b.courier.carried.lock().len(), b.queues()), (2, vec![]));
    let taken: Vec<_> =
        b.events().into_iter().filter(|event| event.starts_with("RESUBMIT REDUNDANCY")).collect();
    assert_eq!(taken, ["RESUBMIT REDUNDANCY ana;x@ext.example", "RESUBMIT REDUNDANCY team"]);
    // When the lost server is back, it has nothing left to do.
    let a = lost.back(&to_a).await;
    assert_eq!(a.queues(), []);
}

/// As `Transport::adopt`, but it may die after any step. True when it came to the end.
async fn adopt_until(b: &House, foreign: &Database, owner: Guid, mut steps: u64) -> bool {
    let core = &b.transport.core;
    let mut may_go_on = || {
        steps = steps.saturating_sub(1);
        steps > 0
    };
    let mut unfinished: Vec<Vec<Note>> =
        core.spool.notes(Some(owner)).unwrap().chunks(3).map(<[Note]>::to_vec).collect();
    let mut last = None;
    loop {
        let notes = match unfinished.pop() {
            Some(notes) => notes,
            None => {
                let page = adoption::foreign_page(foreign, last).unwrap();
                let mut some = &page[..page.len().min(3)];
                if some.is_empty() {
                    return true;
                }
                last = some.last().copied();
                let (batch, _) = core.read_together(foreign, &mut some).unwrap();
                core.copy(owner, &batch).await.unwrap()
            }
        };
        if !may_go_on() {
            return false;
        }
        let left = adoption::leave(foreign, core.server_object, notes.clone()).await.unwrap();
        if !may_go_on() {
            return false;
        }
        core.make_own(left).await.unwrap();
        if !may_go_on() {
            return false;
        }
        adoption::forget(foreign, notes).await.unwrap();
    }
}

#[tokio::test]
async fn a_queue_that_can_only_be_read_still_shows_whose_a_message_is() {
    let Pair { a, b, second, to_a, .. } = Pair::new().await;
    waiting_mail(&a, second, 3).await;
    let (owner, core) = (a.place.server, b.transport.core.clone());
    let lost = Lost::new(a, &to_a);
    let queue = queue_of(&lost).await;
    let whose = |queue: &Database| -> Vec<bool> {
        let notes = core.spool.notes(Some(owner)).unwrap();
        let known = adoption::whose(queue, core.server_object, &notes).unwrap();
        known.into_iter().map(|(_, is_ours)| is_ours).collect()
    };
    assert!(!adopt_until(&b, &queue, owner, 1).await, "copied, and no more");
    assert_eq!((core.spool.notes(Some(owner)).unwrap().len(), whose(&queue)), (3, vec![]));
    queue.close().unwrap();
    drop(queue);
    // The lost server is back, sees to one of them, and is lost again.
    let a = lost.back(&to_a).await;
    let job = a.transport.core.schedule.lock().take(a.transport.core.now()).unwrap();
    a.transport.core.process(job).await;
    let queue = queue_of(&Lost::new(a, &to_a)).await;
    assert_eq!(whose(&queue), [false]);
    assert!(!adopt_until(&b, &queue, owner, 2).await, "taken out of the other queue");
    assert_eq!(whose(&queue), [false, true, true]);
    queue.close().unwrap();
    let closed = b.transport.adopt(queue, owner).await;
    assert!(closed.is_err(), "{closed:?}");
}

#[tokio::test]
async fn whoever_dies_at_whatever_moment_each_message_is_delivered_once() {
    const MESSAGES: usize = 12;
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(0..6, |seed: u64| seed..seed + 1) {
        let rng = base::rng::SeededRng::new(seed);
        let Pair { a, mut b, second, to_a, to_b } = Pair::new().await;
        waiting_mail(&a, second, MESSAGES).await;
        let (courier, owner) = (a.courier.clone(), a.place.server);
        let mut lost = Lost::new(a, &to_a);
        loop {
            let queue = queue_of(&lost).await;
            let done = adopt_until(&b, &queue, owner, 1 + rng.below(8)).await;
            queue.close().unwrap();
            drop(queue);
            // B may do some of what is its own by now, and die.
            for _ in 0..rng.below(6) {
                let job = b.transport.core.schedule.lock().take(b.transport.core.now());
                if let Some(job) = job {
                    b.transport.core.process(job).await;
                }
            }
            if done {
                break;
            }
            if rng.below(2) == 0 {
                *to_b.there.lock() = None;
                b = b.crash().await;
                to_b.lead_to(&b.transport);
            }
            // A may come back, do some of what is still its own, and be lost again.
            if rng.below(2) == 0 {
                let a = lost.back(&to_a).await;
                for _ in 0..rng.below(4) {
                    let job = a.transport.core.schedule.lock().take(a.transport.core.now());
                    if let Some(job) = job {
                        a.transport.core.process(job).await;
                    }
                }
                lost = Lost::new(a, &to_a);
            }
        }
        b.later(Duration::from_mins(40)).await;
        assert_eq!(b.queues(), [], "SEED={seed}");
        let inbox = b.inbox("ana");
        let letters = [courier.carried.lock().clone(), b.courier.carried.lock().clone()].concat();
        let letters: Vec<String> = letters
            .into_iter()
            .map(|(_, letter)| {
                letter.parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
            })
            .collect();
        for n in 0..MESSAGES {
            let text = format!("message-{n}-");
            let count = |texts: &[String]| texts.iter().filter(|one| one.contains(&text)).count();
            assert_eq!((count(&inbox), count(&letters)), (1, 1), "SEED={seed}: {text}");
        }
    }
}
