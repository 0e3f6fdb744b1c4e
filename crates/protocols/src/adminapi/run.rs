//! A cmdlet at work on a thread of its own, and its output taken page by page. The cmdlet waits while nobody
//! takes; it is stopped when nobody will.

use std::{pin::pin, sync::Arc, time::Duration};

use hyper::StatusCode;
use powershell::{
    CommandSource, ErrorRecord, Flow, Invocation, Streams, Value,
    cmdlet::{ActionPreference, Progress},
};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{
    problem::Problem,
    write::{self, Select},
};

/// Objects written ahead of the reader.
const AHEAD: usize = 64;
/// The longest a page may take. What is there by then is a short page; nothing by then is an error.
const PAGE_TIME_MAX: Duration = Duration::from_secs(120);
/// The largest page, bytes; one object may pass it.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// Warnings, errors and messages told of on one page; more are dropped.
const NOTES_MAX: usize = 100;

/// What comes from the cmdlet.
enum Event {
    /// One object, as JSON.
    Object(Vec<u8>),
    Warning(String),
    /// What `-WhatIf` would do, and `Write-Host`.
    Information(String),
    /// A non-terminating error.
    Error(Box<ErrorRecord>),
    Done(Result<(), Box<ErrorRecord>>),
}

/// A cmdlet at work.
pub(super) struct Run {
    events: Receiver<Event>,
    /// Taken, and belonging to the next page.
    ahead: Option<Event>,
}

/// A page of a cmdlet's output.
#[derive(Default)]
pub(super) struct Page {
    /// The objects as JSON, commas between them.
    pub(super) objects: Vec<u8>,
    /// How many there are.
    pub(super) count: u64,
    pub(super) warnings: Vec<String>,
    pub(super) information: Vec<String>,
    pub(super) errors: Vec<ErrorRecord>,
    /// Nothing comes after it.
    pub(super) is_last: bool,
}

impl Run {
    /// Starts a cmdlet; its first `skip` objects are dropped. Must be called on the runtime.
    pub(super) fn start(source: Arc<dyn CommandSource>, call: Invocation, select: Select, skip: u64) -> Self {
        let (sender, events) = mpsc::channel(AHEAD);
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            let mut out = Out { sender, select, skip, preferences: &call.preferences, failed: None };
            let result = source.invoke(&call, &mut out);
            let result = out.failed.take().map_or(result, Err);
            let result = match result {
                Err(_) if is_quiet(call.preferences.error) => Ok(()),
                result => result.map_err(Box::new),
            };
            let _ = out.send(Event::Done(result));
        });
        Run { events, ahead: None }
    }

    /// The next page of at most `size` objects. `position` is how many the pages before it had.
    pub(super) async fn page(&mut self, size: u64, position: u64) -> Result<Page, Problem> {
        let mut deadline = pin!(tokio::time::sleep(PAGE_TIME_MAX));
        let mut page = Page::default();
        loop {
            let event = match self.ahead.take() {
                Some(event) => Some(event),
                None => tokio::select! {
                    biased;
                    event = self.events.recv() => event,
                    () = &mut deadline => {
                        return if page.count > 0 { Ok(page) } else { Err(too_long()) };
                    }
                },
            };
            match event {
                Some(Event::Object(object)) => {
                    if page.count >= size || page.objects.len() >= PAGE_BYTES_MAX {
                        self.ahead = Some(Event::Object(object));
                        return Ok(page);
                    }
                    page.add(&object);
                }
                Some(Event::Warning(text)) => keep(&mut page.warnings, text),
                Some(Event::Information(text)) => keep(&mut page.information, text),
                Some(Event::Error(record)) => keep(&mut page.errors, *record),
                Some(Event::Done(result)) => return page.end(result, position),
                // The thread has died; the log says why.
                None => return Err(Problem::of_records(Vec::new())),
            }
        }
    }
}

impl Page {
    fn add(&mut self, object: &[u8]) {
        if self.count > 0 {
            self.objects.push(b',');
        }
        self.objects.extend_from_slice(object);
        self.count += 1;
    }

    /// The cmdlet has ended: with errors and nothing else, the errors are the answer.
    fn end(mut self, result: Result<(), Box<ErrorRecord>>, position: u64) -> Result<Page, Problem> {
        if let Err(record) = result {
            self.errors.insert(0, *record);
            return Err(Problem::of_records(self.errors));
        }
        if self.count + position == 0 && !self.errors.is_empty() {
            return Err(Problem::of_records(self.errors));
        }
        self.is_last = true;
        Ok(self)
    }
}

fn too_long() -> Problem {
    let text = format!("The command gave nothing for {} seconds and was stopped.", PAGE_TIME_MAX.as_secs());
    Problem::new(StatusCode::GATEWAY_TIMEOUT, text)
}

fn keep<T>(notes: &mut Vec<T>, note: T) {
    if notes.len() < NOTES_MAX {
        notes.push(note);
    }
}

fn is_quiet(preference: ActionPreference) -> bool {
    matches!(preference, ActionPreference::SilentlyContinue | ActionPreference::Ignore)
}

/// The cmdlet's streams, on its thread.
struct Out<'a> {
    sender: Sender<Event>,
    select: Select,
    skip: u64,
    preferences: &'a powershell::cmdlet::Preferences,
    /// The error that `-ErrorAction Stop` made the last.
    failed: Option<ErrorRecord>,
}

impl Out<'_> {
    fn send(&self, event: Event) -> Flow {
        if self.sender.blocking_send(event).is_ok() { Flow::Continue } else { Flow::Stop }
    }
}

impl Streams for Out<'_> {
    fn output(&mut self, value: Value) -> Flow {
        if self.skip > 0 {
            self.skip -= 1;
            return if self.sender.is_closed() { Flow::Stop } else { Flow::Continue };
        }
        let mut object = Vec::new();
        write::element(&value, &self.select, &mut object);
        self.send(Event::Object(object))
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        match self.preferences.error {
            action if is_quiet(action) => Flow::Continue,
            ActionPreference::Stop => {
                self.failed.get_or_insert(record);
                Flow::Stop
            }
            _ => self.send(Event::Error(Box::new(record))),
        }
    }
    fn warning(&mut self, text: &str) {
        if !is_quiet(self.preferences.warning) {
            let _ = self.send(Event::Warning(text.to_owned()));
        }
    }
    fn verbose(&mut self, _: &str) {}
    fn debug(&mut self, _: &str) {}
    fn progress(&mut self, _: &Progress) {}
    fn information(&mut self, value: Value) {
        let _ = self.send(Event::Information(value.to_string()));
    }
    fn stopping(&self) -> bool {
        self.failed.is_some() || self.sender.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;
    use crate::adminapi::call::{Asked, tests::Boxes};

    impl Run {
        /// One that has nothing to say any more.
        pub(in crate::adminapi) fn ended() -> Self {
            Run { events: mpsc::channel(1).1, ahead: None }
        }
    }

    fn start(parameters: &str, skip: u64) -> Run {
        let source: Arc<dyn CommandSource> = Arc::new(Boxes);
        let body = format!(r#"{{"CmdletInput":{{"CmdletName":"Get-Box","Parameters":{{{parameters}}}}}}}"#);
        let asked = Asked::read(body.as_bytes()).unwrap();
        let call = asked.bind(&source, None, Timestamp::from_secs(0)).unwrap();
        Run::start(source, call, Select(Some(vec!["number".into()])), skip)
    }

    fn shown(page: &Page) -> String {
        String::from_utf8(page.objects.clone()).unwrap().replace("\"Number@data.type\":\"System.Int32\",", "")
    }

    #[tokio::test]
    async fn pages_follow_one_another() {
        let mut run = start(r#""ResultSize":5"#, 1);
        let first = run.page(2, 1).await.unwrap();
        assert_eq!(shown(&first), r#"{"Number":1},{"Number":2}"#);
        assert_eq!((first.warnings.len(), first.is_last), (1, false));
        let last = run.page(2, 3).await.unwrap();
        assert_eq!(shown(&last), r#"{"Number":3},{"Number":4}"#);
        assert!(last.is_last && last.warnings.is_empty(), "nothing follows a last full page");
    }

    #[tokio::test]
    async fn an_endless_cmdlet_waits_and_ends_with_its_reader() {
        let mut run = start(r#""ResultSize":"Unlimited""#, 0);
        let page = run.page(1000, 0).await.unwrap();
        assert_eq!((page.count, page.is_last), (1000, false));
        // Were it not stopped, the runtime would never end: it waits for its threads.
    }

    #[tokio::test]
    async fn errors_are_the_answer_unless_they_are_not_wanted() {
        let failed = start(r#""Identity":"none""#, 0).page(10, 0).await.err().unwrap();
        assert_eq!(failed.status, StatusCode::NOT_FOUND);
        let mut quiet = start(r#""Identity":"none","ErrorAction":"SilentlyContinue","WarningAction":0"#, 0);
        let page = quiet.page(10, 0).await.unwrap();
        assert_eq!((page.count, page.is_last, page.warnings.len()), (3, true, 0));
    }
}
