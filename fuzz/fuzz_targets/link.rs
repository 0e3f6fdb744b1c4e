//! Any bytes as frames of a link between servers: what is decoded is encoded and decoded again as the same.
#![no_main]

use bytes::BytesMut;
use dag::link::frame::Frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(frame)) = Frame::decode(&mut buffer) {
        let mut again = BytesMut::new();
        frame.encode(&mut again);
        assert_eq!(Frame::decode(&mut again), Ok(Some(frame)));
        assert!(again.is_empty());
    }
});
