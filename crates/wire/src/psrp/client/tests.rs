//! The client against a server made of the same codecs, and against hostile ones.

use base::rng::SeededRng;
use proptest::prelude::*;

use super::*;
use crate::{
    psrp::{Command, application_private_data, command_type, pool_state},
    secret::Secret,
    wsman::{Headers, Shell},
};

fn options() -> Options {
    Options {
        to: "https://server/PowerShell?PSVersion=5.1".into(),
        resource: "http://schemas.microsoft.com/powershell/Microsoft.Exchange".into(),
        name: "Session1".into(),
        idle: Duration::from_secs(7200),
        wait: Duration::from_secs(20),
        operation: Duration::from_secs(180),
        message_max: 1 << 20,
        host: HostInfo::NONE,
        arguments: Node::Nil,
    }
}

fn client() -> Client {
    Client::new(options(), Arc::new(SeededRng::new(1)))
}

fn asked(request: &Request) -> wsman::Request {
    wsman::Request::read(request.body.as_bytes()).unwrap()
}

/// A reply to a request.
fn reply(request: &Request, reply: &Reply) -> Vec<u8> {
    let headers = Headers {
        relates_to: &asked(request).message_id,
        message_id: "uuid:1",
        operation: None,
        machine: "server",
    };
    reply.write(headers).into_bytes()
}

fn message(kind: MessageType, pipeline: Option<Guid>, data: Option<Node>) -> Message {
    let pipeline = pipeline.unwrap_or(Guid::EMPTY);
    Message { destination: Destination::Client, kind, pool: Guid::EMPTY, pipeline, data }
}

/// Messages as a Receive brings them, in fragments of at most `size` bytes.
fn received(command: Option<Guid>, messages: &[Message], size: usize) -> Reply {
    let mut fragmenter = Fragmenter::default();
    messages.iter().for_each(|message| fragmenter.push(message.encode()));
    let mut chunks = Vec::new();
    while !fragmenter.is_empty() {
        chunks.push(Chunk { command, data: fragmenter.take(size).into() });
    }
    Reply::Received { chunks, done: None }
}

/// What a request's fragments say.
fn said(data: &[u8]) -> Vec<Message> {
    let whole = Defragmenter::new(1 << 20).push(data).unwrap();
    whole.iter().map(|message| Message::decode(message).unwrap().unwrap()).collect()
}

fn opened() -> Client {
    let mut client = client();
    let request = client.open();
    let RequestBody::Create(create) = asked(&request).body else { panic!("{request:?}") };
    let kinds: Vec<_> = said(&create.creation).iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageType::SessionCapability, MessageType::InitRunspacePool]);
    assert_eq!(asked(&request).option("protocolversion"), Some("2.3"));
    let shell = Shell { id: create.shell.unwrap(), ..Shell::default() };
    assert_eq!(client.answer(&request, &reply(&request, &Reply::Created(shell))), Ok(vec![]));

    let request = client.receive(None);
    let messages = [
        message(MessageType::SessionCapability, None, Some(SessionCapability::ours().to_node())),
        message(MessageType::ApplicationPrivateData, None, Some(application_private_data("5.1.1.1"))),
        message(
            MessageType::RunspacePoolState,
            None,
            Some(pool_state(super::super::PoolState::Opened, None)),
        ),
    ];
    let events = client.answer(&request, &reply(&request, &received(None, &messages, 100))).unwrap();
    assert!(matches!(&events[..], [Event::PrivateData(_), Event::Opened]), "{events:?}");
    assert_eq!(client.state(), State::Opened);
    client
}

/// Starts a pipeline and lets the server take it.
fn started(client: &mut Client) -> Guid {
    let pipeline =
        CreatePipeline { no_input: false, ..CreatePipeline::new(vec![Command::new("Get-Mailbox")]) };
    let (id, request) = client.start(&pipeline).unwrap();
    let RequestBody::Command(command) = asked(&request).body else { panic!("{request:?}") };
    let [first] = &said(&command.arguments)[..] else { panic!("one message") };
    assert_eq!((first.kind, first.pipeline, command.command), (MessageType::CreatePipeline, id, Some(id)));
    assert_eq!(CreatePipeline::read(first.data.as_ref().unwrap()), Ok(pipeline));
    client.answer(&request, &reply(&request, &Reply::Command(id))).unwrap();
    id
}

fn ended(id: Guid, state: PipelineState) -> Message {
    message(MessageType::PipelineState, Some(id), Some(PipelineStateMessage { state, error: None }.to_node()))
}

#[test]
fn a_pipeline_takes_input_and_gives_every_stream() {
    let mut client = opened();
    let id = started(&mut client);
    client.input(id, Node::text("nuno"));
    client.end_input(id);
    assert!(client.waiting(id) > 0);
    let request = client.send(id).unwrap();
    let RequestBody::Send(send) = asked(&request).body else { panic!("{request:?}") };
    let kinds: Vec<_> = said(&send.data).iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageType::PipelineInput, MessageType::EndOfPipelineInput]);
    client.answer(&request, &reply(&request, &Reply::Sent)).unwrap();
    assert!(client.send(id).is_none());

    // Nothing in time is nothing at all.
    let request = client.receive(Some(id));
    let nothing = Reply::Fault(FaultCode::TimedOut.into());
    assert_eq!(client.answer(&request, &reply(&request, &nothing)), Ok(vec![]));

    let request = client.receive(Some(id));
    let messages = [
        message(MessageType::PipelineOutput, Some(id), Some(Node::text("x".repeat(5000)))),
        message(MessageType::WarningRecord, Some(id), Some(Node::text("careful"))),
        ended(id, PipelineState::Completed),
    ];
    let events = client.answer(&request, &reply(&request, &received(Some(id), &messages, 700))).unwrap();
    assert!(
        matches!(
            &events[..],
            [Event::Output(..), Event::Record(_, MessageType::WarningRecord, _), Event::Ended(_, state)]
                if state.state == PipelineState::Completed
        ),
        "{events:?}"
    );
    let request = client.finish(id).unwrap();
    assert!(matches!(asked(&request).body, RequestBody::Signal(signal) if !signal::is_stop(&signal.code)));
}

#[test]
fn large_arguments_follow_the_command() {
    let mut client = opened();
    let command = Command::new("Set-Content").with("Value", Node::text("x".repeat(1 << 20)));
    let (id, request) = client.start(&CreatePipeline::new(vec![command])).unwrap();
    let RequestBody::Command(first) = asked(&request).body else { panic!("a command") };
    let (mut all, mut requests) = (first.arguments, vec![request]);
    while let Some(request) = client.send(id) {
        let RequestBody::Send(send) = asked(&request).body else { panic!("a send") };
        all.extend(send.data);
        requests.push(request);
    }
    assert!(
        requests.iter().all(|request| request.body.len() <= wsman::ENVELOPE_MAX),
        "each fits the envelope"
    );
    assert_eq!(Defragmenter::new(2 << 20).push(&all).unwrap().len(), 1);
}

#[test]
fn keys_are_agreed() {
    let mut client = opened();
    let request = client.exchange_keys().unwrap();
    let RequestBody::Send(send) = asked(&request).body else { panic!("{request:?}") };
    let [message_sent] = &said(&send.data)[..] else { panic!("one message") };
    let public = message_sent.data.as_ref().and_then(|data| data.get("PublicKey")?.as_text()).unwrap();
    let (server, rng) = (SessionKey::generate(&SeededRng::new(2)), SeededRng::new(3));
    let key = server.for_peer(public, &rng).unwrap();
    let answer = Node::record([("EncryptedSessionKey", Node::text(key))]);
    let request = client.receive(None);
    let message = message(MessageType::EncryptedSessionKey, None, Some(answer));
    let events =
        client.answer(&request, &reply(&request, &received(None, std::slice::from_ref(&message), 4096)));
    assert_eq!(events, Ok(vec![Event::KeyAgreed]));
    let secret = Secret("hunter2".into());
    assert_eq!(server.reveal(&client.session_key().unwrap().protect(&secret)), Ok(secret));
    // A second one was not asked for.
    let request = client.receive(None);
    assert!(client.answer(&request, &reply(&request, &received(None, &[message], 4096))).is_err());
}

#[test]
fn sessions_leave_and_come_back() {
    let mut client = opened();
    let request = client.disconnect();
    client.answer(&request, &reply(&request, &Reply::Disconnected)).unwrap();
    assert_eq!(client.state(), State::Disconnected);
    assert_eq!(client.start(&CreatePipeline::new(vec![Command::new("x")])).unwrap_err(), ClientError::State);
    let request = client.reconnect();
    client.answer(&request, &reply(&request, &Reply::Reconnected)).unwrap();
    let wanted =
        GetCommandMetadata { names: vec!["*".into()], types: command_type::ALL, namespaces: Vec::new() };
    let (_, request) = client.metadata(&wanted).unwrap();
    let gone = Reply::Fault(FaultCode::UnknownShell.into());
    assert!(client.answer(&request, &reply(&request, &gone)).is_err());
    assert_eq!(client.state(), State::Broken, "an idle shell is gone");
    let request = client.close();
    assert_eq!(client.state(), State::Closed);
    client.answer(&request, &reply(&request, &Reply::Deleted)).unwrap();
}

#[test]
fn pipelines_are_counted_and_stopped() {
    let mut client = opened();
    let ids: Vec<Guid> = (0..PIPELINES_MAX).map(|_| started(&mut client)).collect();
    assert_eq!(
        client.start(&CreatePipeline::new(vec![Command::new("x")])).unwrap_err(),
        ClientError::TooMany
    );
    let request = client.stop(ids[0]);
    assert!(matches!(asked(&request).body, RequestBody::Signal(signal) if signal::is_stop(&signal.code)));
    let request = client.receive(Some(ids[0]));
    // It is done, and does not say how.
    let done = Reply::Received { chunks: Vec::new(), done: Some(ids[0]) };
    let events = client.answer(&request, &reply(&request, &done)).unwrap();
    assert!(matches!(&events[..], [Event::Ended(_, state)] if state.state == PipelineState::Stopped));
    client.finish(ids[0]);
    started(&mut client);
}

#[test]
fn what_does_not_belong_breaks_the_session() {
    let stranger = Guid([7; 16]);
    let output = |pipeline| message(MessageType::PipelineOutput, Some(pipeline), Some(Node::text("x")));
    let misdirected = |id| Message { destination: Destination::Server, ..output(id) };
    type Make<'m> = &'m dyn Fn(Guid) -> Reply;
    let cases: [(&str, Make<'_>); 8] = [
        ("another request's reply", &|_| Reply::Deleted),
        ("another pipeline's stream", &|_| received(Some(stranger), &[output(stranger)], 4096)),
        ("another pipeline's message", &|id| received(Some(id), &[output(stranger)], 4096)),
        ("a message for servers", &|id| received(Some(id), &[misdirected(id)], 4096)),
        ("no fragment", &|id| Reply::Received {
            chunks: vec![Chunk { command: Some(id), data: vec![0xff; 64].into() }],
            done: None,
        }),
        ("no CLIXML", &|id| {
            let mut bytes = output(id).encode();
            bytes.truncate(bytes.len() - 3);
            let mut fragmenter = Fragmenter::default();
            fragmenter.push(bytes);
            let data = fragmenter.take(4096);
            Reply::Received { chunks: vec![Chunk { command: Some(id), data: data.into() }], done: None }
        }),
        ("a state without a number", &|id| {
            received(Some(id), &[message(MessageType::PipelineState, Some(id), Some(Node::Nil))], 4096)
        }),
        ("too large a message", &|id| {
            let large = message(MessageType::PipelineOutput, Some(id), Some(Node::text("x".repeat(2 << 20))));
            received(Some(id), &[large], 1 << 20)
        }),
    ];
    for (about, make) in cases {
        let mut client = opened();
        let id = started(&mut client);
        let request = client.receive(Some(id));
        assert!(client.answer(&request, &reply(&request, &make(id))).is_err(), "{about}");
        assert_eq!(client.state(), State::Broken, "{about}");
    }
    let mut client = opened();
    let (first, second) = (client.receive(None), client.receive(None));
    assert_eq!(
        client.answer(&first, &reply(&second, &received(None, &[], 1))),
        Err(ClientError::Unrelated),
        "the reply to another request"
    );
}

#[test]
fn a_refusal_leaves_the_session_as_it_is() {
    let mut client = opened();
    let (_, request) = client.start(&CreatePipeline::new(vec![Command::new("x")])).unwrap();
    let busy = Fault::new(FaultCode::Quota, "too many");
    let error = client.answer(&request, &reply(&request, &Reply::Fault(busy))).unwrap_err();
    assert_eq!((error.to_string().as_str(), client.state()), ("too many", State::Opened));
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic(bytes in any::<Vec<u8>>(), data in any::<Vec<u8>>()) {
        let mut client = opened();
        let request = client.receive(None);
        let _ = client.answer(&request, &bytes);
        let mut client = opened();
        let request = client.receive(None);
        let chunks = vec![Chunk { command: None, data: data.into() }];
        let _ = client.answer(&request, &reply(&request, &Reply::Received { chunks, done: None }));
    }
}
