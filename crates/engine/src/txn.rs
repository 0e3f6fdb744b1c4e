//! A reader's view and a writer's transaction.

use std::ops::Bound;

use bytes::Bytes;

use crate::{BodyRef, EngineError, Read, Visitor, log::record::Draft, overlay::Overlay, state::State};

/// A consistent view of durable state.
pub struct View<'a> {
    pub(crate) state: &'a State,
}

impl Read for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.state.layers(None)?.get(key)
    }
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut Visitor<'_>,
    ) -> Result<(), EngineError> {
        self.state.layers(None)?.scan(from, to, reverse, visit)
    }
}

/// A writer's transaction: sees every earlier transaction and its own writes.
pub struct Txn<'a> {
    state: &'a State,
    /// The writes of this batch so far, this transaction's included.
    pending: &'a mut Overlay,
    draft: Draft,
    undo: Vec<Undo>,
}

/// What takes a transaction's writes out of the batch again.
enum Undo {
    Key(Bytes, Option<Option<Bytes>>),
    Release(u64),
}

impl<'a> Txn<'a> {
    pub(crate) fn new(state: &'a State, pending: &'a mut Overlay, position: u64) -> Self {
        Self { state, pending, draft: Draft::new(position), undo: Vec::new() }
    }

    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.draft.writes.put(key, value);
        self.set(key, Some(Bytes::copy_from_slice(value)));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.draft.writes.delete(key);
        self.set(key, None);
    }

    /// Stores a body, given in parts that are written one after the other without being joined in memory,
    /// in this transaction's log record. It lives until [`Txn::release_body`].
    pub fn append_body(&mut self, parts: &[Bytes]) -> BodyRef {
        self.draft.append_body(parts)
    }

    /// Leaves a note for whoever keeps the copies of this database; the latest one is found with the state.
    pub fn note(&mut self, note: &[u8]) {
        self.draft.writes.note(note);
    }

    /// Says that nothing refers to the body any more, so that its space can be reclaimed. To say it twice
    /// is a caller's mistake, which is logged and changes nothing.
    pub fn release_body(&mut self, body: &BodyRef) {
        // An empty body takes no space, and another one may stand at its position.
        if body.len == 0 {
            return;
        }
        let released =
            self.state.layers(Some(self.pending)).and_then(|layers| layers.is_released(body.position));
        match released {
            Ok(false) => {
                self.draft.writes.release(body.position, body.len);
                self.pending.released.insert(body.position, body.len);
                self.undo.push(Undo::Release(body.position));
            }
            Ok(true) => tracing::error!(position = body.position, "a body was released twice"),
            Err(error) => tracing::error!(position = body.position, %error, "a body was not released"),
        }
    }

    fn set(&mut self, key: &[u8], value: Option<Bytes>) {
        let key = Bytes::copy_from_slice(key);
        let old = self.pending.set(key.clone(), value);
        self.undo.push(Undo::Key(key, old));
    }

    /// Ends the transaction; its writes stay in the batch.
    pub(crate) fn keep(self) -> Draft {
        self.draft
    }

    /// Length of the record it would make, bytes.
    pub(crate) fn record_len(&self) -> u64 {
        self.draft.record_len()
    }

    /// Ends the transaction and takes its writes out of the batch.
    pub(crate) fn undo(self) {
        for undo in self.undo.into_iter().rev() {
            match undo {
                Undo::Key(key, Some(old)) => _ = self.pending.map.insert(key, old),
                Undo::Key(key, None) => _ = self.pending.map.remove(&key),
                Undo::Release(position) => _ = self.pending.released.remove(&position),
            }
        }
    }
}

impl Read for Txn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        self.state.layers(Some(self.pending))?.get(key)
    }
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut Visitor<'_>,
    ) -> Result<(), EngineError> {
        self.state.layers(Some(self.pending))?.scan(from, to, reverse, visit)
    }
}
