//! Servers that make their copies anew: meanwhile they do not belong to the group, since what such a copy promised
//! goes with its files.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base::clock::SharedClock;
use parking_lot::Mutex;

use crate::replica::ServerId;

/// So long a server that makes its copy anew is kept out of the group after it last said that it does.
const LASTS: Duration = Duration::from_secs(5);

/// Who makes its copy anew, as the active copy is told.
pub struct Remade {
    clock: SharedClock,
    said: Mutex<BTreeMap<ServerId, Duration>>,
}

impl Remade {
    /// Nobody does yet.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, said: Mutex::default() }
    }

    /// A server begins to make its copy anew (or goes on with it), or has made it. True where that is news.
    pub fn say(&self, server: ServerId, begins: bool) -> bool {
        match begins {
            true => self.said.lock().insert(server, self.clock.monotonic()).is_none(),
            false => self.said.lock().remove(&server).is_some(),
        }
    }

    /// Who does at this moment.
    pub fn now(&self) -> BTreeSet<ServerId> {
        let (now, mut said) = (self.clock.monotonic(), self.said.lock());
        said.retain(|_, last| now.saturating_sub(*last) < LASTS);
        said.keys().copied().collect()
    }
}
