//! Who is connected: the counts behind the limits per connector and per source, and who must go when there
//! is no room left.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use base::net::source;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ReceiveConnector;

/// The connections of one connector.
#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
    /// Those that have neither logged on nor named a sender, oldest first.
    strangers: BTreeMap<u64, Arc<Notify>>,
}

#[derive(Debug, Default)]
struct Counts {
    by_connector: HashMap<String, Count>,
    next: u64,
}

/// Counts open connections by connector name and source.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<Counts>);

/// A place in the count, given back on drop.
#[derive(Debug)]
pub(super) struct Ticket {
    census: Arc<Census>,
    connector: Arc<ReceiveConnector>,
    source: IpAddr,
    number: u64,
    evicted: Arc<Notify>,
}

impl Census {
    /// Counts a connection in, unless its source has too many. Where the connector has, the stranger that
    /// has been idling longest makes room: who comes to send mail shows it within a moment, so a crowd
    /// that only sits there shuts nobody out.
    pub(super) fn admit(
        self: &Arc<Self>,
        connector: &Arc<ReceiveConnector>,
        remote: IpAddr,
    ) -> Option<Ticket> {
        let source = source(remote);
        let mut counts = self.0.lock();
        let number = counts.next;
        let count = counts.by_connector.entry(connector.name.clone()).or_default();
        let of_source = count.by_source.get(&source).copied().unwrap_or(0);
        if !ReceiveConnector::is_local(source) && of_source >= connector.source_limit(count.total) {
            return None;
        }
        if count.total >= connector.max_inbound_connections {
            count.strangers.pop_first()?.1.notify_one();
        }
        let evicted = Arc::new(Notify::new());
        count.total += 1;
        count.by_source.insert(source, of_source + 1);
        count.strangers.insert(number, Arc::clone(&evicted));
        counts.next += 1;
        Some(Ticket { census: Arc::clone(self), connector: Arc::clone(connector), source, number, evicted })
    }

    /// Sends the oldest stranger of all away: the process is out of descriptors.
    pub(super) fn make_room(&self) {
        let mut counts = self.0.lock();
        let with_strangers = counts.by_connector.values_mut().filter(|count| !count.strangers.is_empty());
        let oldest = with_strangers.min_by_key(|count| count.strangers.keys().next().copied());
        if let Some((_, evicted)) = oldest.and_then(|count| count.strangers.pop_first()) {
            evicted.notify_one();
        }
    }
}

impl Ticket {
    /// The peer has shown what it came for: it is no stranger any more and keeps its place.
    pub(super) fn keep(&self) {
        if let Some(count) = self.census.0.lock().by_connector.get_mut(&self.connector.name) {
            count.strangers.remove(&self.number);
        }
    }

    /// Resolves when the connection must make room.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.census.0.lock();
        let Some(count) = counts.by_connector.get_mut(&self.connector.name) else { return };
        count.total -= 1;
        count.strangers.remove(&self.number);
        if let Some(of_source) = count.by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                count.by_source.remove(&self.source);
            }
        }
        if count.total == 0 {
            counts.by_connector.remove(&self.connector.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> (Arc<Census>, Arc<ReceiveConnector>) {
        let connector = ReceiveConnector {
            max_inbound_connections: 3,
            max_inbound_per_source: 2,
            max_inbound_percentage_per_source: 1000,
            ..ReceiveConnector::frontend("a", "b")
        };
        (Arc::default(), Arc::new(connector))
    }

    #[test]
    fn one_source_has_its_share() {
        let (census, connector) = small();
        let admit = |remote: &str| census.admit(&connector, remote.parse().unwrap());
        let (first, _second) = (admit("2001:db8::1").unwrap(), admit("2001:db8::2:1").unwrap());
        assert!(admit("2001:db8::3").is_none(), "one /64 is one source");
        assert!(admit("2001:db8:1::3").is_some());
        drop(first);
        assert!(admit("2001:db8::3").is_some());
    }

    #[tokio::test]
    async fn the_oldest_stranger_makes_room() {
        let (census, connector) = small();
        let admit = || census.admit(&connector, "127.0.0.1".parse().unwrap());
        let (known, old, _young) = (admit().unwrap(), admit().unwrap(), admit().unwrap());
        known.keep();
        let _new = admit().unwrap();
        old.evicted().await;
        let everyone: Vec<Ticket> = (0..10).map_while(|_| admit()).collect();
        assert_eq!(everyone.len(), 10, "each pushes out the one before");
        everyone.iter().for_each(Ticket::keep);
        drop(old);
        assert!(admit().is_none(), "those who are known stay");
    }

    #[tokio::test]
    async fn room_is_made_on_any_connector() {
        let (census, connector) = small();
        let first = census.admit(&connector, "127.0.0.1".parse().unwrap()).unwrap();
        let other = Arc::new(ReceiveConnector::frontend("other", "b"));
        let _second = census.admit(&other, "127.0.0.1".parse().unwrap()).unwrap();
        census.make_room();
        first.evicted().await;
    }

    #[test]
    fn nothing_is_left_behind() {
        let (census, connector) = small();
        drop(census.admit(&connector, "192.0.2.1".parse().unwrap()));
        assert!(census.0.lock().by_connector.is_empty());
    }
}
