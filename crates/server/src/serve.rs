//! A running server: rooms opened from the bottom up, listeners last; and closed the other way round.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{
    Fault, Rng,
    clock::{SharedClock, SystemClock},
    disk::{DiskFile, SharedDisk, SystemDisk},
    eventlog::{self, EventKind, EventLog, Level},
    rng::SystemRng,
};
use cmdlets::{Context, copies::SingleServer};
use directory::{Directory, Object};
use protocols::{http, imap, listen, pop3, psremoting};
use services::Services;
use store::Stores;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use transport::{Transport, receive};
use trust::{Authenticator, audit};
use wire::kerberos::gss;

use crate::{
    admin, certificate,
    certificate::Certificate,
    cli,
    commands::Commands,
    config::Config,
    error::ServerError,
    kerberos,
    layout::Layout,
    links::ServerLinks,
    logon::Logon,
    provision::{self, Organization},
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
const NOT_MOUNTED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeIS",
    id: 1001,
    category: "General",
    level: Level::Error,
};

/// `rialto serve`
pub(crate) async fn run(options: cli::Serve) -> Result<(), ServerError> {
    let layout = Layout::new(&options.folder.data);
    let config = Config::load(&layout)?;
    let lock = layout.lock()?;
    let format = if options.log_json { LogFormat::Json } else { LogFormat::Text };
    start(layout, lock, config, None, format).await?.until_stopped().await
}

/// Opens the directory of a new data folder and fills it, without serving.
pub(crate) async fn prepare(layout: &Layout, config: &Config, new: &Organization) -> Result<(), ServerError> {
    let seams = Seams::system();
    let directory = open_directory(layout, &seams).await?;
    provision::provision(&directory, config, new)
        .await
        .map_err(ServerError::during("making the organisation"))?;
    certificate::load_or_create(layout, config)?;
    let closed = tokio::task::spawn_blocking(move || directory.close()).await;
    closed
        .map_err(Fault::internal)
        .and_then(|r| r.map_err(Fault::from))
        .map_err(ServerError::during("closing the directory"))
}

/// The seams everything is opened with.
pub(crate) struct Seams {
    disk: SharedDisk,
    pub(crate) clock: SharedClock,
    pub(crate) rng: Arc<dyn Rng>,
}

impl Seams {
    pub(crate) fn system() -> Self {
        Self { disk: Arc::new(SystemDisk), clock: Arc::new(SystemClock), rng: Arc::new(SystemRng) }
    }

    /// How the directory is opened.
    pub(crate) fn directory(&self, layout: &Layout) -> directory::Options {
        let engine = self.engine(layout.directory(), "directory", &DIRECTORY);
        directory::Options { engine, rng: self.rng.clone() }
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

async fn open_directory(layout: &Layout, seams: &Seams) -> Result<Directory, ServerError> {
    let options = seams.directory(layout);
    blocking("opening the directory", move || Directory::open(options).map_err(Fault::from)).await
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
    directory: Directory,
    stores: Stores,
    transport: Transport,
    links: ServerLinks,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    signals: Signals,
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

    let directory = open_directory(&layout, &seams).await?;
    let provisioned = match &new {
        Some(new) => provision::provision(&directory, &config, new).await,
        None => provision::access(&directory, provision::ADMINISTRATOR).await,
    };
    provisioned.map_err(ServerError::during("making the organisation"))?;
    let server = this_server(&directory, &config)?;
    let stores = Stores::default();
    mount_databases(&layout, &seams, &server, &directory, &stores).await;
    let authenticator = {
        let (directory, clock, rng) = (directory.clone(), seams.clock.clone(), seams.rng.clone());
        blocking("starting authentication", move || Ok(Authenticator::new(directory, clock, rng)?)).await?
    };
    let kerberos = kerberos::acceptor(&layout, &config, (seams.clock.clone(), seams.rng.clone()))?;
    let authenticator = authenticator.with_kerberos(kerberos);
    let services = Services::new(directory.clone(), stores.clone(), authenticator.clone());
    let transport = start_transport(&layout, &seams, &config, &server, &directory, &stores).await?;

    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let links =
        ServerLinks::open(&layout, &seams, &config, &directory, server.guid, &mut tasks, &stopped).await?;
    let intake = transport.door(Arc::new(Logon::new(authenticator)));
    let receiver_settings =
        receive::Settings { tls: Some(tls.clone()), clock: seams.clock.clone(), rng: seams.rng.clone() };
    let connectors = receive::settings::connectors(&directory.snapshot(), server.guid);
    let receiver = Arc::new(receive::Receiver::new(intake, connectors, receiver_settings));
    let smtp = SmtpListeners::open(
        receiver,
        directory.clone(),
        server.guid,
        config.listen.smtp_implicit_tls.clone(),
    )?;
    tasks.spawn(smtp.run(stopped.clone()));
    let (clock, rng) = (seams.clock.clone(), seams.rng.clone());
    tasks.spawn(jobs::store_maintenance::run(
        directory.clone(),
        stores.clone(),
        clock.clone(),
        stopped.clone(),
    ));

    let mover = jobs::moves::Mover::new(
        directory.clone(),
        stores.clone(),
        clock.clone(),
        config.mailbox_replication.settings(),
        &server.name,
    );
    tasks.spawn(mover.run(stopped.clone()));

    let audit = open_audit(&layout, &seams).await?;
    let records = Records { events, audit };
    let rooms = Rooms { directory: &directory, stores: &stores, transport: &transport, links: &links, sessions: services.sessions() };
    let cmdlets = Arc::new(cmdlet_context(&layout, seams, &server, rooms, records));
    let protocols =
        Protocols { config: &config, services: &services, tls: &tls, clock: &clock, stopped: &stopped };
    protocols.listen(&mut tasks)?;
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
        directory,
        stores,
        transport,
        links,
        stop,
        tasks,
        signals,
        _lock: lock,
    })
}

/// The directory's object for this server.
fn this_server(directory: &Directory, config: &Config) -> Result<Arc<Object>, ServerError> {
    let view = directory.snapshot();
    let own = provision::own_server(&view, &config.server_name).and_then(|guid| view.get(guid).cloned());
    own.ok_or_else(|| {
        ServerError::Usage(format!(
            "the directory holds no server {}: the data folder was not set up completely (run `rialto setup` on an empty \
             one), or server_name in rialto.toml isn't the one it was set up with",
            config.server_name
        ))
    })
}

/// A database that does not mount is said so and left; the others serve.
async fn mount_databases(
    layout: &Layout,
    seams: &Seams,
    server: &Object,
    directory: &Directory,
    stores: &Stores,
) {
    let view = directory.snapshot();
    for object in view.databases().filter(|database| database.link("Server") == Some(server.guid)) {
        let config = database_config(layout, seams, object);
        let stores = stores.clone();
        let mounted = blocking("mounting", move || Ok(stores.mount(config)?)).await;
        if let Err(error) = mounted {
            eventlog::write(
                &NOT_MOUNTED,
                &format!("The mailbox database \"{}\" did not mount. {error}", object.name),
            );
        }
    }
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
    directory: &Directory,
    stores: &Stores,
) -> Result<Transport, ServerError> {
    let options = transport::Options {
        server: server.name.to_string(),
        fqdn: config.server_name.clone(),
        server_object: server.guid,
        queue_dir: layout.queue(),
        segment_bytes: transport::SEGMENT_BYTES,
        tracking_dir: layout.tracking(),
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
    sessions: services::Sessions,
}

fn cmdlet_context(
    layout: &Layout,
    seams: Seams,
    server: &Object,
    rooms: Rooms<'_>,
    records: Records,
) -> Context {
    let Rooms { directory, stores, transport, links, sessions } = rooms;
    let (layout, clock, rng) = (layout.clone(), seams.clock.clone(), seams.rng.clone());
    let (volume, disk) = (layout.clone(), seams.disk.clone());
    let copies = SingleServer {
        server: server.guid,
        stores: stores.clone(),
        free_space: Box::new(move |database| disk.free_space(&volume.mailbox_database(database.guid)).ok()),
    };
    Context {
        server_name: server.name.to_string(),
        directory: directory.clone(),
        stores: stores.clone(),
        database_config: Box::new(move |object| database_config(&layout, &seams, object)),
        copies: Box::new(copies),
        transport: transport.clone(),
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
}

/// What administrators use over HTTPS.
struct Remoting {
    commands: Arc<Commands>,
    shells: Arc<psremoting::Shells>,
    /// The hash of this end of TLS.
    tls_end: [u8; 16],
}

impl Protocols<'_> {
    /// IMAP and POP3, each in the clear with STARTTLS and over TLS.
    fn listen(&self, tasks: &mut JoinSet<()>) -> Result<(), ServerError> {
        use listen::Door::{ImplicitTls, Plain};
        let at = &self.config.listen;
        let settings = |banner: &str| listen::Settings {
            allow_plaintext: at.allow_plaintext,
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
        for (port, door) in [(at.imap, Plain), (at.imaps, ImplicitTls)] {
            tasks.spawn(imap.clone().serve(bind(at.at(port), "IMAP")?, door, self.stopped.clone()));
        }
        for (port, door) in [(at.pop3, Plain), (at.pop3s, ImplicitTls)] {
            tasks.spawn(pop3.clone().serve(bind(at.at(port), "POP3")?, door, self.stopped.clone()));
        }
        Ok(())
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
        self.links.links.close().await;
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
        let (stores, directory) = (self.stores, self.directory);
        blocking("closing the databases", move || {
            stores.dismount_all()?;
            Ok(directory.close()?)
        })
        .await
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
