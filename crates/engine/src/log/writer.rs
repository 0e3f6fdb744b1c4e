//! The log's one writer: appends records in order and makes them durable.

use std::{
    io::{self, IoSlice},
    path::PathBuf,
    sync::Arc,
};

use base::disk::{DiskFile, SharedDisk};

use super::{
    record::{EntryId, HEADER_LEN, Record},
    recycle::Spares,
    segment::Segments,
};
use crate::EngineError;

/// The first segment is small, so that a new database is ready at once; each next one is this many times
/// longer until the full length is reached.
const GROWTH: u64 = 8;

/// Figures of a writer since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    /// Device flushes of the log.
    pub(crate) flushes: u64,
    /// Bytes of records.
    pub(crate) bytes: u64,
}

/// The end of the log.
pub(crate) struct Writer {
    pub(crate) disk: SharedDisk,
    pub(crate) dir: PathBuf,
    pub(crate) segments: Arc<Segments>,
    pub(crate) spares: Arc<Spares>,
    /// The log's own number, part of every record.
    pub(crate) log: u64,
    /// Full length of a segment file, bytes.
    pub(crate) segment_bytes: u64,
    /// The segment being filled.
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) base: u64,
    /// How far it can be filled (a log position).
    pub(crate) limit: u64,
    /// Where the next record goes; all before is durable.
    pub(crate) end: u64,
    /// Raised at each opening: what an earlier one left behind the end is never taken for this one's.
    pub(crate) epoch: u64,
    pub(crate) written: Written,
    /// The last entry in the log.
    pub(crate) last: EntryId,
}

impl Writer {
    /// Appends records that continue the log and makes them durable. On failure [`Writer::end`] says which
    /// of them are; after anything but [`EngineError::Full`] nothing may be written any more.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), EngineError> {
        let mut rest = records;
        while let Some(first) = rest.first() {
            let fitting = rest.iter().take_while(|record| record.end() <= self.limit).count();
            if fitting == 0 {
                self.next_segment(first.len())?;
                continue;
            }
            let (now, later) = rest.split_at(fitting);
            self.write(now)?;
            rest = later;
        }
        self.look_ahead();
        Ok(())
    }

    /// Has the next segment made ready as soon as this one is begun; the small first one may stay alone
    /// until it is half full.
    fn look_ahead(&mut self) {
        let (filled, present) = (self.end - self.base, self.limit - self.base);
        if self.base > 0 || filled > present / 2 {
            self.spares.look_ahead(present, self.next_len(0));
        }
    }

    fn write(&mut self, records: &[Record]) -> Result<(), EngineError> {
        let heads: Vec<[u8; HEADER_LEN]> =
            records.iter().map(|record| record.head(self.log, self.epoch, self.end)).collect();
        let mut slices = Vec::with_capacity(records.iter().map(|record| 2 + record.parts.len()).sum());
        for (record, head) in records.iter().zip(&heads) {
            slices.push(IoSlice::new(head));
            slices.extend(record.parts.iter().map(|part| IoSlice::new(part)));
            slices.push(IoSlice::new(&record.tail));
        }
        let offset = self.offset();
        match self.file.write_all_at(&slices, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.retract()?;
                return Err(EngineError::Full(self.dir.clone()));
            }
            Err(error) => return Err(self.fatal("writing", error)),
        }
        self.sync()?;
        let len: u64 = records.iter().map(Record::len).sum();
        self.written.bytes += len;
        self.end += len;
        self.last = records.last().map_or(self.last, Record::entry);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), EngineError> {
        self.written.flushes += 1;
        self.file.sync_data().map_err(|error| self.fatal("syncing", error))
    }

    /// Goes back to where the record of the entry `last` ends. The retraction must have been made durable:
    /// what stands behind is whole and must not be taken for part of the log.
    pub(crate) fn retreat(&mut self, position: u64, last: EntryId) -> Result<(), EngineError> {
        for span in self.segments.spans().into_iter().filter(|span| span.base > position) {
            self.segments.remove(span.base, None)?;
        }
        // One that came back would hide what is written in its place.
        self.disk.sync_dir(&self.dir).map_err(|e| self.fatal("syncing the folder of", e))?;
        let span = self.segments.span(position).ok_or(EngineError::Gone(position))?;
        self.file = self.segments.file(span.base)?;
        (self.base, self.limit, self.end, self.last) = (span.base, span.end, position, last);
        self.epoch += 1;
        Ok(())
    }

    /// Makes sure that nothing of a failed write is ever read as a record: its first header is wiped, and a
    /// new epoch shuts out what may stand behind it.
    fn retract(&mut self) -> Result<(), EngineError> {
        self.file
            .write_all_at(&[IoSlice::new(&[0; HEADER_LEN])], self.offset())
            .map_err(|error| self.fatal("retracting a write in", error))?;
        self.sync()?;
        self.epoch += 1;
        Ok(())
    }

    /// Goes on in a new segment, which starts where the log ends.
    fn next_segment(&mut self, record_len: u64) -> Result<(), EngineError> {
        let spare = self.spares.take(self.next_len(record_len)).map_err(|e| self.full_or_fatal(e))?;
        let path = self.segments.path(self.end);
        self.disk.rename(&spare.path, &path).map_err(|e| self.full_or_fatal(e))?;
        self.disk.sync_dir(&self.dir).map_err(|e| self.fatal("syncing the folder of", e))?;
        self.segments.insert(self.end, spare.file.clone(), spare.len);
        self.base = self.end;
        self.limit = self.end + spare.len;
        self.file = spare.file;
        Ok(())
    }

    /// The file length of the segment after this one.
    fn next_len(&self, record_len: u64) -> u64 {
        let len = (self.limit - self.base).saturating_mul(GROWTH);
        if record_len > len { self.segment_bytes } else { len.min(self.segment_bytes) }
    }

    fn offset(&self) -> u64 {
        self.end - self.base
    }

    fn full_or_fatal(&self, error: io::Error) -> EngineError {
        match error.kind() {
            io::ErrorKind::StorageFull => EngineError::Full(self.dir.clone()),
            _ => self.fatal("beginning the segment after", error),
        }
    }

    fn fatal(&self, doing: &str, error: io::Error) -> EngineError {
        EngineError::io(doing, &self.segments.path(self.base), error)
    }
}
