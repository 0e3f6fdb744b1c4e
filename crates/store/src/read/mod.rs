//! Reads: each answers from one consistent view of durable state, or pages through several.

mod changes;
mod folders;
mod items;
mod listing;
mod provenance;
mod statistics;

pub(crate) use changes::after_change;
pub(crate) use folders::folder_rows;
pub(crate) use items::scan_prefix_keys;
pub(crate) use items::{figures, place, scan_items};
pub(crate) use listing::listing;
pub use statistics::FolderStatistics;
