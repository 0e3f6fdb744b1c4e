//! Turns each protocol into `services` verbs.

pub mod http;
