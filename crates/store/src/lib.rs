//! What is inside a mailbox: folders, items, associated items, properties and their exact counts, kept in
//! the records of one engine database.
//!
//! A [`Database`] holds many mailboxes; [`Stores`] holds the databases mounted on this server. Reads answer
//! from durable state. Every change is one closure in the engine's writer: it happens whole or not at all,
//! and the answer comes when it is durable.

mod check;
mod codec;
mod database;
mod error;
mod keys;
mod mailbox;
pub mod merge;
mod names;
pub mod property;
mod read;
mod registry;
mod repair;
mod roles;
mod rows;
pub mod transfer;
mod types;
mod watch;
mod write;

pub use check::{Damage, Finding};
pub use database::{Change, Config, Database, Fence, Mailbox};
pub use error::StoreError;
pub use mailbox::{DisconnectReason, MailboxState, MailboxStatistics};
pub use merge::Merge;
pub use read::FolderStatistics;
pub use registry::{MountState, Stores};
pub use roles::{DEFAULT_FOLDERS, DefaultFolder, FolderRole};
pub use transfer::Transfer;
pub use types::{
    Changes, Contents, FlagChange, Flags, Folder, FolderId, FolderStatus, Item, ItemId, Limits, MailboxId,
    Provenance, StorageLimitStatus, UidRanges,
};
pub use write::{
    Associated, Delivered, Delivery, DeliveryId, NewMailbox, NewMessage, Owner, Recipient, Removal,
};
