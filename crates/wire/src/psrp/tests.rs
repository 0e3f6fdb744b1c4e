//! Fragments and messages there and back, and what is refused.

use base::Guid;
use proptest::prelude::*;

use super::*;
use crate::clixml::{Node, read, write_one};

/// What a node is after a journey.
fn travelled(node: &Node) -> Node {
    read(&write_one(node)).unwrap().remove(0)
}

proptest! {
    #[test]
    fn fragments_come_back_in_any_cut(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..6),
        room in FRAGMENT_HEADER + 1..200,
        cut in 1_usize..90,
    ) {
        let mut fragmenter = Fragmenter::default();
        messages.iter().for_each(|message| fragmenter.push(message.clone()));
        let mut sent = Vec::new();
        while !fragmenter.is_empty() {
            let blob = fragmenter.take(room);
            prop_assert!(!blob.is_empty() && blob.len() <= room);
            sent.extend(blob);
        }
        prop_assert_eq!(fragmenter.bytes(), 0);
        let mut defragmenter = Defragmenter::new(1 << 20);
        let mut came = Vec::new();
        for piece in sent.chunks(cut) {
            came.extend(defragmenter.push(piece).unwrap());
        }
        prop_assert_eq!(came, messages);
    }

    #[test]
    fn arbitrary_fragments_never_panic_nor_grow(pieces in proptest::collection::vec(
        (0_u64..3, 0_u64..3, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..40)
    ) {
        let mut defragmenter = Defragmenter::new(256);
        for (object, number, flags, data, honest) in pieces {
            let mut bytes = [object.to_be_bytes(), number.to_be_bytes()].concat();
            bytes.push(flags);
            let len = if honest { data.len() as u32 } else { u32::from(flags) << 24 };
            bytes.extend(len.to_be_bytes());
            bytes.extend(&data);
            match defragmenter.push(&bytes) {
                Ok(messages) => prop_assert!(messages.iter().all(|m| m.len() <= 256)),
                Err(_) => break,
            }
        }
    }

    #[test]
    fn arbitrary_messages_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::decode(&bytes);
    }
}

#[test]
fn fragments_out_of_order_are_refused() {
    let fragment = |object: u64, number: u64, flags: u8| {
        let mut bytes = [object.to_be_bytes(), number.to_be_bytes()].concat();
        bytes.extend([flags, 0, 0, 0, 1, b'x']);
        bytes
    };
    for bad in [
        vec![fragment(1, 0, 0)],
        vec![fragment(1, 1, 1)],
        vec![fragment(1, 0, 1), fragment(1, 0, 1)],
        vec![fragment(1, 0, 1), fragment(1, 2, 0)],
        (0..100).map(|object| fragment(object, 0, 1)).collect(),
    ] {
        let all: Vec<u8> = bad.concat();
        assert!(Defragmenter::new(1000).push(&all).is_err(), "{bad:?}");
    }
    let mut interleaved = Defragmenter::new(1000);
    let all = [fragment(7, 0, 1), fragment(9, 0, 1), fragment(7, 1, 2), fragment(9, 1, 2), fragment(7, 0, 3)]
        .concat();
    assert_eq!(interleaved.push(&all).unwrap().len(), 3);
}

#[test]
fn a_message_looks_as_the_specification_shows() {
    let pool: Guid = "d034652d-126b-e340-b773-cba26459cfa8".parse().unwrap();
    let message = Message {
        destination: Destination::Server,
        kind: MessageType::SessionCapability,
        pool,
        pipeline: Guid::EMPTY,
        data: Some(SessionCapability::ours().to_node()),
    };
    let bytes = message.encode();
    assert_eq!(bytes[..12], [2, 0, 0, 0, 2, 0, 1, 0, 0x2d, 0x65, 0x34, 0xd0]);
    assert_eq!(&bytes[MESSAGE_HEADER..][..3], b"\xef\xbb\xbf");
    let text = std::str::from_utf8(&bytes[MESSAGE_HEADER + 3..]).unwrap();
    assert_eq!(
        text,
        "<Obj RefId=\"0\"><MS><Version N=\"protocolversion\">2.3</Version><Version N=\"PSVersion\">2.0</Version>\
         <Version N=\"SerializationVersion\">1.1.0.1</Version></MS></Obj>"
    );
    assert_eq!(Message::decode(&bytes), Ok(Some(message)));
    let mut unknown = bytes.clone();
    unknown[4] = 0x7f;
    assert_eq!(Message::decode(&unknown), Ok(None));
    assert!(Message::decode(&bytes[..20]).is_err());
}

#[test]
fn message_types_have_their_numbers() {
    for (kind, number) in [
        (MessageType::SessionCapability, 0x0001_0002),
        (MessageType::CreatePipeline, 0x0002_1006),
        (MessageType::ProgressRecord, 0x0004_1010),
        (MessageType::PipelineHostResponse, 0x0004_1101),
    ] {
        assert_eq!((kind.number(), MessageType::from_number(number)), (number, Some(kind)));
    }
    assert_eq!(MessageType::from_number(0), None);
}

#[test]
fn versions_are_negotiated_down() {
    let offer = |protocol: &str| SessionCapability { protocol: protocol.into(), ..SessionCapability::ours() };
    assert_eq!(offer("2.2").negotiate().unwrap().protocol, "2.2");
    assert_eq!(offer("2.9").negotiate().unwrap().protocol, "2.3");
    assert!(offer("3.0").negotiate().is_err() && offer("x").negotiate().is_err());
    assert!(SessionCapability { ps: "3.0".into(), ..offer("2.3") }.negotiate().is_err());
    let data = travelled(&offer("2.3").to_node());
    assert_eq!(SessionCapability::read(&data), Ok(offer("2.3")));
}

#[test]
fn pipelines_survive() {
    let command =
        Command::new("Get-Mailbox").with("-Identity:", Node::text("nuno")).with("ResultSize", Node::Int(5));
    let merged = Command {
        merge: [Merge::Output, Merge::Null, Merge::None, Merge::None, Merge::None],
        ..Command::new("Out-Default")
    };
    let create = CreatePipeline {
        host: HostInfo { is_null: false, ..HostInfo::NONE },
        no_input: false,
        ..CreatePipeline::new(vec![command.clone(), Command { merge_previous: true, ..merged }])
    };
    assert_eq!(CreatePipeline::read(&travelled(&create.to_node())), Ok(create.clone()));
    let two = CreatePipeline { statements: vec![vec![command.clone()], vec![command]], ..create };
    assert_eq!(CreatePipeline::read(&travelled(&two.to_node())), Ok(two));
    assert!(CreatePipeline::read(&Node::record([("PowerShell", Node::record([]))])).is_err());
    let state = PipelineStateMessage { state: PipelineState::Failed, error: Some(Node::text("x")) };
    assert_eq!(PipelineStateMessage::read(&travelled(&state.to_node())), Some(state));
}

#[test]
fn the_pool_s_messages_survive() {
    let init = InitRunspacePool { min: 1, max: 3, host: HostInfo::NONE, arguments: Node::Nil };
    assert_eq!(InitRunspacePool::read(&travelled(&init.to_node())), Ok(init.clone()));
    assert!(InitRunspacePool::read(&InitRunspacePool { max: 0, ..init }.to_node()).is_err());
    for call in [PoolCall::SetMax(4), PoolCall::SetMin(2), PoolCall::GetAvailable, PoolCall::Reset] {
        let (kind, data) = call.to_message(9);
        assert_eq!(PoolCall::read(kind, &travelled(&data)), Ok((call, 9)));
    }
    // pypsrp spells the call's identifier in capitals.
    let data = Node::record([("MaxRunspaces", Node::Int(1)), ("CI", Node::Int(2))]);
    assert_eq!(PoolCall::read(MessageType::SetMaxRunspaces, &data), Ok((PoolCall::SetMax(1), 2)));
    for answer in [Availability::Done(true), Availability::Count(7)] {
        assert_eq!(Availability::read(&travelled(&answer.to_node(3))), Some((answer, 3)));
    }
    assert_eq!(connect_runspace_pool(Some(&init_data(1, 2))), (Some(1), Some(2)));
    assert_eq!(connect_runspace_pool(Some(&Node::text(""))), (None, None));
}

#[test]
fn records_survive() {
    let error = ErrorInfo {
        exception_type: "System.ArgumentException".into(),
        message: "no <good>".into(),
        target: Node::text("x"),
        error_id: "InvalidArgument,Set-Mailbox".into(),
        category: 5,
        activity: "Set-Mailbox".into(),
        reason: "ArgumentException".into(),
        target_name: "x".into(),
        target_type: "String".into(),
        category_message: "InvalidArgument: (x:String) [Set-Mailbox], ArgumentException".into(),
    };
    assert_eq!(ErrorInfo::read(&travelled(&error.to_node())), error);
    let (kind, data) = Stream::Verbose.message("hm");
    assert_eq!((kind, Stream::of(kind)), (MessageType::VerboseRecord, Some(Stream::Verbose)));
    assert_eq!(informational(&travelled(&data)), Some("hm"));
    let progress = ProgressInfo {
        activity: "A".into(),
        activity_id: 1,
        status: "s".into(),
        percent: 50,
        completed: true,
    };
    assert_eq!(ProgressInfo::read(&travelled(&progress.to_node())), progress);
    let information = Information {
        data: Node::text("x"),
        source: "Write-Host".into(),
        time: "2026-11-23T05:38:01Z".into(),
        tags: vec!["PSHOST".into()],
        user: "u".into(),
        computer: "c".into(),
        process: 4,
    };
    assert_eq!(Information::read(&travelled(&information.to_node())), information);
    let call = HostCall::prompt_for_choice(1, "Confirm", "Sure?", &[("&Yes", "yes"), ("&No", "no")], 1);
    assert_eq!(HostCall::read(&travelled(&call.to_node())), Ok(call));
    let response =
        HostResponse { ci: 1, method: HostMethod::PROMPT_FOR_CHOICE, result: Node::Int(0), error: None };
    assert_eq!(HostResponse::read(&travelled(&response.to_node())), Ok(response));
    assert_eq!(HostMethod::PROMPT_FOR_CHOICE.name(), "PromptForChoice");
    assert_eq!((HostMethod(0).name(), HostMethod(57).name()), ("", ""));
}

#[test]
fn metadata_survives() {
    let ask = GetCommandMetadata {
        names: vec!["*".into()],
        types: command_type::ALL,
        namespaces: vec!["Microsoft.*".into()],
    };
    assert_eq!(GetCommandMetadata::read(&travelled(&ask.to_node())), Ok(ask));
    let parameter = ParameterMetadata {
        name: "Identity".into(),
        type_name: "System.String".into(),
        aliases: vec!["Id".into()],
        is_switch: false,
    };
    let command = CommandMetadata {
        name: "Get-Mailbox".into(),
        namespace: "M".into(),
        kind: command_type::CMDLET,
        parameters: vec![parameter],
    };
    assert_eq!(CommandMetadata::read(&travelled(&command.to_node())), Some(command));
    assert_eq!(CommandMetadata::read(&metadata_count(5)), None);
}
