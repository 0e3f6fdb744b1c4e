//! A small server of remote PowerShell in memory, made of the same codecs: enough to see what a client does.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use base::{Guid, rng::SeededRng};
use parking_lot::Mutex;
use powershell::remote::{Answer, CarryError, Endpoint, Remoting};
use wire::{
    clixml::{Node, ObjectNode},
    psrp::{
        Command, CommandMetadata, CreatePipeline, Defragmenter, Destination, ErrorInfo, Fragmenter,
        GetCommandMetadata, HostCall, HostResponse, Information, Message, MessageType, ParameterMetadata,
        PipelineState, PipelineStateMessage, PoolState, SessionCapability, Stream, application_private_data,
        command_type, metadata_count, pool_state,
    },
    session_key::SessionKey,
    wsman::{Chunk, FaultCode, Headers, Reply, Request, RequestBody, Shell, signal},
};

/// What the server has and remembers.
#[derive(Default)]
pub(crate) struct Server {
    /// Its commands: names and parameters (a switch ends in `?`).
    commands: Vec<(&'static str, Vec<&'static str>)>,
    state: Mutex<State>,
    /// Answers this instead, whatever is asked.
    instead: Option<Answer>,
}

#[derive(Default)]
struct State {
    /// What happened, for tests to look at.
    log: Vec<String>,
    waiting: HashMap<Option<Guid>, VecDeque<Message>>,
    pipelines: HashMap<Guid, CreatePipeline>,
    incoming: HashMap<Option<Guid>, Defragmenter>,
    key: Option<SessionKey>,
}

impl Server {
    pub(crate) fn with(commands: &[(&'static str, &[&'static str])]) -> Self {
        let commands = commands.iter().map(|(name, parameters)| (*name, parameters.to_vec())).collect();
        Server { commands, ..Server::default() }
    }

    /// One that always answers the same.
    pub(crate) fn answering(instead: Answer) -> Self {
        Server { instead: Some(instead), ..Server::default() }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().log)
    }

    fn reply(&self, request: &Request) -> Reply {
        let mut state = self.state.lock();
        match &request.body {
            RequestBody::Create(create) => {
                state.log.push(format!("create {}", request.resource.rsplit('/').next().unwrap_or_default()));
                self.messages(&mut state, None, &create.creation);
                Reply::Created(Shell { id: create.shell.unwrap(), ..Shell::default() })
            }
            RequestBody::Command(command) => {
                let id = command.command.unwrap();
                self.messages(&mut state, Some(id), &command.arguments);
                Reply::Command(id)
            }
            RequestBody::Send(send) => {
                self.messages(&mut state, send.command, &send.data);
                Reply::Sent
            }
            RequestBody::Receive(receive) => receive_reply(&mut state, receive.command),
            RequestBody::Signal(asked) => {
                let id = asked.command.unwrap();
                if signal::is_stop(&asked.code) {
                    assert_eq!(asked.code, signal::CTRL_C, "servers of others know no other spelling");
                    state.log.push("stop".into());
                    state.end(id, PipelineState::Stopped, None);
                }
                Reply::Signalled
            }
            RequestBody::Delete => {
                state.log.push("delete".into());
                Reply::Deleted
            }
            RequestBody::Disconnect { .. } => Reply::Disconnected,
            RequestBody::Reconnect => Reply::Reconnected,
            other => panic!("not asked by clients: {other:?}"),
        }
    }

    fn messages(&self, state: &mut State, pipeline: Option<Guid>, data: &[u8]) {
        let incoming = state.incoming.entry(pipeline).or_insert_with(|| Defragmenter::new(1 << 22));
        for bytes in incoming.push(data).unwrap() {
            let message = Message::decode(&bytes).unwrap().unwrap();
            self.message(state, pipeline, &message);
        }
    }

    fn message(&self, state: &mut State, pipeline: Option<Guid>, message: &Message) {
        let data = message.data.clone().unwrap_or_default();
        match message.kind {
            MessageType::SessionCapability => {
                state.say(None, MessageType::SessionCapability, SessionCapability::ours().to_node());
            }
            MessageType::InitRunspacePool => {
                state.say(None, MessageType::ApplicationPrivateData, application_private_data("5.1.1.1"));
                state.say(None, MessageType::RunspacePoolState, pool_state(PoolState::Opened, None));
            }
            MessageType::PublicKey => {
                let rng = SeededRng::new(5);
                let key = SessionKey::generate(&rng);
                let text = key.for_peer(data.get("PublicKey").unwrap().as_text().unwrap(), &rng).unwrap();
                let answer = Node::record([("EncryptedSessionKey", Node::text(text))]);
                state.say(None, MessageType::EncryptedSessionKey, answer);
                state.key = Some(key);
            }
            MessageType::GetCommandMetadata => self.metadata(state, pipeline.unwrap(), &data),
            MessageType::CreatePipeline => {
                let asked = CreatePipeline::read(&data).unwrap();
                state.pipelines.insert(pipeline.unwrap(), asked.clone());
                state.run(pipeline.unwrap(), &asked);
            }
            MessageType::PipelineInput => {
                state.log.push(format!("input {}", text_of(&data)));
                state.say(pipeline, MessageType::PipelineOutput, data);
            }
            MessageType::EndOfPipelineInput => state.end(pipeline.unwrap(), PipelineState::Completed, None),
            MessageType::PipelineHostResponse => {
                let answer = HostResponse::read(&data).unwrap();
                state.log.push(format!("answer {:?}", answer.result));
                state.end(pipeline.unwrap(), PipelineState::Completed, None);
            }
            other => panic!("{other:?}"),
        }
    }

    fn metadata(&self, state: &mut State, id: Guid, data: &Node) {
        let wanted = GetCommandMetadata::read(data).unwrap();
        let fits = |name: &str| wanted.names.iter().any(|pattern| pattern == "*" || pattern == name);
        let found: Vec<_> = self.commands.iter().filter(|(name, _)| fits(name)).collect();
        state.say(Some(id), MessageType::PipelineOutput, metadata_count(found.len()));
        for (name, parameters) in found {
            let parameters = parameters.iter().map(|parameter| ParameterMetadata {
                name: parameter.trim_end_matches('?').into(),
                is_switch: parameter.ends_with('?'),
                ..ParameterMetadata::default()
            });
            let command = CommandMetadata {
                name: (*name).into(),
                kind: command_type::CMDLET,
                parameters: parameters.collect(),
                ..CommandMetadata::default()
            };
            state.say(Some(id), MessageType::PipelineOutput, command.to_node());
        }
        state.end(id, PipelineState::Completed, None);
    }
}

/// Whatever came, up to one envelope; else what a long poll without anything is.
fn receive_reply(state: &mut State, command: Option<Guid>) -> Reply {
    let waiting: Vec<Message> = state.waiting.entry(command).or_default().drain(..).collect();
    if waiting.is_empty() {
        return Reply::Fault(FaultCode::TimedOut.into());
    }
    let done = waiting.iter().any(|message| message.kind == MessageType::PipelineState);
    let mut fragmenter = Fragmenter::default();
    waiting.iter().for_each(|message| fragmenter.push(message.encode()));
    let mut chunks = Vec::new();
    while !fragmenter.is_empty() {
        chunks.push(Chunk { command, data: fragmenter.take(1000).into() });
    }
    Reply::Received { chunks, done: command.filter(|_| done) }
}

impl State {
    fn say(&mut self, pipeline: Option<Guid>, kind: MessageType, data: Node) {
        let message = Message {
            destination: Destination::Client,
            kind,
            pool: Guid::EMPTY,
            pipeline: pipeline.unwrap_or(Guid::EMPTY),
            data: Some(data),
        };
        self.waiting.entry(pipeline).or_default().push_back(message);
    }

    fn end(&mut self, id: Guid, state: PipelineState, error: Option<Node>) {
        self.say(Some(id), MessageType::PipelineState, PipelineStateMessage { state, error }.to_node());
    }

    fn run(&mut self, id: Guid, asked: &CreatePipeline) {
        let [command, ..] = &asked.statements[0][..] else { panic!("no command") };
        self.log.push(shown(&asked.statements[0]));
        let argument = |name: &str| {
            let found = command.parameters.iter().find(|p| p.name.as_deref() == Some(name));
            found.map(|found| found.value.clone()).unwrap_or_default()
        };
        match &*command.text {
            "Get-Mailbox" => (0..3).for_each(|n| self.say(Some(id), MessageType::PipelineOutput, mailbox(n))),
            "Set-Mailbox" if !asked.no_input => return,
            "Test-Streams" => self.every_stream(id),
            "Test-Failure" => {
                let error = failure("It is over.").to_node();
                return self.end(id, PipelineState::Failed, Some(error));
            }
            "Test-Secret" => {
                let Node::Secure(text) = argument("-Password:") else { panic!("no secure string") };
                let plain = self.key.as_ref().unwrap().reveal(&text).unwrap();
                self.say(Some(id), MessageType::PipelineOutput, Node::text(plain.0));
            }
            "Test-Endless" => {
                return (0..5).for_each(|n| self.say(Some(id), MessageType::PipelineOutput, Node::Int(n)));
            }
            "Test-Question" => {
                let choices = [("&Yes", ""), ("&No", "")];
                let call = HostCall::prompt_for_choice(1, "Confirm", "Sure?", &choices, 0);
                return self.say(Some(id), MessageType::PipelineHostCall, call.to_node());
            }
            _ => {}
        }
        self.end(id, PipelineState::Completed, None);
    }

    fn every_stream(&mut self, id: Guid) {
        let id = Some(id);
        for (stream, text) in
            [(Stream::Warning, "careful"), (Stream::Verbose, "details"), (Stream::Debug, "innards")]
        {
            let (kind, data) = stream.message(text);
            self.say(id, kind, data);
        }
        self.say(id, MessageType::ErrorRecord, failure("Nobody is called so.").to_node());
        let said =
            Information { data: Node::text("hello"), tags: vec!["PSHOST".into()], ..Information::default() };
        self.say(id, MessageType::InformationRecord, said.to_node());
    }
}

fn failure(message: &str) -> ErrorInfo {
    ErrorInfo {
        exception_type: "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException".into(),
        message: message.into(),
        error_id: "NotFound,Get-Mailbox".into(),
        category: 13,
        category_message: "ObjectNotFound: (:) [Get-Mailbox], ManagementObjectNotFoundException".into(),
        ..ErrorInfo::default()
    }
}

fn mailbox(n: i32) -> Node {
    let types = ["Microsoft.Exchange.Data.Directory.Management.Mailbox", "System.Object"];
    let object = ObjectNode { text: Some(format!("user{n}")), ..ObjectNode::of(&types) };
    object.adapted([("Name", Node::text(format!("user{n}"))), ("Items", Node::Int(n))]).into()
}

fn text_of(node: &Node) -> String {
    let named = node.get("Name").and_then(Node::as_text);
    named.or_else(|| node.as_text()).map_or_else(|| format!("{node:?}"), str::to_owned)
}

/// Commands as they came: `Get-Mailbox {-Identity:=nuno} {=x}`.
fn shown(commands: &[Command]) -> String {
    let parameter = |p: &wire::psrp::Parameter| match &p.value {
        Node::Secure(_) => format!(" {{{}=***}}", p.name.as_deref().unwrap_or_default()),
        value => format!(" {{{}={}}}", p.name.as_deref().unwrap_or_default(), text_of(value)),
    };
    let command = |c: &Command| {
        let kind = if c.is_script { "script " } else { "" };
        format!("{kind}{}{}", c.text.trim(), c.parameters.iter().map(parameter).collect::<String>())
    };
    commands.iter().map(command).collect::<Vec<_>>().join(" | ")
}

impl Remoting for Server {
    fn post(&self, endpoint: &Endpoint, body: &str, _: Duration) -> Result<Answer, CarryError> {
        if endpoint.url.contains("nowhere") {
            return Err(CarryError::Unknown);
        }
        if let Some(answer) = &self.instead {
            return Ok(answer.clone());
        }
        if endpoint.password.reveal() != "secret" {
            return Ok(Answer { status: 401, ..Answer::default() });
        }
        let request = Request::read(body.as_bytes()).unwrap();
        let reply = self.reply(&request);
        let status = if matches!(reply, Reply::Fault(_)) { 500 } else { 200 };
        let headers = Headers {
            relates_to: &request.message_id,
            message_id: "uuid:1",
            operation: None,
            machine: "server",
        };
        Ok(Answer { status, location: None, body: reply.write(headers).into_bytes() })
    }
}
