//! Carries the messages of one queue: tries hosts until one answers, keeps the connection for the next
//! message, and never sends a message twice when it may have arrived.

use std::{net::SocketAddr, sync::Arc};

use base::{
    Rng,
    net::{self, TcpStream},
};
use bytes::Bytes;
use tracing::Instrument;
use wire::smtp::{Envelope, Reply};

use super::{
    ClientTls, DnsError, Outcome, Remote, Resolver, Route, SendConnector, TlsPolicy, Verdict,
    client::{Client, LinkError},
    target::targets,
    transfer::Broken,
};

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Sender and recipients.
    pub envelope: &'a Envelope,
    /// The bytes, in order.
    pub parts: &'a [Bytes],
}

/// What all couriers share.
pub struct Sender {
    /// Names to hosts.
    pub resolver: Resolver,
    /// How to shake hands.
    pub tls: ClientTls,
    /// For the choice between equals.
    pub rng: Arc<dyn Rng>,
}

/// One queue's way out. Keeps its connection between messages; [`Courier::close`] says goodbye.
pub struct Courier<'a> {
    sender: &'a Sender,
    connector: &'a SendConnector,
    route: Route,
    /// The hosts still to try, best last.
    candidates: Vec<Remote>,
    link: Option<Link>,
}

struct Link {
    client: Client<TcpStream>,
    carried: u32,
}

impl Sender {
    /// A courier for one route. Nothing is looked up or connected yet.
    pub fn courier<'a>(&'a self, connector: &'a SendConnector, route: Route) -> Courier<'a> {
        Courier { sender: self, connector, route, candidates: Vec::new(), link: None }
    }
}

impl Courier<'_> {
    /// Sends a message; one outcome per recipient, in the envelope's order.
    pub async fn deliver(&mut self, mail: Outgoing<'_>) -> Vec<Outcome> {
        let span = tracing::info_span!("smtp_send", connector = self.connector.name, route = ?self.route);
        self.attempt(mail).instrument(span).await
    }

    async fn attempt(&mut self, mail: Outgoing<'_>) -> Vec<Outcome> {
        let all = |outcome: Outcome| vec![outcome; mail.envelope.to.len()];
        if let Some(link) = self.link.take()
            && let Some(outcomes) = self.over_kept_link(link, mail).await
        {
            return outcomes;
        }
        if let Err(error) = self.look_up().await {
            return all(unroutable(&error));
        }
        let mut last = None;
        while let Some(remote) = self.candidates.pop() {
            let failure = match self.connect(&remote).await {
                Err(error) => error,
                Ok(mut client) => match client.transfer(&mail).await {
                    Ok(outcomes) => {
                        self.keep(client, 1).await;
                        return outcomes;
                    }
                    Err(Broken::After(error)) => return all(failed(&error, remote)),
                    Err(Broken::Before(error)) => error,
                },
            };
            tracing::debug!(host = remote.host, address = %remote.address, %failure, "host failed");
            last = Some(failed(&failure, remote));
        }
        all(last.unwrap_or_else(|| unroutable(&DnsError::NoSuchDomain)))
    }

    /// Sends over the connection of the message before. `None` where it turned out to be dead, which
    /// says nothing about the host.
    async fn over_kept_link(&mut self, mut link: Link, mail: Outgoing<'_>) -> Option<Vec<Outcome>> {
        match link.client.transfer(&mail).await {
            Ok(outcomes) => {
                self.keep(link.client, link.carried + 1).await;
                Some(outcomes)
            }
            Err(Broken::After(error)) => {
                Some(vec![failed(&error, link.client.remote.clone()); mail.envelope.to.len()])
            }
            Err(Broken::Before(_)) => None,
        }
    }

    async fn keep(&mut self, client: Client<TcpStream>, carried: u32) {
        if carried < self.connector.messages_per_connection {
            self.link = Some(Link { client, carried });
        } else {
            client.quit().await;
        }
    }

    async fn look_up(&mut self) -> Result<(), DnsError> {
        let Sender { resolver, rng, .. } = self.sender;
        self.candidates = targets(resolver, rng.as_ref(), self.connector, &self.route).await?;
        self.candidates.reverse();
        Ok(())
    }

    /// Opens a session with one host. Opportunistic TLS that fails is done without.
    async fn connect(&self, remote: &Remote) -> Result<Client<TcpStream>, LinkError> {
        match self.connect_once(remote, true).await {
            Err(LinkError::Tls(error)) if self.connector.tls == TlsPolicy::Opportunistic => {
                tracing::info!(host = remote.host, %error, "TLS failed, going on without");
                self.connect_once(remote, false).await
            }
            other => other,
        }
    }

    async fn connect_once(&self, remote: &Remote, tls_allowed: bool) -> Result<Client<TcpStream>, LinkError> {
        let source = self.connector.source.filter(|ip| ip.is_ipv4() == remote.address.is_ipv4());
        let source = source.map(|ip| SocketAddr::new(ip, 0));
        let connected = net::connect(remote.address, source, self.connector.timeouts.connect).await;
        let stream = connected.map_err(LinkError::Unreachable)?;
        Client::open(stream, remote.clone(), self.connector, &self.sender.tls, tls_allowed).await
    }

    /// Says goodbye to the host, if there is a connection.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.client.quit().await;
        }
    }
}

/// The route leads nowhere, now or for good.
fn unroutable(error: &DnsError) -> Outcome {
    let verdict = if error.is_transient() { Verdict::Transient } else { Verdict::Permanent };
    Outcome::ours(verdict, Reply::from(error), None)
}

/// The last host failed before it could speak of recipients. That is no verdict on them, except where it
/// says that it takes no mail at all (RFC 7504).
fn failed(error: &LinkError, remote: Remote) -> Outcome {
    let reply = error.reply();
    let verdict = if matches!(reply.code, 521 | 556) { Verdict::Permanent } else { Verdict::Transient };
    let from_peer = matches!(error, LinkError::Refused(_));
    Outcome { from_peer, ..Outcome::ours(verdict, reply, Some(remote)) }
}
