//! A text file of the workspace and, for Rust, which of its lines are tests and which of its characters code.

use std::path::Path;

use crate::Outcome;

/// Files larger than this are data, not text to be judged, bytes.
const LIMIT: u64 = 1 << 20;
/// Folders that hold nothing of ours.
const SKIPPED: [&str; 4] = ["target", ".git", "node_modules", "__pycache__"];

/// One text file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// From the workspace's folder, with `/`.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// Rust only, else empty: the same text, comments and the insides of literals replaced by spaces.
    pub(super) code: String,
    /// For each line of `code`, whether it belongs to a test.
    pub(super) is_test: Vec<bool>,
}

/// Every text file of the workspace.
pub(super) fn all(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let entry = entry.map_err(|e| e.to_string())?;
            let kind = entry.file_type().map_err(|e| e.to_string())?;
            let is_skipped = SKIPPED.iter().any(|s| entry.file_name() == *s);
            if kind.is_dir() && !is_skipped {
                folders.push(entry.path());
            } else if kind.is_file() && !is_skipped && entry.metadata().is_ok_and(|m| m.len() <= LIMIT) {
                let shown =
                    entry.path().strip_prefix(root).unwrap_or(&entry.path()).to_string_lossy().into_owned();
                let bytes = std::fs::read(entry.path()).map_err(|e| format!("{shown}: {e}"))?;
                // What is not UTF-8 is not ours to read.
                sources.extend(String::from_utf8(bytes).ok().map(|text| Source::new(shown, text)));
            }
        }
    }
    mark_declared_tests(&mut sources);
    Ok(sources)
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let code = if path.ends_with(".rs") { blank(&text) } else { String::new() };
        let is_test_file =
            ["/tests/", "/benches/", "/examples/", "/tests.rs", "_tests.rs"].iter().any(|p| path.contains(p));
        let is_test = if is_test_file { vec![true; code.lines().count()] } else { test_lines(&code) };
        Self { path, text, code, is_test }
    }

    /// The lines of code, those of tests only where wanted.
    pub(super) fn lines(&self, with_tests: bool) -> impl Iterator<Item = Line<'_>> {
        let mut end = 0;
        let numbered = self.code.split_inclusive('\n').enumerate().map(move |(index, code)| {
            end += code.len();
            Line { number: index + 1, start: end - code.len(), code }
        });
        numbered
            .filter(move |line| with_tests || !self.is_test.get(line.number - 1).copied().unwrap_or(false))
    }
}

/// One line of code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// Where it starts in the file's code, bytes.
    pub(super) start: usize,
    /// The line itself.
    pub(super) code: &'a str,
}

/// `#[cfg(test)] mod name;` makes the file `name.rs` or `name/mod.rs` beside it a test.
fn mark_declared_tests(sources: &mut [Source]) {
    let mut declared = Vec::new();
    for source in sources.iter() {
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let stem = source.path.trim_end_matches(".rs");
        let is_root = ["/mod", "/lib", "/main"].iter().any(|r| stem.ends_with(r));
        let folder = if is_root { folder } else { stem };
        let lines: Vec<&str> = source.code.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            if let Some(name) = pair[1].strip_prefix("mod ").and_then(|m| m.strip_suffix(';')) {
                declared.push(format!("{folder}/{name}"));
            }
        }
    }
    for source in sources.iter_mut() {
        let stem = source.path.trim_end_matches(".rs");
        if declared.iter().any(|d| stem == d || stem.starts_with(&format!("{d}/"))) {
            source.is_test.fill(true);
        }
    }
}

/// Marks the lines from `#[cfg(test)]` or `#[test]` to the end of the item that follows.
fn test_lines(code: &str) -> Vec<bool> {
    let mut marks = Vec::new();
    let mut depth = 0usize;
    let mut until: Option<usize> = None;
    let mut pending = false;
    for line in code.lines() {
        let starts = ["#[cfg(test)]", "#[test]", "#[tokio::test"].iter().any(|a| line.contains(a));
        pending |= starts && until.is_none();
        let mut is_test = pending || until.is_some();
        for c in line.chars() {
            match c {
                '{' => {
                    if std::mem::take(&mut pending) {
                        until = Some(depth);
                    }
                    depth += 1;
                }
                '}' => {
                    depth = depth.saturating_sub(1);
                    if until == Some(depth) {
                        until = None;
                    }
                }
                ';' if pending && until.is_none() => pending = false,
                _ => {}
            }
        }
        is_test |= until.is_some();
        marks.push(is_test);
    }
    marks
}

/// Where the scanner stands.
enum State {
    Code,
    LineComment,
    BlockComment(usize),
    /// In a string literal; in a raw one, with so many `#`.
    Text(Option<usize>),
}

/// Comments and the insides of string and character literals become spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut state = State::Code;
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        // How many characters this step takes, and whether they are code.
        let (taken, is_code) = match state {
            State::Code => code_step(rest, at.checked_sub(1).map(|i| chars[i]), &mut state),
            State::LineComment => {
                if rest[0] == '\n' {
                    state = State::Code;
                }
                (1, false)
            }
            State::BlockComment(depth) => match rest {
                ['*', '/', ..] => {
                    state = if depth == 1 { State::Code } else { State::BlockComment(depth - 1) };
                    (2, false)
                }
                ['/', '*', ..] => {
                    state = State::BlockComment(depth + 1);
                    (2, false)
                }
                _ => (1, false),
            },
            State::Text(None) if rest[0] == '\\' => (2, false),
            State::Text(hashes) => {
                let ends = rest[0] == '"'
                    && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes.unwrap_or(0);
                if ends {
                    state = State::Code;
                }
                (1, ends)
            }
        };
        for &c in rest.iter().take(taken) {
            out.push(if is_code || c == '\n' { c } else { ' ' });
        }
        at += taken;
    }
    out
}

/// One step in code: enters a comment or literal where one starts.
fn code_step(rest: &[char], before: Option<char>, state: &mut State) -> (usize, bool) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest {
        ['/', '/', ..] => {
            *state = State::LineComment;
            (2, false)
        }
        ['/', '*', ..] => {
            *state = State::BlockComment(1);
            (2, false)
        }
        ['"', ..] => {
            *state = State::Text(None);
            (1, true)
        }
        ['r', '"' | '#', ..] if !in_word || before == Some('b') => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            if rest.get(1 + hashes) == Some(&'"') {
                *state = State::Text(Some(hashes));
                return (hashes + 2, true);
            }
            (1, true)
        }
        // A character literal, not a lifetime.
        ['\'', '\\', _, ..] => {
            let end = rest[3..].iter().position(|c| *c == '\'').map_or(rest.len(), |i| i + 4);
            (end, false)
        }
        ['\'', _, '\'', ..] => (3, false),
        _ => (1, true),
    }
}
