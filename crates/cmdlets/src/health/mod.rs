//! Events and health.

pub mod server_component_state;
pub mod win_event;
