//! Reads: each answers from one consistent view of durable state, or pages through several.

mod changes;
mod folders;
mod items;

pub(crate) use items::scan_items;
