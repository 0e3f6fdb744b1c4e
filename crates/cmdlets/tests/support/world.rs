//! A small organisation for sessions: rialto.test with one server, one database, three mailboxes, a running
//! transport, and a carrier that does as it is told. Time stands still.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{
    Timestamp, clock::ManualClock, clock::SharedClock, disk::SystemDisk, eventlog::EventLog, rng::SeededRng,
};
use bytes::Bytes;
use cmdlets::{Cmdlets, Context, copies::SingleServer};
use directory::{
    Directory, View,
    seed::{self, Organization, Ports},
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewUser, new_mailbox, new_server},
};
use store::Stores;
use tokio::runtime::Runtime;
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

/// The organisation and everything that runs in it.
pub(crate) struct World {
    pub(crate) cmdlets: Cmdlets,
    pub(crate) clock: Arc<ManualClock>,
    context: Arc<Context>,
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
        let (clock, rng): (SharedClock, _) = (manual.clone(), Arc::new(SeededRng::new(1)));
        let engine = engine_options(dir.path(), "directory", &clock);
        let directory =
            Directory::open(directory::Options { engine, rng: rng.clone() }).expect("a directory");
        let seeded = runtime.block_on(provision(&directory));
        let stores = Stores::default();
        let (folder, ticks) = (dir.path().to_owned(), clock.clone());
        let database_config = move |object: &directory::Object| store::Config {
            guid: object.guid,
            engine: engine::Options {
                name: object.name.to_string(),
                ..engine_options(&folder, &object.guid.to_string(), &ticks)
            },
        };
        let view = directory.snapshot();
        for database in view.databases() {
            stores.mount(database_config(database)).expect("a database");
        }
        let options = transport::Options {
            server: "EX01".into(),
            fqdn: "ex01.rialto.test".into(),
            server_object: seeded.server,
            queue_dir: dir.path().join("queue"),
            segment_bytes: 1 << 20,
            tracking_dir: dir.path().join("tracking"),
            disk: Arc::new(SystemDisk),
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let road = Arc::new(Road::default());
        let guard = runtime.enter();
        let transport =
            Transport::start(options, directory.clone(), stores.clone(), road.clone()).expect("a transport");
        drop(guard);
        let events = EventLog::open(Arc::new(SystemDisk), &dir.path().join("events")).expect("an event log");
        let others = Others::default();
        let copies = Group {
            alone: SingleServer {
                server: seeded.server,
                stores: stores.clone(),
                free_space: Box::new(|_| Some(100 << 30)),
            },
            others: others.clone(),
            directory: directory.clone(),
            runtime: runtime.handle().clone(),
        };
        let context = Arc::new(Context {
            server_name: "EX01".into(),
            directory,
            copies: Box::new(copies),
            stores,
            database_config: Box::new(database_config),
            transport,
            links: None,
            sessions: services::Sessions::default(),
            repairs: jobs::repairs::Repairs::default(),
            events: Arc::new(events),
            audit: trust::audit::Log::open(trust::audit::Options {
                disk: Arc::new(SystemDisk),
                dir: dir.path().join("audit"),
                head: dir.path().join("audit.head"),
            })
            .expect("an audit log"),
            rng,
            clock,
            runtime: runtime.handle().clone(),
        });
        let cmdlets = Cmdlets::for_local_user(context.clone(), 0);
        Self { cmdlets, clock: manual, context, road, others, runtime, _dir: dir }
    }

    /// Does what a line that begins with `@` says.
    pub(crate) fn direct(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["mail", from, to, ref subject @ ..] => self.mail(from, to, &subject.join(" ")),
            ["server", name] => self.server(name),
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

    /// Changes the bytes of the administrator audit log, as somebody might who has the disk.
    fn tamper(&self, old: &str, new: &str) {
        for entry in std::fs::read_dir(self._dir.path().join("audit")).expect("the log") {
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
        let _ = self.runtime.block_on(self.context.transport.stop());
        let _ = self.context.stores.dismount_all();
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
