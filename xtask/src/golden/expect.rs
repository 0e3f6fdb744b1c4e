//! The expectations of a session: lines of a connection, output of the shell, HTTP answers and captured
//! messages, each compared with its patterns or, in blessing, written anew from what came.

use std::time::{Duration, Instant};

use super::{
    diff, http,
    parse::{Expected, HttpStep},
    pattern::Pattern,
    play::{Edit, PATIENCE, Player},
    shell::{Printed, Shell},
    transport::Line,
};
use crate::Outcome;

/// In blessing, how long to wait for a line that may not come, and for more lines after the last.
const UPDATE_PATIENCE: Duration = Duration::from_secs(3);
const UPDATE_QUIET: Duration = Duration::from_millis(300);
/// How often a command is tried again under `@ within`.
const RETRY: Duration = Duration::from_millis(100);

/// A problem and the line of the session file it belongs to.
pub(super) type At<T> = Result<T, (usize, String)>;

impl Player {
    fn read_line(&mut self, patience: Duration) -> Outcome<Line> {
        let line = self.connection()?.line(Instant::now() + patience);
        match &line {
            Line::Text(text) => self.note("S:", text),
            Line::Closed => self.note("S.", ""),
            Line::Timeout => {}
        }
        Ok(line)
    }

    fn matches(&mut self, pattern: &Pattern, line: &str) -> Outcome<bool> {
        let captured = pattern.matches(line, &self.variables)?;
        let fits = captured.is_some();
        self.variables.extend(captured.unwrap_or_default());
        Ok(fits)
    }

    pub(super) fn expect_line(&mut self, expected: &Expected) -> Outcome<()> {
        let patience = self.take_patience();
        let received = match self.read_line(patience)? {
            Line::Text(text) => text,
            Line::Closed => "(the server closed the connection)".to_owned(),
            Line::Timeout => format!("(nothing within {patience:?})"),
        };
        if self.matches(&expected.pattern, &received)? {
            return Ok(());
        }
        Err(format!(
            "the server's line does not match\n  expected  {}\n  received  {received}",
            expected.pattern.source()
        ))
    }

    /// In blessing: takes what comes, keeps the patterns that match it, and writes the others anew.
    pub(super) fn bless_lines(&mut self, expected: &[Expected], more_expected: bool) -> Outcome<()> {
        let mut lines = Vec::new();
        loop {
            let in_block = lines.len() < expected.len();
            if !in_block && more_expected {
                break;
            }
            match self.read_line(if in_block { UPDATE_PATIENCE } else { UPDATE_QUIET })? {
                Line::Text(text) => lines.push(text),
                Line::Closed | Line::Timeout => break,
            }
        }
        self.bless("S:", expected, &lines)
    }

    /// Records the edit that makes `expected` match `lines`, if one is needed, and takes the captures.
    fn bless(&mut self, prefix: &str, expected: &[Expected], lines: &[String]) -> Outcome<()> {
        let patterns: Vec<Pattern> = expected.iter().map(|e| e.pattern.clone()).collect();
        let blessed = diff::bless(&patterns, lines, &self.variables);
        for (pattern, line) in blessed.iter().zip(lines) {
            self.matches(&Pattern::parse(pattern), line)?;
        }
        let unchanged = blessed.len() == patterns.len()
            && blessed.iter().zip(&patterns).all(|(new, old)| new == old.source());
        if let (Some(first), Some(last), false) = (expected.first(), expected.last(), unchanged) {
            let with = blessed.iter().map(|l| format!("{prefix} {l}").trim_end().to_owned()).collect();
            self.edits.push(Edit { from: first.line, to: last.line + 1, with });
        }
        Ok(())
    }

    pub(super) fn skip_to(&mut self, expected: &Expected) -> Outcome<()> {
        let patience = self.take_patience();
        let deadline = Instant::now() + patience;
        let mut skipped = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let end = match self.read_line(left)? {
                Line::Text(text) if self.matches(&expected.pattern, &text)? => return Ok(()),
                Line::Text(_) => {
                    skipped += 1;
                    continue;
                }
                Line::Closed => "the server closed the connection".to_owned(),
                Line::Timeout => format!("nothing more within {patience:?}"),
            };
            return Err(format!(
                "no line matched ({skipped} skipped, then {end})\n  expected  {}",
                expected.pattern.source()
            ));
        }
    }

    pub(super) fn expect_closed(&mut self) -> Outcome<()> {
        let patience = self.take_patience();
        match self.read_line(patience)? {
            Line::Closed => Ok(()),
            Line::Text(text) => Err(format!("expected the connection to be closed\n  received  {text}")),
            Line::Timeout => Err(format!("the connection was not closed within {patience:?}")),
        }
    }

    pub(super) fn shell_step(
        &mut self,
        line: usize,
        command: &Pattern,
        fails: bool,
        expected: &[Expected],
    ) -> Outcome<()> {
        let text = command.expand(&self.variables)?;
        self.note(if fails { "PS!" } else { "PS>" }, &text);
        let retry_until = self.within.take().map(|w| Instant::now() + w);
        loop {
            let printed = self.run_shell(&text)?;
            if printed.succeeded == fails && self.update {
                let outcome = if fails { "no error" } else { "an error" };
                return Err(format!("{outcome} came of the command; change PS> or PS! first"));
            }
            if self.update {
                return self.bless_shell(line, command, expected, &printed.lines);
            }
            match self.compare_shell(&printed, fails, expected)? {
                None => return Ok(()),
                Some(_) if retry_until.is_some_and(|until| Instant::now() < until) => {
                    std::thread::sleep(RETRY)
                }
                Some(problem) => return Err(problem),
            }
        }
    }

    fn run_shell(&mut self, command: &str) -> Outcome<Printed> {
        let server = self.server.as_ref().ok_or("the server is not running")?;
        let shell = match self.shell.take() {
            Some(shell) => shell,
            None => Shell::start(server.launch())?,
        };
        let printed = self.shell.insert(shell).run(command, Instant::now() + PATIENCE)?;
        for line in &printed.lines {
            self.note("|", line);
        }
        Ok(printed)
    }

    /// Where nothing was expected, the output goes after the command.
    fn bless_shell(
        &mut self,
        line: usize,
        command: &Pattern,
        expected: &[Expected],
        lines: &[String],
    ) -> Outcome<()> {
        if !expected.is_empty() || lines.is_empty() {
            return self.bless("|", expected, lines);
        }
        let after = line + command.source().matches('\n').count() + 1;
        let with = lines.iter().map(|l| format!("| {}", Pattern::literal(l)).trim_end().to_owned()).collect();
        self.edits.push(Edit { from: after, to: after, with });
        Ok(())
    }

    /// What is wrong with the output, or `None`.
    fn compare_shell(
        &mut self,
        printed: &Printed,
        fails: bool,
        expected: &[Expected],
    ) -> Outcome<Option<String>> {
        let problem = match (printed.succeeded, fails) {
            (true, true) => "the command should have failed",
            (false, false) => "the command failed",
            _ => "the output does not match",
        };
        let patterns = trimmed(expected);
        let mut same = printed.succeeded != fails && patterns.len() == printed.lines.len();
        let before = self.variables.clone();
        for (pattern, line) in patterns.iter().zip(&printed.lines) {
            same = same && self.matches(pattern, line)?;
        }
        if same {
            return Ok(None);
        }
        self.variables = before;
        Ok(Some(format!("{problem}\n{}", diff::show(&patterns, &printed.lines, &self.variables))))
    }

    pub(super) fn http_step(&mut self, step: &HttpStep) -> At<()> {
        let line = step.status.as_ref().or(step.expected_headers.first()).or(step.expected_body.first());
        let line = line.map_or(0, |e| e.line);
        let answer = self.http_answer(step).map_err(|problem| (line, problem))?;
        if let Some(status) = &step.status {
            self.compare_or_bless("H<", status, std::slice::from_ref(&answer.status))?;
        }
        for expected in &step.expected_headers {
            let name = expected.pattern.source().split(':').next().unwrap_or_default().trim();
            let named: Vec<String> =
                answer.headers.iter().filter(|h| http::is_named(h, name)).cloned().collect();
            self.compare_or_bless("h<", expected, &named)?;
        }
        for expected in &step.expected_json {
            let pointer = expected.pattern.source().split(' ').next().unwrap_or_default().replace("{{", "{");
            let there = format!("{pointer} {}", answer.at(&pointer));
            self.compare_or_bless("j<", expected, &[there])?;
        }
        if step.expected_body.is_empty() {
            return Ok(());
        }
        if self.update {
            return self.bless("b<", &step.expected_body, &answer.body).map_err(|p| (line, p));
        }
        let patterns: Vec<Pattern> = step.expected_body.iter().map(|e| e.pattern.clone()).collect();
        let mut same = patterns.len() == answer.body.len();
        for (pattern, text) in patterns.iter().zip(&answer.body) {
            same = same && self.matches(pattern, text).map_err(|p| (line, p))?;
        }
        let shown = || diff::show(&patterns, &answer.body, &self.variables);
        if same { Ok(()) } else { Err((line, format!("the body does not match\n{}", shown()))) }
    }

    fn http_answer(&mut self, step: &HttpStep) -> Outcome<http::Answer> {
        let expand = |p: &Pattern| p.expand(&self.variables);
        let request = expand(&step.request)?;
        let headers = step.headers.iter().map(expand).collect::<Outcome<Vec<_>>>()?;
        let body = step.body.iter().map(expand).collect::<Outcome<Vec<_>>>()?;
        let body = (!body.is_empty()).then(|| body.join("\n"));
        let address = self.server.as_ref().ok_or("the server is not running")?.address("https")?;
        let patience = self.take_patience();
        self.note("H>", &request);
        let answer = http::exchange(&address, &request, &headers, body.as_deref(), patience)?;
        self.note("H<", &answer.status);
        for header in &answer.headers {
            self.note("h<", header);
        }
        Ok(answer)
    }

    /// One of `candidates` must match.
    fn compare_or_bless(&mut self, prefix: &str, expected: &Expected, candidates: &[String]) -> At<()> {
        let here = |problem: String| (expected.line, problem);
        for candidate in candidates {
            if self.matches(&expected.pattern, candidate).map_err(here)? {
                return Ok(());
            }
        }
        if let (true, Some(first)) = (self.update, candidates.first()) {
            let with = vec![format!("{prefix} {}", Pattern::literal(first))];
            self.edits.push(Edit { from: expected.line, to: expected.line + 1, with });
            return Ok(());
        }
        let wanted = expected.pattern.source();
        Err(here(format!(
            "the answer does not match\n  expected  {wanted}\n  received  {}",
            candidates.join("\n            ")
        )))
    }

    pub(super) fn captured(&mut self, sink: &str, index: usize) -> Outcome<Vec<String>> {
        let patience = self.take_patience();
        let sink = self.sinks.get(sink).ok_or_else(|| format!("no sink {sink}"))?;
        sink.wait(index, patience);
        let lines =
            sink.message(index).ok_or_else(|| format!("message {index} did not arrive in {patience:?}"))?;
        for line in &lines {
            self.note("M:", line);
        }
        Ok(lines)
    }

    pub(super) fn compare_message(&mut self, lines: &[String], expected: &[(bool, Expected)]) -> At<()> {
        let mut lines = lines.iter();
        for (skip, wanted) in expected {
            let here = |problem: String| (wanted.line, problem);
            loop {
                let source = wanted.pattern.source();
                let Some(line) = lines.next() else {
                    return Err(here(format!("the message ended\n  expected  {source}")));
                };
                if self.matches(&wanted.pattern, line).map_err(here)? {
                    break;
                }
                if !skip {
                    return Err(here(format!(
                        "the message differs\n  expected  {source}\n  received  {line}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Expected output without blank lines before and after, as the shell's is.
fn trimmed(expected: &[Expected]) -> Vec<Pattern> {
    let is_blank = |e: &Expected| e.pattern.source().trim().is_empty();
    let first = expected.iter().position(|e| !is_blank(e)).unwrap_or(0);
    let last = expected.iter().rposition(|e| !is_blank(e)).map_or(first, |i| i + 1);
    expected[first..last].iter().map(|e| Pattern::parse(e.pattern.source().trim_end())).collect()
}
