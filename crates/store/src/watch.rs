//! Waking those who wait for a folder to change.
//!
//! A watch exists only while somebody holds it. A change wakes its folders when it is durable, even if
//! nobody awaits its answer: the wake travels inside the answer and fires when that is taken or dropped.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::types::MailboxId;

type Key = (MailboxId, u32);
/// In a key: any folder of the mailbox. No folder has this number.
pub(crate) const ANY: u32 = 0;

/// The folders somebody waits for.
#[derive(Default)]
pub(crate) struct Watchers {
    folders: Mutex<HashMap<Key, watch::Sender<u64>>>,
    /// Length of the map, so that changes nobody waits for cost one load.
    count: AtomicUsize,
}

/// Watches kept before those nobody holds any more are looked for; then whenever their number doubles.
const SWEEP_FROM: usize = 64;

impl Watchers {
    /// Waits for a folder. `current` is asked after the watch stands, so that no change falls in between.
    pub(crate) fn subscribe<E>(
        &self,
        key: Key,
        current: impl FnOnce() -> Result<u64, E>,
    ) -> Result<watch::Receiver<u64>, E> {
        let receiver = {
            let mut folders = self.folders.lock();
            if folders.len() == folders.capacity() && folders.len() >= SWEEP_FROM {
                folders.retain(|_, sender| sender.receiver_count() > 0);
            }
            let receiver = folders.entry(key).or_insert_with(|| watch::channel(0).0).subscribe();
            self.count.store(folders.len(), Ordering::SeqCst);
            receiver
        };
        let current = current()?;
        if let Some(sender) = self.folders.lock().get(&key) {
            sender.send_if_modified(|modseq| {
                *modseq = current.max(*modseq);
                false
            });
        }
        Ok(receiver)
    }

    /// Wakes everybody who waits for a folder of the mailbox a last time.
    pub(crate) fn end(&self, mailbox: MailboxId) {
        self.folders.lock().retain(|(own, _), sender| {
            let stays = *own != mailbox;
            if !stays {
                sender.send_replace(u64::MAX);
            }
            stays
        });
    }

    fn wake(&self, touched: &[(Key, u64)]) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let folders = self.folders.lock();
        for (key, modseq) in touched {
            if let Some(sender) = folders.get(key) {
                sender.send_modify(|newest| *newest = (*newest).max(*modseq));
            }
            if let Some(sender) = folders.get(&(key.0, ANY)) {
                sender.send_modify(|changes| *changes = changes.wrapping_add(1));
            }
        }
    }
}

/// The answer to a change, which wakes the folders it touched when it is taken out or dropped.
pub(crate) struct Done<R> {
    value: Option<R>,
    watchers: Arc<Watchers>,
    touched: Vec<(Key, u64)>,
}

impl<R> Done<R> {
    pub(crate) fn new(value: R, watchers: Arc<Watchers>, touched: Vec<(Key, u64)>) -> Self {
        Self { value: Some(value), watchers, touched }
    }
    /// The answer; the wake fires here.
    pub(crate) fn take(mut self) -> Option<R> {
        self.value.take()
    }
}

impl<R> Drop for Done<R> {
    fn drop(&mut self) {
        self.watchers.wake(&self.touched);
    }
}
