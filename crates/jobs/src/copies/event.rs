//! What the event log says about copies, in the product's channels.

use base::eventlog::{self, EventKind, Level};

const MOUNTED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeRepl",
    id: 3156,
    category: "Service",
    level: Level::Information,
};
const NOT_MOUNTED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeIS",
    id: 1001,
    category: "General",
    level: Level::Error,
};
const LET_GO: EventKind = EventKind { id: 3157, ..MOUNTED };
const SEEDED: EventKind = EventKind { id: 826, ..MOUNTED };
const NOT_SEEDED: EventKind = EventKind { id: 2010, level: Level::Error, ..MOUNTED };
const FAILED: EventKind = EventKind { id: 4113, level: Level::Error, ..MOUNTED };
const TRUNCATED: EventKind = EventKind { id: 224, source: "ESE", ..MOUNTED };
const NO_WITNESS: EventKind =
    EventKind { id: 1564, source: "FailoverClustering", level: Level::Error, ..MOUNTED };
const LOST: EventKind = EventKind { id: 225, level: Level::Warning, ..TRUNCATED };

pub(super) fn mounted(name: &str) {
    eventlog::write(
        &MOUNTED,
        &format!("The copy of database \"{name}\" on this server is the active one and serves."),
    );
}

pub(super) fn not_mounted(name: &str, error: &impl std::fmt::Display) {
    eventlog::write(&NOT_MOUNTED, &format!("The mailbox database \"{name}\" did not mount. {error}"));
}

pub(super) fn let_go(name: &str, where_to: &str) {
    eventlog::write(
        &LET_GO,
        &format!("The copy of database \"{name}\" on this server is not active any more{where_to}."),
    );
}

pub(super) fn seeded(name: &str, source: &str) {
    eventlog::write(
        &SEEDED,
        &format!("The copy of database \"{name}\" on this server was seeded from {source}."),
    );
}

pub(super) fn not_seeded(name: &str, error: &impl std::fmt::Display) {
    eventlog::write(
        &NOT_SEEDED,
        &format!("The copy of database \"{name}\" on this server was not seeded. {error}"),
    );
}

pub(super) fn failed(name: &str, why: &str) {
    eventlog::write(&FAILED, &format!("The copy of database \"{name}\" on this server has failed: {why}"));
}

pub(super) fn truncated(name: &str, below: u64) {
    eventlog::write(
        &TRUNCATED,
        &format!(
            "The log of database \"{name}\" was cut on this server: what is before {below} bytes serves no other copy any more."
        ),
    );
}

pub(super) fn lost(name: &str, server: &str) {
    eventlog::write(
        &LOST,
        &format!(
            "The copy of database \"{name}\" on {server} needs log that is gone: it must be seeded anew."
        ),
    );
}

pub(super) fn no_witness(name: &str, error: &impl std::fmt::Display) {
    eventlog::write(
        &NO_WITNESS,
        &format!("This server can't be the witness of database \"{name}\". {error}"),
    );
}
