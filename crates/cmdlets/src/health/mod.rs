//! Events and health.

pub mod win_event;
