//! What all shells together may hold of what clients have sent, and of answers that clients may ask for again: one bound, and each holder's share of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Most bytes that clients have sent and nothing has taken yet, and that are kept of answers, of all shells.
const TOTAL_MAX: usize = 256 << 20;

/// A holder's share; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Share {
    total: Arc<AtomicUsize>,
    held: usize,
}

impl Share {
    /// Nothing yet, of what `total` counts.
    pub(super) fn new(total: &Arc<AtomicUsize>) -> Self {
        Share { total: total.clone(), held: 0 }
    }

    /// Holds so many bytes from now on; false, and no change, where there is no room.
    #[must_use]
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        if bytes > self.held {
            let more = bytes - self.held;
            if self.total.fetch_add(more, Ordering::Relaxed) + more > TOTAL_MAX {
                self.total.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
        } else {
            self.total.fetch_sub(self.held - bytes, Ordering::Relaxed);
        }
        self.held = bytes;
        true
    }

    /// Holds so many bytes from now on, room or not: others find less of it.
    pub(super) fn hold(&mut self, bytes: usize) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(self.held, Ordering::Relaxed);
        self.held = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.total.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back() {
        let total = Arc::default();
        let (mut one, mut two) = (Share::new(&total), Share::new(&total));
        assert!(one.set(TOTAL_MAX - 10) && !two.set(11) && two.set(10));
        assert!(one.set(5) && two.set(11));
        one.hold(TOTAL_MAX);
        assert!(!two.set(12));
        drop(one);
        assert_eq!(total.load(Ordering::Relaxed), 11);
    }
}
