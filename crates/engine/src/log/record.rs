//! One log record: header, bodies, body table, write set.
//!
//! ```text
//!  0 log (the log's own random number)     8 position
//! 16 epoch                                24 durable (log known durable when this was written)
//! 32 term                                 40 index (of the entry, see `Entry`)
//! 48 bodies, bytes    52 bodies, count    56 write set, bytes
//! 60 CRC-32C of header[..60] + table + write set
//! 64 the bodies, then per body (length, CRC-32C), then the write set, then zeros to a multiple of 8
//! ```
//! All numbers little endian. The bodies come first, so that their positions are known before the write
//! set that names them is complete; they carry their own checksums, so that a dead one can be given back
//! to the file system without making its record unreadable. The random number keeps bytes that a stranger
//! sent as a body from ever passing for a record, wherever a crash may leave them.

use bytes::Bytes;

use crate::{
    BodyRef,
    writes::{Op, Ops, WriteSet},
};

/// Length of a record's header, bytes.
pub(crate) const HEADER_LEN: usize = 64;
/// Records start at multiples of this, bytes.
pub(crate) const ALIGN: u64 = 8;

const TABLE_ENTRY: usize = 8;

/// Which entry of the log a record is: the index counts records from 1, the term says under whose lead it was
/// appended. A database that never had a second copy stays in term 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The term of the copy that appended it first.
    pub term: u64,
    /// Its number in the log.
    pub index: u64,
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The log it belongs to.
    pub(crate) log: u64,
    /// The record's own position in the log.
    pub(crate) position: u64,
    /// The opening of the database that wrote it; never falls along the log.
    pub(crate) epoch: u64,
    /// Everything below this position was durable when the record was written.
    pub(crate) durable: u64,
    /// Which entry of the log it is.
    pub(crate) entry: EntryId,
    pub(crate) bodies_len: u32,
    pub(crate) body_count: u32,
    pub(crate) writes_len: u32,
}

impl Header {
    /// Encodes the header for a tail (body table and write set), checksum included.
    pub(crate) fn encode(&self, tail: &[u8]) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..8].copy_from_slice(&self.log.to_le_bytes());
        out[8..16].copy_from_slice(&self.position.to_le_bytes());
        out[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable.to_le_bytes());
        out[32..40].copy_from_slice(&self.entry.term.to_le_bytes());
        out[40..48].copy_from_slice(&self.entry.index.to_le_bytes());
        out[48..52].copy_from_slice(&self.bodies_len.to_le_bytes());
        out[52..56].copy_from_slice(&self.body_count.to_le_bytes());
        out[56..60].copy_from_slice(&self.writes_len.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&out[..60]), tail);
        out[60..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Decodes what may be a header; whether its checksum fits is known once the tail is at hand.
    pub(crate) fn decode(bytes: &[u8; HEADER_LEN]) -> Self {
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self {
            log: u64_at(0),
            position: u64_at(8),
            epoch: u64_at(16),
            durable: u64_at(24),
            entry: EntryId { term: u64_at(32), index: u64_at(40) },
            bodies_len: u32_at(48),
            body_count: u32_at(52),
            writes_len: u32_at(56),
        }
    }

    /// Length of the body table and the write set, bytes.
    pub(crate) fn tail_len(&self) -> u64 {
        u64::from(self.body_count) * TABLE_ENTRY as u64 + u64::from(self.writes_len)
    }

    /// Where the tail starts, bytes from the record's start.
    pub(crate) fn tail_at(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.bodies_len)
    }

    /// Length of the whole record with its padding, bytes.
    pub(crate) fn record_len(&self) -> u64 {
        (self.tail_at() + self.tail_len()).next_multiple_of(ALIGN)
    }

    /// True when the tail belongs to this header, as it was read.
    pub(crate) fn fits(&self, encoded: &[u8; HEADER_LEN], tail: &[u8]) -> bool {
        encoded[..] == self.encode(tail)
    }
}

/// A transaction's record before it is written: its position is fixed, its entry, epoch and `durable` are not.
pub(crate) struct Draft {
    pub(crate) position: u64,
    parts: Vec<Bytes>,
    bodies: Vec<BodyRef>,
    bodies_len: u64,
    pub(crate) writes: WriteSet,
}

impl Draft {
    pub(crate) fn new(position: u64) -> Self {
        Self { position, parts: Vec::new(), bodies: Vec::new(), bodies_len: 0, writes: WriteSet::default() }
    }

    /// Adds a body of these parts and says where it will lie.
    pub(crate) fn append_body(&mut self, parts: &[Bytes]) -> BodyRef {
        let len: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let body = BodyRef {
            position: self.position + HEADER_LEN as u64 + self.bodies_len,
            len: u32::try_from(len).unwrap_or(u32::MAX),
            crc: parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part)),
        };
        self.bodies_len += len;
        self.parts.extend(parts.iter().filter(|part| !part.is_empty()).cloned());
        self.bodies.push(body);
        body
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bodies.is_empty() && self.writes.is_empty()
    }

    /// Length of the record that this draft makes, bytes; may exceed what a segment holds.
    pub(crate) fn record_len(&self) -> u64 {
        let tail = self.bodies.len() * TABLE_ENTRY + self.writes.len();
        (HEADER_LEN as u64 + self.bodies_len + tail as u64).next_multiple_of(ALIGN)
    }

    /// Closes the draft. Its length must have been checked against a segment's.
    pub(crate) fn seal(self, entry: EntryId) -> Record {
        let len = self.record_len();
        let table_len = self.bodies.len() * TABLE_ENTRY;
        let writes_len = self.writes.len();
        let mut tail = Vec::with_capacity(table_len + writes_len + ALIGN as usize);
        for body in &self.bodies {
            tail.extend_from_slice(&body.len.to_le_bytes());
            tail.extend_from_slice(&body.crc.to_le_bytes());
        }
        tail.extend_from_slice(&self.writes.into_bytes());
        let padded = (len - HEADER_LEN as u64 - self.bodies_len) as usize;
        tail.resize(padded, 0);
        Record {
            header: Header {
                position: self.position,
                entry,
                bodies_len: self.bodies_len as u32,
                body_count: self.bodies.len() as u32,
                writes_len: writes_len as u32,
                ..Header::default()
            },
            parts: self.parts,
            bodies: self.bodies,
            tail: tail.into(),
        }
    }
}

/// A complete record: what is written, applied, and sent to other copies. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Record {
    header: Header,
    /// The bodies' bytes, in order.
    pub(crate) parts: Vec<Bytes>,
    /// The bodies, in order.
    pub(crate) bodies: Vec<BodyRef>,
    /// Body table, write set and padding, as written.
    pub(crate) tail: Bytes,
}

impl Record {
    /// A record that changes nothing.
    pub fn blank(position: u64, entry: EntryId) -> Self {
        Draft::new(position).seal(entry)
    }

    /// A record that holds nothing but a note.
    pub fn note(position: u64, entry: EntryId, note: &[u8]) -> Self {
        let mut draft = Draft::new(position);
        draft.writes.note(note);
        draft.seal(entry)
    }

    /// Which entry of the log it is.
    pub fn entry(&self) -> EntryId {
        self.header.entry
    }

    /// The same record as another entry.
    #[must_use]
    pub fn with_entry(mut self, entry: EntryId) -> Self {
        self.header.entry = entry;
        self
    }

    /// Its position in the log, bytes.
    pub fn position(&self) -> u64 {
        self.header.position
    }

    /// Where the next record starts.
    pub fn end(&self) -> u64 {
        self.header.position + self.len()
    }

    /// Length with padding, bytes.
    #[expect(clippy::len_without_is_empty, reason = "a record always has a header")]
    pub fn len(&self) -> u64 {
        self.header.record_len()
    }

    /// True when it changes nothing.
    pub fn is_blank(&self) -> bool {
        self.bodies.is_empty() && self.header.writes_len == 0
    }

    /// The note in it, if it holds one and nothing else.
    pub fn as_note(&self) -> Option<Bytes> {
        let mut ops = Ops::new(self.writes());
        match (ops.next(), ops.next()) {
            (Some(Ok(Op::Note(note))), None) if self.bodies.is_empty() => Some(note),
            _ => None,
        }
    }

    /// The record's bytes for another copy, in parts: no part is copied.
    pub fn encode(&self) -> Vec<Bytes> {
        let head = self.head(0, 0, 0);
        let mut out = Vec::with_capacity(2 + self.parts.len());
        out.push(Bytes::copy_from_slice(&head));
        out.extend(self.parts.iter().cloned());
        out.push(self.tail.clone());
        out
    }

    /// Reads what [`Record::encode`] made, joined, checksums included; `None` when it is anything else.
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let head: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        let header = Header::decode(head);
        let tail_at = usize::try_from(header.tail_at()).ok()?;
        let tail_end = usize::try_from(header.tail_at() + header.tail_len()).ok()?;
        if header.record_len() != bytes.len() as u64 || !header.fits(head, bytes.get(tail_at..tail_end)?) {
            return None;
        }
        let bodies = body_table(&header, &bytes[tail_at..tail_end])?;
        let intact = bodies.iter().all(|body| {
            let at = (body.position - header.position) as usize;
            crc32c::crc32c(&bytes[at..at + body.len as usize]) == body.crc
        });
        let parts = if tail_at > HEADER_LEN { vec![bytes.slice(HEADER_LEN..tail_at)] } else { Vec::new() };
        intact.then(|| Self { header, parts, bodies, tail: bytes.slice(tail_at..) })
    }

    /// The encoded header.
    pub(crate) fn head(&self, log: u64, epoch: u64, durable: u64) -> [u8; HEADER_LEN] {
        let header = Header { log, epoch, durable, ..self.header };
        header.encode(&self.tail[..header.tail_len() as usize])
    }

    /// The write set.
    pub(crate) fn writes(&self) -> Bytes {
        let table = self.bodies.len() * TABLE_ENTRY;
        self.tail.slice(table..table + self.header.writes_len as usize)
    }
}

/// The bodies that a record's table lists, `None` where table and header disagree.
pub(crate) fn body_table(header: &Header, tail: &[u8]) -> Option<Vec<BodyRef>> {
    let table = tail.get(..header.body_count as usize * TABLE_ENTRY)?;
    let mut position = header.position.checked_add(HEADER_LEN as u64)?;
    let bodies: Vec<BodyRef> = table
        .chunks_exact(TABLE_ENTRY)
        .map(|entry| {
            let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
            let body = BodyRef { position, len: u32_at(0), crc: u32_at(4) };
            position = position.saturating_add(u64::from(body.len));
            body
        })
        .collect();
    (header.position.checked_add(header.tail_at()) == Some(position)).then_some(bodies)
}

/// Reads a record out of bytes nobody vouches for, its checksum aside: what the fuzz target asks.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let Some(Ok(head)) = bytes.get(..HEADER_LEN).map(<&[u8; HEADER_LEN]>::try_from) else { return };
    let header = Header::decode(head);
    let _ = (header.record_len(), header.fits(head, &bytes[HEADER_LEN..]));
    let _ = body_table(&header, &bytes[HEADER_LEN..]);
    let writes = Bytes::copy_from_slice(&bytes[HEADER_LEN..]);
    assert!(crate::writes::Ops::new(writes).count() <= bytes.len() + 1, "every change takes a byte");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: u64 = 0x1234_5678_9abc_def0;
    const ENTRY: EntryId = EntryId { term: 3, index: 9 };

    fn bytes_of(sealed: &Record, epoch: u64, durable: u64) -> Vec<u8> {
        let mut out = sealed.head(LOG, epoch, durable).to_vec();
        sealed.parts.iter().for_each(|part| out.extend_from_slice(part));
        out.extend_from_slice(&sealed.tail);
        out
    }

    fn draft(position: u64, bodies: &[Vec<u8>], value: &[u8]) -> Draft {
        let mut draft = Draft::new(position);
        for body in bodies {
            let (a, b) = body.split_at(body.len() / 2);
            draft.append_body(&[Bytes::copy_from_slice(a), Bytes::copy_from_slice(b)]);
        }
        draft.writes.put(b"key", value);
        draft
    }

    fn read(bytes: &[u8]) -> Option<(Header, Vec<BodyRef>)> {
        let head: &[u8; HEADER_LEN] = bytes.get(..HEADER_LEN)?.try_into().ok()?;
        let header = Header::decode(head);
        let tail_at = usize::try_from(header.tail_at()).ok()?;
        let tail_end = tail_at.checked_add(usize::try_from(header.tail_len()).ok()?)?;
        let tail = bytes.get(tail_at..tail_end)?;
        if header.log != LOG || !header.fits(head, tail) {
            return None;
        }
        let bodies = body_table(&header, tail)?;
        bodies
            .iter()
            .all(|body| {
                let at = (body.position - header.position) as usize;
                crc32c::crc32c(&bytes[at..at + body.len as usize]) == body.crc
            })
            .then_some((header, bodies))
    }

    proptest! {
        #[test]
        fn encodes_and_decodes(
            position in 0..u64::MAX / 2,
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..4),
            value in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let sealed = draft(position, &bodies, &value).seal(ENTRY);
            let bytes = bytes_of(&sealed, 7, position / 2);
            prop_assert_eq!(bytes.len() as u64, sealed.len());
            prop_assert_eq!(bytes.len() as u64 % ALIGN, 0);
            let (header, table) = read(&bytes).unwrap();
            prop_assert_eq!((header.position, header.epoch, header.durable), (position, 7, position / 2));
            prop_assert_eq!(header.entry, ENTRY);
            prop_assert_eq!(&table, &sealed.bodies);
            for (body, stored) in bodies.iter().zip(&table) {
                let at = (stored.position - position) as usize;
                prop_assert_eq!(&bytes[at..at + stored.len as usize], &body[..]);
            }
        }

        #[test]
        fn travels_to_another_copy(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..4),
            bit in any::<proptest::sample::Index>(),
        ) {
            let record = draft(4096, &bodies, b"value").seal(ENTRY);
            let sent = record.encode().concat();
            let received = Record::decode(sent.clone().into()).unwrap();
            prop_assert_eq!(&received.bodies, &record.bodies);
            prop_assert_eq!((received.entry(), received.position(), received.end()), (ENTRY, 4096, record.end()));
            prop_assert_eq!(received.encode().concat(), &sent[..]);
            let mut spoilt = sent;
            let padding = spoilt.len() - (record.header.tail_at() + record.header.tail_len()) as usize;
            let bit = bit.index((spoilt.len() - padding) * 8);
            spoilt[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Record::decode(spoilt.into()).is_none());
        }

        #[test]
        fn any_flipped_bit_is_noticed(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..3),
            bit in any::<proptest::sample::Index>(),
        ) {
            let sealed = draft(64, &bodies, b"value").seal(ENTRY);
            let mut bytes = bytes_of(&sealed, 1, 0);
            let padding = bytes.len() - (sealed.header.tail_at() + sealed.header.tail_len()) as usize;
            let bit = bit.index((bytes.len() - padding) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(read(&bytes).is_none());
        }

        /// Found by fuzzing: a place past the end of the log.
        #[test]
        fn a_place_past_the_end_is_refused(over in 0..HEADER_LEN as u64 * 2) {
            let header = Header { position: u64::MAX - over, bodies_len: u32::MAX, ..Header::decode(&[0; HEADER_LEN]) };
            prop_assert!(body_table(&header, &[]).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
            if bytes.len() > HEADER_LEN {
                bytes[..8].copy_from_slice(&LOG.to_le_bytes());
                bytes[48..60].fill(0);
                prop_assert!(read(&bytes).is_none());
            }
        }
    }
}
