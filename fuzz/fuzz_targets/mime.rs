//! Any bytes as a message: its structure stays inside it, its texts are read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    imap::{Message, body_structure},
    mime::{
        Structure, Summary, decode_words, header_len,
        preview::{PREVIEW_MAX, preview},
        subject::BaseSubject,
        text,
    },
};

fuzz_target!(|bytes: &[u8]| {
    let structure = Structure::parse(bytes);
    let parts = structure.parts().len();
    assert!((0..parts).all(|part| structure.children(part).all(|child| child < parts)));
    let header = &bytes[..header_len(bytes)];
    let summary = Summary::parse(header);
    assert_eq!(Summary::decode(summary.encode()).as_ref().ok(), Some(&summary));
    let base = BaseSubject::of(&decode_words(bytes));
    assert_eq!(BaseSubject::of(&base.text).text, base.text);
    assert!(preview(bytes).chars().count() <= PREVIEW_MAX);
    text::any_text_part(bytes, |_| false);
    text::any_header_text(header, |_| false);
    let message = Message::new(bytes);
    let mut out = Vec::new();
    body_structure::write(&mut out, &message, true);
    let _ = message.binary(&[1, 1]);
});
