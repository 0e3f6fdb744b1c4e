//! Any text is read or refused; what is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::clixml::{read, write};

fuzz_target!(|text: &str| {
    let Ok(nodes) = read(text) else { return };
    let values: Vec<_> = nodes.iter().map(powershell::text::from_node).collect();
    let _ = powershell::text::to_clixml(&values);
    let written = write(&nodes);
    assert_eq!(read(&written).as_ref(), Ok(&nodes), "{written}");
});
