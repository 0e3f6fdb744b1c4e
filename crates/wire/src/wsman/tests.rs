//! Envelopes there and back, and what is refused.

use std::time::Duration;

use base::Guid;
use proptest::prelude::*;

use super::*;

fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid)
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..300)
}

fn text() -> impl Strategy<Value = String> {
    "[^\\p{C}\\s]{1,20}"
}

fn body() -> impl Strategy<Value = RequestBody> {
    let command = || proptest::option::of(guid());
    let idle = proptest::option::of((0_u64..1 << 40).prop_map(Duration::from_millis));
    prop_oneof![
        (command(), proptest::option::of(text()), idle.clone(), data()).prop_map(
            |(shell, name, idle_timeout, creation)| {
                RequestBody::Create(Create { shell, name, idle_timeout, creation })
            }
        ),
        Just(RequestBody::Delete),
        (command(), data())
            .prop_map(|(command, arguments)| RequestBody::Command(Command { command, arguments })),
        (command(), data()).prop_map(|(command, data)| {
            RequestBody::Send(Send { stream: "stdin".into(), command, data })
        }),
        command().prop_map(|command| RequestBody::Receive(Receive { command })),
        (command(), text()).prop_map(|(command, code)| RequestBody::Signal(Signal { command, code })),
        idle.prop_map(|idle_timeout| RequestBody::Disconnect { idle_timeout }),
        Just(RequestBody::Reconnect),
        (command(), data()).prop_map(|(command, data)| RequestBody::Connect(Connect { command, data })),
        Just(RequestBody::Get),
        command().prop_map(|shell| RequestBody::Enumerate { shell }),
    ]
}

fn shell() -> impl Strategy<Value = Shell> {
    (guid(), text(), text(), 0_u64..1 << 40, any::<[bool; 2]>()).prop_map(
        |(id, name, owner, idle, [xpress, connected])| Shell {
            id,
            name,
            resource: resource::CONFIGURATION.to_owned() + "Microsoft.Exchange",
            owner,
            client: "::1".into(),
            idle_timeout: Duration::from_millis(idle),
            xpress,
            connected,
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let chunk = (proptest::option::of(guid()), data())
        .prop_map(|(command, data)| Chunk { command, data: data.into() });
    prop_oneof![
        shell().prop_map(Reply::Created),
        shell().prop_map(Reply::Shell),
        guid().prop_map(Reply::Command),
        (proptest::collection::vec(chunk, 0..4), proptest::option::of(guid()))
            .prop_map(|(chunks, done)| Reply::Received { chunks, done }),
        prop_oneof![
            Just(Reply::Deleted),
            Just(Reply::Sent),
            Just(Reply::Signalled),
            Just(Reply::Disconnected),
            Just(Reply::Reconnected),
            Just(Reply::Config(500)),
            Just(Reply::Identity("Rialto".into(), "1.0".into())),
            Just(Reply::Fault(FaultCode::TimedOut.into())),
            Just(Reply::Fault(Fault::new(FaultCode::Schema, "what & why"))),
        ],
        data().prop_map(Reply::Connected),
        proptest::collection::vec(shell(), 0..3).prop_map(Reply::Shells),
        (guid(), proptest::collection::vec(guid(), 1..3))
            .prop_map(|(shell, all)| Reply::Commands(shell, all)),
    ]
}

proptest! {
    #[test]
    fn requests_survive(body in body(), shell in proptest::option::of(guid()), message in text(), option in text(), xpress: bool) {
        let request = Request {
            to: "https://server/PowerShell/?a=1&b=2".into(),
            resource: resource::SHELL.into(),
            message_id: format!("uuid:{message}"),
            session_id: Some("uuid:1".into()),
            operation: Some(Operation { id: "uuid:3".into(), again: xpress }),
            shell,
            options: vec![("protocolversion".into(), option)],
            timeout: Some(Duration::from_millis(20_500)),
            max_envelope: Some(153_600),
            xpress,
            ..Request::new(body)
        };
        prop_assert_eq!(Request::read(request.write().as_bytes()), Ok(request));
    }

    #[test]
    fn replies_survive(reply in reply(), relates in text()) {
        let headers = Headers { relates_to: &relates, message_id: "uuid:2", operation: None, machine: "server" };
        prop_assert_eq!(read_reply(reply.write(headers).as_bytes()), Ok((relates, reply)));
    }

    #[test]
    fn a_reply_fits_its_envelope(max in ENVELOPE_MIN..200_000, sizes in proptest::collection::vec(1_usize..40_000, 0..20)) {
        let mut chunks: Vec<Chunk> = Vec::new();
        for size in sizes {
            let room = room_for_data(max, chunks.iter().map(|chunk| chunk.data.len()));
            if room == 0 {
                break;
            }
            chunks.push(Chunk { command: Some(Guid::EMPTY), data: vec![7; size.min(room)].into() });
        }
        let reply = Reply::Received { chunks, done: Some(Guid::EMPTY) };
        let id = "uuid:00000000-0000-0000-0000-000000000000";
        let written = reply.write(Headers { relates_to: id, message_id: id, operation: Some(id), machine: "server" });
        prop_assert!(written.len() <= max, "{} of {max}", written.len());
    }

    #[test]
    fn arbitrary_envelopes_never_panic(text in "(<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">|<s:Header>|</s:Header>|<s:Body>|</s:Body>|</s:Envelope>|\\PC){0,20}") {
        let _ = Request::read(text.as_bytes());
        let _ = read_reply(text.as_bytes());
    }
}

#[test]
fn what_a_client_sends_is_read() {
    let text = r#"<s:Envelope xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsman="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><wsa:Action s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive</wsa:Action><wsman:MaxEnvelopeSize s:mustUnderstand="true">153600</wsman:MaxEnvelopeSize><wsa:MessageID>uuid:A</wsa:MessageID><wsman:OperationTimeout>PT20S</wsman:OperationTimeout><wsman:ResourceURI>http://schemas.microsoft.com/powershell/Microsoft.Exchange</wsman:ResourceURI><wsman:OptionSet s:mustUnderstand="true"><wsman:Option Name="WSMAN_CMDSHELL_OPTION_KEEPALIVE">True</wsman:Option></wsman:OptionSet><wsman:SelectorSet><wsman:Selector Name="ShellId">1CCCE59E-3B5F-4B4E-8F5B-7C4B7E0B0C6D</wsman:Selector></wsman:SelectorSet></s:Header><s:Body><rsp:Receive><rsp:DesiredStream CommandId="2CCCE59E-3B5F-4B4E-8F5B-7C4B7E0B0C6D">stdout</rsp:DesiredStream></rsp:Receive></s:Body></s:Envelope>"#;
    let request = Request::read(text.as_bytes()).unwrap();
    assert_eq!(request.message_id, "uuid:A");
    assert_eq!(request.shell.unwrap().to_string(), "1ccce59e-3b5f-4b4e-8f5b-7c4b7e0b0c6d");
    assert_eq!(request.timeout, Some(Duration::from_secs(20)));
    assert_eq!(request.option("wsman_cmdshell_option_keepalive"), Some("True"));
    assert_eq!(request.identity(), ("uuid:A", true));
    let RequestBody::Receive(receive) = request.body else { panic!("no Receive") };
    assert!(receive.command.is_some());
    for (from, to) in [
        ("/Receive<", "/Rest<"),
        ("uuid:A", " "),
        ("ShellId\">1", "ShellId\">x"),
        ("rsp:Receive>", "rsp:Send>"),
    ] {
        assert!(Request::read(text.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn faults_have_the_codes_clients_look_for() {
    let headers = Headers { relates_to: "uuid:1", message_id: "uuid:2", operation: None, machine: "mail" };
    let text = Reply::Fault(FaultCode::TimedOut.into()).write(headers);
    for part in
        ["Code=\"2150858793\"", "Machine=\"mail\"", "<s:Value>w:TimedOut</s:Value>", "wsman/fault</a:Action>"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(Fault::from(FaultCode::UnknownShell).number(), Some(2_150_858_843));
    assert!(Reply::Fault(FaultCode::Action.into()).write(headers).contains("addressing/fault"));
}

#[test]
fn both_spellings_of_ctrl_c_stop() {
    assert!(signal::is_stop(signal::CTRL_C) && signal::is_stop(signal::CTRL_C_RIGHT));
    assert!(signal::is_stop("http://schemas.microsoft.com/powershell/signal/crtl_c"));
    assert!(!signal::is_stop(signal::TERMINATE));
}
