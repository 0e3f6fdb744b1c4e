//! Connectors, queues and message tracking.

pub mod message_tracking_log;
pub mod receive_connector;
pub mod send_connector;
