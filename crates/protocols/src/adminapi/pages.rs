//! What is kept between two pages of one answer, and who may call how often at once.
//!
//! A skip token says how many objects the client has and which cmdlet waits to go on: it is sealed for its
//! caller and request. Where the cmdlet no longer waits (it waited too long, others needed the place, the page
//! is asked for again), a `Get` runs again and skips what the client has; what changes something never does.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base::{Guid, Rng as _, rng::SystemRng};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use blake2::{
    Blake2sMac256,
    digest::{KeyInit, Mac},
};
use parking_lot::Mutex;

use super::run::Run;

/// Calls of one user at once.
const CALLS_MAX: usize = 10;
/// Cmdlets of one user that wait for their next page.
const WAITING_MAX: usize = 4;
/// Cmdlets of everybody that wait.
const ALL_WAITING_MAX: usize = 64;
/// How long a cmdlet waits for the next page to be asked for.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The longest skip token looked at, characters.
const TOKEN_MAX: usize = 128;

/// The state of the REST between requests; clones share it.
#[derive(Clone)]
pub struct Pages {
    shared: Arc<Shared>,
}

struct Shared {
    /// Seals skip tokens; made anew by every start.
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    /// In the order in which they began to wait.
    waiting: Vec<Waiting>,
    calls: HashMap<Guid, usize>,
}

struct Waiting {
    id: u64,
    owner: Guid,
    position: u64,
    run: Run,
}

/// Where an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// How many objects the client has.
    pub(super) position: u64,
    /// The cmdlet that waits.
    id: u64,
}

/// One call under way; dropping it makes room for the next.
pub(super) struct Admission {
    shared: Arc<Shared>,
    user: Guid,
}

impl Default for Pages {
    fn default() -> Self {
        let mut key = [0; 32];
        SystemRng.fill(&mut key);
        Pages { shared: Arc::new(Shared { key, state: Mutex::default() }) }
    }
}

impl Pages {
    /// A place for one more call of this user; nothing where there are too many already.
    pub(super) fn admit(&self, user: Guid) -> Option<Admission> {
        let mut state = self.shared.state.lock();
        let calls = state.calls.entry(user).or_default();
        (*calls < CALLS_MAX).then(|| {
            *calls += 1;
            Admission { shared: self.shared.clone(), user }
        })
    }

    /// Lets a cmdlet wait for its next page. Must be called on the runtime.
    pub(super) fn park(&self, owner: Guid, position: u64, run: Run) -> Ticket {
        let id = self.shared.state.lock().park(owner, position, run);
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            tokio::time::sleep(WAIT_MAX).await;
            if let Some(shared) = shared.upgrade() {
                shared.state.lock().waiting.retain(|waiting| waiting.id != id);
            }
        });
        Ticket { position, id }
    }

    /// The cmdlet that waits there, if it still does.
    pub(super) fn take(&self, owner: Guid, ticket: Ticket) -> Option<Run> {
        let waiting = &mut self.shared.state.lock().waiting;
        let is_it = |w: &Waiting| w.id == ticket.id && w.owner == owner && w.position == ticket.position;
        let at = waiting.iter().position(is_it)?;
        Some(waiting.remove(at).run)
    }

    /// A skip token, good for this request only (`request` is all that must be the same).
    pub(super) fn token(&self, request: &[&[u8]], ticket: Ticket) -> String {
        let said = [ticket.position.to_be_bytes(), ticket.id.to_be_bytes()].concat();
        let seal = self.sealing(request, &said).map(|mac| mac.finalize().into_bytes());
        BASE64_URL_SAFE_NO_PAD.encode([&said[..], seal.as_deref().unwrap_or_default()].concat())
    }

    /// What a skip token of this request says; nothing for one that is not ours, or another request's.
    pub(super) fn open(&self, request: &[&[u8]], token: &str) -> Option<Ticket> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, seal) = bytes.split_at_checked(16)?;
        self.sealing(request, said)?.verify_slice(seal).ok()?;
        let number = |at: usize| Some(u64::from_be_bytes(said.get(at..at + 8)?.try_into().ok()?));
        Some(Ticket { position: number(0)?, id: number(8)? })
    }

    fn sealing(&self, request: &[&[u8]], said: &[u8]) -> Option<Blake2sMac256> {
        let mut mac = <Blake2sMac256 as KeyInit>::new_from_slice(&self.shared.key).ok()?;
        for part in request.iter().chain([&said]) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

impl State {
    fn park(&mut self, owner: Guid, position: u64, run: Run) -> u64 {
        let own = |w: &Waiting| w.owner == owner;
        if self.waiting.iter().filter(|w| own(w)).count() >= WAITING_MAX {
            self.waiting.iter().position(own).map(|oldest| self.waiting.remove(oldest));
        } else if self.waiting.len() >= ALL_WAITING_MAX {
            self.waiting.remove(0);
        }
        self.last_id += 1;
        self.waiting.push(Waiting { id: self.last_id, owner, position, run });
        self.last_id
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let calls = &mut self.shared.state.lock().calls;
        if let Some(count) = calls.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                calls.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Guid = Guid([1; 16]);
    const OTHER: Guid = Guid([2; 16]);

    #[test]
    fn calls_at_once_are_bounded_per_user() {
        let pages = Pages::default();
        let held: Vec<_> = (0..CALLS_MAX).map(|_| pages.admit(USER).unwrap()).collect();
        assert!(pages.admit(USER).is_none());
        assert!(pages.admit(OTHER).is_some());
        drop(held);
        assert!(pages.shared.state.lock().calls.is_empty());
        assert!(pages.admit(USER).is_some());
    }

    #[test]
    fn a_token_is_good_for_its_request_only() {
        let pages = Pages::default();
        let ticket = Ticket { position: 100, id: 7 };
        let request: &[&[u8]] = &[b"user", b"/path", b"body"];
        let token = pages.token(request, ticket);
        assert_eq!(pages.open(request, &token), Some(ticket));
        for other in [&[&b"user"[..], b"/path", b"bodx"][..], &[b"use", b"r/path", b"body"], &[]] {
            assert_eq!(pages.open(other, &token), None);
        }
        for bad in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(43)] {
            assert_eq!(pages.open(request, bad), None);
        }
        assert_eq!(Pages::default().open(request, &token), None);
    }

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let pages = Pages::default();
        let tickets: Vec<_> =
            (0..WAITING_MAX as u64 + 1).map(|n| pages.park(USER, n, Run::ended())).collect();
        assert!(pages.take(USER, tickets[0]).is_none());
        assert!(pages.take(OTHER, tickets[1]).is_none());
        assert!(pages.take(USER, Ticket { position: 99, ..tickets[1] }).is_none());
        assert!(pages.take(USER, tickets[1]).is_some());
        assert!(pages.take(USER, tickets[1]).is_none());
        for n in 0..2 * ALL_WAITING_MAX {
            pages.park(Guid([n as u8; 16]), 0, Run::ended());
        }
        assert_eq!(pages.shared.state.lock().waiting.len(), ALL_WAITING_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let pages = Pages::default();
        let ticket = pages.park(USER, 1, Run::ended());
        tokio::time::sleep(WAIT_MAX + Duration::from_secs(1)).await;
        assert!(pages.take(USER, ticket).is_none());
    }
}
