//! Any bytes as lines, commands, content and replies of SMTP.
#![no_main]

use bytes::{Buf, BytesMut};
use libfuzzer_sys::fuzz_target;
use wire::smtp::{Command, DataScanner, Line, LineScanner, data, parse_response, unstuff, xtext};

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = BytesMut::from(bytes);
    let mut lines = LineScanner::default();
    while let Some(line) = lines.find(&mut buffer, 1000) {
        match line {
            Line::Complete(len) => buffer.advance(len + 2),
            Line::TooLong => {}
            Line::BareNewline => break,
        }
    }
    for line in bytes.split(|b| *b == b'\n') {
        let _ = Command::parse(line, "rialto.test");
        if let Ok(text) = std::str::from_utf8(line) {
            let _ = xtext::decode(text);
        }
        if let Some(decoded) = xtext::decode(&xtext::encode(line)) {
            assert_eq!(decoded, line);
        }
    }
    let _ = DataScanner::default().scan(bytes);
    let _ = data::examine(bytes);
    unstuff(&mut BytesMut::from(bytes));
    if let Ok(Some((_, used))) = parse_response(bytes) {
        assert!(used <= bytes.len());
    }
});
