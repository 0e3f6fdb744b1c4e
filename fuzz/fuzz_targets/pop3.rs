//! Any text as a command of POP3.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::pop3::{Request, Stuffer};

fuzz_target!(|text: &str| {
    let _ = Request::parse(text);
    let mut out = Vec::new();
    let mut stuffer = Stuffer::default();
    text.as_bytes().chunks(7).for_each(|piece| stuffer.push(&mut out, piece));
    stuffer.finish(&mut out);
    assert!(out.ends_with(b"\r\n.\r\n") || out == b".\r\n");
});
