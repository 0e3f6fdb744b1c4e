//! The client of PowerShell remoting as a pure machine: what to post comes out, what was answered goes in, and
//! what happened comes out. A server is trusted no more than a client is: everything it sends is bounded.
//!
//! One [`Client`] is one runspace pool in one shell. Its owner posts a [`Request`]'s body, hands the answer back
//! with the same request, and asks for the next one. A [`Client::receive`] may be under way for each pipeline
//! while other requests are posted beside it.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use base::{Guid, Rng};

use super::{
    CreatePipeline, Defragmenter, Destination, Fragmenter, GetCommandMetadata, HostCall, HostInfo,
    HostResponse, InitRunspacePool, Message, MessageType, PROTOCOL_VERSION, PipelineState,
    PipelineStateMessage, PsrpError, SessionCapability,
};
use crate::{
    clixml::Node,
    session_key::{KeyError, KeyPair, SessionKey},
    wsman::{self, Chunk, Fault, FaultCode, Reply, RequestBody, WsmanError, signal},
};

/// What every server takes, bytes; [`wsman::ENVELOPE_MAX`] once it has said its version.
const ENVELOPE_FIRST: usize = 150 << 10;
/// How much of an envelope is not base64 of fragments, bytes.
const OVERHEAD: usize = 4 << 10;
/// The largest message that is taken from a server by default, bytes.
pub const MESSAGE_MAX: usize = 64 << 20;
/// Pipelines of one pool that may be open.
const PIPELINES_MAX: usize = 64;
/// How to open a pool.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where requests are posted.
    pub to: String,
    /// The configuration's resource URI.
    pub resource: String,
    /// The session's name, for lists of sessions.
    pub name: String,
    /// How long the server keeps an idle shell.
    pub idle: Duration,
    /// How long a Receive waits on the server.
    pub wait: Duration,
    /// How long any other request may take.
    pub operation: Duration,
    /// The largest message taken, bytes.
    pub message_max: usize,
    /// Whether a person can be asked.
    pub host: HostInfo,
    /// `ApplicationArguments`.
    pub arguments: Node,
}

/// What to post.
#[derive(Clone, Debug)]
pub struct Request {
    /// The envelope, UTF-8.
    pub body: String,
    /// How long the server may take to answer.
    pub wait: Duration,
    id: String,
    asked: Asked,
}

impl Request {
    /// Whether it may be posted again where no answer came: every server gives a Receive's answer again, or goes
    /// on with the next.
    pub fn may_be_repeated(&self) -> bool {
        matches!(self.asked, Asked::Receive(_))
    }
}

/// What a request asked for, and so what its answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Create,
    Command,
    Receive(Option<Guid>),
    Send,
    Signal,
    Disconnect,
    Reconnect,
    Delete,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The pool is ready.
    Opened,
    /// The pool is of no use any more; with the error record, if the server told one.
    Broken(Option<Node>),
    /// The server has told about itself (`ApplicationPrivateData`).
    PrivateData(Node),
    /// Secure strings can be sent now.
    KeyAgreed,
    /// The server asks the host of a pipeline, or of the pool.
    HostCall(Option<Guid>, HostCall),
    /// An object of a pipeline's output.
    Output(Guid, Node),
    /// A record of another stream of a pipeline.
    Record(Guid, MessageType, Node),
    /// A pipeline has ended; nothing more comes from it.
    Ended(Guid, PipelineStateMessage),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server refused.
    #[error("{}", .0.text)]
    Fault(Fault),
    /// The answer is no envelope.
    #[error("The server's answer is not WS-Management: {0}")]
    Envelope(#[from] WsmanError),
    /// The answer is well-formed but not to what was asked.
    #[error("The server's answer does not belong to the request")]
    Unrelated,
    /// What the server sent breaks the protocol.
    #[error("The server does not follow the remoting protocol: {0}")]
    Protocol(#[from] PsrpError),
    /// The key exchange failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The pool is not in a state for this.
    #[error("The session is not in a state for this operation")]
    State,
    /// Too many pipelines at once.
    #[error("Too many pipelines are open in the session")]
    TooMany,
}

impl ClientError {
    /// Whether nothing else can succeed: the shell is gone, or what the server says means nothing to us.
    fn is_final(&self) -> bool {
        match self {
            ClientError::Fault(fault) => fault.code == FaultCode::UnknownShell,
            ClientError::State | ClientError::TooMany => false,
            _ => true,
        }
    }
}

/// How a pool is, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not open yet.
    Opening,
    /// Ready.
    Opened,
    /// Its shell waits on the server.
    Disconnected,
    /// Closed, by us.
    Closed,
    /// Of no use any more.
    Broken,
}

/// A runspace pool on a server.
pub struct Client {
    options: Options,
    rng: Arc<dyn Rng>,
    /// One of our own, the same in all requests.
    session_id: String,
    shell: Guid,
    pool: Guid,
    state: State,
    incoming: Defragmenter,
    pipelines: HashMap<Guid, Pipeline>,
    keys: Option<KeyPair>,
    session_key: Option<SessionKey>,
    /// The largest envelope the server takes.
    send_max: usize,
}

struct Pipeline {
    incoming: Defragmenter,
    outgoing: Fragmenter,
    ended: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("shell", &self.shell)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A pool to be opened.
    pub fn new(options: Options, rng: Arc<dyn Rng>) -> Self {
        let pool = Guid::new(&*rng);
        Client {
            incoming: Defragmenter::new(options.message_max),
            session_id: unique(&*rng),
            options,
            rng,
            // The server may give the shell another name.
            shell: pool,
            pool,
            state: State::Opening,
            pipelines: HashMap::new(),
            keys: None,
            session_key: None,
            send_max: ENVELOPE_FIRST,
        }
    }

    /// How it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The pool's identifier (`InstanceId`, `RunspaceId`).
    pub fn id(&self) -> Guid {
        self.pool
    }

    /// The key secure strings travel under, once agreed.
    pub fn session_key(&self) -> Option<&SessionKey> {
        self.session_key.as_ref()
    }

    /// Opens the pool. Then [`Client::receive`] for the pool until [`Event::Opened`].
    pub fn open(&mut self) -> Request {
        let init = InitRunspacePool {
            min: 1,
            max: 1,
            host: self.options.host,
            arguments: self.options.arguments.clone(),
        };
        let mut fragmenter = Fragmenter::default();
        let capability = SessionCapability::ours().to_node();
        fragmenter.push(self.message(MessageType::SessionCapability, None, Some(capability)));
        fragmenter.push(self.message(MessageType::InitRunspacePool, None, Some(init.to_node())));
        let creation = fragmenter.take(usize::MAX);
        let body = RequestBody::Create(wsman::Create {
            shell: Some(self.shell),
            name: Some(self.options.name.clone()),
            idle_timeout: Some(self.options.idle),
            creation,
        });
        self.request(Asked::Create, body)
    }

    /// Waits for what comes from a pipeline, or from the pool itself.
    pub fn receive(&mut self, pipeline: Option<Guid>) -> Request {
        self.request(Asked::Receive(pipeline), RequestBody::Receive(wsman::Receive { command: pipeline }))
    }

    /// Runs commands: the pipeline's identifier, and the first request. Then [`Client::send`] until it has no
    /// more, and [`Client::receive`] until [`Event::Ended`].
    ///
    /// # Errors
    /// The pool is not open, or has too many pipelines.
    pub fn start(&mut self, pipeline: &CreatePipeline) -> Result<(Guid, Request), ClientError> {
        self.begin(MessageType::CreatePipeline, pipeline.to_node())
    }

    /// Asks which commands there are; the answer comes as a pipeline's output.
    ///
    /// # Errors
    /// As [`Client::start`].
    pub fn metadata(&mut self, wanted: &GetCommandMetadata) -> Result<(Guid, Request), ClientError> {
        self.begin(MessageType::GetCommandMetadata, wanted.to_node())
    }

    fn begin(&mut self, kind: MessageType, data: Node) -> Result<(Guid, Request), ClientError> {
        if self.state != State::Opened {
            return Err(ClientError::State);
        }
        if self.pipelines.len() >= PIPELINES_MAX {
            return Err(ClientError::TooMany);
        }
        let id = Guid::new(&*self.rng);
        let mut outgoing = Fragmenter::default();
        outgoing.push(self.message(kind, Some(id), Some(data)));
        let arguments = outgoing.take(self.room());
        let incoming = Defragmenter::new(self.options.message_max);
        self.pipelines.insert(id, Pipeline { incoming, outgoing, ended: false });
        let body = RequestBody::Command(wsman::Command { command: Some(id), arguments });
        Ok((id, self.request(Asked::Command, body)))
    }

    /// Adds an object to a pipeline's input; [`Client::send`] sends it.
    pub fn input(&mut self, pipeline: Guid, value: Node) {
        self.push(pipeline, MessageType::PipelineInput, Some(value));
    }

    /// Ends a pipeline's input.
    pub fn end_input(&mut self, pipeline: Guid) {
        self.push(pipeline, MessageType::EndOfPipelineInput, None);
    }

    fn push(&mut self, pipeline: Guid, kind: MessageType, data: Option<Node>) {
        let message = self.message(kind, Some(pipeline), data);
        if let Some(open) = self.pipelines.get_mut(&pipeline) {
            open.outgoing.push(message);
        }
    }

    /// How much of a pipeline's input waits to be sent, bytes.
    pub fn waiting(&self, pipeline: Guid) -> usize {
        self.pipelines.get(&pipeline).map_or(0, |open| open.outgoing.bytes())
    }

    /// The next request with what waits for a pipeline, if anything does.
    pub fn send(&mut self, pipeline: Guid) -> Option<Request> {
        let room = self.room();
        let data = self.pipelines.get_mut(&pipeline)?.outgoing.take(room);
        if data.is_empty() {
            return None;
        }
        Some(self.request(Asked::Send, sending("stdin", Some(pipeline), data)))
    }

    /// Answers a call of the host.
    pub fn respond(&mut self, pipeline: Option<Guid>, response: &HostResponse) -> Request {
        let kind = match pipeline {
            Some(_) => MessageType::PipelineHostResponse,
            None => MessageType::RunspacePoolHostResponse,
        };
        let message = self.message(kind, pipeline, Some(response.to_node()));
        self.send_alone(pipeline, "pr", message)
    }

    /// Begins the key exchange; then [`Client::receive`] for the pool until [`Event::KeyAgreed`]. Makes a key,
    /// which takes a while.
    ///
    /// # Errors
    /// No key could be made.
    pub fn exchange_keys(&mut self) -> Result<Request, ClientError> {
        let keys = KeyPair::generate(&*self.rng)?;
        let data = Node::record([("PublicKey", Node::text(keys.public()))]);
        self.keys = Some(keys);
        let message = self.message(MessageType::PublicKey, None, Some(data));
        Ok(self.send_alone(None, "stdin", message))
    }

    /// Stops a pipeline; its end comes as ever.
    pub fn stop(&mut self, pipeline: Guid) -> Request {
        self.signal(pipeline, signal::CTRL_C)
    }

    /// Forgets a pipeline; the request lets an open server forget it, too.
    pub fn finish(&mut self, pipeline: Guid) -> Option<Request> {
        self.pipelines.remove(&pipeline);
        (self.state == State::Opened).then(|| self.signal(pipeline, signal::TERMINATE))
    }

    fn signal(&mut self, command: Guid, code: &str) -> Request {
        let signal = wsman::Signal { command: Some(command), code: code.to_owned() };
        self.request(Asked::Signal, RequestBody::Signal(signal))
    }

    /// Leaves the shell on the server for a later [`Client::reconnect`].
    pub fn disconnect(&mut self) -> Request {
        self.request(Asked::Disconnect, RequestBody::Disconnect { idle_timeout: Some(self.options.idle) })
    }

    /// Takes the shell up again.
    pub fn reconnect(&mut self) -> Request {
        self.request(Asked::Reconnect, RequestBody::Reconnect)
    }

    /// Closes the pool and its shell.
    pub fn close(&mut self) -> Request {
        self.state = State::Closed;
        self.pipelines.clear();
        self.request(Asked::Delete, RequestBody::Delete)
    }

    /// Takes the answer to a request. After an error that leaves nothing to hope for the pool is broken.
    ///
    /// # Errors
    /// The server refused, or does not follow the protocol.
    pub fn answer(&mut self, request: &Request, body: &[u8]) -> Result<Vec<Event>, ClientError> {
        let result = self.take(request, body);
        if self.state != State::Closed && result.as_ref().is_err_and(ClientError::is_final) {
            self.state = State::Broken;
        }
        result
    }

    fn take(&mut self, request: &Request, body: &[u8]) -> Result<Vec<Event>, ClientError> {
        let (relates_to, reply) = wsman::read_reply(body)?;
        // A fault may come from where the request could not be read.
        let related = match &*relates_to {
            "" => matches!(reply, Reply::Fault(_)),
            id => id.eq_ignore_ascii_case(&request.id),
        };
        if !related {
            return Err(ClientError::Unrelated);
        }
        match (request.asked, reply) {
            (Asked::Receive(_), Reply::Fault(fault)) if fault.code == FaultCode::TimedOut => {
                return Ok(Vec::new());
            }
            (_, Reply::Fault(fault)) => return Err(ClientError::Fault(fault)),
            (Asked::Receive(pipeline), Reply::Received { chunks, done }) => {
                return self.received(pipeline, chunks, done);
            }
            (Asked::Create, Reply::Created(shell)) => self.shell = shell.id,
            (Asked::Disconnect, Reply::Disconnected) => self.state = State::Disconnected,
            (Asked::Reconnect, Reply::Reconnected) => self.state = State::Opened,
            (Asked::Command, Reply::Command(_))
            | (Asked::Send, Reply::Sent)
            | (Asked::Signal, Reply::Signalled)
            | (Asked::Delete, Reply::Deleted) => {}
            _ => return Err(ClientError::Unrelated),
        }
        Ok(Vec::new())
    }

    /// What came for a pipeline, or for the pool.
    fn received(
        &mut self,
        pipeline: Option<Guid>,
        chunks: Vec<Chunk>,
        done: Option<Guid>,
    ) -> Result<Vec<Event>, ClientError> {
        let mut events = Vec::new();
        for chunk in chunks {
            if chunk.command != pipeline {
                return Err(ClientError::Unrelated);
            }
            let incoming = match pipeline {
                None => Some(&mut self.incoming),
                // Perhaps one that we have finished already.
                Some(id) => self.pipelines.get_mut(&id).map(|open| &mut open.incoming),
            };
            let Some(incoming) = incoming else { continue };
            for message in incoming.push(&chunk.data)? {
                if let Some(message) = Message::decode(&message)? {
                    events.extend(self.message_came(pipeline, message)?);
                }
            }
        }
        // A server that is done without saying how it went.
        let open = pipeline.filter(|_| done == pipeline).and_then(|id| self.pipelines.get_mut(&id));
        if let (Some(id), Some(open)) = (pipeline, open.filter(|open| !open.ended)) {
            open.ended = true;
            let state = PipelineStateMessage { state: PipelineState::Stopped, error: None };
            events.push(Event::Ended(id, state));
        }
        Ok(events)
    }

    fn message_came(
        &mut self,
        pipeline: Option<Guid>,
        message: Message,
    ) -> Result<Option<Event>, ClientError> {
        let stranger = pipeline.is_some_and(|id| message.pipeline != id);
        if message.destination != Destination::Client || stranger {
            return Err(PsrpError::Message("misdirected").into());
        }
        let data = message.data.unwrap_or_default();
        match pipeline {
            Some(id) => self.of_pipeline(id, message.kind, data),
            None => self.of_pool(message.kind, data),
        }
    }

    fn of_pipeline(&mut self, id: Guid, kind: MessageType, data: Node) -> Result<Option<Event>, ClientError> {
        Ok(match kind {
            MessageType::PipelineOutput => Some(Event::Output(id, data)),
            MessageType::ErrorRecord
            | MessageType::WarningRecord
            | MessageType::VerboseRecord
            | MessageType::DebugRecord
            | MessageType::ProgressRecord
            | MessageType::InformationRecord => Some(Event::Record(id, kind, data)),
            MessageType::PipelineHostCall => Some(Event::HostCall(Some(id), HostCall::read(&data)?)),
            MessageType::PipelineState => {
                let state = PipelineStateMessage::read(&data).ok_or(PsrpError::Message("PIPELINE_STATE"))?;
                let over = matches!(
                    state.state,
                    PipelineState::Completed | PipelineState::Failed | PipelineState::Stopped
                );
                if let Some(open) = self.pipelines.get_mut(&id).filter(|_| over) {
                    open.ended = true;
                }
                over.then_some(Event::Ended(id, state))
            }
            _ => None,
        })
    }

    fn of_pool(&mut self, kind: MessageType, data: Node) -> Result<Option<Event>, ClientError> {
        Ok(match kind {
            MessageType::SessionCapability => {
                // The server has chosen; what it chose must be one that we speak.
                SessionCapability::read(&data)?.negotiate()?;
                self.send_max = wsman::ENVELOPE_MAX;
                None
            }
            MessageType::ApplicationPrivateData => {
                Some(Event::PrivateData(data.get("ApplicationPrivateData").cloned().unwrap_or_default()))
            }
            MessageType::RunspacePoolState => {
                let state = data.get("RunspaceState").and_then(Node::as_int);
                self.pool_is(state.ok_or(PsrpError::Message("RUNSPACEPOOL_STATE"))?, &data)
            }
            MessageType::EncryptedSessionKey => {
                let text = data.get("EncryptedSessionKey").and_then(Node::as_text).unwrap_or_default();
                let keys = self.keys.take().ok_or(PsrpError::Message("ENCRYPTED_SESSION_KEY"))?;
                self.session_key = Some(keys.session_key(text, &*self.rng)?);
                Some(Event::KeyAgreed)
            }
            MessageType::RunspacePoolHostCall => Some(Event::HostCall(None, HostCall::read(&data)?)),
            _ => None,
        })
    }

    fn pool_is(&mut self, state: i32, data: &Node) -> Option<Event> {
        match state {
            2 => {
                self.state = State::Opened;
                Some(Event::Opened)
            }
            3 | 5 => {
                self.state = State::Broken;
                Some(Event::Broken(data.get("ExceptionAsErrorRecord").cloned()))
            }
            _ => None,
        }
    }

    fn message(&self, kind: MessageType, pipeline: Option<Guid>, data: Option<Node>) -> Vec<u8> {
        let pipeline = pipeline.unwrap_or(Guid::EMPTY);
        Message { destination: Destination::Server, kind, pool: self.pool, pipeline, data }.encode()
    }

    /// How many bytes of fragments an envelope holds.
    fn room(&self) -> usize {
        (self.send_max - OVERHEAD) / 4 * 3
    }

    /// A small message in a request of its own.
    fn send_alone(&mut self, pipeline: Option<Guid>, stream: &str, message: Vec<u8>) -> Request {
        let mut fragmenter = Fragmenter::default();
        fragmenter.push(message);
        let data = fragmenter.take(usize::MAX);
        self.request(Asked::Send, sending(stream, pipeline, data))
    }

    fn request(&mut self, asked: Asked, body: RequestBody) -> Request {
        let wait =
            if matches!(asked, Asked::Receive(_)) { self.options.wait } else { self.options.operation };
        let id = unique(&*self.rng);
        let options: &[(&str, &str)] = match asked {
            Asked::Create => &[("protocolversion", PROTOCOL_VERSION)],
            Asked::Receive(_) => &[("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE")],
            _ => &[],
        };
        let envelope = wsman::Request {
            to: self.options.to.clone(),
            resource: self.options.resource.clone(),
            message_id: id.clone(),
            session_id: Some(self.session_id.clone()),
            shell: (asked != Asked::Create).then_some(self.shell),
            options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            timeout: Some(wait),
            max_envelope: Some(wsman::ENVELOPE_MAX),
            ..wsman::Request::new(body)
        };
        Request { body: envelope.write(), wait, id, asked }
    }
}

fn sending(stream: &str, command: Option<Guid>, data: Vec<u8>) -> RequestBody {
    RequestBody::Send(wsman::Send { stream: stream.to_owned(), command, data })
}

/// An identifier as envelopes hold them.
fn unique(rng: &dyn Rng) -> String {
    format!("uuid:{}", Guid::new(rng).to_string().to_uppercase())
}
