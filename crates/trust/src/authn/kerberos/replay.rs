//! Authenticators seen lately: one that comes again is refused for as long as its time would be accepted.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Refusal;

/// Most authenticators remembered. Only holders of valid tickets get here; who comes when it is full is refused.
const REMEMBERED_MAX: usize = 65_536;

/// When each may be forgotten (seconds since the epoch), and its hash.
#[derive(Default)]
pub(super) struct Replays(Mutex<BTreeSet<(i64, [u8; 32])>>);

impl Replays {
    /// Remembers an authenticator; the moment at which it may be forgotten follows from it, so that the same one
    /// always comes with the same.
    pub(super) fn remember(&self, authenticator: &[u8], forgotten: i64, now: i64) -> Result<(), Refusal> {
        let entry = (forgotten, Sha256::digest(authenticator).into());
        let mut seen = self.0.lock();
        while seen.first().is_some_and(|(forgotten, _)| *forgotten < now) {
            seen.pop_first();
        }
        match () {
            () if seen.contains(&entry) => Err(Refusal::Replay),
            () if seen.len() >= REMEMBERED_MAX => Err(Refusal::Full),
            () => {
                seen.insert(entry);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_while_it_counts() {
        let seen = Replays::default();
        assert_eq!(seen.remember(b"a", 100, 50), Ok(()));
        assert_eq!(seen.remember(b"a", 100, 100), Err(Refusal::Replay));
        assert_eq!(seen.remember(b"b", 100, 100), Ok(()));
        assert_eq!(seen.remember(b"c", 200, 101), Ok(()));
        assert_eq!(seen.0.lock().len(), 1, "what is over is forgotten");
    }

    #[test]
    fn bounded() {
        let seen = Replays::default();
        for number in 0..REMEMBERED_MAX as u32 {
            seen.remember(&number.to_le_bytes(), 100, 50).unwrap();
        }
        assert_eq!(seen.remember(b"one more", 100, 50), Err(Refusal::Full));
        assert_eq!(seen.remember(b"one more", 200, 101), Ok(()));
    }
}
