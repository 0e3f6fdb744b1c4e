//! Any bytes as commands of IMAP: framed, parsed, matched.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::imap::{Frame, Framer, MessageUrl, Request, folders::pattern_matches, thread, utf7};

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
    // Each line a message: what it is called, and what it refers to.
    let entries = bytes.split(|b| *b == b'\n').zip(1..).map(|(line, number)| {
        let mut references: Vec<_> = thread::identifiers(line).collect();
        let id = references.pop().unwrap_or_default();
        thread::Entry { number, id, references, ..thread::Entry::default() }
    });
    let mut threads = Vec::new();
    thread::references(&mut threads, entries.collect());
    let depth = threads.iter().filter(|b| **b == b'(').count();
    assert_eq!(depth, threads.iter().filter(|b| **b == b')').count());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = MessageUrl::parse(text);
    }
    if let Some(name) = utf7::decode(bytes) {
        let mut encoded = Vec::new();
        utf7::encode(&mut encoded, &name);
        assert_eq!(utf7::decode(&encoded).as_deref(), Some(&*name));
        let _ = pattern_matches(&name, &name, '/');
    }
});
