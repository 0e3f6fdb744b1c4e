//! A mail program that tells at once how it went.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    load::Ledger,
    support::{PATIENCE, Server},
};

/// It waits so long after a failure.
const PAUSE: Duration = Duration::from_millis(20);

/// A mail program at one server that does what it is told and says how it went.
pub(crate) struct Client {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Client {
    pub(crate) fn at(server: &Server) -> Self {
        let mut child = server.client("do").stdin(Stdio::piped()).spawn().unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, commands, answers }
    }

    fn ask(&mut self, command: &str) -> Result<u64, String> {
        writeln!(self.commands, "{command}").unwrap();
        let answer = self.answers.next().unwrap().unwrap();
        match answer.strip_prefix("ok ") {
            Some(count) => Ok(count.parse().unwrap()),
            None => Err(answer),
        }
    }

    /// Messages in the inbox.
    pub(crate) fn count(&mut self) -> Result<u64, String> {
        self.ask("count")
    }

    /// Appends a message; what is acknowledged is noted.
    pub(crate) fn append(&mut self, ledger: &Ledger) -> Result<(), String> {
        let subject = ledger.subject("a");
        self.ask(&format!("append {subject}"))?;
        ledger.note(subject);
        Ok(())
    }

    /// Tries until a message is acknowledged; how long that took.
    pub(crate) fn until_appended(&mut self, ledger: &Ledger) -> Duration {
        let began = Instant::now();
        while let Err(why) = self.append(ledger) {
            assert!(began.elapsed() < PATIENCE, "{why}");
            thread::sleep(PAUSE);
        }
        began.elapsed()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
