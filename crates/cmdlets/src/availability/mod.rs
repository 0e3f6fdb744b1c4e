//! Database availability groups, copies of databases, and which of them is active.

pub mod active_mailbox_database;
pub mod availability_group;
pub mod availability_group_network;
pub mod availability_group_server;
pub mod database_copy;
pub mod database_copy_status;
pub mod redistribution;
pub mod replication_health;
mod selection;

pub use selection::{candidates, request};
