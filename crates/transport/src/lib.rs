//! Moves one message from A to B.

pub mod error;
pub mod queue;
pub mod receive;
pub mod track;
pub mod stream;

pub use error::TransportError;
