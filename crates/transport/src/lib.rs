//! Moves one message from A to B.

pub mod receive;
pub mod track;
pub mod stream;
