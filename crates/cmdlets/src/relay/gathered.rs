//! Streams that keep the objects and pass everything else on.

use powershell::{
    Value,
    cmdlet::{ErrorRecord, Flow, Progress, Prompt, Streams},
};

/// Keeps what another server writes, to be put in order with what others do.
pub(crate) struct Gathered<'a> {
    pub(crate) objects: Vec<Value>,
    pub(crate) out: &'a mut dyn Streams,
}

impl Streams for Gathered<'_> {
    fn output(&mut self, value: Value) -> Flow {
        self.objects.push(value);
        if self.stopping() { Flow::Stop } else { Flow::Continue }
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.out.error(record)
    }
    fn warning(&mut self, text: &str) {
        self.out.warning(text);
    }
    fn verbose(&mut self, text: &str) {
        self.out.verbose(text);
    }
    fn debug(&mut self, text: &str) {
        self.out.debug(text);
    }
    fn progress(&mut self, progress: &Progress) {
        self.out.progress(progress);
    }
    fn information(&mut self, value: Value) {
        self.out.information(value);
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        self.out.prompt(prompt)
    }
    fn stopping(&self) -> bool {
        self.out.stopping()
    }
}
