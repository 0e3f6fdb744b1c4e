//! The language as a person at the console meets it.

mod bounds;
mod language;
mod support;
mod throughput;
