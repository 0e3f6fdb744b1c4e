//! Delivery into mailboxes: one message for all its recipients of one database in one commit, made here or by
//! the server that has the database.

mod answer;
mod here;
mod letter;
mod there;

use std::{path::PathBuf, time::Duration};

use base::{Guid, Timestamp};
use bytes::Bytes;
use directory::View;
use serde::{Deserialize, Serialize};

use crate::core::Core;
use letter::{Letter, MAILBOXES_MAX};

pub(crate) use answer::Guests;
pub use here::{limits_of, open_or_make};
pub(crate) use there::Others;

/// The mailbox is over its quota.
pub(crate) const MAILBOX_FULL: wire::smtp::Reply =
    wire::smtp::Reply::new(550, (5, 2, 2), "STOREDRV.Deliver; mailbox full");
/// The mailbox cannot take the message for a reason that does not pass.
pub(crate) const UNDELIVERABLE: wire::smtp::Reply =
    wire::smtp::Reply::new(550, (5, 2, 0), "STOREDRV.Deliver; the mailbox can't take this message");

/// A message for mailboxes of one database.
pub(crate) struct ToMailboxes<'a> {
    /// The database.
    pub(crate) database: Guid,
    /// The message's number that stays the same: who has a delivery of it gets no second one.
    pub(crate) network_id: Guid,
    /// The mailboxes.
    pub(crate) mailboxes: Vec<Guid>,
    /// The message, in parts.
    pub(crate) parts: Vec<Bytes>,
    /// Its summary, encoded.
    pub(crate) summary: Bytes,
    /// When it was taken in.
    pub(crate) received: Timestamp,
    /// The directory: where the database is, quotas, the names of mailboxes that are made at their first message.
    pub(crate) view: &'a View,
}

/// What became of a message at one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Landed {
    /// It is in.
    Now,
    /// It was in already.
    Before,
    /// The mailbox is over its quota.
    Full,
    /// A move is taking the mailbox to another database.
    Moving,
    /// There is no such mailbox.
    Nobody,
    /// The mailbox can't take it; the text says why.
    Never(String),
}

/// Why none of the mailboxes of a database got a message, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum Missed {
    /// The volume with this folder is full. Nothing was done.
    #[error("the volume that holds {} is full", .0.display())]
    Full(PathBuf),
    /// The database can't be had now. Nothing was done.
    #[error("{0}")]
    NotNow(String),
    /// It may have been done: who asks again is told that the message was in already.
    #[error("{0}")]
    Unknown(String),
    /// No mailbox of this database can hold the message. Nothing was done.
    #[error("{0}")]
    Unfit(String),
}

/// A delivery that was made.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// The server that made it, where it is another one.
    pub(crate) server: Option<Guid>,
    /// One answer for each mailbox, in their order.
    pub(crate) landed: Vec<Landed>,
}

impl ToMailboxes<'_> {
    /// Delivers where the database is. Another server is waited for so long.
    pub(crate) async fn deliver(&self, core: &Core, patience: Duration) -> Result<Delivered, Missed> {
        let active = self.view.get(self.database).and_then(|database| database.link("Server"));
        let elsewhere = active.filter(|server| *server != core.server_object);
        if elsewhere.is_none() || core.stores.get(self.database).is_ok() {
            match (self.deliver_here(&core.stores).await, elsewhere) {
                // It was the active copy a moment ago.
                (Err(Missed::NotNow(_)), Some(_)) => {}
                (made, _) => return made.map(|landed| Delivered { server: None, landed }),
            }
        }
        let Some(server) = elsewhere else { return Err(Missed::NotNow("no server has it".into())) };
        if self.mailboxes.len() > MAILBOXES_MAX {
            return Err(Missed::NotNow("there are too many mailboxes for one delivery".into()));
        }
        let letter = Letter {
            database: self.database,
            network_id: self.network_id,
            mailboxes: self.mailboxes.clone(),
            received: self.received,
            size: self.parts.iter().map(|part| part.len() as u64).sum(),
        };
        let landed = core.others.deliver(server, letter, &self.parts, patience).await?;
        Ok(Delivered { server: Some(server), landed })
    }
}
