//! Copies of a database on several servers: which one is active, how records reach the others, when the log
//! may be cut, and the links the servers talk over. It ships records it cannot read.
//!
//! `machine` decides (pure), `replica` keeps one copy (openraft over the engine's log), `link` carries bytes
//! between servers, `copies` puts the two together (`opening` and `remade` are parts of a copy's life), `neighbours`
//! carries what other rooms ask.

pub mod copies;
pub mod link;
pub mod machine;
pub mod neighbours;
pub mod opening;
pub mod remade;
pub mod replica;
