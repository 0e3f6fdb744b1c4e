//! What runs without being asked: the mover of mailboxes, assistants that keep the stores in order.

pub mod moves;
pub mod repairs;
pub mod store_maintenance;
pub mod store_state;
