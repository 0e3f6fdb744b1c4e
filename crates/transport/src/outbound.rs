//! The way out over SMTP: the queue's letters carried by `send`, by the settings of the directory's send
//! connectors.

use base::SmtpDomain;
use directory::{Object, Value, View};

use crate::{
    queue::Hop,
    relay::{Carried, Courier, Letter, Travel, Trip, Verdict},
    send::{self, Outcome, Outgoing, Route, SendConnector, Sender, SmartHostLogin, TlsPolicy},
};

/// Carries letters by SMTP.
pub struct Outbound {
    sender: Sender,
    /// What this server calls itself where a connector does not say.
    fqdn: String,
}

impl Outbound {
    /// Over a sender.
    pub fn new(sender: Sender, fqdn: impl Into<String>) -> Self {
        Self { sender, fqdn: fqdn.into() }
    }

    async fn travel(&self, view: &View, hop: &Hop, letters: Vec<Letter>) -> Trip {
        let mut trip = Trip { server: String::new(), ip: None, unreached: None, letters: Vec::new() };
        let count = letters.len();
        if let Some((connector, route)) = self.way(view, hop) {
            let mut courier = self.sender.courier(&connector, route);
            for letter in &letters {
                let outcomes =
                    courier.deliver(Outgoing { envelope: &letter.envelope, parts: &letter.parts }).await;
                if let Some(remote) = outcomes.iter().find_map(|outcome| outcome.remote.as_ref()) {
                    trip.server.clone_from(&remote.host);
                    trip.ip = Some(remote.address.ip());
                }
                if let Some(unreached) = unreached(&outcomes) {
                    trip.unreached = trip.letters.is_empty().then(|| unreached.reply.clone());
                    break;
                }
                trip.letters.push(Carried::Offered(outcomes.into_iter().map(verdict).collect()));
            }
            courier.close().await;
        }
        trip.letters.resize(count, Carried::Untouched);
        trip
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
            Some(domain) => route_to(domain),
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
            ..SendConnector::new(&*object.name, object.text("Fqdn").unwrap_or(&self.fqdn))
        }
    }
}

impl Courier for Outbound {
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a> {
        Box::pin(self.travel(view, hop, letters))
    }
}

/// No host of the hop answered, or the connection was lost: nothing is known of any recipient.
fn unreached(outcomes: &[Outcome]) -> Option<&Outcome> {
    let silent = |outcome: &Outcome| !outcome.from_peer && outcome.verdict == send::Verdict::Transient;
    outcomes.first().filter(|_| outcomes.iter().all(silent))
}

fn verdict(outcome: Outcome) -> Verdict {
    let reports = outcome.dsn_passed_on;
    Verdict { reply: outcome.reply, reports }
}

fn route_to(domain: &SmtpDomain) -> Route {
    Route::Domain(domain.clone())
}

/// `relay.example`, `[192.0.2.1]`, each with `:port` where it is not the connector's.
fn smart_hosts(object: &Object) -> Vec<(String, Option<u16>)> {
    let hosts = object.values("SmartHosts").iter().filter_map(Value::as_text);
    let split = |text: &str| match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host.to_owned(), Some(port)),
            Err(_) => (text.to_owned(), None),
        },
        _ => (text.to_owned(), None),
    };
    hosts.map(split).collect()
}

fn tls_policy(object: &Object) -> TlsPolicy {
    let required = object.flag("RequireTLS");
    match object.text("TlsAuthLevel") {
        Some("EncryptionOnly") => TlsPolicy::Encrypted,
        Some("CertificateValidation") => TlsPolicy::Verified(None),
        Some("DomainValidation") => {
            TlsPolicy::Verified(object.get("TlsDomain").map(|domain| domain.to_string()))
        }
        _ if required => TlsPolicy::Encrypted,
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
