//! Two transports of one organisation over real links: each message is delivered once.

use std::{sync::Arc, time::Duration};

use base::{
    Clock, Guid,
    clock::SystemClock,
    disk::SystemDisk,
    net::{TcpListener, TcpStream},
    rng::{SeededRng, SystemRng},
};
use dag::link::{
    Host, Links, Options, Registration, Roster, Status,
    authority::{Authority, ServerKey},
};
use directory::{
    Directory, NewObject, Value, View,
    schema::{MAILBOX_DATABASE, SERVER, USER},
    seed::{self, Port, Ports},
};
use store::{FolderRole, Stores};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::watch,
};
use transport::{
    Submission, Transport,
    queue::Hop,
    relay::{Carried, Carrier, Letter, Travel},
};
use wire::smtp::{Envelope, MailFrom, RcptTo};

/// Long enough on any machine.
const LONG: Duration = Duration::from_secs(60);

/// Nothing goes out of the organisation here.
struct NoWayOut;

impl Carrier for NoWayOut {
    fn carry<'a>(&'a self, _: &'a View, _: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        Box::pin(async move { letters.iter().map(|_| Carried::Untouched).collect() })
    }
}

/// One server: its links, its database, its transport.
struct Server {
    links: Links,
    stores: Stores,
    transport: Transport,
    _answers: Registration,
}

/// What both are part of.
struct House {
    dir: tempfile::TempDir,
    directory: Directory,
    authority: Authority,
    roster: watch::Sender<Arc<Roster>>,
    /// The servers' and databases' objects.
    servers: [Guid; 2],
    databases: [Guid; 2],
}

fn engine(dir: &std::path::Path, name: &str) -> engine::Options {
    engine::Options {
        dir: dir.join(name),
        name: name.into(),
        segment_bytes: 8 << 20,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    }
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            directory::Options { engine: engine(dir.path(), "directory"), rng: Arc::new(SystemRng) };
        let directory = tokio::task::spawn_blocking(move || Directory::open(options)).await.unwrap().unwrap();
        let none = Port::None;
        let ports = Ports {
            default_frontend: none,
            client_frontend: none,
            outbound_proxy_frontend: none,
            default_hub: none,
            client_proxy: none,
        };
        let organization = seed::Organization {
            name: "Rialto".into(),
            domain: "rialto.test".parse().unwrap(),
            server: "EX01".into(),
            database: "DB01".into(),
            ports,
            hosted: false,
        };
        let made = directory.commit(move |draft| {
            let seeded = seed::seed(draft, &organization)?;
            let ex02 = draft.create(NewObject::new(&SERVER, "EX02"))?.guid;
            let db02 = NewObject::new(&MAILBOX_DATABASE, "DB02").with("Server", Value::Link(ex02));
            let db02 = draft.create(db02)?.guid;
            Ok(([seeded.server, ex02], [seeded.database, db02]))
        });
        let (servers, databases) = made.await.unwrap();
        let authority = Authority::create(SystemClock.now()).unwrap();
        let roster = watch::channel(Arc::default()).0;
        Self { dir, directory, authority, roster, servers, databases }
    }

    /// A server, which others reach through a relay.
    async fn server(&self, which: usize) -> (Server, Relay) {
        let (guid, key) = (self.servers[which], ServerKey::generate().unwrap());
        let links = Links::start(Options {
            identity: Arc::new(self.authority.identify(guid, &key, SystemClock.now()).unwrap()),
            listener: Some(base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap()),
            roster: self.roster.subscribe(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SeededRng::new(7)),
        })
        .unwrap();
        let relay = Relay::to(links.address().unwrap().to_string()).await;
        let host = Host { addresses: vec![relay.address.clone()], key: Some(key.fingerprint()) };
        self.roster.send_modify(|roster| _ = Arc::make_mut(roster).insert(guid, host));
        let folder = self.dir.path().join(format!("EX0{}", which + 1));
        let options = transport::Options {
            server: format!("EX0{}", which + 1),
            fqdn: format!("ex0{}.rialto.test", which + 1),
            server_object: guid,
            queue: transport::Queue::Own,
            queue_dir: folder.join("queue"),
            segment_bytes: 8 << 20,
            tracking_dir: folder.join("tracking"),
            neighbours: super::others(&links),
            disk: Arc::new(SystemDisk),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        };
        let (stores, directory, database) =
            (Stores::default(), self.directory.clone(), self.databases[which]);
        let opened = stores.clone();
        let start = move || {
            let config = store::Config { guid: database, engine: engine(&folder, "database") };
            opened.mount(config).unwrap();
            Transport::start(options, directory, opened, Arc::new(NoWayOut)).unwrap()
        };
        let transport = tokio::task::spawn_blocking(start).await.unwrap();
        let _answers = super::answer(&links, &transport);
        (Server { links, stores, transport, _answers }, relay)
    }

    /// A mailbox `name@rialto.test`; says whose.
    async fn mailbox(&self, name: &'static str, database: usize) -> Guid {
        let database = self.databases[database];
        let made = self.directory.commit(move |draft| {
            let address = format!("SMTP:{name}@rialto.test").parse().unwrap();
            let user = NewObject::new(&USER, name)
                .with("Alias", name)
                .with("EmailAddresses", Value::Proxy(address))
                .with("ExchangeGuid", Value::Guid(Guid::new(&SystemRng)))
                .with("Database", Value::Link(database));
            draft.create(user).map(|user| user.guid)
        });
        made.await.unwrap()
    }

    /// What is in a mailbox, as the server sees it that has it.
    fn inbox(&self, server: &Server, name: &str) -> Vec<String> {
        let address = format!("{name}@rialto.test").parse().unwrap();
        let owner = self.directory.snapshot().recipient_by_address(&address).unwrap();
        let database = server.stores.get(owner.database().unwrap()).unwrap();
        let Ok(mailbox) = database.mailbox(owner.mailbox_guid().unwrap()) else { return Vec::new() };
        let items = mailbox.items(FolderRole::Inbox.folder(), &vec![1..=u32::MAX], usize::MAX).unwrap();
        let text = |item: store::Item| String::from_utf8(mailbox.body(item.id).unwrap().to_vec()).unwrap();
        items.into_iter().map(text).collect()
    }
}

impl Server {
    async fn until_up(&self, other: Guid) {
        until(|| self.links.state(other).is_some_and(|state| state.status == Status::Up)).await;
    }

    async fn submit(&self, user: Guid, to: &str, text: &str) {
        let message_id = format!("<{}@rialto.test>", Guid::new(&SystemRng));
        let parts = vec![format!("Message-ID: {message_id}\r\nSubject: Ponte\r\n\r\n{text}\r\n").into()];
        let to = vec![RcptTo::new(to.parse().unwrap())];
        let envelope = Envelope { from: MailFrom::default(), to };
        let submission = Submission { user, envelope, parts, message_id, client: "test".into() };
        self.transport.submit(submission).await.unwrap();
    }

    fn waiting(&self) -> usize {
        self.transport.queues().iter().map(|queue| queue.info.message_count).sum()
    }
}

/// Waits until it is so.
async fn until(mut is: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(LONG, async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("not in time");
}

/// A relay to a server, which can be told to lose what that server says, and to cut every connection.
struct Relay {
    address: String,
    muted: watch::Sender<bool>,
    cuts: watch::Sender<u32>,
}

impl Relay {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (muted, cuts) = (watch::channel(false).0, watch::channel(0).0);
        let (muted_there, cuts_there) = (muted.clone(), cuts.clone());
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                let (never, muted, mut cuts) =
                    (watch::channel(false).1, muted_there.subscribe(), cuts_there.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        () = pump(near_in, far_out, never) => {}
                        () = pump(far_in, near_out, muted) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, muted, cuts }
    }

    fn mute(&self, muted: bool) {
        self.muted.send_replace(muted);
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, muted: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !*muted.borrow() && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(3 * LONG, test).await.expect("the test hangs") })
}

#[test]
fn mail_goes_to_the_server_that_has_the_mailbox() {
    run(async {
        let house = House::new().await;
        let ((a, _to_a), (b, _to_b)) = (house.server(0).await, house.server(1).await);
        let (nuno, ana) = (house.mailbox("nuno", 0).await, house.mailbox("ana", 1).await);
        a.until_up(house.servers[1]).await;
        b.until_up(house.servers[0]).await;
        let long = "Bom dia. ".repeat(300_000);
        a.submit(nuno, "ana@rialto.test", &long).await;
        let inbox = house.inbox(&b, "ana");
        assert!(inbox.len() == 1 && inbox[0].contains(&long), "it is there when it is taken");
        b.submit(ana, "nuno@rialto.test", "Boa tarde.").await;
        assert_eq!(house.inbox(&a, "nuno").len(), 1);
        assert_eq!((a.waiting(), b.waiting()), (0, 0));
        // Side by side on one connection.
        let many = (0..100).map(|n| {
            let a = &a;
            async move { a.submit(nuno, "ana@rialto.test", &format!("message-{n}-")).await }
        });
        futures(many).await;
        until(|| a.waiting() == 0).await;
        let inbox = house.inbox(&b, "ana");
        assert_eq!(inbox.len(), 101);
        assert!((0..100).all(|n| inbox.iter().any(|text| text.contains(&format!("message-{n}-")))));
    });
}

/// Does all of it at once.
async fn futures<F: Future<Output = ()>>(all: impl Iterator<Item = F>) {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        waiting.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[test]
fn a_link_that_is_cut_between_commit_and_answer_makes_no_second_copy() {
    run(async {
        let house = House::new().await;
        let ((a, _to_a), (b, to_b)) = (house.server(0).await, house.server(1).await);
        let nuno = house.mailbox("nuno", 0).await;
        house.mailbox("ana", 1).await;
        a.until_up(house.servers[1]).await;
        for round in 1..=3 {
            to_b.mute(true);
            let cut = async {
                until(|| house.inbox(&b, "ana").len() == round).await;
                to_b.mute(false);
                to_b.cut();
            };
            tokio::join!(a.submit(nuno, "ana@rialto.test", "once"), cut);
            until(|| a.waiting() == 0).await;
            a.until_up(house.servers[1]).await;
            assert_eq!(house.inbox(&b, "ana").len(), round);
        }
    });
}

#[test]
fn mail_for_a_server_that_is_away_is_taken_and_delivered_when_it_is_back() {
    run(async {
        let house = House::new().await;
        let (a, _to_a) = house.server(0).await;
        let nuno = house.mailbox("nuno", 0).await;
        house.mailbox("ana", 1).await;
        for n in 0..3 {
            a.submit(nuno, "ana@rialto.test", &format!("message-{n}-")).await;
        }
        assert_eq!(a.waiting(), 3);
        let (b, _to_b) = house.server(1).await;
        until(|| a.waiting() == 0).await;
        assert_eq!(house.inbox(&b, "ana").len(), 3);
    });
}
