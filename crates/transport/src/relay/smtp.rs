//! The way out over SMTP: the queue's letters carried by `send`, by the settings of the directory's send
//! connectors.

use directory::{Object, Value, View};
use wire::smtp::Reply;

use crate::{
    queue::Hop,
    relay::{Carried, Carrier, Letter, Travel},
    send::{Outcome, Outgoing, Route, SendConnector, Sender, SmartHostLogin, TlsPolicy, Verdict},
};

/// The connector of a queue is gone; the next look finds another way.
const NO_CONNECTOR: Reply = Reply::new(451, (4, 4, 0), "ROUTING.NoConnector; the send connector is gone");

/// Carries letters by SMTP.
pub struct SmtpCarrier {
    /// What all connections share.
    pub sender: Sender,
    /// What this server calls itself where a connector does not say.
    pub fqdn: String,
}

impl SmtpCarrier {
    async fn travel(&self, view: &View, hop: &Hop, letters: Vec<Letter>) -> Vec<Carried> {
        let Some((connector, route)) = self.way(view, hop) else {
            let gone = Outcome::ours(Verdict::Transient, NO_CONNECTOR, None);
            return vec![Carried::Unreached(gone); letters.len()];
        };
        let mut courier = self.sender.courier(&connector, route);
        let mut carried = Vec::with_capacity(letters.len());
        for letter in &letters {
            let outgoing = Outgoing { envelope: &letter.envelope, parts: &letter.parts };
            carried.push(judge(courier.deliver(outgoing).await));
            if matches!(carried.last(), Some(Carried::Unreached(_))) {
                break;
            }
        }
        courier.close().await;
        carried.resize(letters.len(), Carried::Untouched);
        carried
    }

    /// The connector's settings and where it leads; nothing where it is gone, and the categorizer must choose
    /// again.
    fn way(&self, view: &View, hop: &Hop) -> Option<(SendConnector, Route)> {
        let (guid, domain) = match hop {
            Hop::SmartHost(guid) => (guid, None),
            Hop::Domain(guid, domain) => (guid, Some(domain)),
            Hop::Submission | Hop::Mailbox(_) | Hop::Unreachable | Hop::Poison => return None,
        };
        let object = view.get(*guid)?;
        let route = match domain {
            Some(domain) => Route::Domain(domain.clone()),
            None => Route::SmartHosts(smart_hosts(object)),
        };
        Some((self.connector(object), route))
    }

    fn connector(&self, object: &Object) -> SendConnector {
        let number = |name| object.int(name).and_then(|n| u32::try_from(n).ok());
        SendConnector {
            source: object
                .text("SourceIPAddress")
                .and_then(|text| text.parse().ok())
                .filter(|ip: &std::net::IpAddr| !ip.is_unspecified()),
            port: number("Port").and_then(|port| u16::try_from(port).ok()).unwrap_or(25),
            tls: tls_policy(object),
            login: login(object),
            force_helo: object.flag("ForceHELO"),
            messages_per_connection: number("SmtpMaxMessagesPerConnection")
                .filter(|n| *n > 0)
                .unwrap_or(u32::MAX),
            ..SendConnector::new(
                &*object.name,
                object.text("Fqdn").filter(|fqdn| !fqdn.is_empty()).unwrap_or(&self.fqdn),
            )
        }
    }
}

impl Carrier for SmtpCarrier {
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        Box::pin(self.travel(view, hop, letters))
    }
}

/// Tells a hop that had nothing to say of the message (no host answered or would talk, or the connection was
/// lost) from one that said no.
fn judge(mut outcomes: Vec<Outcome>) -> Carried {
    let silent = |outcome: &Outcome| outcome.about_host && outcome.verdict == Verdict::Transient;
    if !outcomes.is_empty() && outcomes.iter().all(silent) {
        Carried::Unreached(outcomes.swap_remove(0))
    } else {
        Carried::Offered(outcomes)
    }
}

fn smart_hosts(object: &Object) -> Vec<(String, Option<u16>)> {
    object.values("SmartHosts").iter().filter_map(Value::as_text).map(smart_host).collect()
}

/// `relay.example`, `[192.0.2.1]`, each with `:port` where it is not the connector's.
fn smart_host(text: &str) -> (String, Option<u16>) {
    let split = text.rsplit_once(':').filter(|(host, _)| host.ends_with(']') || !host.contains(':'));
    match split.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host.to_owned(), Some(port)),
        _ => (text.to_owned(), None),
    }
}

fn tls_policy(object: &Object) -> TlsPolicy {
    let named = || match object.stored_value("TlsDomain") {
        Some(Value::Pattern(pattern)) => Some(pattern.to_string().trim_start_matches("*.").to_owned()),
        _ => None,
    };
    match object.text("TlsAuthLevel") {
        Some("EncryptionOnly") => TlsPolicy::Encrypted,
        Some("CertificateValidation") => TlsPolicy::Verified(None),
        Some("DomainValidation") => TlsPolicy::Verified(named()),
        _ if object.flag("RequireTLS") => TlsPolicy::Encrypted,
        _ if object.flag("IgnoreSTARTTLS") => TlsPolicy::Never,
        _ => TlsPolicy::Opportunistic,
    }
}

fn login(object: &Object) -> Option<SmartHostLogin> {
    let mechanism = object.text("SmartHostAuthMechanism").filter(|name| name.starts_with("BasicAuth"))?;
    let login = object.text("AuthenticationUserName")?.to_owned();
    let Some(Value::Secret(secret)) = object.stored_value("AuthenticationCredential") else { return None };
    let password = String::from_utf8(secret.0.to_vec()).ok()?;
    Some(SmartHostLogin { login, password, without_tls: mechanism == "BasicAuth" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smart_hosts_with_and_without_a_port() {
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
