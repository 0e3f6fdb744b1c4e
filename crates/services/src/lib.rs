//! The verbs a person does to a mailbox, protocol-free. Every verb takes the caller first: the access
//! check, throttling and audit happen here, once; no front end can forget them.

pub mod caller;
pub mod mailbox;
mod organization;
mod sessions;
pub mod tickets;

pub use caller::{Caller, Client, Credentials, Services};
pub use mailbox::Mailbox;
pub use organization::Organization;
pub use sessions::{Logon, Sessions};
