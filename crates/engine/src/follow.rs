//! Following what is applied, for readers that keep the state in a form of their own.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::writes::{Op, Ops};

/// What is applied to a database from the moment on at which this was made.
pub struct Followed(Arc<Queue>);

/// A key, and its value from now on; `None` where it is gone.
pub type KeyChange = (Bytes, Option<Bytes>);

#[derive(Default)]
pub(crate) struct Queue {
    /// Write sets in the order in which they were applied.
    writes: Mutex<Vec<Bytes>>,
    bell: Notify,
}

impl Queue {
    pub(crate) fn push(&self, writes: Bytes) {
        self.writes.lock().push(writes);
        self.bell.notify_one();
    }
}

impl Followed {
    pub(crate) fn of(queue: Arc<Queue>) -> Self {
        Self(queue)
    }

    /// What was applied since the last call, in order.
    pub fn take(&self) -> Vec<KeyChange> {
        let sets = std::mem::take(&mut *self.0.writes.lock());
        let key = |op| match op {
            // What was applied is well formed.
            Ok(Op::Put(key, value)) => Some((key, Some(value))),
            Ok(Op::Delete(key)) => Some((key, None)),
            Ok(Op::Release(..) | Op::Note(_)) | Err(_) => None,
        };
        sets.into_iter().flat_map(Ops::new).filter_map(key).collect()
    }

    /// Waits until there may be something to take.
    pub async fn more(&self) {
        self.0.bell.notified().await;
    }
}
