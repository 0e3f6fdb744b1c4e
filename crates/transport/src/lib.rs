//! Moves one message from A to B.

pub mod receive;
pub mod stream;
