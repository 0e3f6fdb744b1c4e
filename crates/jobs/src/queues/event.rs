//! What the event log says about copies of mail queues.

use base::eventlog::{self, EventKind, Level};

const SERVED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 17_020,
    category: "Storage",
    level: Level::Information,
};
const NOT_SERVED: EventKind = EventKind { id: 17_021, level: Level::Error, ..SERVED };
const ADOPTED: EventKind = EventKind { id: 17_022, level: Level::Warning, ..SERVED };
const SEEDED: EventKind = EventKind { id: 17_023, ..SERVED };
const FAILED: EventKind = EventKind { id: 17_024, level: Level::Error, ..SERVED };

/// Why this server's own queue has failed when it is not there.
pub(super) const LOST_TEXT: &str =
    "it is gone, and is not begun anew before all other servers have said whether they have a copy of it";

pub(super) fn served() {
    eventlog::write(&SERVED, "The mail queue of this server is the active copy: mail is queued here.");
}

pub(super) fn not_served(why: &str) {
    eventlog::write(
        &NOT_SERVED,
        &format!(
            "The mail queue of this server takes nothing: {why}. Mail that needs it is refused for now."
        ),
    );
}

pub(super) fn adopted(name: &str, messages: u64) {
    eventlog::write(
        &ADOPTED,
        &format!(
            "This server has taken over {messages} messages from the mail queue of {name}, which is away."
        ),
    );
}

pub(super) fn seeded(name: &str, source: &str) {
    eventlog::write(
        &SEEDED,
        &format!("This server's copy of the mail queue of {name} was made from the one on {source}."),
    );
}

pub(super) fn failed(name: &str, why: &str) {
    eventlog::write(
        &FAILED,
        &format!("This server's copy of the mail queue of {name} has failed: {why}. It is tried again."),
    );
}
