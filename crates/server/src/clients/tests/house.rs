//! An organisation of two servers in one process, each with its own directory, stores and doors, linked on loopback;
//! and clients who come to either.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base::{
    Clock, Guid,
    clock::SystemClock,
    disk::SystemDisk,
    rng::{SeededRng, SystemRng},
};
use dag::{
    link::{
        Host, Links, Options, Registration, Roster,
        authority::{Authority, ServerKey},
        service,
    },
    neighbours::neighbours,
};
use directory::{
    Directory, Edit, Value,
    seed::{self, Ports, seed},
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewUser, new_mailbox, new_server},
};
use protocols::{
    imap,
    listen::{Door, Settings},
    pop3,
};
use services::{Place, Services};
use store::Stores;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::watch,
};
use trust::Authenticator;

use super::super::{Doors, answer};

/// The password of everybody.
pub(super) const PASSWORD: &str = "correct horse battery";
/// Long enough on any machine.
const LONG: Duration = Duration::from_secs(60);

/// Two servers, of which the second has the database when it opens.
pub(super) struct House {
    pub(super) servers: [Server; 2],
    roster: watch::Sender<Arc<Roster>>,
    database: Guid,
    dir: tempfile::TempDir,
}

/// One of them.
pub(super) struct Server {
    guid: Guid,
    directory: Directory,
    stores: Stores,
    doors: Doors,
    stop: watch::Sender<bool>,
    _links: Links,
    _carried: Registration,
}

/// Who is in the organisation: the same in every directory, down to the GUIDs.
struct Known {
    servers: [Guid; 2],
    database: Guid,
}

async fn fill(directory: &Directory) -> Known {
    let hashed = trust::password::hash(PASSWORD, &SystemRng).unwrap();
    let filled = directory.commit(move |draft| {
        let organization = seed::Organization {
            name: "First Organization".into(),
            domain: "rialto.test".parse().unwrap(),
            server: "EX1".into(),
            database: "DB01".into(),
            ports: Ports::default(),
            hosted: false,
        };
        let seeded = seed(draft, &organization)?;
        let second = new_server(draft, "EX2", "ex2.rialto.test")?.guid;
        for name in ["nuno", "ana"] {
            let user = NewUser {
                name: name.into(),
                user_principal_name: Some(format!("{name}@rialto.test")),
                password: Some(hashed.clone()),
                ..NewUser::default()
            };
            let identity = MailIdentity { alias: Some(name.into()), primary_smtp_address: None };
            let mailbox = EnableMailbox { identity, ..EnableMailbox::default() };
            new_mailbox(draft, NewMailbox { user, mailbox })?;
        }
        Ok(Known { servers: [seeded.server, second], database: seeded.database })
    });
    filled.await.unwrap()
}

fn engine(dir: PathBuf) -> engine::Options {
    engine::Options {
        dir,
        name: "database".into(),
        segment_bytes: 4 << 20,
        cache_bytes: 4 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    }
}

impl House {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut directories = Vec::new();
        for name in ["directory1", "directory2"] {
            let options = directory::Options {
                engine: engine(dir.path().join(name)),
                rng: Arc::new(SeededRng::new(7)),
            };
            let directory = Directory::open(options).unwrap();
            let known = fill(&directory).await;
            directories.push((directory, known));
        }
        let (roster, watched) = watch::channel(Arc::default());
        let authority = Authority::create(SystemClock.now()).unwrap();
        let mut at = 0;
        let database = directories[0].1.database;
        let servers = [(); 2].map(|()| {
            let (directory, known) = directories.remove(0);
            assert_eq!(known.database, database, "directories differ");
            at += 1;
            Server::start(known.servers[at - 1], directory, &authority, &roster, watched.clone())
        });
        let house = House { servers, roster, database, dir };
        house.mount(1).await;
        house
    }

    /// Opens the database on a server, and has both directories say that it is there.
    pub(super) async fn mount(&self, at: usize) {
        let stores = self.servers[at].stores.clone();
        let config = store::Config { guid: self.database, engine: engine(self.dir.path().join("database")) };
        tokio::task::spawn_blocking(move || stores.mount(config).map(drop)).await.unwrap().unwrap();
        for server in [0, 1] {
            self.say_active(server, at).await;
        }
    }

    /// Has one server's directory say that the database is at a server.
    pub(super) async fn say_active(&self, directory: usize, at: usize) {
        let (database, server) = (self.database, self.servers[at].guid);
        let edit = vec![("Server", Edit::set(Value::Link(server)))];
        let directory = &self.servers[directory].directory;
        directory.commit(move |draft| draft.modify_system(database, edit)).await.unwrap();
    }

    /// Closes the database on a server.
    pub(super) async fn dismount(&self, at: usize) {
        let (stores, database) = (self.servers[at].stores.clone(), self.database);
        tokio::task::spawn_blocking(move || stores.dismount(database)).await.unwrap().unwrap();
    }

    /// Cuts the second server off, as if it were dead.
    pub(super) fn cut(&self) {
        self.roster.send_modify(|roster| *roster = Arc::default());
    }
}

impl Server {
    fn start(
        guid: Guid,
        directory: Directory,
        authority: &Authority,
        roster: &watch::Sender<Arc<Roster>>,
        watched: watch::Receiver<Arc<Roster>>,
    ) -> Self {
        let key = ServerKey::generate().unwrap();
        let links = Links::start(Options {
            identity: Arc::new(authority.identify(guid, &key, SystemClock.now()).unwrap()),
            listener: Some(base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap()),
            roster: watched,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        })
        .unwrap();
        let addresses = vec![links.address().unwrap().to_string()];
        roster.send_modify(|roster| {
            let host = Host { addresses, key: Some(key.fingerprint()) };
            Arc::make_mut(roster).insert(guid, host);
        });
        let (stores, stop) = (Stores::default(), watch::channel(false).0);
        let place = Place { server: guid, others: neighbours(&links, service::CLIENTS) };
        let authenticator =
            Authenticator::new(directory.clone(), Arc::new(SystemClock), Arc::new(SystemRng)).unwrap();
        let services = Services::new(directory.clone(), stores.clone(), authenticator, place);
        let settings = Settings { allow_plaintext: true, ..Settings::new("ready") };
        let doors = Doors {
            imap: Arc::new(imap::Server {
                settings: settings.clone(),
                append_max: imap::APPEND_MAX,
                services: services.clone(),
                tls: None,
                clock: Arc::new(SystemClock),
            }),
            pop3: Arc::new(pop3::Server { settings, services: services.clone(), tls: None }),
        };
        let carried = answer(&links, services, doors.clone(), stop.subscribe());
        Server { guid, directory, stores, doors, stop, _links: links, _carried: carried }
    }

    /// A client of IMAP, greeted.
    pub(super) async fn imap(&self) -> Client {
        let (near, far) = tokio::io::duplex(4 << 10);
        let session = self.doors.imap.clone().converse(
            Box::new(far),
            "127.0.0.1:5000".parse().unwrap(),
            Door::Plain,
            self.stop.subscribe(),
        );
        tokio::spawn(session);
        Client::greeted(near, "* OK").await
    }

    /// A client of POP3, greeted.
    pub(super) async fn pop3(&self) -> Client {
        let (near, far) = tokio::io::duplex(4 << 10);
        let session = self.doors.pop3.clone().converse(
            Box::new(far),
            "127.0.0.1:5000".parse().unwrap(),
            Door::Plain,
            self.stop.subscribe(),
        );
        tokio::spawn(session);
        Client::greeted(near, "+OK").await
    }

    /// A client of IMAP who has logged on.
    pub(super) async fn imap_as(&self, user: &str) -> Client {
        let mut client = self.imap().await;
        client.say(&format!("in LOGIN {user} \"{PASSWORD}\"\r\n")).await;
        client.expect("in OK").await;
        client
    }

    /// A client of POP3 who has logged on.
    pub(super) async fn pop3_as(&self, user: &str) -> Client {
        let mut client = self.pop3().await;
        client.say(&format!("USER {user}\r\nPASS {PASSWORD}\r\n")).await;
        client.expect("+OK").await;
        client.expect("+OK").await;
        client
    }

    /// Stops, as on SIGTERM.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// Somebody's mail program.
pub(super) struct Client(BufReader<DuplexStream>);

impl Client {
    async fn greeted(stream: DuplexStream, greeting: &str) -> Self {
        let mut client = Client(BufReader::new(stream));
        client.expect(greeting).await;
        client
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line; nothing at the end.
    pub(super) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(LONG, self.0.read_line(&mut line)).await.expect("silence");
        (read.unwrap() > 0).then_some(line)
    }

    /// The next line, which must begin so.
    pub(super) async fn expect(&mut self, begin: &str) -> String {
        let line = self.line().await.unwrap_or_else(|| panic!("the end instead of {begin}"));
        assert!(line.starts_with(begin), "{line} instead of {begin}");
        line
    }

    /// All lines until one that begins so.
    pub(super) async fn until(&mut self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.unwrap_or_else(|| panic!("no {begin} after {lines:?}"));
            let found = line.starts_with(begin);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    /// The last line, and the end.
    pub(super) async fn ends_with(mut self, begin: &str) {
        let mut last = String::new();
        while let Some(line) = self.line().await {
            last = line;
        }
        assert!(last.starts_with(begin), "{last} instead of {begin}");
    }
}
