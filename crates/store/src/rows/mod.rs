//! What the tables hold: one struct a table, its byte form beside it.

mod folder;
mod item;
mod listing;
mod mailbox;

pub(crate) use folder::{Figures, FolderRow};
pub(crate) use item::{Detail, HAS_BAG, ItemRow, Keywords, Moved, Place, Received, Uids};
pub(crate) use listing::Listing;
pub(crate) use mailbox::{Identity, MailboxRow, SCHEMA, Totals};
