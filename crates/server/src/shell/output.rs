//! Results for programs: `-OutputFormat json` and `clixml`. Objects go to standard output as one document;
//! everything else to standard error, as text.

use std::io::{self, Write};

use powershell::{
    ErrorRecord, Flow, Streams, Value,
    cmdlet::Progress,
    format::{error_text, message_text},
    text::{to_clixml, to_json},
};

use super::interrupt::Interrupt;
use crate::cli::OutputFormat;

/// Keeps objects until the end; says the rest at once.
pub(super) struct Collector {
    objects: Vec<Value>,
    interrupt: Interrupt,
}

impl Collector {
    /// Nothing yet.
    pub(super) fn new(interrupt: &Interrupt) -> Self {
        Self { objects: Vec::new(), interrupt: interrupt.clone() }
    }

    /// Writes the document.
    pub(super) fn write(&self, format: OutputFormat, out: &mut impl Write) -> io::Result<()> {
        let text = match format {
            OutputFormat::Json | OutputFormat::Text => to_json(&self.objects),
            OutputFormat::Clixml => to_clixml(&self.objects),
        };
        writeln!(out, "{text}")
    }
}

fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

impl Streams for Collector {
    fn output(&mut self, value: Value) -> Flow {
        self.objects.push(value);
        Flow::Continue
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        say(&error_text(&record));
        Flow::Continue
    }
    fn warning(&mut self, text: &str) {
        say(&message_text("WARNING", text));
    }
    fn verbose(&mut self, text: &str) {
        say(&message_text("VERBOSE", text));
    }
    fn debug(&mut self, text: &str) {
        say(&message_text("DEBUG", text));
    }
    fn progress(&mut self, _: &Progress) {}
    fn information(&mut self, value: Value) {
        say(&format!("{value}\n"));
    }
    fn stopping(&self) -> bool {
        self.interrupt.came()
    }
}
