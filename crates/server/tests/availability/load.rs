//! Mail that comes in meanwhile, and what must be in the mailbox at the end.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bench::smtp::Smtp;

use crate::support::{DOMAIN, PATIENCE, Server, text};

/// A sender waits so long after a failure, and between two messages.
const PAUSE: Duration = Duration::from_millis(20);
/// Messages on one connection.
const PER_CONNECTION: usize = 10;

/// What was acknowledged: each of these is in the mailbox, once.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    acknowledged: Arc<Mutex<Vec<String>>>,
    next: Arc<AtomicU64>,
}

impl Ledger {
    /// A subject that no other message has.
    pub(crate) fn subject(&self, kind: &str) -> String {
        format!("{kind}{}", self.next.fetch_add(1, Ordering::SeqCst))
    }

    pub(crate) fn note(&self, subject: String) {
        self.acknowledged.lock().unwrap().push(subject);
    }

    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Sends to the administrator through this server until the load is ended.
    pub(crate) fn send_through(&self, servers: &[&Server]) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let senders = servers.iter().map(|server| {
            let (ledger, over, address) = (self.clone(), over.clone(), format!("127.0.0.1:{}", server.ports));
            thread::spawn(move || ledger.send(&address, &over))
        });
        let senders = senders.collect();
        Load { over, senders }
    }

    fn send(&self, address: &str, over: &AtomicBool) {
        while !over.load(Ordering::SeqCst) {
            if let Ok(mut session) = Smtp::connect(address) {
                for _ in 0..PER_CONNECTION {
                    let subject = self.subject("m");
                    let content =
                        format!("Subject: {subject}\r\nMessage-ID: <{subject}@outside.test>\r\n\r\nmail\r\n");
                    let to = format!("administrator@{DOMAIN}");
                    if session.deliver("sender@outside.test", &to, content.as_bytes()).is_err() {
                        break;
                    }
                    self.note(subject);
                    thread::sleep(PAUSE);
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until all that was acknowledged can be read at this server, and nothing is there twice.
    pub(crate) fn holds_at(&self, server: &Server) {
        let began = Instant::now();
        loop {
            let output = server.client("list").stderr(Stdio::piped()).output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
            let mut there: BTreeMap<String, u32> = BTreeMap::new();
            for subject in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                *there.entry(subject.to_owned()).or_default() += 1;
            }
            let twice: Vec<_> = there.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "more than once: {twice:?}");
            let acknowledged = self.acknowledged.lock().unwrap().clone();
            let lost: Vec<_> = acknowledged.iter().filter(|subject| !there.contains_key(*subject)).collect();
            if lost.is_empty() {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{} of {} acknowledged are lost: {:?}",
                lost.len(),
                acknowledged.len(),
                &lost[..lost.len().min(20)]
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Senders at work.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        self.senders.into_iter().for_each(|sender| sender.join().unwrap());
    }
}

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
