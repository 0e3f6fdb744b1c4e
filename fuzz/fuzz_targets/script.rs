//! Any text is run, bounded tightly: what it does, the session goes on.
#![no_main]

use std::{sync::Arc, time::Duration};

use base::{clock::SystemClock, rng::SeededRng};
use libfuzzer_sys::fuzz_target;
use powershell::{
    Limits, Runspace, Value,
    cmdlet::{Collected, NoCommands},
};

const LIMITS: Limits =
    Limits { steps: 3000, bytes: 4 << 20, time: Duration::from_secs(2), ..Limits::SESSION };

fuzz_target!(|text: &str| {
    // Nobody is to wait for a script that sleeps.
    if text.to_lowercase().contains("sleep") {
        return;
    }
    let mut runspace =
        Runspace::with(Arc::new(NoCommands), Arc::new(SystemClock), Arc::new(SeededRng::new(1)), LIMITS);
    let mut out = Collected::default();
    runspace.run(text, &mut out);
    let mut printer = runspace.printer();
    out.output.iter().take(100).for_each(|value| drop(printer.push(value)));
    let mut out = Collected::default();
    runspace.run("$true", &mut out);
    assert_eq!(out.output, [Value::Bool(true)]);
});
