//! One connection: reads frames into its streams, writes what they have to send, and notices when the other end
//! has gone.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::clock::SharedClock;
use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};

use super::{
    error::LinkError,
    frame::{self, Frame, Goodbye, Hello, MAGIC, PAYLOAD_MAX, ResetReason, Style},
    mux::{Event, LASTING_MAX, Mux, OPEN_MAX},
    registry::{Handler, Registry},
    stream::{self, Sink, Source},
    types::{Audience, Endpoint, Peer},
};

/// The oldest version of the protocol that is spoken.
const OLDEST: u16 = 1;
/// The newest.
const NEWEST: u16 = 1;
/// How long TLS and the introductions may take.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);
/// How often a server that dialled sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a peer may be silent before it counts as dead: some heartbeats.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(5);
/// How long what is open may take to finish when a connection is closed gracefully.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How long the last word to a peer may take.
const LAST_WORD: Duration = Duration::from_millis(500);
/// The longest request and the longest answer, bytes.
pub const CALL_MAX: usize = 16 << 20;
/// The longest that guests send, bytes.
const GUEST_CALL_MAX: usize = 64 << 10;
/// Requests and answers of more than one window that are gathered at a time.
const LONG_CALLS: usize = 8;
/// How much is handed to TLS at once, bytes.
const BATCH: usize = 256 << 10;
/// How much room there is for reading at least, bytes.
const READ_MIN: usize = 16 << 10;

/// When something was last heard: microseconds of the monotonic clock, 0 for never.
pub(crate) type Heard = Arc<AtomicU64>;

/// What others need of a connection while it runs.
pub(crate) struct Core {
    pub(crate) mux: Mutex<Mux>,
    /// There may be something to send.
    pub(crate) work: Notify,
    /// Places for what this side opens.
    opening: Places,
    /// Places for handlers that run for the peer.
    running: Places,
    long: Semaphore,
    pub(crate) peer: Peer,
    pub(crate) audience: Audience,
    pub(crate) key: Option<[u8; 32]>,
    /// The peer's wall clock less ours, at the introduction, microseconds.
    pub(crate) clock_ahead: i64,
    clock: SharedClock,
    heard: AtomicU64,
    link_heard: Heard,
    /// Microseconds; 0 before the first.
    rtt: AtomicU64,
    ending: Mutex<Ending>,
    ended: Notify,
}

/// How many streams there may be at a time.
struct Places {
    brief: Arc<Semaphore>,
    lasting: Arc<Semaphore>,
}

impl Places {
    fn new(times: usize) -> Self {
        let places = |most| Arc::new(Semaphore::new(times * most));
        Self { brief: places(OPEN_MAX), lasting: places(LASTING_MAX) }
    }
    fn of(&self, endpoint: Endpoint) -> &Arc<Semaphore> {
        if endpoint.is_lasting() { &self.lasting } else { &self.brief }
    }
}

/// Whether a connection is to end, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Ending {
    /// It is not.
    #[default]
    Not,
    /// When what is open is over.
    Gracefully,
    /// Now.
    Now(String),
}

/// What a connection begins with.
pub(crate) struct Begin {
    pub(crate) peer: Peer,
    pub(crate) audience: Audience,
    pub(crate) key: Option<[u8; 32]>,
    pub(crate) clock: SharedClock,
    pub(crate) link_heard: Heard,
    /// Whether the peer dialled.
    pub(crate) accepted: bool,
    pub(crate) clock_ahead: i64,
}

impl Core {
    pub(crate) fn new(begin: Begin) -> Arc<Self> {
        let core = Core {
            mux: Mutex::new(Mux::new(begin.accepted)),
            work: Notify::new(),
            opening: Places::new(1),
            running: Places::new(2),
            long: Semaphore::new(LONG_CALLS),
            peer: begin.peer,
            audience: begin.audience,
            key: begin.key,
            clock_ahead: begin.clock_ahead,
            clock: begin.clock,
            heard: AtomicU64::new(0),
            link_heard: begin.link_heard,
            rtt: AtomicU64::new(0),
            ending: Mutex::default(),
            ended: Notify::new(),
        };
        core.hear();
        Arc::new(core)
    }

    /// Changes the streams and sees that what there is to send is sent.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Mux) -> R) -> R {
        let (result, work) = {
            let mut mux = self.mux.lock();
            let result = f(&mut mux);
            (result, mux.has_work())
        };
        if work {
            self.work.notify_one();
        }
        result
    }

    /// Opens a stream; waits while too many are open.
    pub(crate) async fn open(
        self: &Arc<Self>,
        endpoint: Endpoint,
        style: Style,
        head: Bytes,
    ) -> Result<(Sink, Source), LinkError> {
        let places = self.opening.of(endpoint).clone();
        let place = places.acquire_owned().await.map_err(|_| LinkError::Closed)?;
        let stream = self.with(|mux| mux.begin(endpoint, style, head, Some(place)))?;
        Ok(stream::ends(self.clone(), stream))
    }

    /// Asks and waits for the answer.
    pub(crate) async fn call(
        self: &Arc<Self>,
        endpoint: Endpoint,
        request: Vec<Bytes>,
    ) -> Result<Bytes, LinkError> {
        let bytes = request.iter().map(Bytes::len).sum();
        if bytes > CALL_MAX {
            return Err(LinkError::TooLong { what: "a request", bytes, limit: CALL_MAX });
        }
        let (sink, mut source) = self.open(endpoint, Style::Call, Bytes::new()).await?;
        sink.say(request);
        source.collect(CALL_MAX, &self.long).await
    }

    /// How long a heartbeat last took.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        Some(self.rtt.load(Ordering::Relaxed)).filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// Ends the connection at once, with a word for the peer.
    pub(crate) fn kill(&self, goodbye: Goodbye) {
        let why = said(&goodbye);
        self.with(|mux| {
            mux.control(&Frame::Goodbye(goodbye));
            mux.fail(&LinkError::Lost(why.clone()));
        });
        *self.ending.lock() = Ending::Now(why);
        self.ended.notify_waiters();
        self.work.notify_one();
    }

    /// Ends the connection when what is open is over.
    pub(crate) fn stop(&self) {
        self.with(|mux| mux.control(&Frame::Goodbye(Goodbye::Stopping)));
        self.drain();
    }

    fn drain(&self) {
        let mut ending = self.ending.lock();
        if *ending == Ending::Not {
            *ending = Ending::Gracefully;
            self.ended.notify_waiters();
            self.work.notify_one();
        }
    }

    /// Ready when new streams should go elsewhere.
    pub(crate) async fn draining(&self) {
        loop {
            let ended = self.ended.notified();
            if *self.ending.lock() != Ending::Not {
                return;
            }
            ended.await;
        }
    }

    /// Whether it runs no more.
    pub(crate) fn has_ended(&self) -> bool {
        self.mux.lock().has_failed()
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    fn hear(&self) {
        let now = self.micros().max(1);
        self.heard.store(now, Ordering::Relaxed);
        self.link_heard.fetch_max(now, Ordering::Relaxed);
    }
}

/// Runs a connection until it ends, and says why it did.
pub(crate) async fn run<S>(core: Arc<Core>, socket: S, buffer: BytesMut, registry: Arc<Registry>) -> LinkError
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reading, mut writing) = tokio::io::split(socket);
    let why = tokio::select! {
        biased;
        why = read(&core, reading, buffer, &registry) => why,
        why = write(&core, &mut writing) => why,
        why = watch_over(&core) => why,
        why = ending(&core) => why,
    };
    core.mux.lock().fail(&why);
    // The last word and TLS's own goodbye; a peer that is gone hears neither.
    let _ = timeout(LAST_WORD, async {
        let mut rest = Batch::default();
        core.mux.lock().take_output(0, &mut rest.0);
        writing.write_all_buf(&mut rest).await?;
        writing.shutdown().await
    })
    .await;
    why
}

/// Reads until the connection ends.
async fn read<R: AsyncRead + Unpin>(
    core: &Arc<Core>,
    mut socket: R,
    mut buffer: BytesMut,
    registry: &Registry,
) -> LinkError {
    loop {
        loop {
            let frame = match Frame::decode(&mut buffer) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return broken(core, error.to_string()),
            };
            match core.with(|mux| mux.receive(frame)) {
                Ok(Event::None) => {}
                Ok(Event::Opened { stream, endpoint, style, head }) => {
                    answer(core, registry, stream, endpoint, style, head);
                }
                Ok(Event::Pong(sent)) => {
                    core.rtt.store(core.micros().saturating_sub(sent).max(1), Ordering::Relaxed);
                }
                Ok(Event::Goodbye(Goodbye::Stopping)) => core.drain(),
                Ok(Event::Goodbye(reason)) => return LinkError::Lost(heard(&reason)),
                Err(violation) => return broken(core, violation.to_string()),
            }
        }
        if buffer.capacity() - buffer.len() < READ_MIN {
            buffer.reserve(frame::HEADER_LEN + PAYLOAD_MAX + READ_MIN);
        }
        match socket.read_buf(&mut buffer).await {
            Ok(0) => return LinkError::Lost("the other server closed it".into()),
            Ok(_) => core.hear(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return LinkError::Lost("the other server is gone without a word".into());
            }
            Err(error) => return LinkError::Lost(error.to_string()),
        }
    }
}

fn broken(core: &Core, what: String) -> LinkError {
    tracing::warn!(peer = %core.peer.server, address = %core.peer.address, what, "a peer broke the link protocol");
    core.mux.lock().control(&Frame::Goodbye(Goodbye::Broken(what.clone())));
    LinkError::Lost(format!("the other server broke the protocol: {what}"))
}

/// Starts whoever answers a stream that the peer has opened.
fn answer(core: &Arc<Core>, registry: &Registry, stream: u32, endpoint: Endpoint, style: Style, head: Bytes) {
    let (sink, mut source) = stream::ends(core.clone(), stream);
    let Ok(running) = core.running.of(endpoint).clone().try_acquire_owned() else {
        return sink.reset(ResetReason::Busy);
    };
    let peer = core.peer;
    match (registry.find(core.audience, endpoint), style) {
        (Some(Handler::Call(handler)), Style::Call) => {
            let core = core.clone();
            tokio::spawn(async move {
                let limit = if core.audience == Audience::Guests { GUEST_CALL_MAX } else { CALL_MAX };
                match source.collect(limit, &core.long).await {
                    Ok(request) => match handler(peer, request).await {
                        Ok(answer) => sink.say(answer),
                        Err(refusal) => sink.reset(ResetReason::Refused(refusal.code, refusal.text)),
                    },
                    Err(LinkError::TooLong { bytes, limit, .. }) => {
                        sink.reset(ResetReason::TooLong(bytes as u64, limit as u64));
                    }
                    Err(error) => tracing::debug!(%error, "a request ended early"),
                }
                drop(running);
            });
        }
        (Some(Handler::Stream(handler)), Style::Stream) => {
            tokio::spawn(async move {
                handler(peer, head, sink, source).await;
                drop(running);
            });
        }
        _ => sink.reset(ResetReason::NoSuchService),
    }
}

/// Writes until the connection ends, or nothing is left to do on one that is to end.
async fn write<W: AsyncWrite + Unpin>(core: &Core, socket: &mut W) -> LinkError {
    let mut batch = Batch::default();
    loop {
        let finished = {
            let mut mux = core.mux.lock();
            mux.take_output(BATCH, &mut batch.0);
            mux.busy() == 0
        };
        if batch.has_remaining() {
            let written = async {
                socket.write_all_buf(&mut batch).await?;
                socket.flush().await
            };
            if let Err(error) = written.await {
                return LinkError::Lost(error.to_string());
            }
            continue;
        }
        match &*core.ending.lock() {
            Ending::Gracefully if finished => {
                return LinkError::Lost("one of the servers is stopping".into());
            }
            Ending::Now(why) => return LinkError::Lost(why.clone()),
            _ => {}
        }
        core.work.notified().await;
    }
}

/// Sends heartbeats on a connection of our own, and ends one on which nothing is heard.
async fn watch_over(core: &Core) -> LinkError {
    let dialled = !core.mux.lock().accepts();
    loop {
        if dialled {
            let now = core.micros();
            core.with(|mux| mux.control(&Frame::Ping(now)));
        }
        sleep(HEARTBEAT).await;
        // What has come meanwhile is read before this is looked at again.
        let silent = core.micros().saturating_sub(core.heard.load(Ordering::Relaxed));
        if Duration::from_micros(silent) > DEAD_AFTER {
            return LinkError::Lost(format!("nothing was heard for {} s", DEAD_AFTER.as_secs()));
        }
    }
}

/// Ends a connection that was asked to end and does not get to it by itself.
async fn ending(core: &Core) -> LinkError {
    loop {
        let ended = core.ended.notified();
        let ending = core.ending.lock().clone();
        match ending {
            Ending::Not => ended.await,
            Ending::Gracefully => {
                let _ = timeout(GRACE, ended).await;
                if let Ending::Now(_) = &*core.ending.lock() {
                    continue;
                }
                return LinkError::Lost("what was open did not finish in time".into());
            }
            Ending::Now(why) => {
                sleep(LAST_WORD).await;
                return LinkError::Lost(why);
            }
        }
    }
}

/// What a goodbye means to the one who says it.
pub(crate) fn said(goodbye: &Goodbye) -> String {
    match goodbye {
        Goodbye::Stopping => "this server is stopping".into(),
        Goodbye::Replaced => "a newer connection took its place".into(),
        Goodbye::Stranger => "the other server is not, or no longer, one of the organisation".into(),
        Goodbye::Version(..) => "the servers' versions have no protocol in common".into(),
        Goodbye::Busy => "too many connections".into(),
        Goodbye::Broken(what) => format!("the other server broke the protocol: {what}"),
    }
}

/// What a goodbye means to the one who hears it.
pub(crate) fn heard(goodbye: &Goodbye) -> String {
    match goodbye {
        Goodbye::Stopping => "the other server is stopping".into(),
        Goodbye::Replaced => "a newer connection took its place".into(),
        Goodbye::Stranger => {
            "the other server does not, or no longer, know this one as a server of the organisation".into()
        }
        Goodbye::Version(oldest, newest) => format!(
            "the other server speaks versions {oldest} to {newest} of the link protocol, this one {OLDEST} to {NEWEST}: bring both to the same release"
        ),
        Goodbye::Busy => "the other server has too many connections".into(),
        Goodbye::Broken(what) => format!("the other server says that this one broke the protocol: {what}"),
    }
}

/// How this server introduces itself.
pub(crate) fn hello(clock: &SharedClock) -> Hello {
    Hello {
        magic: MAGIC,
        oldest: OLDEST,
        newest: NEWEST,
        now_micros: clock.now().micros,
        program: env!("CARGO_PKG_VERSION").into(),
    }
}

/// Whether a peer's introduction will do; else what to say to it.
pub(crate) fn fits(hello: &Hello) -> Result<(), Goodbye> {
    if hello.magic != MAGIC {
        return Err(Goodbye::Broken("it introduces itself as something else".into()));
    }
    if hello.newest < OLDEST || hello.oldest > NEWEST {
        return Err(Goodbye::Version(OLDEST, NEWEST));
    }
    Ok(())
}

/// Sends one frame before the connection runs.
pub(crate) async fn send<W: AsyncWrite + Unpin>(socket: &mut W, frame: &Frame) -> io::Result<()> {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    socket.write_all(&out).await?;
    socket.flush().await
}

/// Receives one frame before the connection runs; what came after it stays in the buffer.
pub(crate) async fn receive<R: AsyncRead + Unpin>(
    socket: &mut R,
    buffer: &mut BytesMut,
) -> Result<Frame, LinkError> {
    loop {
        match Frame::decode(buffer) {
            Ok(Some(frame)) => return Ok(frame),
            Ok(None) => {}
            Err(error) => return Err(LinkError::Io(error.to_string())),
        }
        match socket.read_buf(buffer).await {
            Ok(0) => return Err(LinkError::Io("the other server closed the connection".into())),
            Ok(_) => {}
            Err(error) => return Err(LinkError::Io(error.to_string())),
        }
    }
}

/// Pieces that are written one after the other without being copied together.
#[derive(Default)]
struct Batch(VecDeque<Bytes>);

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }
    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |piece| piece)
    }
    fn chunks_vectored<'a>(&'a self, slices: &mut [io::IoSlice<'a>]) -> usize {
        let pieces = slices.iter_mut().zip(&self.0);
        pieces.map(|(slice, piece)| *slice = io::IoSlice::new(piece)).count()
    }
    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            let step = count.min(first.len());
            first.advance(step);
            count -= step;
            if !first.is_empty() {
                return;
            }
            self.0.pop_front();
        }
    }
}
