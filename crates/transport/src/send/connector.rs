//! How mail leaves: the settings of a send connector as far as one connection needs them.

use std::{net::IpAddr, time::Duration};

use base::SmtpDomain;

/// When TLS is used, and what it must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsPolicy {
    /// Never (`-IgnoreSTARTTLS $true`).
    Never,
    /// Where it is offered and works, with any certificate.
    Opportunistic,
    /// Always, with any certificate (`-TlsAuthLevel EncryptionOnly`).
    Encrypted,
    /// Always, with a certificate of a trusted root for this name, or for the host's own where there is
    /// none (`-TlsAuthLevel DomainValidation`, `-TlsDomain`).
    Verified(Option<String>),
}

/// What a smart host wants to know. Has no `Debug`: it holds a password.
#[derive(Clone)]
pub struct SmartHostLogin {
    /// The user.
    pub login: String,
    /// The password.
    pub password: String,
    /// Send it in the clear too (`BasicAuth` without `RequireTLS`).
    pub without_tls: bool,
}

/// Settings of one send connector.
#[derive(Clone)]
pub struct SendConnector {
    /// The name for logs.
    pub name: String,
    /// What we call ourselves in `EHLO`; also how we know an exchanger that is us.
    pub fqdn: String,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// The peers' port.
    pub port: u16,
    /// When TLS is used.
    pub tls: TlsPolicy,
    /// The login at a smart host.
    pub login: Option<SmartHostLogin>,
    /// `-ForceHELO`: never `EHLO`.
    pub force_helo: bool,
    /// Messages over one connection.
    pub messages_per_connection: u32,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl SendConnector {
    /// The defaults: port 25, opportunistic TLS, 20 messages per connection.
    pub fn new(name: impl Into<String>, fqdn: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            fqdn: fqdn.into(),
            source: None,
            port: 25,
            tls: TlsPolicy::Opportunistic,
            login: None,
            force_helo: false,
            messages_per_connection: 20,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long a peer may take (RFC 5321 section 4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// For the greeting, and for the reply to any command but the end of a message.
    pub command: Duration,
    /// To take the next block of a message.
    pub block: Duration,
    /// For the reply to the end of a message.
    pub end: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(5),
            block: Duration::from_mins(3),
            end: Duration::from_mins(10),
        }
    }
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// To the mail exchangers of a domain.
    Domain(SmtpDomain),
    /// To one address (`u@[192.0.2.1]`).
    Address(IpAddr),
    /// To smart hosts, in any order: each a name or `[address]`, with a port where it is not the
    /// connector's.
    SmartHosts(Vec<(String, Option<u16>)>),
}
