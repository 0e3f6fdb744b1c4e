//! Shells without a network: what a client sends, and what it gets.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use base::{
    Guid, Timestamp,
    clock::ManualClock,
    rng::{SeededRng, SystemRng},
};
use powershell::{
    CommandInfo, ErrorCategory, ErrorRecord, Flow, Invocation, ParameterInfo, Streams,
    cmdlet::{Progress, Prompt},
};
use services::{Caller, Client};
use wire::psrp::{
    Command, CreatePipeline, Defragmenter, Destination, Fragmenter, HostCall, HostInfo, HostMethod,
    HostResponse, InitRunspacePool, Message, MessageType, PipelineState, PipelineStateMessage,
    SessionCapability,
};

use super::{outbox::Fetch, shell::Shell, *};

const PATIENCE: Duration = Duration::from_secs(20);
const ENVELOPE: usize = 150_000;

/// Commands that do what their names say.
struct Doing;

impl CommandSource for Doing {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        let parameters = vec![ParameterInfo { by_value: true, ..ParameterInfo::new("Identity", "String") }];
        let names = ["Get-Streams", "Get-Much", "Get-Answer", "Get-Panic"];
        let name = names.into_iter().find(|own| own.eq_ignore_ascii_case(name))?;
        Some(Arc::new(CommandInfo { name: name.into(), parameters, ..CommandInfo::default() }))
    }

    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        match &*call.command.name {
            "Get-Streams" => {
                let _ = out.output("out".into());
                let _ = out.error(ErrorRecord::new("E", "Id", ErrorCategory::InvalidData, "err"));
                out.warning("warn");
                out.verbose("verb");
                out.debug("deb");
                out.progress(&Progress { activity: "act".into(), percent: 50, ..Progress::default() });
                out.information("info".into());
                Ok(())
            }
            "Get-Much" => {
                while !out.stopping() && out.output("x".repeat(10_000).into()) == Flow::Continue {}
                Ok(())
            }
            "Get-Answer" => {
                let choices = vec!["&Yes".into(), "&No".into()];
                let prompt = Prompt { caption: "Sure?".into(), choices, ..Prompt::default() };
                let answer = out.prompt(&prompt).unwrap_or("nobody".into());
                let _ = out.output(answer);
                Ok(())
            }
            _ => panic!("a defect"),
        }
    }
}

fn caller(user: u8) -> Caller {
    let client = Client { protocol: "PowerShell", address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: None };
    Caller { user: Guid([user; 16]), name: "admin".into(), address: None, client }
}

/// A client's end of a shell.
struct Peer {
    shells: Arc<Shells>,
    clock: Arc<ManualClock>,
    shell: Arc<Shell>,
    sending: Fragmenter,
    receiving: Defragmenter,
    requests: u32,
}

fn shells() -> (Arc<Shells>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    (Arc::new(Shells::new(clock.clone(), Arc::new(SystemRng))), clock)
}

fn opening(id: Guid) -> Vec<u8> {
    let mut sending = Fragmenter::default();
    let init = InitRunspacePool { min: 1, max: 1, host: HostInfo::NONE, arguments: Node::Nil };
    for (kind, data) in [
        (MessageType::SessionCapability, SessionCapability::ours().to_node()),
        (MessageType::InitRunspacePool, init.to_node()),
    ] {
        sending.push(to_server(id, Guid::EMPTY, kind, data));
    }
    sending.take(usize::MAX)
}

fn to_server(pool: Guid, pipeline: Guid, kind: MessageType, data: Node) -> Vec<u8> {
    Message { destination: Destination::Server, kind, pool, pipeline, data: Some(data) }.encode()
}

fn open(shells: &Shells, user: u8, id: Guid) -> Result<Arc<Shell>, Fault> {
    open_with(shells, user, id, false)
}

fn open_with(shells: &Shells, user: u8, id: Guid, xpress: bool) -> Result<Arc<Shell>, Fault> {
    let create = wire::wsman::Create { shell: Some(id), creation: opening(id), ..Default::default() };
    shells.open(create, "resource", &caller(user), ("server", xpress), Arc::new(Doing))
}

impl Peer {
    fn new() -> Self {
        let (shells, clock) = shells();
        let shell = open(&shells, 1, Guid([9; 16])).unwrap();
        let receiving = Defragmenter::new(1 << 24);
        Peer { shells, clock, shell, sending: Fragmenter::default(), receiving, requests: 0 }
    }

    fn message(&mut self, pipeline: Guid, kind: MessageType, data: Node) -> Vec<u8> {
        self.sending.push(to_server(self.shell.about.id, pipeline, kind, data));
        self.sending.take(usize::MAX)
    }

    fn start(&mut self, create: CreatePipeline) -> Guid {
        let id = Guid::new(&SystemRng);
        let arguments = self.message(id, MessageType::CreatePipeline, create.to_node());
        self.shell.command(wire::wsman::Command { command: Some(id), arguments }).unwrap()
    }

    fn send(&mut self, pipeline: Guid, kind: MessageType, data: Node) {
        let data = self.message(pipeline, kind, data);
        self.shell.send(wire::wsman::Send { stream: "stdin".into(), command: Some(pipeline), data }).unwrap();
    }

    /// The messages of one Receive, and whether they are the last.
    async fn fetch(&mut self, command: Option<Guid>) -> (Vec<Message>, bool) {
        self.requests += 1;
        let request = self.requests.to_string();
        let batch = self.shell.receive(command, asked(&request)).await.unwrap();
        let chunks = batch.chunks.concat();
        let messages = self.receiving.push(&chunks).unwrap();
        (messages.iter().map(|bytes| Message::decode(bytes).unwrap().unwrap()).collect(), batch.ended)
    }

    async fn all(&mut self, command: Guid) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let (messages, ended) = self.fetch(Some(command)).await;
            all.extend(messages);
            if ended {
                return all;
            }
        }
    }
}

fn asked(request: &str) -> Fetch<'_> {
    Fetch { request, again: true, max: ENVELOPE, patience: PATIENCE }
}

fn create(name: &str) -> CreatePipeline {
    CreatePipeline::new(vec![Command::new(name)])
}

fn state(message: &Message) -> PipelineState {
    PipelineStateMessage::read(message.data.as_ref().unwrap()).unwrap().state
}

#[tokio::test]
async fn a_pool_opens_and_every_stream_arrives() {
    let mut peer = Peer::new();
    let (opened, _) = peer.fetch(None).await;
    let kinds: Vec<MessageType> = opened.iter().map(|message| message.kind).collect();
    assert_eq!(
        kinds,
        [MessageType::SessionCapability, MessageType::ApplicationPrivateData, MessageType::RunspacePoolState]
    );
    let id = peer.start(create("Get-Streams"));
    let all = peer.all(id).await;
    let kinds: Vec<MessageType> = all.iter().map(|message| message.kind).collect();
    // Verbose and debug messages are shown only to those who ask.
    assert_eq!(
        kinds,
        [
            MessageType::PipelineOutput,
            MessageType::ErrorRecord,
            MessageType::WarningRecord,
            MessageType::ProgressRecord,
            MessageType::InformationRecord,
            MessageType::PipelineState,
        ]
    );
    assert_eq!(state(&all[5]), PipelineState::Completed);
    let verbose =
        Command::new("Get-Streams").with("Verbose", Node::Bool(true)).with("Debug", Node::Bool(true));
    let id = peer.start(CreatePipeline::new(vec![verbose]));
    let kinds: Vec<MessageType> = peer.all(id).await.iter().map(|message| message.kind).collect();
    assert!(kinds.contains(&MessageType::VerboseRecord) && kinds.contains(&MessageType::DebugRecord));
    assert!(peer.shell.commands().is_empty(), "what was fetched to its end is gone");
}

#[tokio::test]
async fn answers_that_were_lost_are_given_again() {
    let mut peer = Peer::new();
    let id = peer.start(create("Get-Streams"));
    let mut last = None;
    for turn in 0.. {
        let request = turn.to_string();
        let batch = peer.shell.receive(Some(id), asked(&request)).await.unwrap();
        let again = peer.shell.receive(Some(id), asked(&request)).await.unwrap();
        assert_eq!(batch, again);
        last = Some(request);
        if batch.ended {
            break;
        }
    }
    let other = peer.shell.receive(Some(id), asked("other")).await;
    assert_eq!(other.err().map(|fault| fault.code), Some(FaultCode::UnknownShell));
    // Who closes the command has had its end.
    let code = wire::wsman::signal::TERMINATE.into();
    peer.shell.signal(wire::wsman::Signal { command: Some(id), code });
    let late = peer.shell.receive(Some(id), asked(&last.unwrap())).await;
    assert_eq!(late.err().map(|fault| fault.code), Some(FaultCode::UnknownShell));
    let mut times = 0;
    for _ in 0..3 {
        let done = peer.shell.once(("send", true), || {
            times += 1;
            Ok(Reply::Sent)
        });
        assert_eq!((done, times), (Ok(Reply::Sent), 1));
    }
}

#[tokio::test]
async fn nobody_fetches_and_nothing_grows_until_it_is_stopped() {
    let mut peer = Peer::new();
    let id = peer.start(create("Get-Much"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (some, ended) = peer.fetch(Some(id)).await;
    assert!(!some.is_empty() && !ended);
    let stop = wire::wsman::Signal { command: Some(id), code: wire::wsman::signal::CTRL_C.into() };
    peer.shell.signal(stop);
    let all = peer.all(id).await;
    assert!(all.len() < 300, "{} messages waited", all.len());
    assert_eq!(state(all.last().unwrap()), PipelineState::Stopped);
}

#[tokio::test]
async fn input_feeds_the_pipeline_and_panics_do_not_end_the_server() {
    let mut peer = Peer::new();
    let id = peer.start(CreatePipeline { no_input: false, ..create("Get-Streams") });
    for text in ["a", "b"] {
        peer.send(id, MessageType::PipelineInput, Node::text(text));
    }
    peer.send(id, MessageType::EndOfPipelineInput, Node::Nil);
    let outputs = peer.all(id).await.iter().filter(|m| m.kind == MessageType::PipelineOutput).count();
    assert_eq!(outputs, 2);
    let id = peer.start(create("Get-Panic"));
    assert_eq!(state(peer.all(id).await.last().unwrap()), PipelineState::Failed);
}

#[tokio::test]
async fn a_person_is_asked_where_there_is_one() {
    let mut peer = Peer::new();
    let id = peer.start(create("Get-Answer"));
    assert_eq!(peer.all(id).await[0].data, Some(Node::text("nobody")));
    let host = HostInfo { is_null: false, is_ui_null: false, is_raw_ui_null: true, use_runspace_host: false };
    let id = peer.start(CreatePipeline { host, ..create("Get-Answer") });
    let (asked, _) = peer.fetch(Some(id)).await;
    let call = HostCall::read(asked[0].data.as_ref().unwrap()).unwrap();
    assert_eq!(call.method, HostMethod::PROMPT_FOR_CHOICE);
    let answer = HostResponse { ci: call.ci, method: call.method, result: Node::Int(1), error: None };
    // Answers come for the shell, on its stream of prompts.
    let data = peer.message(id, MessageType::PipelineHostResponse, answer.to_node());
    peer.shell.send(wire::wsman::Send { stream: "pr".into(), command: None, data }).unwrap();
    assert_eq!(peer.all(id).await[0].data, Some(Node::Int(1)));
}

#[tokio::test]
async fn what_is_sent_may_be_packed() {
    let mut peer = Peer::new();
    peer.shell = open_with(&peer.shells, 1, Guid([8; 16]), true).unwrap();
    let id = peer.start(CreatePipeline { no_input: false, ..create("Get-Streams") });
    for (kind, data) in
        [(MessageType::PipelineInput, Node::text("a")), (MessageType::EndOfPipelineInput, Node::Nil)]
    {
        let data = wire::xpress::store(&peer.message(id, kind, data));
        peer.shell.send(wire::wsman::Send { stream: "stdin".into(), command: Some(id), data }).unwrap();
    }
    assert_eq!(state(peer.all(id).await.last().unwrap()), PipelineState::Completed);
    let data = vec![1, 2, 3];
    let torn = wire::wsman::Send { stream: "stdin".into(), command: None, data };
    assert_eq!(peer.shell.send(torn).err().map(|fault| fault.code), Some(FaultCode::Schema));
}

#[tokio::test]
async fn shells_belong_to_their_users_are_counted_and_expire() {
    let peer = Peer::new();
    let id = Some(peer.shell.about.id);
    assert!(peer.shells.get(Guid([1; 16]), id).is_ok());
    assert!(peer.shells.get(Guid([2; 16]), id).is_err(), "another user's shell is unknown");
    assert_eq!(
        open(&peer.shells, 1, peer.shell.about.id).err().map(|f| f.code),
        Some(FaultCode::AlreadyExists)
    );
    for n in 10..27 {
        open(&peer.shells, 1, Guid([n; 16])).unwrap();
    }
    assert_eq!(open(&peer.shells, 1, Guid([99; 16])).err().map(|f| f.code), Some(FaultCode::Quota));
    open(&peer.shells, 2, Guid([9; 16])).unwrap();
    let in_use = peer.shell.enter(false).unwrap();
    peer.clock.advance(Duration::from_mins(16));
    open(&peer.shells, 1, Guid([99; 16])).unwrap();
    assert_eq!(peer.shells.of(Guid([1; 16])).len(), 2, "only the used one and the new one are left");
    drop(in_use);
}

#[tokio::test]
async fn one_caller_leaves_places_for_others() {
    let peer = Peer::new();
    let start = |user: u8, shell: u8| {
        let id = Guid([shell; 16]);
        let shell = open(&peer.shells, user, id).unwrap();
        let mut started = 0;
        loop {
            let command = Guid::new(&SystemRng);
            let create = CreatePipeline { no_input: false, ..create("Get-Streams") };
            let mut sending = Fragmenter::default();
            sending.push(to_server(id, command, MessageType::CreatePipeline, create.to_node()));
            let arguments = sending.take(usize::MAX);
            match shell.command(wire::wsman::Command { command: Some(command), arguments }) {
                Ok(_) => started += 1,
                Err(fault) => {
                    assert_eq!(fault.code, FaultCode::Quota);
                    return started;
                }
            }
        }
    };
    let started: Vec<usize> = (20..26).map(|shell| start(3, shell)).collect();
    assert_eq!(started, [18, 18, 18, 0, 0, 0]);
    assert_eq!(start(4, 30), 18);
    for shell in peer.shells.of(Guid([3; 16])) {
        shell.close();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(start(3, 40), 18, "places come back");
}

#[tokio::test]
async fn who_waits_is_told_of_the_end() {
    let mut peer = Peer::new();
    peer.fetch(None).await;
    let shell = peer.shell.clone();
    let waiting =
        tokio::spawn(async move { shell.receive(None, asked("waiting")).await.err().map(|f| f.code) });
    tokio::time::sleep(Duration::from_millis(20)).await;
    peer.shell.disconnect(None);
    assert_eq!(waiting.await.unwrap(), Some(FaultCode::Disconnected));
    assert_eq!(peer.shell.enter(false).err().map(|f| f.code), Some(FaultCode::Disconnected));
    peer.shell.reconnect();
    assert!(peer.shell.enter(false).is_ok());
    let shell = peer.shell.clone();
    let waiting =
        tokio::spawn(async move { shell.receive(None, asked("waiting")).await.err().map(|f| f.code) });
    tokio::time::sleep(Duration::from_millis(20)).await;
    peer.shells.remove(Guid([1; 16]), Some(peer.shell.about.id)).unwrap();
    assert_eq!(waiting.await.unwrap(), Some(FaultCode::Aborted));
}

#[test]
fn what_breaks_the_protocol_is_a_fault() {
    let (shells, _) = shells();
    let id = Guid([7; 16]);
    let refused = |creation: Vec<u8>| {
        let create = wire::wsman::Create { shell: Some(id), creation, ..Default::default() };
        shells.open(create, "r", &caller(1), ("s", false), Arc::new(Doing)).err().map(|fault| fault.code)
    };
    assert_eq!(refused(opening(Guid([8; 16]))), None, "the pool may have a name of its own");
    shells.remove(caller(1).user, Some(id)).unwrap();
    let mut sending = Fragmenter::default();
    let nameless = SessionCapability::ours().to_node();
    sending.push(to_server(Guid::EMPTY, Guid::EMPTY, MessageType::SessionCapability, nameless));
    assert_eq!(refused(sending.take(usize::MAX)), None, "the first message may name none");
    shells.remove(caller(1).user, Some(id)).unwrap();
    let mut sending = Fragmenter::default();
    for (pool, kind, data) in [
        (id, MessageType::SessionCapability, SessionCapability::ours().to_node()),
        (Guid([8; 16]), MessageType::InitRunspacePool, Node::Nil),
    ] {
        sending.push(to_server(pool, Guid::EMPTY, kind, data));
    }
    assert_eq!(refused(sending.take(usize::MAX)), Some(FaultCode::Schema), "another pool's bytes");
    let strange = SessionCapability { protocol: "3.0".into(), ..SessionCapability::ours() };
    let mut sending = Fragmenter::default();
    sending.push(to_server(id, Guid::EMPTY, MessageType::SessionCapability, strange.to_node()));
    assert_eq!(refused(sending.take(usize::MAX)), Some(FaultCode::Option));
    let mut sending = Fragmenter::default();
    sending.push(to_server(id, Guid::EMPTY, MessageType::GetAvailableRunspaces, Node::Nil));
    assert_eq!(refused(sending.take(usize::MAX)), Some(FaultCode::Schema), "not negotiated");
    let noise = SeededRng::new(1);
    for len in 1..400 {
        let mut bytes = vec![0; len];
        Rng::fill(&noise, &mut bytes);
        // Either it is refused, or it is a fragment that has not come whole.
        let _ = refused(bytes);
        let _ = shells.remove(caller(1).user, Some(id));
    }
    let peer = Peer::new();
    let command = |arguments: Vec<u8>| wire::wsman::Command { command: Some(id), arguments };
    let mut start = opening(id);
    start[8] = 1;
    assert_eq!(peer.shell.command(command(start)).err().map(|f| f.code), Some(FaultCode::Schema));
    assert!(peer.shell.commands().is_empty(), "a command that was refused is not there");
}
