//! What is common to a reader's view and a writer's transaction.

use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use crate::EngineError;

/// Sees one key and its value; breaks to end the scan.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// What is common to a reader's view and a writer's transaction.
pub trait Read {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// Visits keys in `from..to` in order (backwards when `reverse`) until the visitor breaks.
    /// The visitor must be quick: a view holds off the writer's publication while it runs.
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut Visitor<'_>,
    ) -> Result<(), EngineError>;

    /// Visits all keys that start with `prefix`, in order.
    fn scan_prefix(&self, prefix: &[u8], visit: &mut Visitor<'_>) -> Result<(), EngineError> {
        self.scan(Bound::Included(prefix), Bound::Unbounded, false, &mut |key, value| {
            if key.starts_with(prefix) { visit(key, value) } else { ControlFlow::Break(()) }
        })
    }
}
