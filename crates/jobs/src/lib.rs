//! What runs without being asked: copies of databases and mail queues, the mover of mailboxes, assistants that keep the stores in
//! order.

pub mod batches;
pub mod copies;
pub mod moves;
pub mod queues;
pub mod repairs;
pub mod store_maintenance;
pub mod store_state;
