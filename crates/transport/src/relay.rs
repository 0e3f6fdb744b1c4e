//! The seam to the way out: letters for one next hop, carried over one connection by SMTP; and how a send
//! connector of the directory becomes the settings of that connection.

use std::{future::Future, net::IpAddr, pin::Pin};

use base::{Guid, SmtpDomain};
use bytes::Bytes;
use directory::{Object, Value, View};
use wire::smtp::{Envelope, Reply};

use crate::{
    queue::Hop,
    send::{Outcome, Outgoing, Route, SendConnector, Sender, TlsPolicy, Verdict},
};

/// The connector of a queue was removed or disabled.
const NO_CONNECTOR: Reply = Reply::new(451, (4, 4, 0), "ROUTING.NoConnector; the send connector is gone");

/// One message for recipients at one next hop.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// The message, in parts.
    pub parts: Vec<Bytes>,
}

/// What became of one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was offered to a server: an outcome for each recipient, in order.
    Offered(Vec<Outcome>),
    /// No server of the hop could be reached: that says nothing about the letter.
    Unreached(Outcome),
    /// Its turn did not come; it is as if nothing happened.
    Untouched,
}

/// Letters on their way.
pub type Travel<'a> = Pin<Box<dyn Future<Output = Vec<Carried>> + Send + 'a>>;

/// Who carries letters to next hops: SMTP, or a test.
pub trait Carrier: Send + Sync + 'static {
    /// Carries letters to a hop ([`Hop::SmartHost`] or [`Hop::Domain`], whose connector is in `view`); says
    /// what became of each, in order.
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a>;
}

/// Carries by SMTP.
pub struct SmtpCarrier {
    /// What all connections share.
    pub sender: Sender,
    /// This server's name, where a connector has none of its own.
    pub fqdn: String,
}

impl Carrier for SmtpCarrier {
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        Box::pin(async move {
            let Some((connector, route)) = self.way(view, hop) else {
                let gone = Outcome::ours(Verdict::Transient, NO_CONNECTOR, None);
                return letters.iter().map(|_| Carried::Unreached(gone.clone())).collect();
            };
            let mut courier = self.sender.courier(&connector, route);
            let mut carried = Vec::with_capacity(letters.len());
            for letter in &letters {
                let outgoing = Outgoing { envelope: &letter.envelope, parts: &letter.parts };
                let outcomes = courier.deliver(outgoing).await;
                carried.push(judge(outcomes));
                if matches!(carried.last(), Some(Carried::Unreached(_))) {
                    break;
                }
            }
            courier.close().await;
            carried.resize(letters.len(), Carried::Untouched);
            carried
        })
    }
}

/// Tells a hop that could not be reached from one that said no.
fn judge(mut outcomes: Vec<Outcome>) -> Carried {
    let unreached = |outcome: &Outcome| outcome.verdict == Verdict::Transient && !outcome.from_peer;
    if !outcomes.is_empty() && outcomes.iter().all(unreached) {
        Carried::Unreached(outcomes.swap_remove(0))
    } else {
        Carried::Offered(outcomes)
    }
}

impl SmtpCarrier {
    fn way(&self, view: &View, hop: &Hop) -> Option<(SendConnector, Route)> {
        let enabled = |guid: &Guid| view.get(*guid).filter(|connector| connector.flag("Enabled"));
        match hop {
            Hop::Domain(guid, domain) => {
                let connector = enabled(guid)?;
                Some((self.connector(connector), Route::Domain(domain.clone())))
            }
            Hop::SmartHost(guid) => {
                let connector = enabled(guid)?;
                let hosts = connector.values("SmartHosts").iter().map(|host| smart_host(&host.to_string()));
                Some((self.connector(connector), Route::SmartHosts(hosts.collect())))
            }
            Hop::Submission | Hop::Mailbox(_) | Hop::Unreachable | Hop::Poison => None,
        }
    }

    fn connector(&self, object: &Object) -> SendConnector {
        let fqdn = object.text("Fqdn").filter(|fqdn| !fqdn.is_empty()).unwrap_or(&self.fqdn);
        let number = |name| object.int(name);
        let source = object.text("SourceIPAddress").and_then(|ip| ip.parse::<IpAddr>().ok());
        let defaults = SendConnector::new(object.name.to_string(), fqdn);
        SendConnector {
            source: source.filter(|ip| !ip.is_unspecified()),
            port: number("Port").and_then(|port| u16::try_from(port).ok()).unwrap_or(25),
            tls: tls_policy(object),
            force_helo: object.flag("ForceHELO"),
            messages_per_connection: match number("SmtpMaxMessagesPerConnection") {
                Some(0) => u32::MAX,
                Some(number) => u32::try_from(number).unwrap_or(20),
                None => 20,
            },
            ..defaults
        }
    }
}

/// `host`, `[address]`, each perhaps with `:port`.
fn smart_host(text: &str) -> (String, Option<u16>) {
    let split = text.rsplit_once(':').filter(|(host, _)| host.ends_with(']') || !host.contains(':'));
    match split.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host.to_owned(), Some(port)),
        _ => (text.to_owned(), None),
    }
}

fn tls_policy(object: &Object) -> TlsPolicy {
    if object.flag("IgnoreSTARTTLS") {
        return TlsPolicy::Never;
    }
    let domain = match object.stored_value("TlsDomain") {
        Some(Value::Pattern(pattern)) => pattern
            .to_string()
            .trim_start_matches("*.")
            .parse()
            .ok()
            .map(|d: SmtpDomain| d.as_str().to_owned()),
        _ => None,
    };
    match (object.text("TlsAuthLevel"), object.flag("RequireTLS")) {
        (Some("CertificateValidation" | "DomainValidation"), _) => TlsPolicy::Verified(domain),
        (Some("EncryptionOnly"), _) | (_, true) => TlsPolicy::Encrypted,
        _ => TlsPolicy::Opportunistic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smart_hosts() {
        for (text, host, port) in [
            ("smtp.ext.example", "smtp.ext.example", None),
            ("smtp.ext.example:2525", "smtp.ext.example", Some(2525)),
            ("[192.0.2.1]", "[192.0.2.1]", None),
            ("[192.0.2.1]:2525", "[192.0.2.1]", Some(2525)),
            ("[IPv6:2001:db8::1]:25", "[IPv6:2001:db8::1]", Some(25)),
            ("2001:db8::1", "2001:db8::1", None),
        ] {
            assert_eq!(smart_host(text), (host.to_owned(), port));
        }
    }
}
