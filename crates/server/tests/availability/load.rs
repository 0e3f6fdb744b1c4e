//! Mail that comes in meanwhile, and what must be in the mailbox at the end.

use std::{
    collections::BTreeMap,
    process::Stdio,
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
