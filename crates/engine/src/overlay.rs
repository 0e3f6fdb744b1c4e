//! What has been applied since the last checkpoint, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    BodyRef, EntryId,
    writes::{Malformed, Op, Ops},
};

/// Rough memory of one entry beside its bytes, bytes.
const ENTRY_BYTES: usize = 120;

/// Changes that the layer below does not have yet.
#[derive(Default)]
pub(crate) struct Overlay {
    /// Key → value, or `None` where it was deleted.
    pub(crate) map: BTreeMap<Bytes, Option<Bytes>>,
    /// Bodies that came into being: position, length.
    pub(crate) appended: Vec<(u64, u32)>,
    /// Bodies that nothing refers to any more: position → length.
    pub(crate) released: BTreeMap<u64, u32>,
    /// The latest note.
    pub(crate) note: Option<Note>,
    /// An upper bound of the memory held, bytes.
    pub(crate) bytes: usize,
}

/// What the log's keeper put into it for itself, and the entry that held it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The entry.
    pub entry: EntryId,
    /// The keeper's own bytes.
    pub bytes: Bytes,
}

impl Overlay {
    /// Applies a record's bodies and write set. This is the state machine: the same records in the same
    /// order give the same state on every copy.
    pub(crate) fn apply(
        &mut self,
        entry: EntryId,
        bodies: &[BodyRef],
        writes: Bytes,
    ) -> Result<(), Malformed> {
        self.bytes += writes.len() + bodies.len() * size_of::<(u64, u32)>();
        self.appended.extend(bodies.iter().map(|body| (body.position, body.len)));
        for op in Ops::new(writes) {
            match op? {
                Op::Put(key, value) => _ = self.set(key, Some(value)),
                Op::Delete(key) => _ = self.set(key, None),
                Op::Release(position, len) => _ = self.released.insert(position, len),
                Op::Note(bytes) => self.note = Some(Note { entry, bytes }),
            }
        }
        Ok(())
    }

    /// Sets one key and says what this layer had.
    pub(crate) fn set(&mut self, key: Bytes, value: Option<Bytes>) -> Option<Option<Bytes>> {
        self.bytes += ENTRY_BYTES;
        self.map.insert(key, value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty() && self.appended.is_empty() && self.released.is_empty() && self.note.is_none()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
