//! Keeps a witness behind the copies: it answers sooner than they do, and what only it and the active copy confirmed
//! no other copy could go on from. While the copies are in step, the witness hears of an entry after they have it.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::types::ServerId;

/// A copy that takes longer than this for an entry is waited for no more, until it has caught up.
const SLOW: Duration = Duration::from_millis(500);

/// How far the members of a group are, as the active copy hears.
#[derive(Default)]
pub(crate) struct Pace {
    now: Mutex<Now>,
    bell: Notify,
}

#[derive(Default)]
struct Now {
    term: u64,
    copies: BTreeMap<ServerId, Copy>,
    /// Up to where the witness has confirmed.
    confirmed: u64,
}

#[derive(Default)]
struct Copy {
    has: u64,
    in_step: bool,
}

impl Now {
    /// Another reign: nothing is known.
    fn at(&mut self, term: u64) -> &mut Self {
        if self.term != term {
            *self = Self { term, ..Self::default() };
        }
        self
    }
}

impl Pace {
    /// A copy has all entries up to this one.
    pub(crate) fn copy_has(&self, term: u64, server: ServerId, index: u64) {
        let mut now = self.now.lock();
        let now = now.at(term);
        let confirmed = now.confirmed;
        let copy = now.copies.entry(server).or_default();
        copy.has = copy.has.max(index);
        copy.in_step |= copy.has >= confirmed;
        self.bell.notify_waiters();
    }

    /// A copy does not answer.
    pub(crate) fn copy_is_lost(&self, term: u64, server: ServerId) {
        self.now.lock().at(term).copies.entry(server).or_default().in_step = false;
        self.bell.notify_waiters();
    }

    /// The witness has confirmed all entries up to this one.
    pub(crate) fn witness_has(&self, term: u64, index: u64) {
        let mut now = self.now.lock();
        let now = now.at(term);
        now.confirmed = now.confirmed.max(index);
    }

    /// Waits until all copies that are in step have this entry.
    pub(crate) async fn wait(&self, term: u64, index: u64) {
        let all = async {
            loop {
                let changed = self.bell.notified();
                let lacks = |copy: &Copy| copy.in_step && copy.has < index;
                if !self.now.lock().at(term).copies.values().any(lacks) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(SLOW, all).await.is_err() {
            let mut now = self.now.lock();
            for copy in now.at(term).copies.values_mut().filter(|copy| copy.has < index) {
                copy.in_step = false;
            }
        }
    }

    /// Copies that lack what was confirmed without them: they could not take over.
    pub(crate) fn behind(&self) -> Vec<ServerId> {
        let now = self.now.lock();
        now.copies.iter().filter(|(_, copy)| !copy.in_step).map(|(server, _)| *server).collect()
    }
}

#[cfg(test)]
mod tests {
    use base::Guid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_witness_waits_for_copies_in_step() {
        let (pace, copy) = (Pace::default(), Guid([1; 16]));
        pace.wait(1, 5).await;
        pace.copy_has(1, copy, 5);
        let waited = || async {
            let began = tokio::time::Instant::now();
            pace.wait(1, 6).await;
            began.elapsed()
        };
        assert_eq!(waited().await, SLOW);
        assert_eq!((waited().await, pace.behind()), (Duration::ZERO, vec![copy]));
        pace.witness_has(1, 6);
        pace.copy_has(1, copy, 5);
        assert_eq!(pace.behind(), [copy]);
        pace.copy_has(1, copy, 6);
        assert!(pace.behind().is_empty());
        let late = async {
            tokio::time::sleep(SLOW / 2).await;
            pace.copy_has(1, copy, 7);
        };
        let began = tokio::time::Instant::now();
        tokio::join!(pace.wait(1, 7), late);
        assert_eq!(began.elapsed(), SLOW / 2);
        pace.copy_is_lost(1, copy);
        pace.wait(1, 8).await;
        assert_eq!(began.elapsed(), SLOW / 2);
    }
}
