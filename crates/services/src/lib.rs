//! The verbs a person does to a mailbox, protocol-free. Every verb takes the caller first: the access
//! check, throttling and audit happen here, once; no front end can forget them.

pub mod caller;
mod entrance;
mod handover;
pub mod mailbox;
mod organization;
mod sessions;
pub mod tickets;

pub use caller::{Caller, Client, Credentials, Place, Services};
pub use entrance::{Arrival, Entrance};
pub use handover::Standing;
pub use mailbox::Mailbox;
pub use organization::Organization;
pub use sessions::{Logon, Sessions};
