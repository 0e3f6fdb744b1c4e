//! A running server: rooms opened from the bottom up, listeners last; and closed the other way round.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{
    Fault, Guid, Rng,
    clock::{SharedClock, SystemClock},
    disk::{DiskFile, SharedDisk, SystemDisk},
    eventlog::{self, EventKind, EventLog, Level},
    neighbours::Neighbours,
    rng::SystemRng,
};
use cmdlets::{Context, copies::Kept};
use dag::{
    link::{Links, Registration, service},
    neighbours::neighbours,
    replica::Group,
};
use directory::{Directory, Object};
use jobs::{
    copies::{self, Answers, Manager},
    queues::{self, Keeper},
};
use protocols::{http, imap, listen, pop3, psremoting};
use services::{Place, Services};
use store::Stores;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use transport::{
    Transport,
    receive::{self, Intake},
};
use trust::{Authenticator, audit};
use wire::kerberos::gss;

use crate::{
    admin, certificate,
    certificate::Certificate,
    cli, clients,
    clients::Doors,
    commands::Commands,
    component::{Components, Doorway, Guarded},
    config::Config,
    delivery,
    directory_copy::{self, DirectoryCopy},
    error::ServerError,
    kerberos,
    layout::Layout,
    links::ServerLinks,
    logon::Logon,
    moves,
    provision::Organization,
    smtp::SmtpListeners,
    telemetry::{self, LogFormat},
};

/// Segment length, index cache and log between checkpoints of a database, bytes.
struct Sizes {
    segment: u64,
    cache: usize,
    checkpoint: u64,
}

const MAILBOX_DATABASE: Sizes = Sizes { segment: 64 << 20, cache: 16 << 20, checkpoint: 256 << 20 };
const DIRECTORY: Sizes = Sizes { segment: 4 << 20, cache: 2 << 20, checkpoint: 16 << 20 };

const STARTED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeServiceHost",
    id: 1001,
    category: "General",
    level: Level::Information,
};
const STOPPED: EventKind = EventKind { id: 1002, ..STARTED };

/// `rialto serve`
pub(crate) async fn run(options: cli::Serve) -> Result<(), ServerError> {
    let layout = Layout::new(&options.folder.data);
    let config = Config::load(&layout)?;
    let lock = layout.lock()?;
    let format = if options.log_json { LogFormat::Json } else { LogFormat::Text };
    start(layout, lock, config, None, format).await?.until_stopped().await
}

/// Makes the directory of a new data folder and fills it, without serving.
pub(crate) async fn prepare(layout: &Layout, config: &Config, new: &Organization) -> Result<(), ServerError> {
    directory_copy::prepare(layout, &Seams::system(), config, Some(new)).await?;
    certificate::load_or_create(layout, config).map(drop)
}

/// The seams everything is opened with.
#[derive(Clone)]
pub(crate) struct Seams {
    disk: SharedDisk,
    pub(crate) clock: SharedClock,
    pub(crate) rng: Arc<dyn Rng>,
}

impl Seams {
    pub(crate) fn disk(&self) -> SharedDisk {
        self.disk.clone()
    }

    pub(crate) fn system() -> Self {
        Self { disk: Arc::new(SystemDisk), clock: Arc::new(SystemClock), rng: Arc::new(SystemRng) }
    }

    /// How the directory is opened.
    pub(crate) fn directory(&self, layout: &Layout) -> engine::Options {
        self.engine(layout.directory(), "directory", &DIRECTORY)
    }

    fn engine(&self, dir: PathBuf, name: &str, sizes: &Sizes) -> engine::Options {
        engine::Options {
            dir,
            name: name.into(),
            segment_bytes: sizes.segment,
            cache_bytes: sizes.cache,
            checkpoint_bytes: sizes.checkpoint,
            disk: self.disk.clone(),
            clock: self.clock.clone(),
        }
    }
}

/// Runs what blocks off the async threads.
pub(crate) async fn blocking<R: Send + 'static>(
    context: &'static str,
    work: impl FnOnce() -> Result<R, Fault> + Send + 'static,
) -> Result<R, ServerError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Fault::internal)
        .and_then(|result| result)
        .map_err(ServerError::during(context))
}

/// A server that is ready.
pub(crate) struct Running {
    layout: Layout,
    config: Config,
    certificate: PathBuf,
    directory: DirectoryCopy,
    copies: Manager,
    queues: Keeper,
    _answers: (Answers, Registration),
    transport: Transport,
    links: ServerLinks,
    _handed_over: Registration,
    _taken_from: Registration,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    signals: Signals,
    /// Sessions that other servers hand over.
    _carried: Registration,
    /// Held until everything is closed.
    _lock: Arc<dyn DiskFile>,
}

/// Opens everything; what listens is listening when this returns.
pub(crate) async fn start(
    layout: Layout,
    lock: Arc<dyn DiskFile>,
    config: Config,
    new: Option<Organization>,
    format: LogFormat,
) -> Result<Running, ServerError> {
    let signals = Signals::listen()?;
    let seams = Seams::system();
    let events = EventLog::open(seams.disk.clone(), &layout.events())
        .map_err(|e| ServerError::io("the event log", e))?;
    let events = Arc::new(events);
    telemetry::start_logging(format, events.clone());
    let metrics = telemetry::start_metrics();
    let Certificate { path, tls, end } = certificate::load_or_create(&layout, &config)?;
    let tls = TlsAcceptor::from(tls);

    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let opened = directory_copy::open(&layout, &seams, &config, new.as_ref()).await?;
    let mut links =
        ServerLinks::open(&layout, &seams, &config, (&opened.directory, opened.this), &mut tasks, &stopped)?;
    let (copy, directory) =
        DirectoryCopy::start(opened, &links.links, (&config, new.as_ref()), &mut tasks, &stopped).await?;
    links.serve(&config, (&copy.group, &directory), &mut tasks, &stopped);
    let server = own_server(&directory, &config)?;
    let stores = Stores::default();
    let copies = copies(&layout, &seams, server.guid, (&directory, &copy.group), &stores, &links.links);
    copies.open_all().await;
    let answers = copies.answer_others();
    tasks.spawn(copies.clone().run(stopped.clone()));
    let authenticator = open_authenticator(&layout, &seams, &config, &directory).await?;
    let others = delivery::others(&links.links);
    let transport = start_transport(&layout, &seams, &config, &server, (&directory, &stores, others)).await?;
    let queues = queues(&layout, &seams, server.guid, (&directory, &links.links, &transport));
    let queue_answers = open_queues(&queues, &copies, &mut tasks, &stopped).await?;
    let handed_over = delivery::answer(&links.links, &transport);
    let place = Place { server: server.guid, others: neighbours(&links.links, service::CLIENTS) };
    let services = Services::new(directory.clone(), stores.clone(), authenticator.clone(), place);
    let components = Components { directory: directory.clone(), server: server.guid };
    let door = transport.door(Arc::new(Logon::new(authenticator)));
    let smtp = open_smtp(Guarded { inner: door, components: components.clone() }, &tls, &seams, &config)?;
    tasks.spawn(smtp.run(stopped.clone()));
    let (clock, rng) = (seams.clock.clone(), seams.rng.clone());
    let reach = (&links.links, &copies, &transport);
    let taken_from =
        run_jobs((&directory, &stores, &clock), reach, (&config, server.guid), &mut tasks, &stopped);
    let audit = open_audit(&layout, &seams).await?;
    let records = Records { events, audit };
    let rooms = Rooms {
        directory: &directory,
        stores: &stores,
        transport: &transport,
        links: &links,
        copies: &copies,
        sessions: services.sessions(),
    };
    let cmdlets = Arc::new(cmdlet_context(&layout, seams, &server, rooms, records));
    links.run_cmdlets(&cmdlets, &copy.group);
    let protocols = Protocols {
        config: &config,
        services: &services,
        tls: &tls,
        clock: &clock,
        stopped: &stopped,
        components,
    };
    let carried = protocols.listen(&links.links, &mut tasks)?;
    let shells = Arc::new(psremoting::Shells::new(clock.clone(), rng));
    tasks.spawn(shells.clone().run(stopped.clone()));
    let commands = Commands::new(cmdlets.clone(), config.session_configurations.clone());
    let tls_end = gss::channel_hash(&end);
    let remoting = Remoting { commands: Arc::new(commands), shells, tls_end };
    protocols.listen_http(&mut tasks, metrics, remoting)?;
    let admin = admin::server::bind(&layout)?;
    tasks.spawn(admin::server::serve(admin, cmdlets, stopped));
    eventlog::write(&STARTED, &format!("The messaging server {} has started.", config.server_name));
    Ok(Running {
        layout,
        config,
        certificate: path,
        directory: copy,
        copies,
        queues,
        _answers: (answers, queue_answers),
        transport,
        links,
        _handed_over: handed_over,
        _taken_from: taken_from,
        stop,
        tasks,
        signals,
        _carried: carried,
        _lock: lock,
    })
}

async fn open_authenticator(
    layout: &Layout,
    seams: &Seams,
    config: &Config,
    directory: &Directory,
) -> Result<Authenticator, ServerError> {
    let (directory, clock, rng) = (directory.clone(), seams.clock.clone(), seams.rng.clone());
    let opened =
        blocking("starting authentication", move || Ok(Authenticator::new(directory, clock, rng)?)).await?;
    let kerberos = kerberos::acceptor(layout, config, (seams.clock.clone(), seams.rng.clone()))?;
    Ok(opened.with_kerberos(kerberos))
}

/// Starts what runs without being asked.
fn run_jobs(
    (directory, stores, clock): (&Directory, &Stores, &SharedClock),
    reach: (&Links, &Manager, &Transport),
    (config, server): (&Config, Guid),
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) -> Registration {
    let settings = config.mailbox_replication.settings();
    let (mover, taken_from) = moves::mover((directory, stores, clock), server, reach, settings);
    tasks.spawn(mover.run(stopped.clone()));
    let (directory, stores, clock) = (directory.clone(), stores.clone(), clock.clone());
    tasks.spawn(jobs::store_maintenance::run(directory, stores, clock, stopped.clone()));
    taken_from
}

/// Listens at this server's receive connectors.
fn open_smtp<I: Intake>(
    intake: Guarded<I>,
    tls: &TlsAcceptor,
    seams: &Seams,
    config: &Config,
) -> Result<SmtpListeners<Guarded<I>>, ServerError> {
    let settings =
        receive::Settings { tls: Some(tls.clone()), clock: seams.clock.clone(), rng: seams.rng.clone() };
    let Components { directory, server } = intake.components.clone();
    let connectors = receive::settings::connectors(&directory.snapshot(), server);
    let receiver = Arc::new(receive::Receiver::new(intake, connectors, settings));
    SmtpListeners::open(receiver, directory, server, config.listen.smtp_implicit_tls.clone())
}

/// The directory's object for this server.
pub(crate) fn own_server(directory: &Directory, config: &Config) -> Result<Arc<Object>, ServerError> {
    let view = directory.snapshot();
    let own =
        crate::provision::own_server(&view, &config.server_name).and_then(|guid| view.get(guid).cloned());
    own.ok_or_else(|| {
        ServerError::Usage(format!(
            "the directory holds no server {}: the data folder was not set up completely (run `rialto setup` on an empty \
             one), or server_name in rialto.toml isn't the one it was set up with",
            config.server_name
        ))
    })
}

/// Who keeps the copies of this server.
fn copies(
    layout: &Layout,
    seams: &Seams,
    server: Guid,
    (directory, directory_group): (&Directory, &Arc<Group>),
    stores: &Stores,
    links: &Links,
) -> Manager {
    let (layout, seams, clock) = (layout.clone(), seams.clone(), seams.clock.clone());
    Manager::new(copies::Settings {
        server,
        directory: directory.clone(),
        stores: stores.clone(),
        links: links.clone(),
        witness_dir: layout.witness(),
        config: Box::new(move |object| database_config(&layout, &seams, object)),
        clock,
        directory_group: directory_group.clone(),
    })
}

/// Who keeps the mail queues of this server.
fn queues(
    layout: &Layout,
    seams: &Seams,
    server: Guid,
    (directory, links, transport): (&Directory, &Links, &Transport),
) -> Keeper {
    Keeper::new(queues::Settings {
        server,
        directory: directory.clone(),
        links: links.clone(),
        transport: transport.clone(),
        own: layout.queue(),
        others: layout.other_queues(),
        disk: seams.disk.clone(),
        clock: seams.clock.clone(),
    })
}

/// Opens the mail queues, and keeps them until the server stops.
async fn open_queues(
    queues: &Keeper,
    copies: &Manager,
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) -> Result<Registration, ServerError> {
    let answers = queues.start().await.map_err(ServerError::during("opening the mail queue"))?;
    tasks.spawn(queues.clone().run(stopped.clone()));
    let checked = queues.clone();
    copies.check_also(move || checked.probe());
    queues.settled().await;
    Ok(answers)
}

fn database_config(layout: &Layout, seams: &Seams, object: &Object) -> store::Config {
    let dir = layout.mailbox_database(object.guid);
    store::Config { guid: object.guid, engine: seams.engine(dir, &object.name, &MAILBOX_DATABASE) }
}

async fn start_transport(
    layout: &Layout,
    seams: &Seams,
    config: &Config,
    server: &Object,
    (directory, stores, neighbours): (&Directory, &Stores, Arc<dyn Neighbours>),
) -> Result<Transport, ServerError> {
    let options = transport::Options {
        server: server.name.to_string(),
        fqdn: config.server_name.clone(),
        server_object: server.guid,
        queue: transport::Queue::Lent,
        queue_dir: layout.transport(),
        segment_bytes: transport::SEGMENT_BYTES,
        tracking_dir: layout.tracking(),
        neighbours,
        disk: seams.disk.clone(),
        clock: seams.clock.clone(),
        rng: seams.rng.clone(),
    };
    let carrier = crate::carrier::system(&config.server_name, seams.rng.clone())?;
    let (directory, stores) = (directory.clone(), stores.clone());
    blocking("starting the transport", move || Ok(Transport::start(options, directory, stores, carrier)?))
        .await
}

async fn open_audit(layout: &Layout, seams: &Seams) -> Result<audit::Log, ServerError> {
    let (disk, dir, head) = (seams.disk.clone(), layout.admin_audit(), layout.admin_audit_head());
    let open = move || audit::Log::open(audit::Options { disk, dir, head }).map_err(Fault::internal);
    blocking("opening the administrator audit log", open).await
}

/// What is written down about the running of the server.
struct Records {
    events: Arc<EventLog>,
    audit: audit::Log,
}

/// The rooms that cmdlets work on.
struct Rooms<'a> {
    directory: &'a Directory,
    stores: &'a Stores,
    transport: &'a Transport,
    links: &'a ServerLinks,
    copies: &'a Manager,
    sessions: services::Sessions,
}

fn cmdlet_context(
    layout: &Layout,
    seams: Seams,
    server: &Object,
    rooms: Rooms<'_>,
    records: Records,
) -> Context {
    let Rooms { directory, stores, transport, links, copies, sessions } = rooms;
    let (layout, clock, rng) = (layout.clone(), seams.clock.clone(), seams.rng.clone());
    Context {
        server_name: server.name.to_string(),
        server: server.guid,
        directory: directory.clone(),
        stores: stores.clone(),
        database_config: Box::new(move |object| database_config(&layout, &seams, object)),
        copies: Box::new(Kept { manager: copies.clone(), runtime: tokio::runtime::Handle::current() }),
        transport: transport.clone(),
        neighbours: neighbours(&links.links, service::COMMANDS),
        links: Some(links.links.clone()),
        sessions,
        repairs: jobs::repairs::Repairs::default(),
        events: records.events,
        audit: records.audit,
        rng,
        clock,
        runtime: tokio::runtime::Handle::current(),
    }
}

/// What the protocol listeners share.
struct Protocols<'a> {
    config: &'a Config,
    services: &'a Services,
    tls: &'a TlsAcceptor,
    clock: &'a SharedClock,
    stopped: &'a watch::Receiver<bool>,
    components: Components,
}

/// What administrators use over HTTPS.
struct Remoting {
    commands: Arc<Commands>,
    shells: Arc<psremoting::Shells>,
    /// The hash of this end of TLS.
    tls_end: [u8; 16],
}

impl Protocols<'_> {
    /// IMAP and POP3.
    fn doors(&self) -> Doors {
        let settings = |banner: &str| listen::Settings {
            allow_plaintext: self.config.listen.allow_plaintext,
            ..listen::Settings::new(banner)
        };
        let imap = Arc::new(imap::Server {
            settings: settings("The Rialto IMAP4 service is ready."),
            append_max: imap::APPEND_MAX,
            services: self.services.clone(),
            tls: Some(self.tls.clone()),
            clock: self.clock.clone(),
        });
        let pop3 = Arc::new(pop3::Server {
            settings: settings("The Rialto POP3 service is ready."),
            services: self.services.clone(),
            tls: Some(self.tls.clone()),
        });
        Doors { imap, pop3 }
    }

    /// IMAP and POP3, each in the clear with STARTTLS and over TLS, and from other servers.
    fn listen(&self, links: &Links, tasks: &mut JoinSet<()>) -> Result<Registration, ServerError> {
        use listen::Door::{ImplicitTls, Plain};
        let (at, doors) = (&self.config.listen, self.doors());
        let carried = clients::answer(links, self.services.clone(), doors.clone(), self.stopped.clone());
        let Doors { imap, pop3 } = doors;
        for (port, door) in [(at.imap, Plain), (at.imaps, ImplicitTls)] {
            let (imap, doorway) = (imap.clone(), Doorway::open(at.at(port), "IMAP")?);
            let open = doorway.again(move |listener, stopped| imap.clone().serve(listener, door, stopped));
            tasks.spawn(self.components.clone().keep_open("ImapProxy", open, self.stopped.clone()));
        }
        for (port, door) in [(at.pop3, Plain), (at.pop3s, ImplicitTls)] {
            let (pop3, doorway) = (pop3.clone(), Doorway::open(at.at(port), "POP3")?);
            let open = doorway.again(move |listener, stopped| pop3.clone().serve(listener, door, stopped));
            tasks.spawn(self.components.clone().keep_open("PopProxy", open, self.stopped.clone()));
        }
        Ok(carried)
    }

    fn listen_http(
        &self,
        tasks: &mut JoinSet<()>,
        metrics: metrics_exporter_prometheus::PrometheusHandle,
        Remoting { commands, shells, tls_end }: Remoting,
    ) -> Result<(), ServerError> {
        let at = &self.config.listen;
        // Where clients can do better, passwords are taken in the clear only if that was asked for.
        let basic_in_clear = at.plain_http_basic.unwrap_or(!self.services.takes_tickets());
        let settings = Arc::new(http::Settings {
            server_name: self.config.server_name.clone(),
            metrics: Box::new(move || metrics.render()),
            services: self.services.clone(),
            commands,
            shells,
            adminapi: protocols::adminapi::Pages::default(),
            tls_end,
            basic_in_clear,
        });
        let tls = Some(self.tls.clone());
        let listener = bind(at.at(at.https), "HTTPS")?;
        tasks.spawn(http::serve(listener, settings.clone(), tls, self.stopped.clone()));
        if let Some(port) = at.plain_http {
            if basic_in_clear {
                tracing::warn!(port, "HTTP without TLS is configured: passwords cross the network readable");
            }
            let listener = bind(at.at(port), "HTTP")?;
            tasks.spawn(http::serve(listener, settings, None, self.stopped.clone()));
        }
        Ok(())
    }
}

pub(crate) fn bind(address: SocketAddr, service: &str) -> Result<base::net::TcpListener, ServerError> {
    base::net::listen(address).map_err(|source| ServerError::Listen {
        address,
        service: service.into(),
        source,
    })
}

impl Running {
    /// The data folder.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
    /// The bootstrap configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }
    /// The certificate's file.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Serves until SIGTERM or Ctrl+C, then stops: listeners first, sessions finish what they do, queues and
    /// databases close with everything written.
    pub(crate) async fn until_stopped(mut self) -> Result<(), ServerError> {
        self.signals.wait().await;
        tracing::info!("stopping");
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a listener failed");
            }
        }
        self.transport
            .stop()
            .await
            .map_err(Fault::from)
            .map_err(ServerError::during("stopping the transport"))?;
        eventlog::write(&STOPPED, &format!("The messaging server {} has stopped.", self.config.server_name));
        self.queues.stop().await;
        self.copies.stop().await;
        self.directory.stop().await;
        self.links.links.close().await;
        Ok(())
    }
}

/// What asks the server to stop. Listened for before anything is started, so that a server that has said it
/// is ready never dies of the signal instead of stopping.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServerError> {
        let on = |kind| signal(kind).map_err(|error| ServerError::io("cannot listen for signals", error));
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
