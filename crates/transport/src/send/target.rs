//! From a route to the hosts to try, in order (RFC 5321 section 5.1).

use std::net::{IpAddr, SocketAddr};

use base::Rng;

use super::{DnsError, Remote, Resolver, Route, SendConnector};

/// Hosts tried for one message at most: each may cost a whole timeout.
const TARGETS_MAX: usize = 10;

/// The hosts to try.
pub(super) async fn targets(
    resolver: &Resolver,
    rng: &dyn Rng,
    connector: &SendConnector,
    route: &Route,
) -> Result<Vec<Remote>, DnsError> {
    let mut hosts: Vec<(String, Option<u16>)> = match route {
        Route::Address(address) => vec![(format!("[{address}]"), None)],
        Route::SmartHosts(hosts) => {
            let mut hosts = hosts.clone();
            shuffle(rng, &mut hosts);
            hosts
        }
        Route::Domain(domain) => {
            let exchangers = exchangers(resolver, rng, connector, domain.as_str()).await?;
            exchangers.into_iter().map(|host| (host, None)).collect()
        }
    };
    hosts.truncate(TARGETS_MAX);
    let mut found = Vec::new();
    let mut trouble = DnsError::NoSuchDomain;
    for (host, port) in hosts {
        let addresses = match literal(&host) {
            Some(address) => Ok(vec![address]),
            None => resolver.addresses(&host).await,
        };
        match addresses {
            Ok(addresses) => found.extend(addresses.into_iter().map(|address| Remote {
                host: host.clone(),
                address: SocketAddr::new(address, port.unwrap_or(connector.port)),
            })),
            // A host that may come back outweighs one that does not exist.
            Err(error) if error.is_transient() => trouble = error,
            Err(_) => {}
        }
    }
    found.truncate(TARGETS_MAX);
    if found.is_empty() { Err(trouble) } else { Ok(found) }
}

/// Names of the hosts that take mail for `domain`, best first, equals in random order. A domain without
/// exchangers is its own. Where this server is one of them, only better ones are left.
async fn exchangers(
    resolver: &Resolver,
    rng: &dyn Rng,
    connector: &SendConnector,
    domain: &str,
) -> Result<Vec<String>, DnsError> {
    let mut found = resolver.exchangers(domain).await?;
    if found.is_empty() {
        return Ok(vec![domain.to_owned()]);
    }
    if let Some(own) = found.iter().find(|(_, host)| host.eq_ignore_ascii_case(&connector.fqdn)) {
        let limit = own.0;
        found.retain(|(preference, _)| *preference < limit);
        if found.is_empty() {
            return Err(DnsError::Loop);
        }
    }
    for equals in found.chunk_by_mut(|a, b| a.0 == b.0) {
        shuffle(rng, equals);
    }
    Ok(found.into_iter().map(|(_, host)| host).collect())
}

/// Fisher and Yates.
fn shuffle<T>(rng: &dyn Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        let other = usize::try_from(rng.below(i as u64 + 1)).unwrap_or(0);
        items.swap(i, other);
    }
}

/// `192.0.2.1`, `[192.0.2.1]`, `[2001:db8::1]` or `[IPv6:2001:db8::1]`
fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    inner.strip_prefix("IPv6:").unwrap_or(inner).parse().ok()
}

#[cfg(test)]
mod tests {
    use base::rng::SeededRng;

    use super::*;
    use crate::send::Table;

    fn resolver() -> Resolver {
        let mx = |list: &[(u16, &str)]| list.iter().map(|(p, h)| (*p, (*h).to_owned())).collect::<Vec<_>>();
        let mut table = Table::default();
        for (domain, list) in [
            ("two.example", mx(&[(20, "b.example."), (10, "a.example"), (10, "c.example")])),
            ("null.example", mx(&[(0, ".")])),
            ("ours.example", mx(&[(10, "a.example"), (20, "MAIL.here.example"), (30, "b.example")])),
            ("only-ours.example", mx(&[(20, "mail.here.example"), (30, "b.example")])),
            ("dangling.example", mx(&[(10, "gone.example")])),
        ] {
            table.exchangers.insert(domain.to_owned(), list);
        }
        for (host, address) in [
            ("a.example", "192.0.2.1"),
            ("b.example", "192.0.2.2"),
            ("c.example", "192.0.2.3"),
            ("implicit.example", "192.0.2.4"),
        ] {
            table.hosts.insert(host.to_owned(), vec![address.parse().unwrap()]);
        }
        Resolver::from_table(table)
    }

    async fn hosts(route: Route, seed: u64) -> Result<Vec<String>, DnsError> {
        let connector = SendConnector::new("out", "mail.here.example");
        let found = targets(&resolver(), &SeededRng::new(seed), &connector, &route).await?;
        Ok(found.into_iter().map(|remote| format!("{} {}", remote.host, remote.address)).collect())
    }

    fn domain(name: &str) -> Route {
        Route::Domain(name.parse().unwrap())
    }

    #[tokio::test]
    async fn exchangers_by_preference_equals_at_random() {
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let found = hosts(domain("two.example"), seed).await.unwrap();
            assert_eq!(found[2], "b.example 192.0.2.2:25");
            orders.insert(found);
        }
        assert_eq!(orders.len(), 2);
    }

    #[tokio::test]
    async fn the_special_cases() {
        let found = |list: &[&str]| Ok(list.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
        for (route, expected) in [
            (domain("implicit.example"), found(&["implicit.example 192.0.2.4:25"])),
            (domain("null.example"), Err(DnsError::NullMx)),
            (domain("gone.example"), Err(DnsError::NoSuchDomain)),
            (domain("dangling.example"), Err(DnsError::NoSuchDomain)),
            (domain("ours.example"), found(&["a.example 192.0.2.1:25"])),
            (domain("only-ours.example"), Err(DnsError::Loop)),
            (Route::Address("2001:db8::1".parse().unwrap()), found(&["[2001:db8::1] [2001:db8::1]:25"])),
            (
                Route::SmartHosts(vec![("[192.0.2.9]".into(), Some(587))]),
                found(&["[192.0.2.9] 192.0.2.9:587"]),
            ),
            (Route::SmartHosts(vec![("b.example".into(), None)]), found(&["b.example 192.0.2.2:25"])),
        ] {
            assert_eq!(hosts(route.clone(), 1).await, expected, "{route:?}");
        }
    }
}
