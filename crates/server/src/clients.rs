//! Clients whose mailbox is on this server and who have logged on at another one: their sessions come over the links.

use std::sync::Arc;

use base::neighbours::Conversation;
use dag::link::{Audience, Endpoint, Links, Registration, converse, service};
use protocols::{imap, pop3};
use services::Services;
use tokio::sync::watch;

#[cfg(test)]
mod tests;

/// The protocols whose sessions are handed over.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) imap: Arc<imap::Server>,
    pub(crate) pop3: Arc<pop3::Server>,
}

/// Takes sessions from the other servers for as long as the registration lives.
pub(crate) fn answer(
    links: &Links,
    services: Services,
    doors: Doors,
    stopped: watch::Receiver<bool>,
) -> Registration {
    links.register_stream(
        Audience::Servers,
        Endpoint::of(service::CLIENTS),
        move |peer, head, sink, source| {
            let (services, doors, stopped) = (services.clone(), doors.clone(), stopped.clone());
            async move {
                let conversation: Conversation = Box::new(converse(sink, source));
                let Some(arrival) = services.receive(&head, conversation).await else { return };
                let protocol = arrival.mailbox.caller().client.protocol;
                tracing::debug!(server = %peer.server, protocol, "a session was handed over");
                match protocol {
                    imap::PROTOCOL => doors.imap.resume(arrival, stopped).await,
                    pop3::PROTOCOL => doors.pop3.resume(arrival, stopped).await,
                    _ => tracing::warn!(server = %peer.server, protocol, "no such sessions are taken"),
                }
            }
        },
    )
}
