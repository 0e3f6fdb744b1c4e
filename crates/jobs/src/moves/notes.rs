//! What the mover writes into a request: how it stands, and the report that people read.

use base::{Fault, Guid};
use directory::{Edit, Value, schema::MOVE_REQUEST, verbs::note_move};

use super::{Inner, queue::is_switched, run::Stop};

/// Lines of a report; the oldest go.
const REPORT_LINES_MAX: usize = 500;
/// Length of a line, characters.
const LINE_LEN_MAX: usize = 2000;

/// Changes of a request.
pub(super) type Edits = Vec<(&'static str, Edit)>;

/// A status and what it says in detail.
pub(super) fn status(status: &'static str, detail: &'static str) -> Edits {
    vec![("Status", Edit::set(status)), ("StatusDetail", Edit::set(detail))]
}

/// Text for a human, cut to what an attribute holds.
pub(super) fn message(text: &str) -> Edit {
    Edit::set(cut(text))
}

fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_LEN_MAX).collect()
}

impl Inner {
    /// Writes into a request; false where it is gone.
    pub(super) async fn note(
        &self,
        request: Guid,
        mut edits: Edits,
        line: Option<String>,
    ) -> Result<bool, Fault> {
        let now = self.rooms.clock.now();
        let server = self.name.clone();
        edits.push(("LastUpdateTimestamp", Edit::set(Value::Time(now))));
        let commit = self.rooms.directory.commit(move |draft| {
            if let (Some(line), Some(object)) = (line, draft.get(request)) {
                let mut report: Vec<Value> = object.values("Report").to_vec();
                let from = (report.len() + 1).saturating_sub(REPORT_LINES_MAX);
                report.drain(..from);
                report.push(Value::text(cut(&format!("{now} [{server}] {line}"))));
                edits.push(("Report", Edit::Replace(report)));
            }
            note_move(draft, request, edits)
        });
        commit.await
    }

    /// Writes down why a request has stopped. Where it had moved something meanwhile, failures before are over.
    pub(super) async fn note_stop(&self, request: Guid, moved: bool, stop: Stop) -> Result<(), Fault> {
        let what = self.what(request);
        let stamp = Edit::set(Value::Time(self.rooms.clock.now()));
        let (mut edits, line) = match stop {
            Stop::Gone | Stop::Shutdown | Stop::Superseded => return Ok(()),
            Stop::Unknown(fault) => return Err(fault),
            Stop::Suspended => (status("Suspended", "Suspended"), format!("The {what} is suspended.")),
            Stop::Ready => {
                (status("AutoSuspended", "AutoSuspended"), format!("The {what} is ready to be completed."))
            }
            Stop::Waiting(at) => {
                let mut edits = status("InProgress", "IncrementalSync");
                edits.push(("NextTry", Edit::set(Value::Time(at))));
                (edits, format!("The {what} goes on at {at}."))
            }
            Stop::Lost(text) => {
                return self.note_transient(request, moved, "TransientFailure", text).await;
            }
            Stop::Transient { detail, text } => {
                return self.note_transient(request, moved, detail, text).await;
            }
            Stop::Failed { kind, text } => self.failed(what, kind, &text),
        };
        if edits.iter().any(|(name, _)| *name == "StatusDetail") && line.contains("suspended") {
            edits.push(("SuspendedTimestamp", stamp));
        }
        self.note(request, edits, Some(line)).await.map(|_| ())
    }

    /// What a request is, for people.
    fn what(&self, request: Guid) -> &'static str {
        let view = self.rooms.directory.snapshot();
        let is_move = view.get(request).is_none_or(|object| *object.class == MOVE_REQUEST);
        if is_move { "move" } else { "restore" }
    }

    fn failed(&self, what: &str, kind: &'static str, text: &str) -> (Edits, String) {
        let mut edits = status("Failed", "FailedOther");
        if kind == "BadItemLimit" {
            edits = status("Failed", "FailedBadItemLimit");
        }
        edits.push(("FailureType", Edit::set(kind)));
        edits.push(("FailureTimestamp", Edit::set(Value::Time(self.rooms.clock.now()))));
        edits.push(("Message", message(&format!("Error: {text}"))));
        (edits, format!("The {what} has failed: {text}"))
    }

    /// A failure that may pass is tried again, so many times.
    async fn note_transient(
        &self,
        request: Guid,
        moved: bool,
        detail: &'static str,
        text: String,
    ) -> Result<(), Fault> {
        let (settings, view, what) = (&self.settings, self.rooms.directory.snapshot(), self.what(request));
        let object = view.get(request);
        let before = object.and_then(|object| object.int("Retries")).filter(|_| !moved).unwrap_or(0);
        let retries = before + 1;
        let switched = object.is_some_and(|object| is_switched(object));
        // The end of a move that was switched over is tried until it comes.
        let (mut edits, line) = if retries > settings.max_retries && !switched {
            self.failed(what, "Stalled", &format!("{text}; it was tried {} times", settings.max_retries))
        } else {
            let at = self.rooms.clock.now().plus(settings.retry_delay);
            let mut edits = status("Retrying", detail);
            edits.push(("NextTry", Edit::set(Value::Time(at))));
            edits.push(("Message", message(&text)));
            (edits, format!("The {what} is tried again at {at}: {text}"))
        };
        edits.push(("Retries", Edit::set(Value::Int(retries))));
        self.note(request, edits, Some(line)).await.map(|_| ())
    }
}
