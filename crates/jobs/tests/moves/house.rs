//! A server's rooms on a disk in memory: a directory, two mailbox databases, Ana's mailbox in the first.

use std::{path::Path, sync::Arc};

use base::{Guid, Timestamp, clock::ManualClock, neighbours::Nobody, rng::SeededRng, sim::SimDisk};
use directory::{
    Directory, Object, Options, Value,
    seed::{Organization, Ports, seed},
    verbs::{
        EnableMailbox, MailIdentity, NewMailbox, NewMove, NewUser, new_mailbox, new_mailbox_database,
        new_move_request,
    },
};
use jobs::moves::{
    Mover, Notify, Rooms, Settings, Sources,
    constraint::{Copies, Copy},
};
use store::{
    Config, Database, Delivery, DeliveryId, Flags, FolderId, FolderRole, Limits, Mailbox, NewMessage, Owner,
    Recipient, StoreError, Stores, property::PropertyValue, transfer::PageLimits,
};
use tokio::sync::watch;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_412_281);

#[derive(Clone)]
pub(crate) struct House {
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Directory,
    pub(crate) stores: Stores,
    pub(crate) user: Guid,
    pub(crate) mailbox: Guid,
    pub(crate) databases: [Guid; 2],
}

fn engine(disk: &SimDisk, clock: &Arc<ManualClock>, name: &str) -> engine::Options {
    engine::Options {
        dir: Path::new("/data").join(name),
        name: name.into(),
        segment_bytes: 1 << 20,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 256 << 10,
        disk: Arc::new(disk.clone()),
        clock: clock.clone(),
    }
}

fn open_directory(disk: &SimDisk, clock: &Arc<ManualClock>) -> Directory {
    let engine = engine(disk, clock, "directory");
    Directory::open(Options { engine, rng: Arc::new(SeededRng::new(7)) }).unwrap()
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(f).await.unwrap()
}

impl House {
    pub(crate) async fn new(messages: usize) -> Self {
        let (disk, clock) = (SimDisk::default(), Arc::new(ManualClock::new(NOW)));
        let directory = open_directory(&disk, &clock);
        let organization = Organization {
            name: "First Organization".into(),
            domain: "rialto.test".parse().unwrap(),
            server: "EX1".into(),
            database: "DB1".into(),
            ports: Ports::default(),
            hosted: false,
        };
        directory.commit(move |draft| seed(draft, &organization)).await.unwrap();
        let (user, first, second) = directory
            .commit(|draft| {
                let first = draft.databases().next().unwrap().guid;
                let server = draft.servers().next().unwrap().guid;
                let user = NewUser { name: "Ana".into(), ..NewUser::default() };
                let identity = MailIdentity { alias: Some("ana".into()), primary_smtp_address: None };
                let mailbox = EnableMailbox { identity, database: Some(first), ..EnableMailbox::default() };
                let user = new_mailbox(draft, NewMailbox { user, mailbox })?;
                let second = new_mailbox_database(draft, "DB2", server)?;
                Ok((user, first, second.guid))
            })
            .await
            .unwrap();
        let stores = Stores::default();
        let mailbox = user.guid_of("ExchangeGuid").unwrap();
        let house =
            House { disk, clock, directory, stores, user: user.guid, mailbox, databases: [first, second] };
        house.mount().await;
        house.fill(messages).await;
        house
    }

    async fn mount(&self) {
        for (guid, name) in self.databases.into_iter().zip(["DB1", "DB2"]) {
            let engine = engine(&self.disk, &self.clock, name);
            let stores = self.stores.clone();
            blocking(move || stores.mount(Config { guid, engine }).map(|_| ())).await.unwrap();
        }
    }

    /// The same on what is left of the disk.
    pub(crate) async fn reopened(&self, disk: SimDisk) -> Self {
        let clock = self.clock.clone();
        let directory = {
            let (disk, clock) = (disk.clone(), clock.clone());
            blocking(move || open_directory(&disk, &clock)).await
        };
        let House { user, mailbox, databases, .. } = *self;
        let house = House { disk, clock, directory, stores: Stores::default(), user, mailbox, databases };
        house.mount().await;
        house
    }

    /// Messages, flags, folders, settings.
    async fn fill(&self, messages: usize) {
        let mailbox = self.open().await;
        let work = mailbox.create_folder(None, "Work", "IPF.Note").await.unwrap();
        for n in 0..messages {
            let folder = if n % 3 == 0 { work } else { FolderRole::Inbox.folder() };
            append(&mailbox, folder, n).await;
        }
        mailbox.copy(work, vec![1..=3], FolderRole::Drafts.folder(), Limits::default()).await.unwrap();
        mailbox.remove_items(work, vec![2..=2], store::Removal::Recoverable).await.unwrap();
        let set = vec![(0x6001, Some(PropertyValue::String("kept".into())))];
        mailbox.set_properties(Owner::Folder(work), set).await.unwrap();
    }

    /// Ana's mailbox where the directory says it is; made if need be.
    pub(crate) async fn open(&self) -> Mailbox {
        let view = self.directory.snapshot();
        let database = self.stores.get(self.lives_in()).unwrap();
        transport::deliver::open_or_make(&database, self.mailbox, &view).await.unwrap()
    }

    pub(crate) fn lives_in(&self) -> Guid {
        self.directory.snapshot().get(self.user).unwrap().link("Database").unwrap()
    }

    pub(crate) fn database(&self, n: usize) -> Database {
        self.stores.get(self.databases[n]).unwrap()
    }

    pub(crate) async fn request(&self, settings: Vec<(&'static str, Value)>) -> Guid {
        let new =
            NewMove { user: self.user, target: Some(self.databases[1]), archive_target: None, settings };
        self.directory.commit(move |draft| new_move_request(draft, new)).await.unwrap().guid
    }

    pub(crate) fn object(&self, request: Guid) -> Arc<Object> {
        self.directory.snapshot().get(request).cloned().unwrap()
    }

    pub(crate) fn status(&self, request: Guid) -> String {
        self.object(request).text("Status").unwrap().to_owned()
    }

    pub(crate) fn mover(&self, settings: Settings) -> Mover {
        self.mover_with(settings, Box::new(|_, _| Box::pin(async { vec![Copy::ONLY] })))
    }

    pub(crate) fn mover_with(&self, settings: Settings, copies: Box<Copies>) -> Mover {
        let server = self.directory.snapshot().servers().next().unwrap().guid;
        let (directory, stores) = (self.directory.clone(), self.stores.clone());
        let (clock, notify) = (self.clock.clone(), silent());
        let sources =
            Sources::new(directory.clone(), stores.clone(), clock.clone(), server, Arc::new(Nobody));
        Mover::new(Rooms { directory, stores, clock, server, sources, copies, notify }, settings)
    }

    /// Whether Ana's mailbox takes mail.
    pub(crate) fn is_open(&self) -> bool {
        let mailbox = self.stores.get(self.lives_in()).and_then(|store| store.mailbox(self.mailbox));
        mailbox.is_ok_and(|mailbox| mailbox.available().is_ok())
    }

    /// Takes the request as far as it goes now.
    pub(crate) async fn carry(&self, request: Guid) {
        self.mover(small()).carry(request, going()).await;
    }

    /// Delivers message number `n`, as often as it takes; false where the disk is gone.
    pub(crate) async fn deliver(&self, n: u64) -> bool {
        for _ in 0..200 {
            let Ok(database) = self.stores.get(self.lives_in()) else { return false };
            let Ok(mailbox) = database.mailbox(self.mailbox) else { return false };
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let recipient = Recipient {
                mailbox: mailbox.id(),
                folder: FolderRole::Inbox.folder(),
                flags: 0,
                limits: Limits::default(),
            };
            let delivery = Delivery {
                id: DeliveryId(id),
                recipients: vec![recipient],
                parts: vec![format!("delivery {n}").into()],
                summary: "s".into(),
                class: "IPM.Note".into(),
                received: NOW,
            };
            match database.deliver(delivery).await.map(|mut answers| answers.remove(0)) {
                Ok(Ok(_)) => return true,
                Ok(Err(StoreError::Moving | StoreError::NoMailbox)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
                Ok(Err(_)) | Err(_) => return false,
            }
        }
        false
    }
}

/// Appends message number `n`.
pub(crate) async fn append(mailbox: &Mailbox, folder: FolderId, n: usize) {
    let keywords = if n.is_multiple_of(5) { vec!["$Label".to_owned()] } else { Vec::new() };
    let message = NewMessage {
        parts: vec![format!("Subject: {n}\r\n\r\n{}\r\n", "x".repeat(n * 7)).into()],
        summary: format!("summary {n}").into(),
        class: "IPM.Note".into(),
        flags: Flags { system: (n % 32) as u8, keywords },
        received: NOW,
    };
    mailbox.append(folder, message, Limits::default()).await.unwrap();
}

/// Nobody is told.
pub(crate) fn silent() -> Box<Notify> {
    Box::new(|_| Box::pin(async { Ok(()) }))
}

/// Pages so small that a move has many steps.
pub(crate) fn small() -> Settings {
    Settings { page: PageLimits { items: 8, bytes: 2 << 10 }, ..Settings::default() }
}

pub(crate) fn going() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// All that can be seen of a mailbox, deliveries of the test left out.
pub(crate) fn picture(mailbox: &Mailbox) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in mailbox.all_folders().unwrap() {
        let status = mailbox.status(folder.id).unwrap();
        lines.push(format!("{folder:?} {}", status.uid_validity));
        lines.push(format!("{:?}", mailbox.properties(Owner::Folder(folder.id)).unwrap()));
        for item in mailbox.items(folder.id, &vec![1..=u32::MAX], usize::MAX).unwrap() {
            let body = mailbox.body(item.id).unwrap();
            if !body.starts_with(b"delivery ") {
                lines.push(format!("{item:?} {body:?} {}", mailbox.class(item.id).unwrap()));
            }
        }
    }
    lines
}

/// The numbers of the test's deliveries, as they lie in the inbox.
pub(crate) fn deliveries(mailbox: &Mailbox) -> Vec<u64> {
    let items = mailbox.items(FolderRole::Inbox.folder(), &vec![1..=u32::MAX], usize::MAX).unwrap();
    let number = |item: store::Item| {
        let body = mailbox.body(item.id).unwrap();
        str::from_utf8(&body).unwrap().strip_prefix("delivery ").map(|n| n.parse().unwrap())
    };
    items.into_iter().filter_map(number).collect()
}
