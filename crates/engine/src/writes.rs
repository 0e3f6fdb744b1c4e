//! The write set: what a transaction changes, as plain bytes that every copy applies alike.

use bytes::Bytes;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const RELEASE: u8 = 3;
const NOTE: u8 = 4;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// The key has this value from now on.
    Put(Bytes, Bytes),
    /// The key is gone.
    Delete(Bytes),
    /// Nothing refers to the body at this log position and of this length any more.
    Release(u64, u32),
    /// What the log's keeper put here for itself.
    Note(Bytes),
}

/// A write set under construction.
#[derive(Default)]
pub(crate) struct WriteSet {
    bytes: Vec<u8>,
}

impl WriteSet {
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.push(PUT);
        self.sized(key);
        self.sized(value);
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.bytes.push(DELETE);
        self.sized(key);
    }

    pub(crate) fn release(&mut self, position: u64, len: u32) {
        self.bytes.push(RELEASE);
        self.bytes.extend_from_slice(&position.to_le_bytes());
        self.bytes.extend_from_slice(&len.to_le_bytes());
    }

    pub(crate) fn note(&mut self, note: &[u8]) {
        self.bytes.push(NOTE);
        self.sized(note);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Lengths beyond `u32` make a set that no segment can hold; the commit is refused before it is written.
    fn sized(&mut self, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }
}

/// Reads a write set: the changes in order, slices of the input. Ends with `Err` once where the bytes are
/// not a write set.
pub(crate) struct Ops {
    rest: Bytes,
}

/// The bytes are not a write set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Ops {
    pub(crate) fn new(writes: Bytes) -> Self {
        Self { rest: writes }
    }

    fn take(&mut self, len: usize) -> Result<Bytes, Malformed> {
        if len > self.rest.len() { Err(Malformed) } else { Ok(self.rest.split_to(len)) }
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes[..].try_into().map_err(|_| Malformed)?))
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(bytes[..].try_into().map_err(|_| Malformed)?))
    }

    fn sized(&mut self) -> Result<Bytes, Malformed> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    fn op(&mut self) -> Result<Op, Malformed> {
        match self.take(1)?[0] {
            PUT => Ok(Op::Put(self.sized()?, self.sized()?)),
            DELETE => Ok(Op::Delete(self.sized()?)),
            RELEASE => Ok(Op::Release(self.u64()?, self.u32()?)),
            NOTE => Ok(Op::Note(self.sized()?)),
            _ => Err(Malformed),
        }
    }
}

impl Iterator for Ops {
    type Item = Result<Op, Malformed>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let op = self.op();
        if op.is_err() {
            self.rest = Bytes::new();
        }
        Some(op)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        prop_oneof![
            (bytes(), bytes()).prop_map(|(k, v)| Op::Put(k, v)),
            bytes().prop_map(Op::Delete),
            (any::<u64>(), any::<u32>()).prop_map(|(p, l)| Op::Release(p, l)),
            bytes().prop_map(Op::Note),
        ]
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(ops in proptest::collection::vec(op(), 0..20)) {
            let mut set = WriteSet::default();
            for op in &ops {
                match op {
                    Op::Put(key, value) => set.put(key, value),
                    Op::Delete(key) => set.delete(key),
                    Op::Release(position, len) => set.release(*position, *len),
                    Op::Note(note) => set.note(note),
                }
            }
            let back: Result<Vec<_>, _> = Ops::new(set.into_bytes().into()).collect();
            prop_assert_eq!(back, Ok(ops));
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let len = bytes.len();
            let ops: Vec<_> = Ops::new(bytes.into()).collect();
            prop_assert!(ops.len() <= len);
            prop_assert!(ops.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
