//! The message tracking log: what happened to every message, in the files, columns and words the product
//! documents, and the search behind `Get-MessageTrackingLog`.
//!
//! The log serves people, not recovery: it is written within a second and never synced, so that the mail
//! path pays about a microsecond for an event.

mod columns;
mod csv;
mod event;
mod files;
mod log;
mod search;

pub use columns::Column;
pub use event::{Direction, Event, EventId, Source};
pub use log::{TrackSettings, TrackingLog};
pub use search::{Filter, Record};
