//! Moves of mailboxes as administrators ask for them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod batches;
mod between;
mod crash;
mod house;
mod requests;
mod restores;
