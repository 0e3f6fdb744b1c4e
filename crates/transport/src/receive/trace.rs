//! What this server writes before a message: its trace field (RFC 5321 section 4.4), and the fields every
//! message should have (RFC 5322 section 3.6) where the client left them out.

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
};

use base::Timestamp;
use bytes::Bytes;
use wire::smtp::Envelope;

use super::{Session, header::HeaderFacts};

/// One transfer of one message.
pub(super) struct Transfer<'a> {
    pub(super) session: &'a Session,
    pub(super) envelope: &'a Envelope,
    /// Our name for the transfer.
    pub(super) id: &'a str,
    pub(super) at: Timestamp,
}

impl Transfer<'_> {
    /// The fields to put before the message; `message_id` where it brings none of its own.
    pub(super) fn fields(&self, facts: &HeaderFacts<'_>, message_id: &str) -> Bytes {
        let mut out = String::with_capacity(512);
        // Writing to a String cannot fail.
        let _ = self.received(&mut out);
        if facts.message_id.is_none() {
            let _ = write!(out, "Message-ID: {message_id}\r\n");
        }
        if !facts.dated {
            let _ = write!(out, "Date: {}\r\n", self.at.to_rfc5322());
        }
        if !facts.starts_with_field {
            // What follows is body text: without an empty line it would be read as a broken header.
            out.push_str("\r\n");
        }
        out.into()
    }

    fn received(&self, out: &mut String) -> std::fmt::Result {
        let session = self.session;
        write!(out, "Received: from {} ({})", session.helo, Literal(session.remote))?;
        write!(out, "\r\n by {} ({})", session.connector.fqdn, Literal(session.local))?;
        write!(out, " with {}", self.protocol())?;
        if let Some(tls) = &session.tls {
            write!(out, "\r\n (version={}, cipher={})", tls.version, tls.cipher)?;
        }
        write!(out, " id {}", self.id)?;
        if let [only] = self.envelope.to.as_slice() {
            write!(out, "\r\n for <{}>", only.address)?;
        }
        write!(out, ";\r\n {}\r\n", self.at.to_rfc5322())
    }

    /// The registered name of the protocol (RFC 3848, RFC 6531 section 4.3).
    fn protocol(&self) -> String {
        let base = match (self.envelope.from.smtputf8, self.session.extended) {
            (true, _) => "UTF8SMTP",
            (false, true) => "ESMTP",
            (false, false) => "SMTP",
        };
        let secure = if self.session.tls.is_some() { "S" } else { "" };
        let known = if self.session.identity.is_some() { "A" } else { "" };
        format!("{base}{secure}{known}")
    }
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]`
struct Literal(SocketAddr);

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.ip().to_canonical() {
            IpAddr::V4(v4) => write!(f, "[{v4}]"),
            IpAddr::V6(v6) => write!(f, "[IPv6:{v6}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wire::smtp::{MailFrom, RcptTo};

    use super::*;
    use crate::{
        receive::{ReceiveConnector, header},
        stream::TlsFacts,
    };

    fn session() -> Session {
        Session {
            id: 1,
            connector: Arc::new(ReceiveConnector::frontend("a", "mail.example")),
            remote: "192.0.2.7:4321".parse().unwrap(),
            local: "[::ffff:198.51.100.1]:25".parse().unwrap(),
            helo: "client.example".into(),
            extended: true,
            tls: None,
            identity: None,
        }
    }

    fn fields(session: &Session, to: &[&str], message: &str) -> String {
        let to = to.iter().map(|a| RcptTo::new(a.parse().unwrap())).collect();
        let envelope = Envelope { from: MailFrom::default(), to };
        let at = Timestamp::from_secs(1_795_412_281);
        let transfer = Transfer { session, envelope: &envelope, id: "1A.1", at };
        let facts = header::examine(message.as_bytes(), "mail.example");
        String::from_utf8(transfer.fields(&facts, "<new@mail.example>").to_vec()).unwrap()
    }

    #[test]
    fn names_both_ends_and_the_single_recipient() {
        let complete = "Message-ID: <a@b>\r\nDate: today\r\n\r\n";
        assert_eq!(
            fields(&session(), &["ana@contoso.com"], complete),
            "Received: from client.example ([192.0.2.7])\r\n by mail.example ([198.51.100.1]) with ESMTP id 1A.1\r\n \
             for <ana@contoso.com>;\r\n Mon, 23 Nov 2026 05:38:01 +0000\r\n"
        );
        let tls = Some(TlsFacts { version: "TLS1_3", cipher: "TLS13_AES_256_GCM_SHA384" });
        let secure = Session { tls, extended: false, ..session() };
        let text = fields(&secure, &["a@b", "c@d"], complete);
        assert!(
            text.contains("with SMTPS\r\n (version=TLS1_3, cipher=TLS13_AES_256_GCM_SHA384) id"),
            "{text}"
        );
        assert!(!text.contains(" for "), "two recipients are not told of each other");
        assert_eq!(header::examine(text.as_bytes(), "mail.example").local_hops, 1, "we know our own hand");
    }

    #[test]
    fn completes_what_is_missing() {
        let text = fields(&session(), &[], "Subject: x\r\n\r\n");
        assert!(
            text.ends_with("Message-ID: <new@mail.example>\r\nDate: Mon, 23 Nov 2026 05:38:01 +0000\r\n")
        );
        assert!(fields(&session(), &[], "Hello there\r\n").ends_with("\r\n\r\n"));
        assert!(!fields(&session(), &[], "\r\nbody\r\n").ends_with("\r\n\r\n"));
    }
}
