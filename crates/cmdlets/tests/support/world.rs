//! A small organisation for sessions: rialto.test with one server, one database, three mailboxes, a running
//! transport, and a carrier that does as it is told. Time stands still.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{
    Guid, Rng, Timestamp,
    clock::{ManualClock, SharedClock},
    disk::SystemDisk,
    eventlog::EventLog,
    neighbours::{Asked, Conversation, NeighbourError, Neighbours},
    rng::SeededRng,
};
use bytes::Bytes;
use cmdlets::{
    Answers, Cmdlets, Context,
    copies::{Copies, SingleServer},
};
use directory::{
    Directory, View,
    seed::{self, Organization, Ports},
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewUser, new_mailbox, new_server},
};
use parking_lot::Mutex;
use store::Stores;
use tokio::{
    io::AsyncReadExt,
    runtime::{Handle, Runtime},
};
use transport::{
    Transport,
    intake::NoLogon,
    queue::{Hop, MessageStatus, QueueIdentity, QueueStatus},
    receive::{Intake, Mail, ReceiveConnector, Session},
    relay::{Carried, Carrier, Letter, Travel},
    send::{Outcome, Remote, Verdict},
};
use wire::smtp::{Envelope, MailFrom, RcptTo, Reply};

use super::copies::{self, Group, Others};

/// When every session begins: 11/23/2026 5:38:01 AM, UTC.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_412_281);
/// How long a message may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);

/// A carrier whose road can be closed.
#[derive(Default)]
pub(crate) struct Road {
    closed: AtomicBool,
}

impl Carrier for Road {
    fn carry<'a>(&'a self, _: &'a View, _: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        let closed = self.closed.load(Ordering::Relaxed);
        let carry = move |letter: Letter| {
            if closed {
                let reply = Reply::new(451, (4, 4, 0), "Primary target IP address refused the connection");
                return Carried::Unreached(Outcome::ours(Verdict::Transient, reply, None));
            }
            let remote = Remote { host: "mx.ext.example".into(), address: address("192.0.2.7:25") };
            let outcome = Outcome::said(Reply::new(250, (2, 0, 0), "OK"), remote, false);
            Carried::Offered(vec![outcome; letter.envelope.to.len()])
        };
        Box::pin(async move { letters.into_iter().map(carry).collect() })
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address and port")
}

/// What servers have in common: one directory, which all of them see at once.
struct House {
    dir: PathBuf,
    directory: Directory,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    runtime: Handle,
}

impl House {
    /// Opens a server's rooms: its databases, its queues, its logs.
    fn open<C: Copies + 'static>(
        &self,
        name: &str,
        (server, stores): (Guid, Stores),
        copies: C,
        road: Arc<Road>,
        wires: &Arc<Wires>,
    ) -> Arc<Context> {
        let (folder, ticks) = (self.dir.clone(), self.clock.clone());
        let database_config = move |object: &directory::Object| store::Config {
            guid: object.guid,
            engine: engine::Options {
                name: object.name.to_string(),
                ..engine_options(&folder, &object.guid.to_string(), &ticks)
            },
        };
        let view = self.directory.snapshot();
        for database in view.databases().filter(|database| database.link("Server") == Some(server)) {
            stores.mount(database_config(database)).expect("a database");
        }
        let dir = self.dir.join(name);
        let options = transport::Options {
            server: name.into(),
            fqdn: format!("{}.rialto.test", name.to_lowercase()),
            server_object: server,
            queue: None,
            queue_dir: dir.join("queue"),
            segment_bytes: 1 << 20,
            tracking_dir: dir.join("tracking"),
            neighbours: Arc::new(base::neighbours::Nobody),
            disk: Arc::new(SystemDisk),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
        };
        let guard = self.runtime.enter();
        let transport =
            Transport::start(options, self.directory.clone(), stores.clone(), road).expect("a transport");
        drop(guard);
        let events = EventLog::open(Arc::new(SystemDisk), &dir.join("events")).expect("an event log");
        let audit = trust::audit::Log::open(trust::audit::Options {
            disk: Arc::new(SystemDisk),
            dir: dir.join("audit"),
            head: dir.join("audit.head"),
        });
        let context = Arc::new(Context {
            server_name: name.into(),
            server,
            directory: self.directory.clone(),
            copies: Box::new(copies),
            stores,
            database_config: Box::new(database_config),
            transport,
            neighbours: wires.clone(),
            links: None,
            sessions: services::Sessions::default(),
            repairs: jobs::repairs::Repairs::default(),
            events: Arc::new(events),
            audit: audit.expect("an audit log"),
            rng: self.rng.clone(),
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
        });
        wires.0.lock().insert(server, Hearing::Answers(Arc::new(Answers::new(context.clone()))));
        context
    }
}

/// A server's copies where there are no others.
fn alone(server: Guid) -> SingleServer {
    SingleServer { server, stores: Stores::default(), free_space: Box::new(|_| Some(100 << 30)) }
}

/// Servers that hear each other, by their GUIDs.
#[derive(Default)]
struct Wires(Mutex<BTreeMap<Guid, Hearing>>);

/// What becomes of what is said to a server.
#[derive(Clone)]
enum Hearing {
    /// It answers.
    Answers(Arc<Answers>),
    /// It listens and says nothing, until it is left alone.
    Mute,
    /// It is lost as soon as it has heard something.
    Lost,
}

impl Neighbours for Wires {
    fn ask(&self, _: Guid, _: Vec<Bytes>) -> Asked<'_, Bytes> {
        unreachable!("cmdlets converse")
    }
    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, Conversation> {
        let hearing = self.0.lock().get(&server).cloned();
        Box::pin(async move {
            let hearing = hearing.ok_or_else(|| NeighbourError::Unreachable("connection refused".into()))?;
            let (near, mut far) = tokio::io::duplex(4096);
            tokio::spawn(async move {
                let mut heard = Vec::new();
                match hearing {
                    Hearing::Answers(answers) => answers.answer(&head, Box::new(far)).await,
                    Hearing::Mute => _ = far.read_to_end(&mut heard).await,
                    Hearing::Lost => _ = far.read_buf(&mut heard).await,
                }
            });
            Ok(Box::new(near) as Conversation)
        })
    }
}

/// The organisation and everything that runs in it.
pub(crate) struct World {
    pub(crate) cmdlets: Cmdlets,
    pub(crate) clock: Arc<ManualClock>,
    context: Arc<Context>,
    house: House,
    /// The other servers that run.
    further: Mutex<BTreeMap<String, Arc<Context>>>,
    wires: Arc<Wires>,
    road: Arc<Road>,
    others: Others,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

fn engine_options(dir: &Path, name: &str, clock: &SharedClock) -> engine::Options {
    engine::Options {
        dir: dir.join(name),
        name: name.to_owned(),
        segment_bytes: 1 << 20,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(SystemDisk),
        clock: clock.clone(),
    }
}

fn organization() -> Organization {
    Organization {
        name: "First Organization".into(),
        domain: "rialto.test".parse().expect("a domain"),
        server: "EX01".into(),
        database: "DB01".into(),
        ports: Ports::default(),
        hosted: false,
    }
}

async fn provision(directory: &Directory) -> seed::Seeded {
    let seed = |draft: &mut directory::Draft<'_>| {
        let seeded = seed::seed(draft, &organization())?;
        for name in ["Administrator", "Nuno Mota", "Ana Costa"] {
            let alias = name.split(' ').next().unwrap_or(name).to_lowercase();
            let user = NewUser {
                name: name.into(),
                user_principal_name: Some(format!("{alias}@rialto.test")),
                ..NewUser::default()
            };
            let identity = MailIdentity { alias: Some(alias), ..MailIdentity::default() };
            new_mailbox(
                draft,
                NewMailbox { user, mailbox: EnableMailbox { identity, ..Default::default() } },
            )?;
        }
        let administrator = draft.resolve_recipient("administrator")?.guid;
        trust::access::seed(draft, &[administrator])?;
        Ok(seeded)
    };
    directory.commit(seed).await.expect("a new organisation")
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let dir = tempfile::tempdir().expect("a folder");
        let manual = Arc::new(ManualClock::new(START));
        let (clock, rng): (SharedClock, Arc<dyn Rng>) = (manual.clone(), Arc::new(SeededRng::new(1)));
        let engine = engine_options(dir.path(), "directory", &clock);
        let directory =
            Directory::open(directory::Options { engine, rng: rng.clone() }).expect("a directory");
        let seeded = runtime.block_on(provision(&directory));
        let others = Others::default();
        let house =
            House { dir: dir.path().to_owned(), directory, clock, rng, runtime: runtime.handle().clone() };
        let wires = Arc::new(Wires::default());
        let copies = Group {
            others: others.clone(),
            directory: house.directory.clone(),
            runtime: house.runtime.clone(),
            alone: alone(seeded.server),
        };
        let road = Arc::new(Road::default());
        let context = house.open(
            "EX01",
            (copies.alone.server, copies.alone.stores.clone()),
            copies,
            road.clone(),
            &wires,
        );
        let cmdlets = Cmdlets::for_local_user(context.clone(), 0);
        let further = Mutex::default();
        Self { cmdlets, clock: manual, context, house, further, wires, road, others, runtime, _dir: dir }
    }

    /// Does what a line that begins with `@` says.
    pub(crate) fn direct(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["mail", from, to, ref subject @ ..] => self.mail(from, to, &subject.join(" ")),
            ["server", name] => self.server(name),
            ["start", name] => self.start(name),
            ["unplug", name] => _ = self.wires.0.lock().remove(&self.named(name)),
            ["mute", name] => _ = self.wires.0.lock().insert(self.named(name), Hearing::Mute),
            ["lose", name] => _ = self.wires.0.lock().insert(self.named(name), Hearing::Lost),
            ["copy", server, ref how @ ..] => copies::tell(&self.others, server, how),
            ["road", how] => self.road.closed.store(how == "closed", Ordering::Relaxed),
            ["settle"] => self.settle(),
            ["event", id, source, ref message @ ..] => self.event(id, source, &message.join(" ")),
            ["logon", alias] => self.logon(alias),
            ["days", days] => {
                self.clock.advance(Duration::from_secs(86_400 * days.parse::<u64>().expect("days")))
            }
            ["associated", alias, class] => self.associated(alias, class),
            ["tamper", old, new] => self.tamper(old, new),
            _ => panic!("no such direction: {line}"),
        }
    }

    /// The cmdlets as somebody may run them who logged on from 192.0.2.7; `local` is this machine's user.
    pub(crate) fn cmdlets_of(&self, alias: &str) -> Result<Cmdlets, base::Fault> {
        if alias == "local" {
            return Ok(Cmdlets::for_local_user(self.context.clone(), 0));
        }
        let user = self.context.directory.snapshot().resolve_recipient(alias).expect("a recipient").guid;
        let logon = format!("{alias}@rialto.test");
        Cmdlets::for_administrator(self.context.clone(), user, &logon, "192.0.2.7 (PowerShell)")
    }

    /// Takes another server into the organisation. Nothing runs on it.
    fn server(&self, name: &str) {
        let (name, fqdn) = (name.to_owned(), format!("{}.rialto.test", name.to_lowercase()));
        let make = move |draft: &mut directory::Draft<'_>| new_server(draft, &name, &fqdn).map(|_| ());
        let made = self.context.directory.commit(make);
        self.runtime.block_on(made).expect("a server");
    }

    /// Runs that server, which the others reach from then on.
    fn start(&self, name: &str) {
        let server = self.named(name);
        let copies = alone(server);
        let rooms = (server, copies.stores.clone());
        let context = self.house.open(name, rooms, copies, self.road.clone(), &self.wires);
        self.further.lock().insert(name.to_owned(), context);
    }

    fn named(&self, name: &str) -> Guid {
        let view = self.house.directory.snapshot();
        let found = view.servers().find(|server| *server.name == *name).map(|server| server.guid);
        found.expect("a server")
    }

    /// Changes the bytes of the administrator audit log, as somebody might who has the disk.
    fn tamper(&self, old: &str, new: &str) {
        for entry in std::fs::read_dir(self._dir.path().join("EX01/audit")).expect("the log") {
            let path = entry.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            std::fs::write(&path, text.replace(old, new)).expect("the segment");
        }
    }

    /// Gives a message to the door as a stranger would, and waits until it rests.
    fn mail(&self, from: &str, to: &str, subject: &str) {
        let text = format!(
            "From: <{from}>\r\nSubject: {subject}\r\nMessage-ID: <{}@ext.example>\r\n\
             Date: Mon, 23 Nov 2026 05:38:01 +0000\r\n\r\nHello\r\n",
            subject.replace(' ', ".")
        );
        let to = to.split(',').map(|to| RcptTo::new(to.parse().expect("an address"))).collect();
        let from = MailFrom { sender: Some(from.parse().expect("an address")), ..MailFrom::default() };
        let mail = Mail {
            envelope: Envelope { from, to },
            parts: vec![Bytes::from(text)],
            message_id: format!("<{}@ext.example>", subject.replace(' ', ".")),
        };
        let door = self.context.transport.door(Arc::new(NoLogon));
        let session = session();
        self.runtime.block_on(door.accept(&session, mail)).expect("an accepted message");
        self.settle();
    }

    /// Waits until every queued message rests: held, or waiting for another attempt.
    fn settle(&self) {
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            let transport = &self.context.transport;
            let moving = transport.queues().into_iter().any(|queue| {
                let listed = transport.messages(&queue.info.identity, 100).unwrap_or_default();
                listed.iter().any(|m| matches!(m.status, MessageStatus::Active | MessageStatus::Ready))
                    && matches!(queue.info.status, QueueStatus::Active | QueueStatus::Ready)
                    || listed.iter().any(|m| m.status == MessageStatus::Active)
                    || queue.info.identity == QueueIdentity::Submission && !listed.is_empty()
            });
            if !moving {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the queues did not come to rest");
    }

    fn event(&self, id: &str, source: &str, message: &str) {
        let entry = base::eventlog::Entry {
            time: START,
            log: "Application".into(),
            source: source.into(),
            id: id.parse().expect("a number"),
            level: 2,
            category: "General".into(),
            message: message.into(),
            record_id: 0,
        };
        self.context.events.append(entry).expect("an event");
    }

    /// Puts an associated item into the inbox of a mailbox.
    fn associated(&self, alias: &str, class: &str) {
        let view = self.context.directory.snapshot();
        let owner = view.resolve_recipient(alias).expect("a recipient");
        let store = self.context.stores.get(owner.database().expect("a database")).expect("mounted");
        let mailbox = store.mailbox(owner.mailbox_guid().expect("a mailbox")).expect("in the store");
        let subject = store::property::PropertyValue::String(format!("{class} of {alias}"));
        let bag = [(store::property::tags::PR_SUBJECT.id(), subject)].into_iter().collect();
        let inbox = store::FolderRole::Inbox.folder();
        mailbox.save_associated(inbox, None, class, bag).wait().expect("an associated item");
    }

    /// Records that the owner of a mailbox logged on.
    fn logon(&self, alias: &str) {
        let view = self.context.directory.snapshot();
        let owner = view.resolve_recipient(alias).expect("a recipient");
        let store = self.context.stores.get(owner.database().expect("a database")).expect("mounted");
        let mailbox = store.mailbox(owner.mailbox_guid().expect("a mailbox")).expect("in the store");
        let account = format!("RIALTO\\{alias}");
        if let Some(change) = mailbox.record_logon(&account).expect("the mailbox") {
            change.wait().expect("a logon");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.wires.0.lock().clear();
        for context in std::iter::once(&self.context).chain(self.further.lock().values()) {
            let _ = self.runtime.block_on(context.transport.stop());
            let _ = context.stores.dismount_all();
        }
        let _ = self.context.directory.close();
    }
}

fn session() -> Session {
    Session {
        id: 1,
        connector: Arc::new(ReceiveConnector::frontend("Default Frontend EX01", "ex01.rialto.test")),
        remote: address("192.0.2.9:4000"),
        local: address("192.0.2.1:25"),
        helo: "client.example".into(),
        extended: true,
        tls: None,
        identity: None,
    }
}
