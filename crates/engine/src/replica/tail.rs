//! What a copy knows of its log without reading it: the newest records, and where older entries lie.

use std::collections::{BTreeMap, VecDeque};

use crate::{EntryId, Record};

/// Applied and durable records are kept in memory up to this many bytes, for copies a little behind.
const RECENT_BYTES: u64 = 8 << 20;
/// Entries between two of which the position is remembered.
const STRIDE: u64 = 64;

/// The end of a copy's log.
pub(crate) struct Tail {
    /// Where the next record goes.
    pub(crate) end: u64,
    /// The last entry.
    pub(crate) last: EntryId,
    recent: VecDeque<Record>,
    recent_bytes: u64,
    /// Positions of some entries, those before the first of `recent` reachable by walking from one.
    known: BTreeMap<u64, u64>,
}

impl Tail {
    pub(crate) fn new(end: u64, last: EntryId, known: BTreeMap<u64, u64>) -> Self {
        Self { end, last, recent: VecDeque::new(), recent_bytes: 0, known }
    }

    /// True when the record is the one that comes next.
    pub(crate) fn is_next(&self, record: &Record) -> bool {
        record.position() == self.end && record.entry().index == self.last.index + 1
    }

    /// Takes in the record that comes next.
    pub(crate) fn push(&mut self, record: Record) {
        self.end = record.end();
        self.last = record.entry();
        if self.last.index.is_multiple_of(STRIDE) {
            self.known.insert(self.last.index, record.position());
        }
        self.recent_bytes += record.len();
        self.recent.push_back(record);
    }

    /// The records from an entry on as far as they are in memory: none if that one is not.
    pub(crate) fn recent(&self, from: u64) -> impl Iterator<Item = &Record> {
        let skip = from.checked_sub(self.first_recent()).and_then(|skip| usize::try_from(skip).ok());
        self.recent.iter().skip(skip.unwrap_or(usize::MAX))
    }

    /// The first entry in memory, which all later ones are too.
    pub(crate) fn first_recent(&self) -> u64 {
        self.recent.front().map_or(u64::MAX, |record| record.entry().index)
    }

    /// The records at and after a log position, all of which are in memory.
    pub(crate) fn since(&self, position: u64) -> Vec<Record> {
        let first = self.recent.partition_point(|record| record.position() < position);
        self.recent.range(first..).cloned().collect()
    }

    /// A known entry at or before this one: its index and position.
    pub(crate) fn nearest(&self, index: u64) -> Option<(u64, u64)> {
        self.known.range(..=index).next_back().map(|(index, position)| (*index, *position))
    }

    /// A known entry that begins at or before a position: its index and position.
    pub(crate) fn nearest_position(&self, position: u64) -> Option<(u64, u64)> {
        // Those who lie further on have the higher numbers.
        let known = self.known.iter().rev().find(|(_, at)| **at <= position);
        known.map(|(index, at)| (*index, *at))
    }

    /// Remembers where an entry lies.
    pub(crate) fn remember(&mut self, index: u64, position: u64) {
        self.known.insert(index, position);
    }

    /// Lets go of records in memory that are durable and applied, beyond the budget.
    pub(crate) fn trim(&mut self, durable: u64, applied: u64) {
        while let Some(first) = self.recent.front()
            && self.recent_bytes > RECENT_BYTES
            && first.end() <= durable.min(applied)
        {
            self.recent_bytes -= first.len();
            self.recent.pop_front();
        }
    }

    /// Goes back to the end of the entry `last`.
    pub(crate) fn retreat(&mut self, end: u64, last: EntryId) {
        while let Some(record) = self.recent.pop_back_if(|record| record.position() >= end) {
            self.recent_bytes -= record.len();
        }
        // The next entry will lie where the one lay that goes.
        _ = self.known.split_off(&(last.index + 2));
        (self.end, self.last) = (end, last);
    }

    /// Forgets entries before this one, which lies at the position.
    pub(crate) fn cut(&mut self, index: u64, position: u64) {
        self.known = self.known.split_off(&index);
        self.known.insert(index, position);
    }
}
