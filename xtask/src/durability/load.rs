//! Parallel senders that note which messages the server took responsibility for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bench::{ClientError, message, smtp::Smtp};

use crate::server::Account;

/// Messages per connection, so that connecting is part of the load.
const PER_CONNECTION: u64 = 20;
/// A sender that cannot connect tries again after this.
const PAUSE: Duration = Duration::from_millis(20);

/// What is sent, and to whom; the same in every round, so that a message can be made again from its number.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Senders at once.
    pub(super) senders: usize,
    /// Size of a message, bytes.
    pub(super) size: usize,
    /// Makes the messages of this run its own.
    pub(super) seed: u64,
    /// Message `n` goes to recipient `n` modulo their number.
    pub(super) recipients: Vec<Account>,
}

/// Numbers of messages: those sent have been tried, those acknowledged are the server's responsibility.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    /// Set just before the server is taken down: an answer read after this does not count.
    over: AtomicBool,
}

impl Ledger {
    /// Numbers below this have been tried.
    pub(super) fn tried(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// The acknowledged numbers so far.
    pub(super) fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on nothing counts as acknowledged.
    pub(super) fn close(&self) {
        // Under the lock: an answer either was noted before this returns or never will be.
        let _guard = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        self.over.store(true, Ordering::SeqCst);
    }

    /// Ready for another round.
    pub(super) fn open(&self) {
        self.over.store(false, Ordering::SeqCst);
    }

    fn note(&self, number: u64) {
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.over.load(Ordering::SeqCst) {
            acknowledged.push(number);
        }
    }
}

impl Load {
    /// The recipient of a message.
    pub(super) fn recipient(&self, number: u64) -> &Account {
        &self.recipients[(number % self.recipients.len() as u64) as usize]
    }

    /// The content of a message.
    pub(super) fn content(&self, number: u64) -> Vec<u8> {
        message::make(self.seed, number, self.size, &self.recipient(number).address)
    }

    /// Sends until the ledger is closed, while `then` runs beside it; returns what `then` returns.
    pub(super) fn send_while<T>(&self, smtp: &str, ledger: &Ledger, then: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            for _ in 0..self.senders {
                scope.spawn(|| self.send(smtp, ledger));
            }
            let result = then();
            ledger.close();
            result
        })
    }

    fn send(&self, smtp: &str, ledger: &Ledger) {
        while !ledger.over.load(Ordering::SeqCst) {
            let Ok(mut session) = Smtp::connect(smtp) else {
                thread::sleep(PAUSE);
                continue;
            };
            for _ in 0..PER_CONNECTION {
                if ledger.over.load(Ordering::SeqCst) {
                    break;
                }
                if self.send_one(&mut session, ledger).is_err() {
                    break;
                }
            }
        }
    }

    /// Sends the next message and notes the acknowledgement.
    pub(super) fn send_one(&self, session: &mut Smtp, ledger: &Ledger) -> Result<(), ClientError> {
        let number = ledger.next.fetch_add(1, Ordering::SeqCst);
        session.deliver("sender@outside.test", &self.recipient(number).address, &self.content(number))?;
        ledger.note(number);
        Ok(())
    }
}
