//! Two servers of one organisation: mail for mailboxes that the other one has, and links that break.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use base::{
    Rng,
    neighbours::{Asked, Conversation, NeighbourError},
};
use directory::{
    NewObject, Value,
    schema::{MAILBOX_DATABASE, SERVER},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// How the wire between two servers is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Weather {
    #[default]
    Fair,
    /// Nothing gets through.
    Down,
    /// It breaks before the message is there whole.
    BreaksOnTheWay,
    /// It breaks when the message is delivered, before the answer is heard.
    BreaksBeforeTheAnswer,
}

/// The wire to a server.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) there: Mutex<Option<Transport>>,
    pub(super) weather: Mutex<Weather>,
    pub(super) conversations: AtomicUsize,
}

impl Wire {
    pub(super) fn set(&self, weather: Weather) {
        *self.weather.lock() = weather;
    }

    /// It leads to this transport from now on.
    pub(super) fn lead_to(&self, transport: &Transport) {
        *self.there.lock() = Some(transport.clone());
    }
}

impl Neighbours for Wire {
    fn ask(&self, _: Guid, _: Vec<Bytes>) -> Asked<'_, Bytes> {
        unreachable!("mail goes in conversations")
    }

    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, Conversation> {
        let there = self.there.lock().clone();
        let there = there.filter(|there| there.core.server_object == server);
        let (weather, (near, far)) = (*self.weather.lock(), duplex(4096));
        self.conversations.fetch_add(1, SeqCst);
        Box::pin(async move {
            match there {
                Some(there) if weather != Weather::Down => {
                    tokio::spawn(carry(weather, there, head, far));
                    Ok(Box::new(near) as Conversation)
                }
                _ => Err(NeighbourError::Unreachable("there is no link".into())),
            }
        })
    }
}

async fn carry(weather: Weather, there: Transport, head: Bytes, mut far: DuplexStream) {
    if weather == Weather::Fair {
        return there.answer(Guid::EMPTY, &head, far).await;
    }
    let mut body = Vec::new();
    far.read_to_end(&mut body).await.unwrap();
    if weather == Weather::BreaksOnTheWay {
        body.pop();
    }
    let (mut before, behind) = duplex(1 << 20);
    before.write_all(&body).await.unwrap();
    before.shutdown().await.unwrap();
    there.answer(Guid::EMPTY, &head, behind).await;
}

/// Two houses with a database each, and the wires between them.
pub(super) struct Pair {
    pub(super) a: House,
    pub(super) b: House,
    /// The database at B.
    pub(super) second: Guid,
    pub(super) to_b: Arc<Wire>,
    pub(super) to_a: Arc<Wire>,
}

impl Pair {
    pub(super) async fn new() -> Self {
        let world = Arc::new(World::new().await);
        let ex02 = world.create(NewObject::new(&SERVER, "EX02")).await;
        let database = NewObject::new(&MAILBOX_DATABASE, "DB02").with("Server", Value::Link(ex02));
        let second = world.create(database).await;
        let (to_a, to_b) = (Arc::new(Wire::default()), Arc::new(Wire::default()));
        let first = Place { neighbours: to_b.clone(), ..Place::alone(&world) };
        let other = Place { server: ex02, name: "EX02", neighbours: to_a.clone(), queue: None };
        let a = house(&world, first, (world.database, "DB01")).await;
        let b = house(&world, other, (second, "DB02")).await;
        to_a.lead_to(&a.transport);
        to_b.lead_to(&b.transport);
        Self { a, b, second, to_b, to_a }
    }
}

async fn house(world: &Arc<World>, place: Place, database: (Guid, &'static str)) -> House {
    let (stores, courier) = (Stores::default(), Arc::new(Ways::default()));
    mount_as(&stores, world, database).await;
    let transport = open(world, &place, &stores, &courier, Transport::open).await;
    House { world: world.clone(), place, stores, transport, courier }
}

async fn mount_as(stores: &Stores, world: &World, (guid, name): (Guid, &'static str)) {
    let engine = engine_options(world.dir.path(), name, &world.clock, &world.disk);
    let stores = stores.clone();
    blocking(move || stores.mount(store::Config { guid, engine }).map(|_| ())).await.unwrap();
}

/// `EVENT recipients server` of every event about a delivery.
fn deliveries(house: &House) -> Vec<String> {
    let records = house.transport.search_tracking(&Filter::default(), 1000).unwrap();
    let line = |record: &crate::track::Record| {
        let get = |column| record.get(column);
        let to = get(Column::RecipientAddress).replace("@rialto.test", "");
        format!("{} {to} {}", get(Column::EventId), get(Column::ServerHostname))
    };
    records.iter().map(line).filter(|line| line.contains("DELIVER")).collect()
}

#[tokio::test]
async fn plain_mail_for_another_server_is_there_before_it_is_acknowledged() {
    let Pair { a, b, second, to_b, .. } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    a.world.mailbox_in("rui", second).await;
    let to = ["ana@rialto.test", "rui@rialto.test"];
    a.accept(mail("x@ext.example", &to, &"Bom dia. ".repeat(20_000))).await.unwrap();
    for name in ["ana", "rui"] {
        let inbox = b.inbox(name);
        assert_eq!(inbox.len(), 1);
        assert!(inbox[0].starts_with("Return-Path: <x@ext.example>\r\nReceived: from x\r\nFrom: "));
        assert_eq!(inbox[0].matches("Bom dia. ").count(), 20_000);
    }
    assert_eq!((a.queues(), b.queues()), (vec![], vec![]));
    assert_eq!(to_b.conversations.load(SeqCst), 1);
    assert_eq!(deliveries(&a), ["DELIVER ana;rui EX02"]);
}

#[tokio::test]
async fn a_group_has_members_on_both_servers() {
    let Pair { a, b, second, .. } = Pair::new().await;
    let (nuno, ana) = (a.world.mailbox("nuno").await, a.world.mailbox_in("ana", second).await);
    a.world.group("team", &[nuno, ana]).await;
    for house in [&a, &b] {
        house.accept(mail("x@ext.example", &["team@rialto.test"], "to all")).await.unwrap();
        house.idle().await;
        assert_eq!(house.queues(), []);
    }
    assert_eq!((a.inbox("nuno").len(), b.inbox("ana").len()), (2, 2));
}

#[tokio::test]
async fn mail_waits_for_a_server_that_is_down_and_comes_a_second_after_it_is_back() {
    let Pair { a, b, second, to_b, .. } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    to_b.set(Weather::Down);
    a.accept(mail("x@ext.example", &["ana@rialto.test"], "later")).await.unwrap();
    a.idle().await;
    assert_eq!(a.queues(), [("db02".to_owned(), QueueStatus::Retry, 1)]);
    to_b.set(Weather::Fair);
    a.later(Duration::from_millis(999)).await;
    assert_eq!(b.inbox("ana").len(), 0);
    a.later(Duration::from_millis(1)).await;
    assert_eq!((b.inbox("ana").len(), a.queues()), (1, vec![]));
    assert_eq!(deliveries(&a), ["DELIVER ana EX02"]);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_copy() {
    let Pair { a, b, second, to_b, .. } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    to_b.set(Weather::BreaksBeforeTheAnswer);
    a.accept(mail("x@ext.example", &["ana@rialto.test"], "once")).await.unwrap();
    a.idle().await;
    assert_eq!(b.inbox("ana").len(), 1);
    assert_eq!(a.queues().len(), 1, "nobody knows yet");
    to_b.set(Weather::Fair);
    a.later(Duration::from_secs(1)).await;
    assert_eq!((b.inbox("ana").len(), a.queues()), (1, vec![]));
    assert_eq!(deliveries(&a), ["DUPLICATEDELIVER ana EX02"]);
}

#[tokio::test]
async fn mail_follows_a_database_to_where_it_is_active_now() {
    let Pair { a, b, second, .. } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    b.stores.dismount(second).unwrap();
    a.accept(mail("x@ext.example", &["ana@rialto.test"], "follow")).await.unwrap();
    a.idle().await;
    let waiting = &a.transport.queues()[1].info;
    assert_eq!(waiting.status, QueueStatus::Retry);
    assert!(waiting.last_error.contains("is not mounted"), "{}", waiting.last_error);
    // It is mounted here before the directory says so: that is enough.
    mount_as(&a.stores, &a.world, (second, "DB02")).await;
    a.idle().await;
    assert_eq!((a.inbox("ana").len(), a.queues()), (1, vec![]));
    // And back again: the directory says so before anything is mounted there.
    a.stores.dismount(second).unwrap();
    a.accept(mail("x@ext.example", &["ana@rialto.test"], "back")).await.unwrap();
    a.idle().await;
    mount_as(&b.stores, &b.world, (second, "DB02")).await;
    assert_eq!(b.inbox("ana").len(), 1);
    let third = a.world.create(NewObject::new(&SERVER, "EX03")).await;
    a.world.edit(second, "Server", Value::Link(third)).await;
    a.idle().await;
    assert_eq!(a.queues().len(), 1);
    a.world.edit(second, "Server", Value::Link(b.place.server)).await;
    a.idle().await;
    assert_eq!((b.inbox("ana").len(), a.queues()), (2, vec![]), "no time has passed");
}

#[tokio::test]
async fn a_mailbox_over_there_may_be_full_and_the_others_get_theirs() {
    let Pair { a, b, second, .. } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    let full = a.world.mailbox_in("full", second).await;
    a.world.edit(full, "UseDatabaseQuotaDefaults", false).await;
    let quota = Value::Quota(base::ByteQuantifiedSize(10).into());
    a.world.edit(full, "ProhibitSendReceiveQuota", quota).await;
    a.accept(mail("", &["full@rialto.test", "ana@rialto.test"], "x")).await.unwrap();
    assert_eq!(b.inbox("ana").len(), 1);
    a.idle().await;
    assert_eq!(a.queues(), []);
    let full = "FAIL STOREDRIVER full 550 5.2.2 STOREDRV.Deliver; mailbox full";
    assert!(a.events().iter().any(|event| event == full), "{:?}", a.events());
}

/// What a transport answers when somebody says just this, and how much of it is left unheard.
async fn said(transport: &Transport, head: &[u8], body: &[u8]) -> Vec<u8> {
    let (mut near, far) = duplex(1 << 20);
    near.write_all(body).await.unwrap();
    near.shutdown().await.unwrap();
    transport.answer(Guid::EMPTY, head, far).await;
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_a_peer_may_say_is_bounded() {
    let Pair { a, b, second, .. } = Pair::new().await;
    let ana = a.world.mailbox_in("ana", second).await;
    let ana = a.world.view().recipient(ana).unwrap().mailbox_guid().unwrap();
    // version, delivery, database, number, mailboxes, received, size
    let letter = |mailboxes: &[Guid], size: u64| {
        let received = base::Timestamp::default();
        let letter = (0_u8, second, Guid([7; 16]), mailboxes, received, size);
        postcard::to_extend(&letter, vec![1]).unwrap()
    };
    let text = |answer: Vec<u8>| String::from_utf8_lossy(&answer).into_owned();
    let too_large = "the message is too large to be delivered in one piece";
    let large = said(&b.transport, &letter(&[ana], (64 << 20) + 1), b"").await;
    assert!(text(large).contains(too_large));
    let many = said(&b.transport, &letter(&vec![ana; 501], 1), b"x").await;
    assert!(text(many).contains(too_large));
    let not_mine = said(&a.transport, &letter(&[ana], 1), b"x").await;
    assert!(text(not_mine).contains("is not mounted"));
    assert!(text(said(&b.transport, &[2, 0], b"").await).contains("version 2"));
    assert!(text(said(&b.transport, &[], b"").await).contains("can't be read"));
    // Neither less nor more than was said to come is a message, and a broken one is not answered.
    for body in [&b"12"[..], b"1234", b""] {
        assert_eq!(said(&b.transport, &letter(&[ana], 3), body).await, b"");
    }
    assert_eq!(b.inbox("ana").len(), 0);
    assert_eq!(said(&b.transport, &letter(&[ana], 3), b"123").await, [1, 0, 1, 0]);
    assert_eq!(b.inbox("ana"), ["123"]);
}

#[tokio::test]
async fn links_that_break_at_random_lose_and_double_nothing() {
    use Weather::{BreaksBeforeTheAnswer, BreaksOnTheWay, Down, Fair};
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(0..4, |seed: u64| seed..seed + 1) {
        let rng = base::rng::SeededRng::new(seed);
        let Pair { mut a, b, second, to_b, to_a } = Pair::new().await;
        let nuno = a.world.mailbox("nuno").await;
        let ana = a.world.mailbox_in("ana", second).await;
        a.world.group("team", &[nuno, ana]).await;
        let mut acknowledged = Vec::new();
        for n in 0..40 {
            to_b.set([Fair, Down, BreaksOnTheWay, BreaksBeforeTheAnswer][rng.below(4) as usize]);
            let to = ["ana@rialto.test", "team@rialto.test"][rng.below(2) as usize];
            let text = format!("message-{n}-");
            a.accept(mail("x@ext.example", &[to], &text)).await.unwrap();
            acknowledged.push(text);
            if rng.below(2) == 0 {
                a.later(Duration::from_millis(300 * rng.below(5))).await;
            }
            if rng.below(6) == 0 {
                *to_a.there.lock() = None;
                a = a.crash().await;
                to_a.lead_to(&a.transport);
            }
        }
        to_b.set(Fair);
        // The longest pause between two attempts.
        a.later(Duration::from_secs(6)).await;
        assert_eq!(a.queues(), [], "SEED={seed}");
        let inbox = b.inbox("ana");
        for text in &acknowledged {
            let copies = inbox.iter().filter(|message| message.contains(text.as_str())).count();
            assert_eq!(copies, 1, "SEED={seed}: {text}");
        }
    }
}

#[tokio::test]
async fn a_delivery_is_remembered_while_any_server_may_ask_again() {
    let Pair { a, b, second, to_b, to_a } = Pair::new().await;
    a.world.mailbox_in("ana", second).await;
    to_b.set(Weather::BreaksBeforeTheAnswer);
    a.accept(mail("x@ext.example", &["ana@rialto.test"], "once")).await.unwrap();
    a.idle().await;
    // For hours neither server reaches the other.
    to_b.set(Weather::Down);
    to_a.set(Weather::Down);
    a.later(Duration::from_hours(3)).await;
    b.transport.core.forget_deliveries().await;
    to_a.set(Weather::Fair);
    b.transport.core.forget_deliveries().await;
    to_b.set(Weather::Fair);
    a.later(Duration::from_secs(5)).await;
    assert_eq!((b.inbox("ana").len(), a.queues()), (1, vec![]));
    b.transport.core.forget_deliveries().await;
    let database = b.stores.get(second).unwrap();
    let end = a.world.clock.now().plus(base::EnhancedTimeSpan::from_days(1));
    use base::Clock;
    assert_eq!(database.forget_deliveries(end).await.unwrap(), 0, "what nobody asks about is forgotten");
}
