//! Moves one message from A to B.

pub mod categorizer;
pub mod dsn;
pub mod error;
pub mod queue;
pub mod receive;
pub mod routing;
pub mod send;
pub mod stream;
pub mod track;

#[cfg(test)]
mod test_identity;
#[cfg(test)]
mod testing;

pub use error::TransportError;
