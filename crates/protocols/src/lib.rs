//! Turns each protocol into `services` verbs.
