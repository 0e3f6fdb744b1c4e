//! Moves of mailboxes between servers, over the links: what this server's mover takes from others, and what others
//! take from here.

use base::{Guid, clock::SharedClock};
use dag::{
    link::{Audience, Endpoint, Links, Registration, converse, service},
    neighbours::neighbours,
};
use directory::Directory;
use jobs::{
    copies::Manager,
    moves::{Mover, Notified, Rooms, Settings, Sources, constraint},
};
use store::Stores;
use transport::Transport;

/// The mover of this server; it answers those of others as long as the registration lives.
pub(crate) fn mover(
    (directory, stores, clock): (&Directory, &Stores, &SharedClock),
    server: Guid,
    (links, copies, transport): (&Links, &Manager, &Transport),
    settings: Settings,
) -> (Mover, Registration) {
    let (directory, stores, clock) = (directory.clone(), stores.clone(), clock.clone());
    let others = neighbours(links, service::MOVES);
    let sources = Sources::new(directory.clone(), stores.clone(), clock.clone(), server, others);
    let answering = sources.clone();
    let endpoint = Endpoint::of(service::MOVES);
    let registration = links.register_stream(Audience::Servers, endpoint, move |_, head, sink, source| {
        let sources = answering.clone();
        async move { sources.answer(&head, converse(sink, source)).await }
    });
    let copies = constraint::copies_of(copies);
    let transport = transport.clone();
    let notify = Box::new(move |notice| -> Notified {
        let transport = transport.clone();
        Box::pin(async move { transport.notify(notice).await.map(|_| ()) })
    });
    let rooms = Rooms { directory, stores, clock, server, sources, copies, notify };
    (Mover::new(rooms, settings), registration)
}
