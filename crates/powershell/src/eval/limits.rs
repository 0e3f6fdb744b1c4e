//! What a script may use.

use std::time::Duration;

/// Bounds of one run. Memory is counted as asked for, not as held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Expressions and statements evaluated.
    pub steps: u64,
    /// Nested expressions, statements and calls.
    pub depth: u32,
    /// Bytes of strings and arrays made.
    pub bytes: u64,
    /// Wall-clock time.
    pub time: Duration,
}

impl Limits {
    /// For a person at their own shell: only the depth is bounded, and memory generously.
    pub const SHELL: Limits =
        Limits { steps: u64::MAX, depth: DEPTH, bytes: 64 << 30, time: Duration::from_secs(86_400 * 365) };
    /// For a session of a peer on a server.
    pub const SESSION: Limits =
        Limits { steps: 50_000_000, depth: DEPTH, bytes: 1 << 30, time: Duration::from_secs(900) };
}

/// Fits the evaluator's own stack (see `runspace`), measured without optimisation.
const DEPTH: u32 = 3000;
