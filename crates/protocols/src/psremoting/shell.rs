//! One shell: a runspace pool that a client opened, and its pipelines.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use base::Guid;
use parking_lot::Mutex;
use wire::{
    clixml::Node,
    psrp::{
        Defragmenter, HostResponse, InitRunspacePool, Message, MessageType, PoolCall, PoolState,
        SessionCapability, application_private_data, connect_runspace_pool, init_data, pool_state,
        public_key,
    },
    session_key::SessionKey,
    wsman::{self, Fault, FaultCode, Reply, signal},
    xpress,
};

use super::{
    Workplace, malformed,
    outbox::{Batch, Fetch, Outbox},
    pipeline::Pipeline,
    pool::{Pool, RUNSPACES_MAX, Stage},
    share::Share,
};

/// The largest message of a client, bytes.
pub(super) const OBJECT_MAX: usize = 16 << 20;
/// The largest message for the pool itself, bytes: none is long, and they are read where others wait.
const POOL_OBJECT_MAX: usize = 512 << 10;
/// The largest piece of one, unpacked, bytes.
const UNPACKED_MAX: usize = 2 << 20;
/// Requests that are known again when they come again.
const DONE_MAX: usize = 64;
/// The PowerShell we say we are.
const PS_VERSION: &str = "5.1.14393.2248";

/// A shell.
pub(super) struct Shell {
    /// Whose it is.
    pub(super) owner: Guid,
    /// What clients are told about it.
    pub(super) about: wsman::Shell,
    pub(super) work: Arc<Workplace>,
    outbox: Outbox,
    pool: Mutex<Pool>,
    usage: Mutex<Usage>,
    /// The requests done last, and their answers: short ones.
    done: Mutex<VecDeque<(String, Reply)>>,
}

/// Who uses the shell, and since when nobody does.
struct Usage {
    connected: bool,
    requests: usize,
    /// Of the monotonic clock.
    since: Duration,
    idle_timeout: Duration,
}

/// A request at work: while there is one, the shell is not idle.
pub(super) struct InUse<'a>(&'a Shell);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let mut usage = self.0.usage.lock();
        usage.requests -= 1;
        usage.since = self.0.work.clock.monotonic();
    }
}

impl Shell {
    /// Opens a shell with the client's first bytes.
    pub(super) fn open(
        owner: Guid,
        about: wsman::Shell,
        work: Workplace,
        first: &[u8],
    ) -> Result<Self, Fault> {
        let usage = Usage {
            connected: true,
            requests: 0,
            since: work.clock.monotonic(),
            idle_timeout: about.idle_timeout,
        };
        let shell = Shell {
            owner,
            about,
            outbox: Outbox::new(Share::new(&work.buffered)),
            work: Arc::new(work),
            pool: Mutex::new(Pool::new(Defragmenter::new(POOL_OBJECT_MAX))),
            usage: Mutex::new(usage),
            done: Mutex::default(),
        };
        shell.feed(first)?;
        Ok(shell)
    }

    /// Marks the shell as used; a disconnected one serves nobody but those who come back.
    pub(super) fn enter(&self, returning: bool) -> Result<InUse<'_>, Fault> {
        let mut usage = self.usage.lock();
        if !usage.connected && !returning {
            return Err(FaultCode::Disconnected.into());
        }
        usage.requests += 1;
        drop(usage);
        Ok(InUse(self))
    }

    /// Whether it was idle for longer than it may be.
    pub(super) fn has_expired(&self, now: Duration) -> bool {
        let usage = self.usage.lock();
        usage.requests == 0 && now.saturating_sub(usage.since) > usage.idle_timeout
    }

    /// What clients are told about it, now.
    pub(super) fn describe(&self) -> wsman::Shell {
        let usage = self.usage.lock();
        wsman::Shell { connected: usage.connected, idle_timeout: usage.idle_timeout, ..self.about.clone() }
    }

    /// The pipelines there are.
    pub(super) fn commands(&self) -> Vec<Guid> {
        self.pool.lock().order.clone()
    }

    fn post(&self, kind: MessageType, data: Node) {
        self.outbox.post(self.work.message(Guid::EMPTY, kind, data));
    }

    /// Takes bytes that are for the pool.
    fn feed(&self, data: &[u8]) -> Result<(), Fault> {
        if self.outbox.is_full() {
            return Err(Fault::new(FaultCode::Quota, "Too many answers wait to be fetched."));
        }
        let mut pool = self.pool.lock();
        for bytes in pool.incoming.push(data).map_err(malformed)? {
            let Some(message) = Message::decode(&bytes).map_err(malformed)? else { continue };
            self.handle(&mut pool, message)?;
        }
        Ok(())
    }

    fn handle(&self, pool: &mut Pool, message: Message) -> Result<(), Fault> {
        let Message { kind, pool: id, pipeline, data, .. } = message;
        // The first message with a name for the pool gives it; the one before may have none.
        let nameless = id == Guid::EMPTY && kind == MessageType::SessionCapability;
        if !nameless && *self.work.pool.get_or_init(|| id) != id {
            return Err(Fault::new(FaultCode::Schema, "The message is for another runspace pool."));
        }
        let data = data.unwrap_or_default();
        match (pool.stage, kind) {
            (Stage::New, MessageType::SessionCapability) => {
                let offered = SessionCapability::read(&data).map_err(malformed)?;
                let settled = offered.negotiate().map_err(|_| {
                    Fault::new(FaultCode::Option, "The client's protocol version is not supported.")
                })?;
                self.post(kind, settled.to_node());
                pool.stage = Stage::Negotiated;
            }
            (Stage::Negotiated, MessageType::InitRunspacePool) => {
                let init = InitRunspacePool::read(&data).map_err(malformed)?;
                let max = init.max.min(RUNSPACES_MAX);
                (pool.min, pool.max, pool.host) = (init.min.min(max), max, init.host);
                self.post(MessageType::ApplicationPrivateData, application_private_data(PS_VERSION));
                self.post(MessageType::RunspacePoolState, pool_state(PoolState::Opened, None));
                pool.stage = Stage::Opened;
            }
            (Stage::Opened, MessageType::SetMaxRunspaces | MessageType::SetMinRunspaces)
            | (Stage::Opened, MessageType::GetAvailableRunspaces | MessageType::ResetRunspaceState) => {
                let (call, ci) = PoolCall::read(kind, &data).map_err(malformed)?;
                self.post(MessageType::RunspaceAvailability, pool.answer(call).to_node(ci));
            }
            (Stage::Opened, MessageType::PipelineHostResponse) => {
                let answer = HostResponse::read(&data).map_err(malformed)?;
                if let Some(pipeline) = pool.pipelines.get(&pipeline) {
                    pipeline.input.answer(answer);
                }
            }
            (Stage::Opened, MessageType::PublicKey) => self.exchange_keys(&data)?,
            // What nobody waits for is ignored, as the protocol asks.
            (Stage::Opened, _) => {}
            _ => return Err(Fault::new(FaultCode::Schema, "The runspace pool is not open.")),
        }
        Ok(())
    }

    /// Gives the client the session's key, under the client's own.
    fn exchange_keys(&self, data: &Node) -> Result<(), Fault> {
        let bad = || Fault::new(FaultCode::Schema, "The client's public key is not an RSA key of 2048 bits.");
        let rng = &*self.work.rng;
        let mut held = self.work.key.lock();
        let key = held.get_or_insert_with(|| SessionKey::generate(rng));
        let encrypted = key.for_peer(public_key(data).ok_or_else(bad)?, rng).map_err(|_| bad())?;
        drop(held);
        let answer = Node::record([("EncryptedSessionKey", Node::text(encrypted))]);
        self.post(MessageType::EncryptedSessionKey, answer);
        Ok(())
    }

    /// A new pipeline, with the first bytes of its first message.
    pub(super) fn command(&self, command: wsman::Command) -> Result<Guid, Fault> {
        let id = command.command.unwrap_or_else(|| Guid::new(&*self.work.rng));
        let pipeline = Arc::new(Pipeline::new(id, &self.work));
        {
            let mut pool = self.pool.lock();
            if pool.stage != Stage::Opened {
                return Err(Fault::new(FaultCode::Schema, "The runspace pool is not open."));
            }
            pool.admit(&pipeline, &self.work)?;
        }
        match self.feed_pipeline(&pipeline, &command.arguments) {
            Ok(()) => Ok(id),
            Err(fault) => {
                self.forget(id);
                Err(fault)
            }
        }
    }

    /// Takes the client's bytes.
    pub(super) fn send(&self, mut send: wsman::Send) -> Result<(), Fault> {
        if self.about.xpress {
            let unpacked = xpress::unpack(&send.data, UNPACKED_MAX);
            send.data = unpacked.map_err(|error| Fault::new(FaultCode::Schema, format!("{error}.")))?;
        }
        match send.command {
            Some(id) => self.feed_pipeline(&self.pipeline(id)?, &send.data),
            None => self.feed(&send.data),
        }
    }

    fn feed_pipeline(&self, pipeline: &Arc<Pipeline>, data: &[u8]) -> Result<(), Fault> {
        for bytes in pipeline.defragment(data)? {
            match Message::kind_of(&bytes) {
                Some(MessageType::CreatePipeline | MessageType::GetCommandMetadata) => {
                    let host = self.pool.lock().host;
                    pipeline.start(&self.work, host, bytes)?;
                }
                Some(MessageType::PipelineInput) => {
                    if !pipeline.input.push(bytes) {
                        return Err(Fault::new(FaultCode::Quota, "Too much input waits for the pipeline."));
                    }
                }
                Some(MessageType::EndOfPipelineInput) => pipeline.input.end(),
                Some(MessageType::PipelineHostResponse) => {
                    if let Some(data) = Message::decode(&bytes).map_err(malformed)?.and_then(|m| m.data) {
                        pipeline.input.answer(HostResponse::read(&data).map_err(malformed)?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn pipeline(&self, id: Guid) -> Result<Arc<Pipeline>, Fault> {
        let unknown = || Fault::new(FaultCode::UnknownShell, "There is no command of this id.");
        self.pool.lock().pipelines.get(&id).cloned().ok_or_else(unknown)
    }

    fn forget(&self, id: Guid) {
        let mut pool = self.pool.lock();
        pool.fetched.retain(|own| own.id != id);
        if let Some(pipeline) = pool.remove(id) {
            drop(pool);
            pipeline.abandon(&self.work);
        }
    }

    /// Waits for bytes for the client, of a pipeline or of the pool.
    pub(super) async fn receive(&self, command: Option<Guid>, asked: Fetch<'_>) -> Result<Batch, Fault> {
        let Some(id) = command else { return Ok(self.outbox.fetch(asked).await?) };
        let pipeline = match self.pipeline(id) {
            Ok(pipeline) => pipeline,
            // Its end was handed out, and perhaps lost on the way.
            Err(fault) => return self.pool.lock().handed_to(id, asked).ok_or(fault),
        };
        let batch = pipeline.outbox.fetch(asked).await?;
        if batch.ended {
            self.pool.lock().retire(id);
        }
        Ok(batch)
    }

    /// Does what a request asks for, but only once: a client whose connection broke may send it again, and is
    /// answered as before.
    pub(super) fn once(
        &self,
        (request, again): (&str, bool),
        work: impl FnOnce() -> Result<Reply, Fault>,
    ) -> Result<Reply, Fault> {
        let mut done = self.done.lock();
        if let Some((_, reply)) = done.iter().find(|(own, _)| again && own == request) {
            return Ok(reply.clone());
        }
        let reply = work()?;
        if done.len() == DONE_MAX {
            done.pop_front();
        }
        done.push_back((request.to_owned(), reply.clone()));
        Ok(reply)
    }

    /// Stops or closes a pipeline; one that is gone already is as the client wants it.
    pub(super) fn signal(&self, wanted: wsman::Signal) {
        let Some(id) = wanted.command else { return };
        if signal::is_stop(&wanted.code) {
            if let Ok(pipeline) = self.pipeline(id) {
                pipeline.stop(&self.work);
            }
        } else {
            self.forget(id);
        }
    }

    /// The client goes; who waits is told so. What was not fetched stays.
    pub(super) fn disconnect(&self, idle_timeout: Option<Duration>) {
        {
            let mut usage = self.usage.lock();
            usage.connected = false;
            usage.idle_timeout = idle_timeout.map_or(usage.idle_timeout, super::bounded);
        }
        self.outbox.interrupt(FaultCode::Disconnected);
        for pipeline in self.pool.lock().pipelines.values() {
            pipeline.outbox.interrupt(FaultCode::Disconnected);
        }
    }

    /// The same client is back.
    pub(super) fn reconnect(&self) {
        self.usage.lock().connected = true;
    }

    /// Another client of the same user takes over: the pool with its first bytes, or one command.
    pub(super) fn connect(&self, connect: wsman::Connect, max: usize) -> Result<Vec<u8>, Fault> {
        if let Some(id) = connect.command {
            self.pipeline(id)?;
            return Ok(Vec::new());
        }
        if std::mem::replace(&mut self.usage.lock().connected, true) {
            let text = "The shell is connected to a client; only one that is disconnected can be taken over.";
            return Err(Fault::new(FaultCode::Option, text));
        }
        let mut pool = self.pool.lock();
        pool.incoming = Defragmenter::new(POOL_OBJECT_MAX);
        let mut answers = wire::psrp::Fragmenter::default();
        let mut answer = |kind, data| answers.push(self.work.message(Guid::EMPTY, kind, data));
        for bytes in pool.incoming.push(&connect.data).map_err(malformed)? {
            match Message::decode(&bytes).map_err(malformed)? {
                Some(Message { kind: kind @ MessageType::SessionCapability, data: Some(data), .. }) => {
                    let offered = SessionCapability::read(&data).map_err(malformed)?;
                    answer(kind, offered.negotiate().map_err(malformed)?.to_node());
                }
                Some(Message { kind: MessageType::ConnectRunspacePool, data, .. }) => {
                    let (min, max) = connect_runspace_pool(data.as_ref());
                    let max = max.filter(|max| (1..=RUNSPACES_MAX).contains(max)).unwrap_or(pool.max);
                    pool.max = max;
                    pool.min = min.filter(|min| (1..=max).contains(min)).unwrap_or(pool.min.min(max));
                    answer(MessageType::RunspacePoolInitData, init_data(pool.min, pool.max));
                }
                _ => return Err(Fault::new(FaultCode::Schema, "A client that connects says so first.")),
            }
        }
        // The answer holds it all: two short messages.
        let answered = answers.take(max / 2);
        self.post(MessageType::ApplicationPrivateData, application_private_data(PS_VERSION));
        self.post(MessageType::RunspacePoolState, pool_state(PoolState::Opened, None));
        Ok(answered)
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        let pipelines: Vec<_> = self.pool.lock().pipelines.drain().collect();
        for (_, pipeline) in pipelines {
            pipeline.abandon(&self.work);
        }
        self.outbox.close(FaultCode::Aborted);
    }
}
