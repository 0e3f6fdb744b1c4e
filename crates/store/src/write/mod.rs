//! Changes: each verb is one closure in the engine's writer.

mod append;
mod deliver;
mod folders;
mod items;
mod ledger;
mod mailboxes;
mod properties;
mod retention;

pub use deliver::{Delivered, Delivery, DeliveryId, Recipient};
pub use items::{NewMessage, Removal};
pub(crate) use ledger::{Ledger, NewItem, Touched, release_body, share_body};
pub use mailboxes::NewMailbox;
pub(crate) use mailboxes::{begin_removal, next_mailbox, set_locked};
pub(crate) use properties::limited;
pub use properties::{Associated, Owner};
pub(crate) use properties::{AssociatedRow, take_associated};
