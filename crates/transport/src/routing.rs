//! Which send connector carries mail to a domain: the most specific address space, then the lowest cost.

use base::{Guid, SmtpDomain};
use directory::{Object, Value, View};

use crate::queue::Hop;

/// The next hop for mail of this size to a domain outside. [`Hop::Unreachable`] where no enabled connector
/// covers the domain and takes the size.
pub fn next_hop(view: &View, domain: &SmtpDomain, size: u64) -> Hop {
    let fits = |connector: &Object| {
        connector.flag("Enabled")
            && connector.size("MaxMessageSize").limit().is_none_or(|max| size <= max.bytes())
    };
    let best = view
        .send_connectors()
        .filter(|connector| fits(connector))
        .filter_map(|connector| Some((preference(connector, domain)?, connector)))
        .min_by(|a, b| a.0.cmp(&b.0));
    match best {
        None => Hop::Unreachable,
        Some((_, connector)) if uses_smart_hosts(connector) => Hop::SmartHost(connector.guid),
        Some((_, connector)) => Hop::Domain(connector.guid, domain.clone()),
    }
}

/// Whether a connector still exists and is enabled.
pub fn is_usable(view: &View, connector: Guid) -> bool {
    view.get(connector).is_some_and(|connector| connector.flag("Enabled"))
}

/// Whether a connector hands everything to its smart hosts.
pub fn uses_smart_hosts(connector: &Object) -> bool {
    !connector.flag("DNSRoutingEnabled") || !connector.values("SmartHosts").is_empty()
}

/// How little a connector is preferred for a domain; the smallest wins. Ties go by name.
fn preference(connector: &Object, domain: &SmtpDomain) -> Option<impl Ord + use<>> {
    let spaces = connector.values("AddressSpaces").iter().filter_map(|value| match value {
        Value::Space(space) if space.domain.matches(domain.as_str()) => Some(space),
        _ => None,
    });
    let best = spaces.map(|space| (std::cmp::Reverse(space.domain.rank()), space.cost)).min();
    best.map(|(rank, cost)| (rank, cost, connector.name.to_lowercase()))
}
