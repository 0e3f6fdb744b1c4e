//! Any text is parsed or refused with a place inside it; nothing is so deep that the stack ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use powershell::{ast::Source, parser::parse};

fuzz_target!(|text: &str| {
    match parse(Source { name: "".into(), text: text.into() }) {
        Ok(block) => assert!(block.text().len() <= text.len()),
        Err((error, source)) => {
            let record = error.record(&source);
            assert!(record.position.is_some_and(|at| at.line as usize <= text.lines().count() + 1));
        }
    }
});
