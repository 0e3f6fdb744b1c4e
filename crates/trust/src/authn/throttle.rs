//! Counting guesses: one allowance per user and one per source address, whatever the protocol.
//!
//! An allowance is spent before the password is looked at and given back when it was right, so that fifty
//! guesses at once are fifty guesses. Spent allowances come back with time; a user is never locked for good.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    time::Duration,
};

use base::{Guid, clock::SharedClock, net};
use parking_lot::Mutex;

/// How many guesses one may spend, and how long one takes to come back.
struct Allowance {
    most: u32,
    one_back: Duration,
}

/// Per user: ten wrong passwords, then one a minute.
const PER_USER: Allowance = Allowance { most: 10, one_back: Duration::from_secs(60) };
/// Per source address: a household or an office behind one address, then one every ten seconds.
const PER_SOURCE: Allowance = Allowance { most: 50, one_back: Duration::from_secs(10) };
/// Most accounts, unknown names or addresses counted at once, each.
const COUNTED_MAX: usize = 65_536;

/// Whose password is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// A user, by whatever name.
    User(Guid),
    /// A name nobody has.
    Unknown(u64),
    /// Whoever brings a ticket: that cannot be guessed, so it counts for its source alone.
    Bearer,
}

impl Who {
    /// Equal for equal names without case, within one run of the server.
    pub(super) fn unknown(login: &str) -> Self {
        static HASHER: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
        let name: String = login.trim().chars().take(256).flat_map(char::to_lowercase).collect();
        Who::Unknown(HASHER.get_or_init(RandomState::new).hash_one(name))
    }
}

/// A guess that was allowed.
#[must_use]
pub(super) struct Reservation {
    who: Who,
    source: IpAddr,
}

/// What is left of each allowance.
pub(super) struct Throttle {
    clock: SharedClock,
    users: Mutex<Counters<Guid>>,
    /// Apart from the users, so that made-up names cannot push a user's count out.
    unknown: Mutex<Counters<u64>>,
    sources: Mutex<Counters<IpAddr>>,
}

impl Throttle {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, users: Mutex::default(), unknown: Mutex::default(), sources: Mutex::default() }
    }

    /// Spends one guess of the user and one of the source; `None` where either has none left.
    pub(super) fn reserve(&self, who: Who, source: IpAddr) -> Option<Reservation> {
        let (now, source) = (self.clock.monotonic(), net::source(source));
        if !self.sources.lock().spend(source, &PER_SOURCE, now) {
            return None;
        }
        let allowed = match who {
            Who::User(guid) => self.users.lock().spend(guid, &PER_USER, now),
            Who::Unknown(name) => self.unknown.lock().spend(name, &PER_USER, now),
            Who::Bearer => true,
        };
        allowed.then_some(Reservation { who, source })
    }

    /// The password was right: the guess did not count.
    pub(super) fn give_back(&self, reservation: Reservation) {
        self.sources.lock().give_back(reservation.source, &PER_SOURCE);
        match reservation.who {
            Who::User(guid) => self.users.lock().give_back(guid, &PER_USER),
            Who::Unknown(name) => self.unknown.lock().give_back(name, &PER_USER),
            Who::Bearer => {}
        }
    }
}

/// Per key the moment at which everything spent will have come back (a generic cell rate).
struct Counters<K>(HashMap<K, Duration>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Copy> Counters<K> {
    fn spend(&mut self, key: K, allowance: &Allowance, now: Duration) -> bool {
        if self.0.len() >= COUNTED_MAX {
            self.0.retain(|_, whole_at| *whole_at > now);
        }
        let whole_at = (*self.0.get(&key).unwrap_or(&now)).max(now) + allowance.one_back;
        if whole_at > now + allowance.one_back * allowance.most {
            return false;
        }
        if self.0.len() < COUNTED_MAX || self.0.contains_key(&key) {
            self.0.insert(key, whole_at);
        }
        true
    }

    fn give_back(&mut self, key: K, allowance: &Allowance) {
        if let Some(whole_at) = self.0.get_mut(&key) {
            *whole_at = whole_at.saturating_sub(allowance.one_back);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{Timestamp, clock::ManualClock};

    use super::*;

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1000)));
        (Throttle::new(clock.clone()), clock)
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_user_is_guessed_ten_times_wherever_from() {
        let (throttle, clock) = throttle();
        let who = Who::User(Guid([1; 16]));
        let allowed = (0..40).filter(|i| throttle.reserve(who, address(*i)).is_some()).count();
        assert_eq!(allowed, 10);
        assert!(throttle.reserve(Who::User(Guid([2; 16])), address(1)).is_some(), "others are not affected");
        clock.advance(Duration::from_secs(60));
        assert!(throttle.reserve(who, address(1)).is_some());
        assert!(throttle.reserve(who, address(1)).is_none());
    }

    #[test]
    fn a_source_guesses_fifty_times_whomever() {
        let (throttle, _clock) = throttle();
        let names = (0..200).map(|i| Who::unknown(&format!("user{i}")));
        assert_eq!(names.filter(|who| throttle.reserve(*who, address(1)).is_some()).count(), 50);
        assert!(throttle.reserve(Who::unknown("x"), address(2)).is_some());
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let (throttle, _clock) = throttle();
        let who = Who::User(Guid([1; 16]));
        for _ in 0..100 {
            let reservation = throttle.reserve(who, address(1)).unwrap();
            throttle.give_back(reservation);
        }
        assert_eq!(Who::unknown(" Nuno "), Who::unknown("nuno"));
    }

    #[test]
    fn memory_is_bounded() {
        let (throttle, clock) = throttle();
        for i in 0..(COUNTED_MAX as u32 + 1000) {
            let _ = throttle.reserve(Who::Unknown(i.into()), IpAddr::from(i.to_be_bytes()));
        }
        assert!(throttle.unknown.lock().0.len() <= COUNTED_MAX);
        assert!(throttle.sources.lock().0.len() <= COUNTED_MAX);
        clock.advance(Duration::from_secs(61));
        let _ = throttle.reserve(Who::Unknown(1), address(1));
        assert!(throttle.unknown.lock().0.len() < 10, "what came back is forgotten");
    }
}
