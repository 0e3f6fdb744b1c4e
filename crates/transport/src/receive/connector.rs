//! Receive connector settings, with the product's names and defaults, and the choice of the connector
//! that answers a connection.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use directory::value::IpRange;

/// Which half of the transport a connector belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportRole {
    /// Takes mail from outside and from clients.
    FrontendTransport,
    /// Takes mail from other servers of the organisation.
    HubTransport,
}

/// `-AuthMechanism`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthMechanisms {
    /// `Tls`: STARTTLS is offered.
    pub tls: bool,
    /// `BasicAuth`: AUTH PLAIN and LOGIN. Whatever is configured, a password is only taken over TLS.
    pub basic: bool,
    /// `ExternalAuthoritative`: the network vouches for the peer; it counts as authenticated.
    pub external_authoritative: bool,
}

/// `-PermissionGroups`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionGroups {
    /// `AnonymousUsers`: anyone may send to the organisation's own recipients.
    pub anonymous: bool,
    /// `ExchangeUsers`: people with a mailbox may submit to anyone.
    pub users: bool,
    /// `ExchangeServers`: servers of the organisation.
    pub servers: bool,
}

/// The EHLO keywords a connector offers, one switch each (`-EightBitMimeEnabled` …).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keywords {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// DSN (RFC 3461): without it RET, ENVID, NOTIFY and ORCPT are refused.
    pub delivery_status_notification: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034); without it the codes are left out of every reply.
    pub enhanced_status_codes: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// BINARYMIME (RFC 3030); needs CHUNKING.
    pub binary_mime: bool,
    /// CHUNKING (RFC 3030): `BDAT`.
    pub chunking: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
}

impl Keywords {
    /// Everything on, as by default.
    pub const ALL: Self = Self {
        pipelining: true,
        delivery_status_notification: true,
        enhanced_status_codes: true,
        eight_bit_mime: true,
        binary_mime: true,
        chunking: true,
        smtp_utf8: true,
    };
}

/// How one door is kept. [`ReceiveConnector::frontend`] holds the product's defaults.
#[derive(Clone, Debug)]
pub struct ReceiveConnector {
    /// `Default Frontend SERVER` …
    pub name: String,
    /// Which transport it belongs to.
    pub role: TransportRole,
    /// Local addresses it answers at; an unspecified address stands for all of its family.
    pub bindings: Vec<SocketAddr>,
    /// Peers it answers to; of several connectors the most specific range wins.
    pub remote_ip_ranges: Vec<IpRange>,
    /// The name in greeting, `EHLO` and `Received`.
    pub fqdn: String,
    /// `-Banner`: the whole text after `220 `; `None` for the usual one.
    pub banner: Option<String>,
    /// How a peer may prove who it is.
    pub auth: AuthMechanisms,
    /// Who may send at all.
    pub permissions: PermissionGroups,
    /// What `EHLO` announces.
    pub keywords: Keywords,
    /// `-RequireTLS`: no mail before STARTTLS.
    pub require_tls: bool,
    /// Largest message, bytes; also announced as `SIZE`.
    pub max_message_size: usize,
    /// Largest header section, bytes.
    pub max_header_size: usize,
    /// Recipients of one message.
    pub max_recipients: usize,
    /// `Received` fields a message may carry.
    pub max_hop_count: usize,
    /// `Received` fields of this very server a message may carry.
    pub max_local_hop_count: usize,
    /// A connection's whole life, even while it works.
    pub connection_timeout: Duration,
    /// Time for one command or between two reads of a message.
    pub inactivity_timeout: Duration,
    /// The same until the peer has logged on or named a sender: strangers wait less.
    pub stranger_timeout: Duration,
    /// Connections at once.
    pub max_inbound_connections: usize,
    /// Connections at once from one address (IPv6: one /64). Loopback is exempt, see
    /// [`ReceiveConnector::is_local`].
    pub max_inbound_per_source: usize,
    /// The same as a share of the connections still free, per cent; whichever is smaller holds.
    pub max_inbound_percentage_per_source: usize,
    /// Syntax and sequence errors after which the connection is closed.
    pub max_protocol_errors: u32,
    /// Wrong passwords after which the connection is closed.
    pub max_logon_failures: u32,
    /// A refused stranger waits this long for the reply.
    pub tarpit_interval: Duration,
}

impl ReceiveConnector {
    /// `Default Frontend`: port 25, from anyone, for our own recipients.
    pub fn frontend(name: impl Into<String>, fqdn: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: TransportRole::FrontendTransport,
            bindings: both_families(25),
            remote_ip_ranges: vec![IpRange::ALL_V6, IpRange::ALL_V4],
            fqdn: fqdn.into(),
            banner: None,
            auth: AuthMechanisms { tls: true, basic: true, external_authoritative: false },
            permissions: PermissionGroups { anonymous: true, users: false, servers: true },
            keywords: Keywords::ALL,
            require_tls: false,
            max_message_size: 36 << 20,
            max_header_size: 256 << 10,
            max_recipients: 200,
            max_hop_count: 30,
            max_local_hop_count: 8,
            connection_timeout: Duration::from_mins(10),
            inactivity_timeout: Duration::from_mins(5),
            stranger_timeout: Duration::from_mins(1),
            max_inbound_connections: 5000,
            max_inbound_per_source: 20,
            max_inbound_percentage_per_source: 2,
            max_protocol_errors: 5,
            max_logon_failures: 3,
            tarpit_interval: Duration::from_secs(5),
        }
    }

    /// `Client Frontend`: port 587, from people of the organisation, for anyone.
    pub fn client(name: impl Into<String>, fqdn: impl Into<String>) -> Self {
        Self {
            bindings: both_families(587),
            permissions: PermissionGroups { anonymous: false, users: true, servers: false },
            ..Self::frontend(name, fqdn)
        }
    }

    /// `Default`: port 2525, between the servers of the organisation and for its people.
    pub fn hub(name: impl Into<String>, fqdn: impl Into<String>) -> Self {
        Self {
            role: TransportRole::HubTransport,
            bindings: both_families(2525),
            permissions: PermissionGroups { anonymous: false, users: true, servers: true },
            ..Self::frontend(name, fqdn)
        }
    }

    /// Whether the peer is this very machine. It is not tarpitted and has no limit per source: what runs
    /// here (a relay in front, a monitor, a bulk job) is no stranger and speaks for many.
    pub fn is_local(remote: IpAddr) -> bool {
        remote.to_canonical().is_loopback()
    }

    /// The connections one source may hold while `open` connections are open: at least one.
    pub fn source_limit(&self, open: usize) -> usize {
        let free = self.max_inbound_connections.saturating_sub(open);
        let share = free.saturating_mul(self.max_inbound_percentage_per_source) / 100;
        self.max_inbound_per_source.min(share).max(1)
    }

    /// How well the connector fits a connection: the breadth of its narrowest fitting range, or `None`.
    fn fit(&self, local: SocketAddr, remote: IpAddr) -> Option<u128> {
        let bound = self.bindings.iter().any(|b| {
            b.port() == local.port()
                && (b.ip() == local.ip().to_canonical()
                    || b.ip() == local.ip()
                    || (b.ip().is_unspecified() && b.is_ipv4() == local.ip().to_canonical().is_ipv4()))
        });
        let ranges = self.remote_ip_ranges.iter().filter(|range| range.contains(remote));
        if bound { ranges.map(IpRange::width).min() } else { None }
    }
}

fn both_families(port: u16) -> Vec<SocketAddr> {
    let any: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
    any.map(|address| SocketAddr::new(address, port)).to_vec()
}

/// The connector that answers a connection to `local` from `remote`: the one whose range is narrowest.
pub fn select(
    connectors: &[Arc<ReceiveConnector>],
    local: SocketAddr,
    remote: IpAddr,
) -> Option<Arc<ReceiveConnector>> {
    connectors
        .iter()
        .filter_map(|connector| Some((connector.fit(local, remote)?, connector)))
        .min_by_key(|(breadth, _)| *breadth)
        .map(|(_, connector)| Arc::clone(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_answers() {
        let everyone = Arc::new(ReceiveConnector::frontend("Default Frontend", "mail"));
        let partner = Arc::new(ReceiveConnector {
            remote_ip_ranges: vec!["192.0.2.0/24".parse().unwrap()],
            ..ReceiveConnector::frontend("Partner", "mail")
        });
        let client = Arc::new(ReceiveConnector::client("Client Frontend", "mail"));
        let all = [everyone, partner, client];
        let name = |local: &str, remote: &str| {
            select(&all, local.parse().unwrap(), remote.parse().unwrap()).map(|c| c.name.clone())
        };
        assert_eq!(name("10.0.0.1:25", "192.0.2.9").unwrap(), "Partner");
        assert_eq!(name("10.0.0.1:25", "198.51.100.9").unwrap(), "Default Frontend");
        assert_eq!(name("[::1]:587", "::1").unwrap(), "Client Frontend");
        assert_eq!(name("[::ffff:10.0.0.1]:25", "::ffff:192.0.2.9").unwrap(), "Partner");
        assert_eq!(name("10.0.0.1:26", "192.0.2.9"), None);
    }

    #[test]
    fn the_smaller_of_the_two_source_limits_holds() {
        let connector = ReceiveConnector::frontend("a", "b");
        assert_eq!([0, 4500, 5000, 9000].map(|open| connector.source_limit(open)), [20, 10, 1, 1]);
    }
}
