//! How the mover behaves: the settings of the product's replication service, under their names.

use base::EnhancedTimeSpan;
use store::transfer::PageLimits;

/// Settings of the mover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often a move is tried again after a failure that may pass (`MaxRetries`).
    pub max_retries: i64,
    /// How long it waits before that (`RetryDelay`).
    pub retry_delay: EnhancedTimeSpan,
    /// Moves at a time (`MaxTotalMovesPerMRS`).
    pub max_total_moves: usize,
    /// Moves at a time out of one database (`MaxActiveMovesPerSourceMDB`).
    pub max_moves_per_source_database: usize,
    /// Moves at a time into one database (`MaxActiveMovesPerTargetMDB`).
    pub max_moves_per_target_database: usize,
    /// Bytes a second that one move may copy; `None` is as fast as it goes.
    pub max_bytes_per_second: Option<u64>,
    /// How much one commit takes over.
    pub page: PageLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_retries: 60,
            retry_delay: EnhancedTimeSpan::from_secs(30),
            max_total_moves: 100,
            max_moves_per_source_database: 20,
            max_moves_per_target_database: 20,
            max_bytes_per_second: None,
            page: PageLimits::default(),
        }
    }
}

impl Settings {
    /// How much one commit takes over: at a limited rate no more than a second allows, so that it is an even one.
    pub(super) fn paged(&self) -> PageLimits {
        let bytes = self.max_bytes_per_second.map_or(self.page.bytes, |rate| rate.min(self.page.bytes));
        PageLimits { bytes, ..self.page }
    }
}
