//! What sessions are played on.

pub(crate) mod console;
mod copies;
mod world;
