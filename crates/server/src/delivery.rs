//! Mail for mailboxes of other servers, over the links: what this server hands over, and what it is handed.

use std::sync::Arc;

use base::neighbours::Neighbours;
use dag::{
    link::{Audience, Endpoint, Links, Registration, converse, service},
    neighbours::neighbours,
};
use transport::Transport;

/// The servers that have other mailbox databases.
pub(crate) fn others(links: &Links) -> Arc<dyn Neighbours> {
    neighbours(links, service::DELIVERY)
}

/// Takes what others hand over, as long as the registration lives.
pub(crate) fn answer(links: &Links, transport: &Transport) -> Registration {
    let transport = transport.clone();
    let endpoint = Endpoint::of(service::DELIVERY);
    links.register_stream(Audience::Servers, endpoint, move |peer, head, sink, source| {
        let transport = transport.clone();
        async move { transport.answer(peer.server, &head, converse(sink, source)).await }
    })
}

#[cfg(test)]
mod tests;
