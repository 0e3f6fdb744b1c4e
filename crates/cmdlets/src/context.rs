//! What cmdlets work on: the server's rooms, by their own names.

use std::sync::Arc;

use base::{Fault, Guid, Rng, clock::SharedClock, eventlog::EventLog, neighbours::Neighbours};
use directory::{Directory, DirectoryError, Draft, Object};
use store::Stores;
use transport::Transport;
use trust::audit;

use crate::copies::Copies;

/// One server, as its cmdlets see it.
pub struct Context {
    /// This server's host name.
    pub server_name: String,
    /// Its object.
    pub server: Guid,
    /// Who and what exists.
    pub directory: Directory,
    /// The mailbox databases of this server.
    pub stores: Stores,
    /// How a mailbox database of the directory is opened here.
    pub database_config: Box<dyn Fn(&Object) -> store::Config + Send + Sync>,
    /// Copies of databases on several servers.
    pub copies: Box<dyn Copies>,
    /// Queues, and what happened to messages.
    pub transport: Transport,
    /// Other servers, asked for what they keep ([`crate::Answers`] at their end).
    pub neighbours: Arc<dyn Neighbours>,
    /// The links to the other servers; none where this one is alone by construction (tests).
    pub links: Option<dag::link::Links>,
    /// Who has which mailbox open.
    pub sessions: services::Sessions,
    /// Mailboxes being looked through for damage.
    pub repairs: jobs::repairs::Repairs,
    /// What administrators did.
    pub audit: audit::Log,
    /// Product-style events.
    pub events: Arc<EventLog>,
    /// Where salts come from.
    pub rng: Arc<dyn Rng>,
    /// The time.
    pub clock: SharedClock,
    /// Where futures are waited for: cmdlets run on threads that may block.
    pub runtime: tokio::runtime::Handle,
}

impl Context {
    /// Changes the directory and waits until the change is durable and visible. Cmdlets go through their call,
    /// which checks that they may.
    pub(crate) fn commit<R, F>(&self, change: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&mut Draft<'_>) -> Result<R, DirectoryError> + Send + 'static,
    {
        self.runtime.block_on(self.directory.commit(change))
    }
}
