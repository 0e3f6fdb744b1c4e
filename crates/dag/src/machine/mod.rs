//! What is decided about the copies of a database, from plain values, without clock or I/O: what a copy's
//! status is, how far its log may be cut, which copy becomes active, where active copies belong, and what a
//! lagged copy may replay.

pub mod activation;
pub mod generation;
pub mod lag;
pub mod placement;
pub mod ring;
pub mod status;
pub mod truncation;

pub use generation::{GENERATION_BYTES, Generation, Position};
pub use status::CopyStatus;
