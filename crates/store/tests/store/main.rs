//! The store as its callers use it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod administration;
mod append;
mod common;
mod merge;
mod model;
mod random;
mod transfer;
mod verbs;
