//! Connectors, queues and message tracking.

pub mod message;
pub mod message_tracking_log;
pub mod queue;
pub mod receive_connector;
pub mod send_connector;
pub mod transport_service;
