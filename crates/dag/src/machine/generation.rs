//! Log positions as the "logs" that administrators count: generations of one megabyte each.

use std::fmt;

/// Where a record begins: the sum of the lengths of all records before it, alike on all copies (ADR 0015).
pub type Position = u64;

/// The bytes of one generation. What is counted in logs (queues, mount dial, loose truncation) counts these.
pub const GENERATION_BYTES: u64 = 1 << 20;

/// The number of a log; the first is 1. Log `n` holds the positions from `(n - 1)` to `n` megabytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// The log that holds a position.
    pub const fn holding(position: Position) -> Self {
        Self(position / GENERATION_BYTES + 1)
    }
    /// The last log that is complete when the records end there; 0 before the first is.
    pub const fn complete_at(end: Position) -> Self {
        Self(end / GENERATION_BYTES)
    }
    /// Its first position.
    pub const fn start(self) -> Position {
        self.0.saturating_sub(1).saturating_mul(GENERATION_BYTES)
    }
}

/// As in the names of the product's log files, `E00` and eight hexadecimal digits.
impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

/// How many logs hold something of what lies between two positions: a queue's length. One byte missing is one
/// log, so that zero means that nothing is.
pub const fn logs_between(have: Position, end: Position) -> u64 {
    if have >= end { 0 } else { end.div_ceil(GENERATION_BYTES) - have / GENERATION_BYTES }
}

/// The start of the log that holds a position: logs are cut whole, so all below may go.
pub const fn whole(position: Position) -> Position {
    position - position % GENERATION_BYTES
}

/// So many logs as bytes.
pub const fn bytes_of(logs: u64) -> u64 {
    logs.saturating_mul(GENERATION_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = GENERATION_BYTES;

    #[test]
    fn positions_lie_in_logs() {
        // position, the log that holds it, the last complete one
        for (position, holding, complete) in
            [(0, 1, 0), (1, 1, 0), (MB - 1, 1, 0), (MB, 2, 1), (MB + 1, 2, 1), (5 * MB, 6, 5)]
        {
            assert_eq!(Generation::holding(position), Generation(holding), "{position}");
            assert_eq!(Generation::complete_at(position), Generation(complete), "{position}");
            assert_eq!(whole(position), Generation(holding).start());
        }
    }

    #[test]
    fn queues_count_logs_that_hold_something_missing() {
        for (have, end, logs) in
            [(0, 0, 0), (7, 7, 0), (9, 7, 0), (0, 1, 1), (0, MB, 1), (MB - 1, MB + 1, 2), (MB, 4 * MB, 3)]
        {
            assert_eq!(logs_between(have, end), logs, "{have}..{end}");
        }
    }
}
