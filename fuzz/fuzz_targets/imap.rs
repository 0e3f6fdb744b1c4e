//! Any bytes as commands of IMAP: framed, parsed, matched.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::imap::{Frame, Framer, Request, folders::pattern_matches, utf7};

fuzz_target!(|bytes: &[u8]| {
    let mut framer = Framer::default();
    let mut rest = bytes;
    loop {
        match framer.next(rest, 8192) {
            Frame::Command(used) => {
                assert!(used > 0);
                rest = rest.get(used..).unwrap_or_default();
            }
            Frame::Literal { size, .. } => framer.accept(size.min(1 << 20) as usize),
            Frame::Incomplete | Frame::TooLong => break,
        }
    }
    let _ = Request::parse(&Bytes::copy_from_slice(bytes), bytes.len() % 2 == 0);
    if let Some(name) = utf7::decode(bytes) {
        let mut encoded = Vec::new();
        utf7::encode(&mut encoded, &name);
        assert_eq!(utf7::decode(&encoded).as_deref(), Some(&*name));
        let _ = pattern_matches(&name, &name, '/');
    }
});
