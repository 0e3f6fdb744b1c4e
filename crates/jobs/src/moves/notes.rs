//! What the mover writes into a request: how it stands, and the report that people read.

use base::{Fault, Guid};
use directory::{Edit, Value, verbs::note_move};

use super::Inner;

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
}
