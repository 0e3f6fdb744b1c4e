//! Any bytes as fragments of PowerShell remoting and as a message: bounded, the same in any cut, and what is
//! decoded is encoded and decoded again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::psrp::{
    CreatePipeline, Defragmenter, FRAGMENT_HEADER, Fragmenter, GetCommandMetadata, HostCall, HostResponse,
    InitRunspacePool, Message, PipelineStateMessage, PoolCall, SessionCapability,
};

/// The largest message taken, bytes.
const MAX: usize = 1 << 10;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = Defragmenter::new(MAX).push(stream);
    let mut defragmenter = Defragmenter::new(MAX);
    let mut pieces = Vec::new();
    let taken = stream.chunks(usize::from(*cut).max(1)).try_for_each(|piece| {
        pieces.extend(defragmenter.push(piece)?);
        assert!(defragmenter.bytes() <= 2 * MAX + FRAGMENT_HEADER + piece.len());
        Ok(())
    });
    assert_eq!(whole, taken.map(|()| pieces), "cut after each {cut}");

    let mut fragmenter = Fragmenter::default();
    for message in whole.iter().flatten().map(|message| &**message).chain([stream]) {
        examine(message);
        fragmenter.push(message.to_vec());
    }
    let mut defragmenter = Defragmenter::new(1 << 20);
    let mut came = Vec::new();
    while !fragmenter.is_empty() {
        let blob = fragmenter.take(FRAGMENT_HEADER + 1 + usize::from(*cut));
        came.extend(defragmenter.push(&blob).expect("our own fragments"));
    }
    assert_eq!(came.last().map(|message| &**message), Some(stream));
});

/// A message, read in each of the ways that its kind may be.
fn examine(bytes: &[u8]) {
    let Ok(Some(message)) = Message::decode(bytes) else { return };
    assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&Some(message.clone())));
    let Some(data) = &message.data else { return };
    let _ = PoolCall::read(message.kind, data);
    let _ = HostCall::read(data);
    let _ = HostResponse::read(data);
    let _ = GetCommandMetadata::read(data);
    let _ = PipelineStateMessage::read(data);
    let _ = SessionCapability::read(data).map(|theirs| theirs.negotiate());
    let _ = InitRunspacePool::read(data).map(|pool| pool.to_node());
    let _ = CreatePipeline::read(data).map(|pipeline| pipeline.to_node());
}
