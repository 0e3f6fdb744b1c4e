//! Opening the log: replays what the index does not have, cuts a torn tail, refuses a damaged middle.

use std::{
    io::{self, IoSlice},
    path::Path,
    sync::Arc,
};

use base::disk::{DiskFile, SharedDisk};
use bytes::Bytes;

use super::{
    record::{ALIGN, EntryId, HEADER_LEN, Header, body_table},
    recycle::{Filling, Spares, fill},
    segment::{Segments, Span},
    writer::{Writer, Written},
};
use crate::{BodyRef, EngineError, index::Mark, writes::Malformed};

/// Length of a new log's first segment file, bytes.
const FIRST_SEGMENT: u64 = 1 << 20;
const WINDOW: u64 = 1 << 20;

/// A record as the log holds it, without its bodies' bytes.
pub(crate) struct Found {
    header: Header,
    pub(crate) bodies: Vec<BodyRef>,
    pub(crate) writes: Bytes,
}

impl Found {
    pub(crate) fn entry(&self) -> EntryId {
        self.header.entry
    }
    pub(crate) fn position(&self) -> u64 {
        self.header.position
    }
}

/// Takes in one record.
type Apply<'a> = dyn FnMut(&Found) -> Result<(), Malformed> + 'a;

/// What was taken back: records of this epoch or an earlier one, at or above this position, are not part of
/// the log any more, whole as they may stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retraction {
    pub(crate) position: u64,
    pub(crate) epoch: u64,
}

impl Retraction {
    fn covers(&self, header: &Header) -> bool {
        header.epoch <= self.epoch && header.position >= self.position
    }
}

/// What recovery found.
pub(crate) struct Recovered {
    pub(crate) writer: Writer,
    /// Records replayed.
    pub(crate) records: u64,
    /// Where a torn tail was cut off.
    pub(crate) cut: Option<u64>,
}

/// Opens the log in `dir`, hands every record at or above the mark to `apply` in order, and makes the end
/// of the log ready for writing in a new epoch.
pub(crate) fn open(
    disk: &SharedDisk,
    dir: &Path,
    segment_bytes: u64,
    mark: Mark,
    retracted: Retraction,
    filling: Filling,
    apply: &mut Apply<'_>,
) -> Result<Recovered, EngineError> {
    let spares = Arc::new(Spares::open(disk.clone(), dir, segment_bytes, filling)?);
    let segments = Arc::new(Segments::open(disk.clone(), dir)?);
    if mark.position == 0 && mark.epoch == 0 && segments.count() == 0 {
        let path = segments.path(0);
        let len = segment_bytes.min(FIRST_SEGMENT);
        let file = fill(disk, &path, len, &|| Ok(())).map_err(|e| EngineError::io("making", &path, e))?;
        segments.insert(0, file, len);
    }
    let Mark { position, epoch, log, entry, .. } = mark;
    let mut scan = Scan { segments: &segments, log, retracted, position, epoch, entry, records: 0 };
    scan.replay(apply)?;
    let Scan { position: end, entry: last, records, .. } = scan;
    let behind = scan.behind(end)?;
    let epoch = scan.epoch.max(retracted.epoch).max(behind.whole.unwrap_or(0));
    let torn = behind.torn || behind.whole == Some(epoch);

    for span in segments.spans().into_iter().filter(|span| span.base > end) {
        segments.remove(span.base, None)?;
    }
    let tail = scan.span(end)?;
    let file = segments.file(tail.base)?;
    if torn {
        // Said once: the next opening is not to find the same remains.
        let room = (tail.end - end).min(HEADER_LEN as u64) as usize;
        file.write_all_at(&[IoSlice::new(&[0; HEADER_LEN][..room])], end - tail.base)
            .map_err(|e| EngineError::io("cutting the tail of", &segments.path(tail.base), e))?;
    }
    // What was replayed may only ever have reached the page cache.
    file.sync_data().map_err(|e| EngineError::io("syncing", &segments.path(tail.base), e))?;
    disk.sync_dir(dir).map_err(|e| EngineError::io("syncing", dir, e))?;
    let writer = Writer {
        disk: disk.clone(),
        dir: dir.into(),
        segments,
        spares,
        log,
        segment_bytes,
        file,
        base: tail.base,
        limit: tail.end,
        end,
        epoch: epoch + 1,
        written: Written::default(),
        last,
    };
    Ok(Recovered { writer, records, cut: torn.then_some(end) })
}

/// What stands behind the end of the log.
#[derive(Default)]
struct Behind {
    /// The highest epoch of records there that are whole, their bodies aside.
    whole: Option<u64>,
    /// A record was begun at the very end.
    torn: bool,
}

struct Scan<'a> {
    segments: &'a Segments,
    log: u64,
    retracted: Retraction,
    position: u64,
    /// Epoch of the last record; no later record has a lower one.
    epoch: u64,
    /// The last record's entry; the next one has the next index.
    entry: EntryId,
    records: u64,
}

impl Scan<'_> {
    fn span(&self, position: u64) -> Result<Span, EngineError> {
        self.segments.span(position).filter(|span| position <= span.end).ok_or_else(|| {
            EngineError::Corrupt(format!(
                "the log has no segment for position {position}, where the index says it goes on; \
                 restore the missing file {} or seed the database from a backup or another copy",
                self.segments.path(position).display()
            ))
        })
    }

    fn replay(&mut self, apply: &mut Apply<'_>) -> Result<(), EngineError> {
        loop {
            let span = self.span(self.position)?;
            let file = self.segments.file(span.base)?;
            let mut window = Window::new(&*file, span, self.log);
            while let Some(record) =
                window.record(self.position).map_err(|e| read_failed(self.segments, span, e))?
            {
                if record.header.epoch < self.epoch || self.retracted.covers(&record.header) {
                    break;
                }
                if record.entry().index != self.entry.index + 1 {
                    let why = format!("entry {} is followed by {}", self.entry.index, record.entry().index);
                    return Err(corrupt(self.segments, span, self.position, &why));
                }
                apply(&record).map_err(|Malformed| {
                    corrupt(self.segments, span, self.position, "its record holds no valid write set")
                })?;
                self.epoch = record.header.epoch;
                self.entry = record.entry();
                self.position += record.header.record_len();
                self.records += 1;
            }
            // Go on where the next segment starts exactly here.
            if self.span(self.position)?.base == span.base {
                return Ok(());
            }
        }
    }

    /// Looks for records behind the end. One that proves the end durable means damage, not a torn write.
    fn behind(&self, end: u64) -> Result<Behind, EngineError> {
        let mut behind = Behind::default();
        for span in self.segments.spans().into_iter().filter(|span| span.end > end || span.base > end) {
            let file = self.segments.file(span.base)?;
            let mut window = Window::new(&*file, span, self.log);
            let mut position = end.max(span.base);
            if position == end {
                match window.header(end).map_err(|e| read_failed(self.segments, span, e))? {
                    Some((_, Seen::Foreign)) if end == 0 => {
                        let why = "it belongs to another index than the one beside it";
                        return Err(corrupt(self.segments, span, 0, why));
                    }
                    found => behind.torn = found.is_some(),
                }
            }
            while let Some((found, header)) =
                window.next_whole(position).map_err(|e| read_failed(self.segments, span, e))?
            {
                if header.durable > end && !self.retracted.covers(&header) {
                    let why = format!("a record at position {found} proves that more was durable");
                    return Err(corrupt(self.segments, self.span(end)?, end, &why));
                }
                behind.whole = behind.whole.max(Some(header.epoch));
                position = found + ALIGN;
            }
        }
        Ok(behind)
    }
}

fn read_failed(segments: &Segments, span: Span, error: io::Error) -> EngineError {
    EngineError::io("reading log segment", &segments.path(span.base), error)
}

fn corrupt(segments: &Segments, span: Span, position: u64, why: &str) -> EngineError {
    EngineError::Corrupt(format!(
        "log segment {} is damaged at offset {} (log position {position}): {why}; the database is not \
         mounted. Restore it from a backup or seed it from another copy",
        segments.path(span.base).display(),
        position - span.base,
    ))
}

/// How what stands at a position looks, its position being right.
enum Seen {
    /// A record's header with its tail, the bodies aside.
    Whole,
    /// The same, of another log.
    Foreign,
    /// The checksum does not fit.
    Torn,
}

/// Sequential reading of one segment.
struct Window<'a> {
    file: &'a dyn DiskFile,
    span: Span,
    log: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn DiskFile, span: Span, log: u64) -> Self {
        Self { file, span, log, start: span.base, buffer: Vec::new() }
    }

    /// The bytes at a position; `None` beyond the segment's end.
    fn at(&mut self, position: u64, len: u64) -> io::Result<Option<&[u8]>> {
        if position.checked_add(len).is_none_or(|end| end > self.span.end) {
            return Ok(None);
        }
        if position < self.start || position + len > self.start + self.buffer.len() as u64 {
            let fill = len.max(WINDOW).min(self.span.end - position);
            self.buffer.resize(fill as usize, 0);
            self.start = position;
            self.file.read_exact_at(&mut self.buffer, position - self.span.base)?;
        }
        let from = (position - self.start) as usize;
        Ok(self.buffer.get(from..from + len as usize))
    }

    /// A header that names this position, and how it looks.
    fn header(&mut self, position: u64) -> io::Result<Option<(Header, Seen)>> {
        let Some(bytes) = self.at(position, HEADER_LEN as u64)? else { return Ok(None) };
        let encoded: [u8; HEADER_LEN] = std::array::from_fn(|i| bytes[i]);
        let header = Header::decode(&encoded);
        if header.position != position || encoded == [0; HEADER_LEN] {
            return Ok(None);
        }
        let tail = self.at(position.saturating_add(header.tail_at()), header.tail_len())?;
        let seen = match tail.is_some_and(|tail| header.fits(&encoded, tail)) {
            true if header.log == self.log => Seen::Whole,
            true => Seen::Foreign,
            false => Seen::Torn,
        };
        Ok(Some((header, seen)))
    }

    /// The first whole header of this log at or after a position where a record could start.
    fn next_whole(&mut self, mut position: u64) -> io::Result<Option<(u64, Header)>> {
        let log = self.log.to_le_bytes();
        while position + HEADER_LEN as u64 <= self.span.end {
            let len = WINDOW.min((self.span.end - position) / ALIGN * ALIGN);
            let Some(bytes) = self.at(position, len)? else { return Ok(None) };
            let Some(at) = bytes.as_chunks().0.iter().position(|word: &[u8; ALIGN as usize]| *word == log)
            else {
                position += len;
                continue;
            };
            position += at as u64 * ALIGN;
            if let Some((header, Seen::Whole)) = self.header(position)? {
                return Ok(Some((position, header)));
            }
            position += ALIGN;
        }
        Ok(None)
    }

    /// The record at a position, if a whole one is there.
    fn record(&mut self, position: u64) -> io::Result<Option<Found>> {
        let Some((header, Seen::Whole)) = self.header(position)? else { return Ok(None) };
        let Some(bytes) = self.at(position, header.record_len())? else { return Ok(None) };
        let tail_at = header.tail_at() as usize;
        let tail = &bytes[tail_at..tail_at + header.tail_len() as usize];
        let Some(bodies) = body_table(&header, tail) else { return Ok(None) };
        let intact = bodies.iter().all(|body| {
            let at = (body.position - position) as usize;
            crc32c::crc32c(&bytes[at..at + body.len as usize]) == body.crc
        });
        let writes = Bytes::copy_from_slice(&tail[tail.len() - header.writes_len as usize..]);
        Ok(intact.then_some(Found { header, bodies, writes }))
    }
}
