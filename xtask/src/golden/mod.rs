//! Golden sessions: conversations as text under `tests/sessions/<protocol>/NN-topic.txt`, each played against
//! a fresh server. `UPDATE=1` rewrites what is expected to what came.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use crate::{Outcome, server};

mod diff;
mod expect;
mod http;
mod parse;
mod pattern;
mod play;
mod shell;
mod sink;
mod transport;

use play::Edit;

/// Sessions played at once.
const PARALLEL: usize = 2;
/// Lines of the server's log that a failure shows.
const LOG_LINES: usize = 20;

/// One session file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The file.
    pub path: PathBuf,
    /// `protocol/NN-topic`.
    pub name: String,
}

/// The session files under `folder` whose name starts with, or holds, `filter`; sorted.
pub fn find(folder: &Path, filter: Option<&str>) -> Outcome<Vec<Session>> {
    let mut sessions = Vec::new();
    for path in crate::files_under(folder)? {
        let Some(name) = path.strip_prefix(folder).ok().and_then(|p| p.to_str()) else { continue };
        if let Some(name) = name.strip_suffix(".txt")
            && filter.is_none_or(|f| name.contains(f))
        {
            sessions.push(Session { path: path.clone(), name: name.to_owned() });
        }
    }
    sessions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sessions)
}

/// Plays one session against a fresh server; in blessing, rewrites the file. The error is the whole report;
/// the server's folder is kept then, and named in it.
pub fn play(session: &Session, binary: &Path, update: bool) -> Outcome<()> {
    let text =
        std::fs::read_to_string(&session.path).map_err(|e| format!("{}: {e}", session.path.display()))?;
    let at = |line: usize, problem: &str| format!("{}:{line}: {problem}", session.path.display());
    let steps = parse::parse(&text).map_err(|e| at(e.line, &e.problem))?;
    let folder = tempfile::Builder::new().prefix("rialto-golden-").tempdir().map_err(|e| e.to_string())?;
    let mut player = play::Player::start(binary, folder.path(), update).map_err(|e| at(1, &e))?;
    let mut played = player.play(&steps).map_err(|failure| at(failure.line, &failure.problem));
    if played.is_ok() {
        played = player.finish().map_err(|problem| at(steps.last().map_or(1, |s| s.line), &problem));
    }
    if update && !player.edits().is_empty() {
        let blessed = apply(&text, player.edits());
        std::fs::write(&session.path, blessed).map_err(|e| format!("{}: {e}", session.path.display()))?;
    }
    played.map_err(|problem| {
        let transcript = player.transcript();
        drop(player);
        let log = server::tail_of(&folder.keep().join("server.log"), LOG_LINES);
        format!("{problem}\n  conversation:\n{transcript}{log}")
    })
}

/// The text with the edits made. Edits are in the order of the file and do not overlap.
fn apply(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits.iter().rev() {
        let clamp = |line: usize| line.saturating_sub(1).min(lines.len());
        lines.splice(clamp(edit.from)..clamp(edit.to), edit.with.iter().cloned());
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Plays sessions, some at once, and prints one line for each; the error says how many failed.
pub fn run(sessions: &[Session], binary: &Path, update: bool) -> Outcome<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let printing = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(sessions.len()) {
            scope.spawn(|| {
                while let Some(session) = sessions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let played = play(session, binary, update);
                    let time = start.elapsed().as_secs_f64();
                    let _one_at_a_time = printing.lock().unwrap_or_else(PoisonError::into_inner);
                    match played {
                        Ok(()) => println!("ok      {:<48} {time:6.2} s", session.name),
                        Err(report) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("FAILED  {:<48} {time:6.2} s\n{report}", session.name);
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} sessions failed", sessions.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_replace_insert_and_remove() {
        let edits = [
            Edit { from: 1, to: 1, with: vec!["top".into()] },
            Edit { from: 2, to: 3, with: vec!["B".into(), "B2".into()] },
            Edit { from: 4, to: 5, with: vec![] },
            Edit { from: 5, to: 5, with: vec!["end".into()] },
        ];
        assert_eq!(apply("a\nb\nc\nd\n", &edits), "top\na\nB\nB2\nc\nend\n");
    }
}
