//! What runs without being asked: copies of databases, the mover of mailboxes, assistants that keep the stores in
//! order.

pub mod batches;
pub mod copies;
pub mod moves;
pub mod repairs;
pub mod store_maintenance;
pub mod store_state;
