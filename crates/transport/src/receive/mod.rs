//! The way in: receive connectors and their SMTP sessions. A session knows the protocol and its limits;
//! whether a sender, a recipient or a message is wanted is asked of an [`Intake`].

pub mod connector;
pub mod intake;
pub mod range;

pub use connector::{AuthMechanisms, Keywords, PermissionGroups, ReceiveConnector, TransportRole};
pub use intake::{Identity, Intake, Mail, Receipt, Refusal, Session, TlsFacts};
pub use range::IpRange;
