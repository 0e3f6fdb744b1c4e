//! The administrator audit log: who changed what, when and from where, so kept that a change to the record
//! itself is noticed.
//!
//! Each entry is a line: the SHA-256 of the previous entry's hash and this entry's text, a space, the text
//! (JSON). Lines lie in segments; a small file apart, the head, holds where the log begins and ends, so that
//! entries missing at either end are noticed too. Old segments go from the front; the head then says with
//! which hash the rest continues.

mod chain;
mod entry;
mod export;
mod head;
mod log;
mod settings;
mod verify;

pub use chain::{Hash, Tip};
pub use entry::{Entry, Modified, Query, SEARCH_MAX};
pub use export::document;
pub use log::{Log, Options};
pub use settings::{Level, age_limit, level};
pub use verify::{Finding, FindingKind, Report};
