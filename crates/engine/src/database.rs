//! The engine's surface. (First version: the whole database in memory, to build the floors above on;
//! nothing of it is durable yet.)

use std::{
    collections::BTreeMap,
    future::Future,
    ops::{Bound, ControlFlow},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use base::{clock::SharedClock, disk::SharedDisk};
use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::oneshot;

use crate::EngineError;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// The database's own folder; made when missing.
    pub dir: PathBuf,
    /// The name for logs and error texts.
    pub name: String,
    /// Length of a log segment, bytes; also bounds the largest record.
    pub segment_bytes: u64,
    /// Memory the index may use for its cache, bytes.
    pub cache_bytes: usize,
    /// A checkpoint is taken when this much log has been applied since the last one, bytes.
    pub checkpoint_bytes: u64,
    /// The disk seam.
    pub disk: SharedDisk,
    /// The clock seam.
    pub clock: SharedClock,
}

/// Where a body lies: a position in the log, stable for the body's life, the same on every copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyRef {
    /// Position of the first byte in the log (bytes since the log began).
    pub position: u64,
    /// Length, bytes.
    pub len: u32,
    /// CRC-32C of the body.
    pub crc: u32,
}

impl BodyRef {
    /// Length of the encoded form, bytes.
    pub const ENCODED_LEN: usize = 16;

    /// Little endian: position, len, crc.
    pub fn encode(&self) -> [u8; Self::ENCODED_LEN] {
        let mut out = [0; Self::ENCODED_LEN];
        out[..8].copy_from_slice(&self.position.to_le_bytes());
        out[8..12].copy_from_slice(&self.len.to_le_bytes());
        out[12..].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    /// The inverse of [`BodyRef::encode`]; `None` unless exactly that long.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::ENCODED_LEN] = bytes.try_into().ok()?;
        Some(Self {
            position: u64::from_le_bytes(bytes[..8].try_into().ok()?),
            len: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
            crc: u32::from_le_bytes(bytes[12..].try_into().ok()?),
        })
    }
}

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
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError>;

    /// Visits all keys that start with `prefix`, in order.
    fn scan_prefix(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.scan(Bound::Included(prefix), Bound::Unbounded, false, &mut |key, value| {
            if key.starts_with(prefix) { visit(key, value) } else { ControlFlow::Break(()) }
        })
    }
}

/// A consistent view of durable state.
pub struct View<'a> {
    map: &'a Map,
}

/// A writer's transaction: sees every earlier transaction and its own writes.
pub struct Txn<'a> {
    map: &'a mut Map,
    bodies: &'a mut Vec<Bytes>,
    undo: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn scan_map(
    map: &Map,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
    reverse: bool,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) {
    let mut range = map.range::<[u8], _>((from, to));
    while let Some((key, value)) = if reverse { range.next_back() } else { range.next() } {
        if visit(key, value).is_break() {
            return;
        }
    }
}

impl Read for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.map.get(key).map(|v| Bytes::copy_from_slice(v)))
    }
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        scan_map(self.map, from, to, reverse, visit);
        Ok(())
    }
}

impl Read for Txn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.map.get(key).map(|v| Bytes::copy_from_slice(v)))
    }
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        scan_map(self.map, from, to, reverse, visit);
        Ok(())
    }
}

impl Txn<'_> {
    /// Sets a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let old = self.map.insert(key.to_vec(), value.to_vec());
        self.undo.push((key.to_vec(), old));
    }
    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        let old = self.map.remove(key);
        self.undo.push((key.to_vec(), old));
    }
    /// Stores a body, given in parts that are written one after the other without being joined in memory,
    /// in this transaction's log record. It lives until [`Txn::release_body`].
    pub fn append_body(&mut self, parts: &[Bytes]) -> BodyRef {
        let body = parts.concat();
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.bodies.push(body.into());
        BodyRef { position: self.bodies.len() as u64 - 1, len, crc: 0 }
    }
    /// Says that nothing refers to the body any more, so that its space can be reclaimed.
    pub fn release_body(&mut self, body: &BodyRef) {
        let _ = body;
    }
}

/// How a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// End of the durable log, bytes since the log began.
    pub durable: u64,
    /// The position the index has persisted.
    pub checkpoint: u64,
    /// Segments on disk, spares included.
    pub segments: u64,
    /// Why the database is not mounted, if it is not.
    pub dismounted: Option<String>,
}

#[derive(Default)]
struct Inner {
    map: Map,
    bodies: Vec<Bytes>,
}

/// An open database; clones share it. Closed when the last clone is dropped, or by [`Database::close`].
#[derive(Clone)]
pub struct Database {
    inner: Arc<RwLock<Inner>>,
}

/// The answer to a commit: resolves when the transaction is durable and visible.
///
/// The outer error is the engine's; the inner one the closure's own, in which case nothing was written.
pub struct Commit<R, E>(oneshot::Receiver<Result<Result<R, E>, EngineError>>);

impl<R, E> Commit<R, E> {
    /// Waits on a thread that may block.
    pub fn wait(self) -> Result<Result<R, E>, EngineError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(EngineError::Dismounted("closed".into())))
    }
}

impl<R, E> Future for Commit<R, E> {
    type Output = Result<Result<R, E>, EngineError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or_else(|_| Err(EngineError::Dismounted("closed".into()))))
    }
}

impl Database {
    /// Opens or makes the database in `options.dir`, recovering what the log holds beyond the checkpoint.
    pub fn open(options: Options) -> Result<Self, EngineError> {
        let _ = options;
        Ok(Self { inner: Arc::default() })
    }

    /// Runs `f` in the writer, in order with all other commits; its writes are atomic. An `Err` from `f`
    /// undoes them. Work goes on even if the returned future is dropped.
    pub fn commit<R, E>(&self, f: impl FnOnce(&mut Txn<'_>) -> Result<R, E> + Send + 'static) -> Commit<R, E>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let mut inner = self.inner.write();
        let Inner { map, bodies } = &mut *inner;
        let mut txn = Txn { map, bodies, undo: Vec::new() };
        let result = f(&mut txn);
        if result.is_err() {
            for (key, old) in std::mem::take(&mut txn.undo).into_iter().rev() {
                match old {
                    Some(old) => _ = txn.map.insert(key, old),
                    None => _ = txn.map.remove(&key),
                }
            }
        }
        let _ = send.send(Ok(result));
        Commit(receive)
    }

    /// Runs `f` on a consistent view of durable state. Keep it short; page through long scans.
    pub fn view<R>(&self, f: impl FnOnce(&View<'_>) -> R) -> R {
        let inner = self.inner.read();
        f(&View { map: &inner.map })
    }

    /// Reads a whole body and checks it.
    pub fn read_body(&self, body: &BodyRef) -> Result<Bytes, EngineError> {
        let inner = self.inner.read();
        inner
            .bodies
            .get(body.position as usize)
            .cloned()
            .ok_or_else(|| EngineError::Corrupt(format!("no body at log position {}", body.position)))
    }

    /// Makes the index durable at the position it has applied, so that recovery starts there.
    pub fn checkpoint(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// How the database stands.
    pub fn status(&self) -> Status {
        Status { durable: 0, checkpoint: 0, segments: 0, dismounted: None }
    }

    /// Finishes what is queued, takes a checkpoint and releases the folder. Later commits fail.
    pub fn close(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
