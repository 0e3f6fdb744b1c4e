//! Product-style events: a log (channel), a source, an id, a level and a text, as administrators search for
//! them. Any room writes one with [`write`]; it travels through `tracing`, and the server's subscriber
//! appends it to the event log that `Get-WinEvent` reads.

mod file;

pub use file::{Entry, EventLog, Query};

/// The `tracing` target that marks an event-log entry.
pub const TARGET: &str = "eventlog";

/// How bad it is; numbers as the product's viewers know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed and needs a look (2).
    Error,
    /// Something may need a look (3).
    Warning,
    /// For the record (4).
    Information,
}

impl Level {
    /// The number in the `Level` property.
    pub const fn number(self) -> u8 {
        match self {
            Level::Error => 2,
            Level::Warning => 3,
            Level::Information => 4,
        }
    }

    /// The text in the `LevelDisplayName` property.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Error => "Error",
            Level::Warning => "Warning",
            Level::Information => "Information",
        }
    }
}

/// A kind of event: everything about it but its text.
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    /// The channel: `Application`, or a crimson channel such as `Microsoft-Exchange-ActiveMonitoring/ProbeResult`.
    pub log: &'static str,
    /// The source: `MSExchangeTransport` …
    pub source: &'static str,
    /// The event's number within its source.
    pub id: u32,
    /// The task category: `SmtpReceive` …
    pub category: &'static str,
    /// How bad it is.
    pub level: Level,
}

/// Writes one event. `message` is for administrators: it names what, where and what to do; never a secret.
pub fn write(kind: &EventKind, message: &str) {
    let EventKind { log, source, id, category, .. } = *kind;
    match kind.level {
        Level::Error => tracing::error!(target: TARGET, log, source, id, category, "{message}"),
        Level::Warning => tracing::warn!(target: TARGET, log, source, id, category, "{message}"),
        Level::Information => tracing::info!(target: TARGET, log, source, id, category, "{message}"),
    }
}
