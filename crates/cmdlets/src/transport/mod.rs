//! Connectors, queues and message tracking.

pub mod receive_connector;
pub mod send_connector;
pub mod message_tracking_log;
