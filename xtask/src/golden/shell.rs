//! The administration shell of a session: one `rialto shell` that reads commands from standard input and keeps
//! its variables from line to line. A marker line printed after each command delimits its output.

use std::{
    io::{BufRead, BufReader, PipeReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use crate::{Outcome, server::Launch};

/// A running shell; ended when dropped.
#[derive(Debug)]
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    commands: usize,
}

/// What one command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    /// Whether the shell's `$?` was true afterwards.
    pub(crate) succeeded: bool,
    /// Output and errors, in order, trailing spaces and outer blank lines removed.
    pub(crate) lines: Vec<String>,
}

impl Shell {
    /// Starts a shell on the server's data folder.
    pub(crate) fn start(launch: &Launch) -> Outcome<Self> {
        let fail = |e: std::io::Error| format!("cannot start the shell: {e}");
        let (reader, writer) = std::io::pipe().map_err(fail)?;
        let mut child = Command::new(&launch.binary)
            .arg("shell")
            .arg("--data")
            .arg(&launch.data)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().map_err(fail)?)
            .stderr(writer)
            .spawn()
            .map_err(fail)?;
        let input = child.stdin.take().ok_or("the shell has no standard input")?;
        Ok(Self { child, input, lines: read_lines(reader), commands: 0 })
    }

    /// Runs one command (which may span lines) and returns what it printed.
    pub(crate) fn run(&mut self, command: &str, deadline: Instant) -> Outcome<Printed> {
        self.commands += 1;
        let marker = format!("##golden-{}:", self.commands);
        // The blank line ends a statement that spans lines, as at a prompt.
        let blank = if command.contains('\n') { "\n" } else { "" };
        writeln!(self.input, "{command}{blank}\n\"{marker}$?\"")
            .and_then(|()| self.input.flush())
            .map_err(|e| format!("the shell does not take commands: {e}"))?;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|_| stuck(&lines))?;
            if let Some(state) = line.strip_prefix(&marker) {
                let succeeded = match state {
                    "True" => true,
                    "False" => false,
                    other => return Err(format!("the shell's $? is {other:?}, not True or False")),
                };
                return Ok(Printed { succeeded, lines: trimmed(lines) });
            }
            lines.push(line);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            _ = self.child.wait();
        }
    }
}

fn stuck(lines: &[String]) -> String {
    let so_far: String = lines.iter().map(|l| format!("\n    {l}")).collect();
    format!("the shell did not finish the command; printed so far:{so_far}")
}

fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Without blank lines before and after.
fn trimmed(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let first = lines.iter().position(|l| !l.is_empty()).unwrap_or(0);
    lines.drain(..first);
    lines
}
