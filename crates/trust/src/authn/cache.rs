//! Passwords verified a short while ago, so that a client that opens many connections pays for one hash.
//!
//! Only a keyed hash is kept, over user, stored password hash and password: a changed password is another
//! tag, so nothing needs to be invalidated. The key is drawn when the server starts and never leaves it.

use std::{collections::HashMap, time::Duration};

use base::{Guid, Rng, clock::SharedClock};
use blake2::{
    Blake2sMac256,
    digest::{KeyInit, Mac},
};
use directory::value::Secret;
use parking_lot::Mutex;

/// How long a verified password is remembered.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Most users remembered.
const USERS_MAX: usize = 16_384;

struct Entry {
    tag: [u8; 32],
    until: Duration,
}

/// Passwords verified lately.
pub(super) struct Verified {
    key: [u8; 32],
    clock: SharedClock,
    entries: Mutex<HashMap<Guid, Entry>>,
}

impl Verified {
    pub(super) fn new(clock: SharedClock, rng: &dyn Rng) -> Self {
        let mut key = [0; 32];
        rng.fill(&mut key);
        Self { key, clock, entries: Mutex::default() }
    }

    fn mac(&self, user: Guid, stored: &Secret, password: &str) -> Option<Blake2sMac256> {
        let mut mac = <Blake2sMac256 as KeyInit>::new_from_slice(&self.key).ok()?;
        mac.update(&user.0);
        mac.update(&(stored.0.len() as u64).to_le_bytes());
        mac.update(&stored.0);
        mac.update(password.as_bytes());
        Some(mac)
    }

    /// Whether exactly this password was verified for this user against this stored hash, lately.
    pub(super) fn holds(&self, user: Guid, stored: &Secret, password: &str) -> bool {
        let now = self.clock.monotonic();
        let tag = self.entries.lock().get(&user).filter(|entry| entry.until > now).map(|entry| entry.tag);
        // The comparison takes the same time wherever the tags differ.
        tag.is_some_and(|tag| self.mac(user, stored, password).is_some_and(|m| m.verify_slice(&tag).is_ok()))
    }

    /// Remembers a password that was just verified.
    pub(super) fn remember(&self, user: Guid, stored: &Secret, password: &str) {
        let Some(mac) = self.mac(user, stored, password) else { return };
        let now = self.clock.monotonic();
        let entry = Entry { tag: mac.finalize().into_bytes().into(), until: now + REMEMBERED };
        let mut entries = self.entries.lock();
        if entries.len() >= USERS_MAX {
            entries.retain(|_, entry| entry.until > now);
        }
        if entries.len() < USERS_MAX {
            entries.insert(user, entry);
        }
    }
}
