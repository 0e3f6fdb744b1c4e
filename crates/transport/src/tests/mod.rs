//! The transport as a whole, in simulated time: a small organisation, real databases, a courier that tells
//! what it was given.

mod administration;
mod adoption;
mod copies;
mod cost;
mod crash;
mod elsewhere;
mod locally;
mod outwards;

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use base::{
    Guid,
    clock::ManualClock,
    neighbours::{Neighbours, Nobody},
};
use bytes::Bytes;
use directory::{Directory, View};
use parking_lot::Mutex;
use store::{FolderRole, Stores};
use wire::smtp::{Envelope, MailFrom, RcptTo, Reply};

use crate::{
    Options, Queue, Transport, TransportError,
    intake::NoLogon,
    queue::{Hop, MessageStatus, QueueStatus},
    receive::{Identity, Intake, Mail, ReceiveConnector, Refusal, Session},
    relay::{Carried, Carrier, Letter, Travel},
    send::{Outcome, Remote, Verdict},
    track::{Column, Filter},
    world::{World, address, engine_options},
};

pub(super) struct House {
    pub(super) world: Arc<World>,
    pub(super) place: Place,
    pub(super) stores: Stores,
    pub(super) transport: Transport,
    pub(super) courier: Arc<Ways>,
}

/// Which server a house is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) server: Guid,
    pub(super) name: &'static str,
    pub(super) neighbours: Arc<dyn Neighbours>,
    /// The queue's database, where it is kept elsewhere.
    pub(super) queue: Option<engine::Database>,
}

impl Place {
    /// The first server, without neighbours.
    pub(super) fn alone(world: &World) -> Self {
        let server = world.view().servers().next().unwrap().guid;
        Self { server, name: "EX01", neighbours: Arc::new(Nobody), queue: None }
    }

    pub(super) fn folder(&self, world: &World, kind: &str) -> std::path::PathBuf {
        world.dir.path().join(if self.name == "EX01" { kind.into() } else { format!("{kind}-{}", self.name) })
    }
}

/// A carrier that does as it is told, and remembers.
#[derive(Default)]
pub(super) struct Ways {
    pub(super) carried: Mutex<Vec<(Hop, Letter)>>,
    /// What the other server says next, for every recipient of a letter; then it takes everything.
    pub(super) answers: Mutex<VecDeque<Result<Reply, Reply>>>,
    /// What happens while the next letters are under way.
    pub(super) meanwhile: Mutex<Option<Meanwhile>>,
}

/// Something that happens once.
type Meanwhile = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl Carrier for Ways {
    fn carry<'a>(&'a self, _: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        let remote = Remote { host: "mx.ext.example".into(), address: "192.0.2.7:25".parse().unwrap() };
        let carry = move |letter: Letter| {
            let answer = self.answers.lock().pop_front();
            let reply = match answer {
                Some(Err(unreached)) => {
                    assert!(!unreached.text.contains("panic"), "told to break down");
                    return Carried::Unreached(Outcome::ours(Verdict::Transient, unreached, None));
                }
                Some(Ok(reply)) => reply,
                None => Reply::new(250, (2, 0, 0), "OK"),
            };
            let outcomes = vec![Outcome::said(reply, remote.clone(), false); letter.envelope.to.len()];
            self.carried.lock().push((hop.clone(), letter));
            Carried::Offered(outcomes)
        };
        Box::pin(async move {
            let meanwhile = self.meanwhile.lock().take();
            if let Some(meanwhile) = meanwhile {
                meanwhile().await;
            }
            letters.into_iter().map(carry).collect()
        })
    }
}

pub(super) fn session() -> Session {
    Session {
        id: 1,
        connector: Arc::new(ReceiveConnector::frontend("Default Frontend EX01", "ex01.rialto.test")),
        remote: "192.0.2.9:4000".parse().unwrap(),
        local: "192.0.2.1:25".parse().unwrap(),
        helo: "client.example".into(),
        extended: true,
        tls: None,
        identity: None,
    }
}

pub(super) fn mail(from: &str, to: &[&str], body: &str) -> Mail {
    let sender = if from.is_empty() { None } else { Some(address(from)) };
    let text = format!(
        "From: <{}>\r\nSubject: Ponte\r\nMessage-ID: <m1@ext.example>\r\n\
         Date: Mon, 23 Nov 2026 05:38:01 +0000\r\n\r\n{body}\r\n",
        if from.is_empty() { "mailer@ext.example" } else { from }
    );
    Mail {
        envelope: Envelope {
            from: MailFrom { sender, ..MailFrom::default() },
            to: to.iter().map(|to| RcptTo::new(address(to))).collect(),
        },
        parts: vec![Bytes::from_static(b"Received: from x\r\n"), text.into()],
        message_id: "<m1@ext.example>".into(),
    }
}

impl House {
    pub(super) async fn new() -> Self {
        let world = Arc::new(World::new().await);
        let place = Place::alone(&world);
        Self::at(world, place).await
    }

    pub(super) async fn at(world: Arc<World>, place: Place) -> Self {
        let stores = Stores::default();
        mount(&stores, &world).await;
        let courier = Arc::new(Ways::default());
        let transport = open(&world, &place, &stores, &courier, Transport::open).await;
        Self { world, place, stores, transport, courier }
    }

    pub(super) fn clock(&self) -> &ManualClock {
        &self.world.clock
    }

    /// Gives a message to the door as a stranger would.
    pub(super) async fn accept(&self, mail: Mail) -> Result<u64, Refusal> {
        let door = self.transport.door(Arc::new(NoLogon));
        door.accept(&session(), mail).await.map(|receipt| receipt.internal_id)
    }

    pub(super) async fn idle(&self) {
        self.transport.core.run_until_idle().await;
    }

    pub(super) async fn later(&self, time: Duration) {
        self.clock().advance(time);
        self.idle().await;
    }

    /// The messages in a mailbox's inbox, oldest first.
    pub(super) fn inbox(&self, name: &str) -> Vec<String> {
        let owner = self.world.view().recipient_by_address(&address(&format!("{name}@rialto.test"))).unwrap();
        let database = self.stores.get(owner.database().unwrap()).unwrap();
        let Ok(mailbox) = database.mailbox(owner.mailbox_guid().unwrap()) else { return Vec::new() };
        let items = mailbox.items(FolderRole::Inbox.folder(), &vec![1..=u32::MAX], usize::MAX).unwrap();
        let text = |item: store::Item| String::from_utf8(mailbox.body(item.id).unwrap().to_vec()).unwrap();
        items.into_iter().map(text).collect()
    }

    /// `EVENT SOURCE recipients status` of every event so far.
    pub(super) fn events(&self) -> Vec<String> {
        let records = self.transport.search_tracking(&Filter::default(), 1000).unwrap();
        let line = |record: &crate::track::Record| {
            let get = |column| record.get(column);
            format!(
                "{} {} {} {}",
                get(Column::EventId),
                get(Column::Source),
                get(Column::RecipientAddress).replace("@rialto.test", ""),
                get(Column::RecipientStatus)
            )
            .trim_end()
            .to_owned()
        };
        records.iter().map(line).collect()
    }

    /// Identity, status and count of every queue that holds something.
    pub(super) fn queues(&self) -> Vec<(String, QueueStatus, usize)> {
        let reports = self.transport.queues();
        let full = reports.into_iter().filter(|report| report.info.message_count > 0);
        full.map(|report| (report.next_hop_domain, report.info.status, report.info.message_count)).collect()
    }

    /// Lets everything go without a farewell, and starts again on what is on disk.
    pub(super) async fn crash(self) -> Self {
        let House { world, place, stores, transport, courier } = self;
        drop(transport);
        let transport = open(&world, &place, &stores, &courier, Transport::open).await;
        Self { world, place, stores, transport, courier }
    }
}

/// Runs what blocks where it may.
async fn blocking<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(f).await.unwrap()
}

async fn mount(stores: &Stores, world: &World) {
    let engine = engine_options(world.dir.path(), "DB01", &world.clock, &world.disk);
    let (stores, guid) = (stores.clone(), world.database);
    blocking(move || stores.mount(store::Config { guid, engine }).map(|_| ())).await.unwrap();
}

fn options(world: &World, place: &Place) -> Options {
    Options {
        server: place.name.into(),
        fqdn: format!("{}.rialto.test", place.name.to_lowercase()),
        server_object: place.server,
        queue: if place.queue.is_some() { Queue::Lent } else { Queue::Own },
        queue_dir: place.folder(world, "queue"),
        segment_bytes: 1 << 20,
        tracking_dir: place.folder(world, "tracking"),
        neighbours: place.neighbours.clone(),
        disk: Arc::new(world.disk.clone()),
        clock: world.clock.clone(),
        rng: world.rng.clone(),
    }
}

/// `Transport::open` or `Transport::start`.
type Opening = fn(Options, Directory, Stores, Arc<dyn Carrier>) -> Result<Transport, TransportError>;

/// Opens the transport. The lock on its folder goes with the last of an old one's threads.
async fn open(
    world: &World,
    place: &Place,
    stores: &Stores,
    courier: &Arc<Ways>,
    open: Opening,
) -> Transport {
    let mut why = String::new();
    for _ in 0..500 {
        let (options, directory) = (options(world, place), world.directory.clone());
        let (stores, courier) = (stores.clone(), courier.clone());
        match blocking(move || open(options, directory, stores, courier)).await {
            Ok(transport) => {
                if let Some(queue) = &place.queue {
                    transport.open_queue(queue.clone(), true).await.unwrap();
                }
                return transport;
            }
            Err(error) => why = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the queue did not open: {why}");
}
