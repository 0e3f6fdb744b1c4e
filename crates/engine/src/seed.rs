//! Making a new copy from one that exists: the index as of a checkpoint, and of the log what it refers to.
//!
//! A seed is a stream of pieces. The new copy is whole when the last one has been taken; it then goes on with
//! the entry after the checkpoint, which the copy it came from keeps for it while the seed is under way.

use std::{
    collections::VecDeque,
    io::IoSlice,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    EngineError, EntryId, Note, Replica,
    core::Core,
    index::{self, Cut, Index, Mark, Snapshot, SpaceChanges, Usage},
    log::segment::Span,
    overlay::Overlay,
};

/// A piece holds about this much, bytes.
const PIECE: usize = 512 << 10;
/// The longest log segment there is, bytes.
const SEGMENT_MAX: u64 = 1 << 30;

/// A part of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Rows of the index: keys and values.
    Rows(Vec<(Bytes, Bytes)>),
    /// Dead bodies: position and length.
    Released(Vec<(u64, u32)>),
    /// A log segment begins: its base, its file's length, and bytes of bodies that are live, dead and punched.
    Segment(u64, u64, [u64; 3]),
    /// Bytes of the segment begun last, from a log position on. What is not sent is zero.
    Log(u64, Bytes),
    /// The end: the last entry in the seed, where the next one goes, and the latest note.
    End(EntryId, u64, Option<Note>),
}

impl Piece {
    /// The piece as bytes: a small head, and what follows it.
    pub fn encode(&self) -> Vec<Bytes> {
        let mut head = BytesMut::new();
        let sized = |head: &mut BytesMut, bytes: &[u8]| {
            head.put_u32_le(bytes.len() as u32);
            head.put_slice(bytes);
        };
        match self {
            Self::Rows(rows) => {
                head.put_u8(1);
                for (key, value) in rows {
                    sized(&mut head, key);
                    sized(&mut head, value);
                }
            }
            Self::Released(bodies) => {
                head.put_u8(2);
                for (position, len) in bodies {
                    head.put_u64_le(*position);
                    head.put_u32_le(*len);
                }
            }
            Self::Segment(base, len, usage) => {
                head.put_u8(3);
                [*base, *len].iter().chain(usage).for_each(|number| head.put_u64_le(*number));
            }
            Self::Log(position, bytes) => {
                head.put_u8(4);
                head.put_u64_le(*position);
                return vec![head.freeze(), bytes.clone()];
            }
            Self::End(entry, position, note) => {
                head.put_u8(5);
                [entry.term, entry.index, *position].iter().for_each(|number| head.put_u64_le(*number));
                if let Some(Note { entry, bytes }) = note {
                    [entry.term, entry.index].iter().for_each(|number| head.put_u64_le(*number));
                    head.put_slice(bytes);
                }
            }
        }
        vec![head.freeze()]
    }

    /// Reads [`Piece::encode`], joined; `None` when it is anything else.
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let sized = |bytes: &mut Bytes| {
            let len = bytes.try_get_u32_le().ok()? as usize;
            (len <= bytes.len()).then(|| bytes.split_to(len))
        };
        let entry = |bytes: &mut Bytes| {
            Some(EntryId { term: bytes.try_get_u64_le().ok()?, index: bytes.try_get_u64_le().ok()? })
        };
        Some(match bytes.try_get_u8().ok()? {
            1 => {
                let mut rows = Vec::new();
                while !bytes.is_empty() {
                    rows.push((sized(&mut bytes)?, sized(&mut bytes)?));
                }
                Self::Rows(rows)
            }
            2 => {
                let mut bodies = Vec::new();
                while !bytes.is_empty() {
                    bodies.push((bytes.try_get_u64_le().ok()?, bytes.try_get_u32_le().ok()?));
                }
                Self::Released(bodies)
            }
            3 => {
                let mut numbers = [0; 5];
                for number in &mut numbers {
                    *number = bytes.try_get_u64_le().ok()?;
                }
                let [base, len, live, dead, punched] = numbers;
                bytes.is_empty().then_some(Self::Segment(base, len, [live, dead, punched]))?
            }
            4 => Self::Log(bytes.try_get_u64_le().ok()?, bytes),
            5 => {
                let last = entry(&mut bytes)?;
                let position = bytes.try_get_u64_le().ok()?;
                let note = match bytes.is_empty() {
                    true => None,
                    false => Some(Note { entry: entry(&mut bytes)?, bytes }),
                };
                Self::End(last, position, note)
            }
            _ => return None,
        })
    }
}

/// A seed being read from a copy, which keeps what it needs until this is dropped.
pub struct Seed {
    core: Arc<Core>,
    base: Arc<Snapshot>,
    mark: Mark,
    stage: Stage,
    /// Bytes of log to be read in all, and read so far.
    total: u64,
    read: u64,
}

enum Stage {
    Rows(Bound<Bytes>),
    Released(Box<redb::Range<'static, u64, u32>>),
    Log(VecDeque<Span>, Option<(Span, u64)>),
    Done,
}

impl Replica {
    /// Begins a seed of this copy as it stands.
    pub fn seed(&self) -> Result<Seed, EngineError> {
        // From here on nothing is given back; what is pinned first is narrowed once the mark is known.
        let core = self.core().clone();
        core.seeds.lock().push(0);
        let mut seed = match prepare(&core) {
            Ok(seed) => seed,
            Err(error) => {
                unpin(&core, 0);
                return Err(error);
            }
        };
        core.seeds.lock().push(seed.mark.entry.index);
        unpin(&core, 0);
        seed.total = seed.segments()?.iter().map(|span| seed.used(span)).sum();
        Ok(seed)
    }
}

fn prepare(core: &Arc<Core>) -> Result<Seed, EngineError> {
    core.checkpoint()?;
    let base = core.state.read(|state| {
        state.check()?;
        state.base.clone().ok_or_else(|| EngineError::Dismounted("closed".into()))
    })?;
    let (mark, stage) = (base.mark()?, Stage::Rows(Bound::Unbounded));
    Ok(Seed { core: core.clone(), base, mark, stage, total: 0, read: 0 })
}

fn unpin(core: &Core, entry: u64) {
    let mut seeds = core.seeds.lock();
    if let Some(at) = seeds.iter().position(|seed| *seed == entry) {
        seeds.swap_remove(at);
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        unpin(&self.core, self.mark.entry.index);
    }
}

impl Seed {
    /// Bytes of log read so far, and to be read in all.
    pub fn progress(&self) -> (u64, u64) {
        (self.read, self.total)
    }

    /// The next piece; none after [`Piece::End`].
    #[expect(clippy::should_implement_trait, reason = "reading fails")]
    pub fn next(&mut self) -> Result<Option<Piece>, EngineError> {
        loop {
            match &mut self.stage {
                Stage::Rows(from) => {
                    let rows = rows(&self.base, from)?;
                    if let Some((last, _)) = rows.last() {
                        *from = Bound::Excluded(last.clone());
                        return Ok(Some(Piece::Rows(rows)));
                    }
                    self.stage = Stage::Released(Box::new(self.base.all_released()?));
                }
                Stage::Released(range) => {
                    let bodies: Vec<(u64, u32)> = range
                        .by_ref()
                        .take(PIECE / 16)
                        .map(|row| row.map(|(position, len)| (position.value(), len.value())))
                        .collect::<Result<_, _>>()?;
                    if !bodies.is_empty() {
                        return Ok(Some(Piece::Released(bodies)));
                    }
                    self.stage = Stage::Log(self.segments()?.into(), None);
                }
                Stage::Log(..) => {
                    if let Some(piece) = self.log()? {
                        return Ok(Some(piece));
                    }
                    self.stage = Stage::Done;
                    let note = self.base.note()?;
                    return Ok(Some(Piece::End(self.mark.entry, self.mark.position, note)));
                }
                Stage::Done => return Ok(None),
            }
        }
    }

    /// The segments a new copy needs: those with live bodies, and the one in which the log goes on.
    fn segments(&self) -> Result<Vec<Span>, EngineError> {
        let usage = self.base.usage()?;
        let mut spans = self.core.segments.spans();
        spans.retain(|span| span.base < self.mark.position || span.base == 0);
        let last = spans.last().map(|span| span.base);
        let is_live = |base: u64| usage.get(&base).is_some_and(|usage| usage.live > 0);
        spans.retain(|span| Some(span.base) == last || is_live(span.base));
        Ok(spans)
    }

    /// Bytes of a segment that the seed's state reaches.
    fn used(&self, span: &Span) -> u64 {
        span.end.min(self.mark.position) - span.base
    }

    fn log(&mut self) -> Result<Option<Piece>, EngineError> {
        let mark = self.mark.position;
        let Stage::Log(spans, present) = &mut self.stage else { return Ok(None) };
        loop {
            let Some((span, at)) = present else {
                let Some(span) = spans.pop_front() else { return Ok(None) };
                *present = Some((span, span.base));
                let usage = self.base.usage()?.get(&span.base).copied().unwrap_or_default();
                let Usage { live, dead, punched } = usage;
                return Ok(Some(Piece::Segment(span.base, span.end - span.base, [live, dead, punched])));
            };
            let len = (span.end.min(mark) - *at).min(PIECE as u64);
            if len == 0 {
                *present = None;
                continue;
            }
            let mut bytes = vec![0; len as usize];
            self.core.segments.read(*at, &mut bytes)?;
            let position = *at;
            *at += len;
            self.read += len;
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(Some(Piece::Log(position, bytes.into())));
            }
        }
    }
}

fn rows(base: &Snapshot, from: &Bound<Bytes>) -> Result<Vec<(Bytes, Bytes)>, EngineError> {
    let (mut rows, mut size) = (Vec::new(), 0);
    let from = match from {
        Bound::Excluded(key) => Bound::Excluded(&key[..]),
        _ => Bound::Unbounded,
    };
    for row in base.range(from, Bound::Unbounded)? {
        let (key, value) = row?;
        let (key, value) = (Bytes::copy_from_slice(key.value()), Bytes::copy_from_slice(value.value()));
        size += key.len() + value.len();
        rows.push((key, value));
        if size >= PIECE {
            break;
        }
    }
    Ok(rows)
}

/// A copy being made from a seed, in a folder that holds nothing else.
pub struct Planting {
    disk: SharedDisk,
    dir: PathBuf,
    index: Index,
    overlay: Overlay,
    space: SpaceChanges,
    /// The segment begun last: base, length, file.
    file: Option<(u64, u64, Arc<dyn DiskFile>)>,
}

/// Whether a folder holds a whole database.
pub fn holds_database(disk: &SharedDisk, dir: &Path) -> Result<bool, EngineError> {
    match disk.list(dir) {
        Ok(names) => Ok(names.iter().any(|name| name == Path::new(index::NAME))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(EngineError::io("reading the folder", dir, error)),
    }
}

/// Removes the database in a folder, and leaves the folder. What a crash leaves over is no database any more.
pub fn remove_database(disk: &SharedDisk, dir: &Path) -> Result<(), EngineError> {
    let failed = |error| EngineError::io("removing the database in", dir, error);
    let remove = |name: &Path| disk.remove(&dir.join(name)).map_err(failed);
    remove(Path::new(index::NAME))?;
    disk.sync_dir(dir).map_err(failed)?;
    disk.list(dir).map_err(failed)?.iter().try_for_each(|name| remove(name))?;
    disk.sync_dir(dir).map_err(failed)
}

fn broken(why: &str) -> EngineError {
    EngineError::Corrupt(format!("the seed cannot be taken: {why}"))
}

impl Planting {
    /// Begins in an empty folder, or in one where an earlier attempt was cut off. A folder that holds a whole
    /// database is refused and left as it is.
    pub fn begin(disk: SharedDisk, dir: PathBuf) -> Result<Self, EngineError> {
        let failed = |error| EngineError::io("making a copy in", &dir, error);
        disk.create_dir_all(&dir).map_err(failed)?;
        if holds_database(&disk, &dir)? {
            return Err(EngineError::Occupied(dir));
        }
        for name in disk.list(&dir).map_err(failed)? {
            disk.remove(&dir.join(name)).map_err(failed)?;
        }
        let index = Index::draft(&disk, &dir)?;
        let (overlay, space) = (Overlay::default(), SpaceChanges::default());
        Ok(Self { disk, dir, index, overlay, space, file: None })
    }

    /// Takes the next piece; true after the last one, when the copy is whole.
    pub fn take(&mut self, piece: Piece) -> Result<bool, EngineError> {
        match piece {
            Piece::Rows(rows) => {
                self.overlay.bytes += rows.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
                for (key, value) in rows {
                    self.overlay.set(key, Some(value));
                }
            }
            Piece::Released(bodies) => self.overlay.released.extend(bodies),
            Piece::Segment(base, len, [live, dead, punched]) => {
                self.seal()?;
                if len > SEGMENT_MAX {
                    return Err(broken("a segment is longer than any can be"));
                }
                let path = self.dir.join(format!("{base:016x}.log"));
                let made = self.disk.open(&path, OpenMode::New).and_then(|file| {
                    file.set_len(len)?;
                    Ok(file)
                });
                self.file = Some((base, len, made.map_err(|e| EngineError::io("making", &path, e))?));
                self.space.usage.insert(base, Usage { live, dead, punched });
            }
            Piece::Log(position, bytes) => {
                let outside = || broken("a piece lies outside its segment");
                let (base, len, file) = self.file.as_ref().ok_or_else(outside)?;
                let offset = position.checked_sub(*base).ok_or_else(outside)?;
                if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > *len) {
                    return Err(outside());
                }
                file.write_all_at(&[IoSlice::new(&bytes)], offset)
                    .map_err(|error| EngineError::io("writing a copy in", &self.dir, error))?;
            }
            Piece::End(entry, position, note) => {
                self.overlay.note = note;
                self.finish(entry, position)?;
                return Ok(true);
            }
        }
        if self.overlay.bytes > 8 * PIECE {
            self.write(Mark::default())?;
        }
        Ok(false)
    }

    fn write(&mut self, mark: Mark) -> Result<(), EngineError> {
        self.index.checkpoint(&std::mem::take(&mut self.overlay), mark, &self.space)
    }

    fn seal(&mut self) -> Result<(), EngineError> {
        match self.file.take() {
            Some((_, _, file)) => {
                file.sync_data().map_err(|error| EngineError::io("syncing a copy in", &self.dir, error))
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self, entry: EntryId, position: u64) -> Result<(), EngineError> {
        self.seal()?;
        self.write(Mark { position, entry, cut: Cut { entry, position }, ..Mark::default() })?;
        self.index.publish(&self.disk, &self.dir)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..50).prop_map(Bytes::from)
    }

    fn piece() -> impl Strategy<Value = Piece> {
        let entry = || any::<(u64, u64)>().prop_map(|(term, index)| EntryId { term, index });
        let note = (entry(), bytes()).prop_map(|(entry, bytes)| Note { entry, bytes });
        prop_oneof![
            proptest::collection::vec((bytes(), bytes()), 0..9).prop_map(Piece::Rows),
            proptest::collection::vec(any::<(u64, u32)>(), 0..9).prop_map(Piece::Released),
            any::<(u64, u64, [u64; 3])>().prop_map(|(base, len, usage)| Piece::Segment(base, len, usage)),
            (any::<u64>(), bytes()).prop_map(|(position, bytes)| Piece::Log(position, bytes)),
            (entry(), any::<u64>(), proptest::option::of(note)).prop_map(|(e, p, n)| Piece::End(e, p, n)),
        ]
    }

    proptest! {
        #[test]
        fn pieces_travel(piece in piece()) {
            prop_assert_eq!(Piece::decode(piece.encode().concat().into()), Some(piece));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Piece::decode(bytes.into());
        }
    }
}
