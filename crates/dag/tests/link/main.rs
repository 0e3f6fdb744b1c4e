//! Links between servers over real sockets and TLS, on loopback.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod calls;
mod conversations;
mod faults;
mod streams;
mod support;
mod trust;
