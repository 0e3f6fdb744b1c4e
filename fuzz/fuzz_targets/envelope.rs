//! Any bytes as an envelope of WS-Management: a request that was read is written and read again, and stays as it is
//! from then on; whatever came is answered with an envelope that a client reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::wsman::{Fault, FaultCode, Headers, Reply, Request, WsmanError, read_reply};

fuzz_target!(|bytes: &[u8]| {
    let _ = read_reply(bytes);
    let (relates_to, fault) = match Request::read(bytes) {
        Ok(request) => {
            let again = Request::read(request.write().as_bytes()).expect("our own envelope");
            assert_eq!((&again.message_id, again.shell), (&held(&request.message_id), request.shell));
            assert_eq!(Request::read(again.write().as_bytes()).as_ref(), Ok(&again));
            (request.message_id, FaultCode::TimedOut.into())
        }
        Err(error @ WsmanError::Action) => (String::new(), Fault::new(FaultCode::Action, error.to_string())),
        Err(error) => (String::new(), Fault::new(FaultCode::Schema, error.to_string())),
    };
    let headers = Headers { relates_to: &relates_to, message_id: "uuid:1", operation: None, machine: "server" };
    let answer = Reply::Fault(fault).write(headers);
    let (related, Reply::Fault(_)) = read_reply(answer.as_bytes()).expect("our own envelope") else {
        panic!("no fault: {answer}")
    };
    assert_eq!(related, held(&relates_to));
});

/// A text after a journey: XML cannot hold controls.
fn held(text: &str) -> String {
    let is_lost = |c: char| c.is_control() && !"\t\n\r".contains(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if is_lost(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
