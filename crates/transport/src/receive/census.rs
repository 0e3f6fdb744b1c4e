//! Who is connected: the counts behind the limits per connector and per source.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;

use super::ReceiveConnector;

/// The connections of one connector.
#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// Counts open connections by connector name and source.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<HashMap<String, Count>>);

/// A place in the count, given back on drop.
#[derive(Debug)]
pub(super) struct Ticket {
    census: Arc<Census>,
    connector: Arc<ReceiveConnector>,
    source: IpAddr,
}

impl Census {
    /// Counts a connection in, unless the connector or its source has too many.
    pub(super) fn admit(
        self: &Arc<Self>,
        connector: &Arc<ReceiveConnector>,
        remote: IpAddr,
    ) -> Option<Ticket> {
        let source = source(remote);
        let mut counts = self.0.lock();
        let count = counts.entry(connector.name.clone()).or_default();
        let of_source = count.by_source.get(&source).copied().unwrap_or(0);
        let source_full =
            !ReceiveConnector::is_local(source) && of_source >= connector.source_limit(count.total);
        if count.total >= connector.max_inbound_connections || source_full {
            return None;
        }
        count.total += 1;
        count.by_source.insert(source, of_source + 1);
        Some(Ticket { census: Arc::clone(self), connector: Arc::clone(connector), source })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.census.0.lock();
        let Some(count) = counts.get_mut(&self.connector.name) else { return };
        count.total -= 1;
        if let Some(of_source) = count.by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                count.by_source.remove(&self.source);
            }
        }
        if count.total == 0 {
            counts.remove(&self.connector.name);
        }
    }
}

/// An IPv6 host commands a whole /64: it counts as one.
fn source(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_places_come_back() {
        let census = Arc::new(Census::default());
        let connector = Arc::new(ReceiveConnector {
            max_inbound_connections: 4,
            max_inbound_per_source: 2,
            max_inbound_percentage_per_source: 1000,
            ..ReceiveConnector::frontend("a", "b")
        });
        let admit = |remote: &str| census.admit(&connector, remote.parse().unwrap());
        let (first, _second) = (admit("2001:db8::1").unwrap(), admit("2001:db8::2:1").unwrap());
        assert!(admit("2001:db8::3").is_none(), "one /64 is one source");
        let (_third, _fourth) = (admit("127.0.0.1").unwrap(), admit("127.0.0.1").unwrap());
        assert!(admit("127.0.0.1").is_none(), "the connector is full");
        drop(first);
        assert!(admit("2001:db8::3").is_some());
    }

    #[test]
    fn nothing_is_left_behind() {
        let census = Arc::new(Census::default());
        let connector = Arc::new(ReceiveConnector::frontend("a", "b"));
        drop(census.admit(&connector, "192.0.2.1".parse().unwrap()));
        assert!(census.0.lock().is_empty());
    }
}
