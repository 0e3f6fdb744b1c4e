//! What runs without being asked: assistants that keep the stores in order.

pub mod store_maintenance;
