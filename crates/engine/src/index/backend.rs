//! The index file through the disk seam. Every block has a checksum, so that a damaged one is found when it
//! is read and never taken for data.
//!
//! Blocks stand in groups: one of checksums, then those it covers. The index engine never overwrites a block
//! that a finished commit refers to, so such a block's checksum stays too, and it does not matter which of a
//! group's blocks a crash lets reach the disk. The one block rewritten in place is the first, the header: it
//! has two checksums, of what lies there and of what comes next, which are durable before it is written.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, IoSlice},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::DiskFile;
use parking_lot::Mutex;
use redb::StorageBackend;

/// Length of a block, bytes: the index engine's page.
const BLOCK: u64 = 4096;
/// Blocks covered by one block of checksums; its first entry is the header's other one (only in group 0).
const COVERED: u64 = BLOCK / 4 - 1;
/// A group as it lies in the file, bytes.
const GROUP: u64 = (COVERED + 1) * BLOCK;

/// One file of the data folder as the index engine wants it.
pub(super) struct Backend {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    sums: Mutex<Sums>,
}

/// The checksums: each the difference from that of an empty block, so that what was never written fits.
#[derive(Default)]
struct Sums {
    groups: Vec<Box<[u32]>>,
    /// Groups whose block of checksums is to be written.
    dirty: BTreeSet<usize>,
    /// The header as it was written last.
    header: u32,
    /// It is not synced yet.
    header_pending: bool,
}

/// A block's checksum as it is kept.
fn sum(block: &[u8]) -> u32 {
    static EMPTY: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| crc32c::crc32c(&[0; BLOCK as usize]));
    crc32c::crc32c(block) ^ *EMPTY
}

/// The group of a block and the place of its checksum there.
fn entry(block: u64) -> (usize, usize) {
    ((block / COVERED) as usize, (block % COVERED) as usize + 1)
}

/// Where a block lies in the file.
fn offset_of(block: u64) -> u64 {
    block / COVERED * GROUP + (block % COVERED + 1) * BLOCK
}

/// Blocks that cover so many bytes.
fn blocks(len: u64) -> u64 {
    len.div_ceil(BLOCK)
}

impl Sums {
    fn holds(&self, block: u64, sum: u32) -> bool {
        let (group, place) = entry(block);
        let fits = |place: usize| self.groups.get(group).is_some_and(|sums| sums[place] == sum);
        fits(place) || (block == 0 && fits(0))
    }

    fn set(&mut self, block: u64, sum: u32) {
        let (group, place) = entry(block);
        if let Some(sums) = self.groups.get_mut(group) {
            sums[place] = sum;
            self.dirty.insert(group);
        }
    }

    /// As many groups as so many blocks need; what lies behind them is empty.
    fn resize(&mut self, count: u64) {
        let groups = count.div_ceil(COVERED) as usize;
        self.groups.resize_with(groups, || vec![0; COVERED as usize + 1].into());
        self.dirty.retain(|group| *group < groups);
        let (group, place) = entry(count);
        if let Some(sums) =
            self.groups.get_mut(group).filter(|sums| sums[place..].iter().any(|sum| *sum != 0))
        {
            sums[place..].fill(0);
            self.dirty.insert(group);
        }
    }
}

impl Backend {
    /// Reads the checksums of an existing file, or begins a new one.
    pub(super) fn open(file: Arc<dyn DiskFile>, path: &Path) -> io::Result<Self> {
        let mut sums = Sums::default();
        let len = file.len()?;
        let mut bytes = vec![0; BLOCK as usize];
        for group in 0..len.div_ceil(GROUP) {
            file.read_exact_at(&mut bytes, group * GROUP)?;
            sums.groups.push(bytes.as_chunks::<4>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect());
        }
        let backend = Self { file, path: path.to_owned(), sums: Mutex::new(sums) };
        let count = blocks(backend.len()?);
        backend.sums.lock().resize(count);
        if count > 0 {
            let header = sum(&backend.block(0)?);
            backend.sums.lock().header = header;
        }
        Ok(backend)
    }

    /// A range of blocks cut into those that lie one behind the other in the file.
    fn runs(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let mut from = range.start;
        std::iter::from_fn(move || {
            let run = from..((from / COVERED + 1) * COVERED).min(range.end);
            from = run.end;
            (!run.is_empty()).then_some(run)
        })
    }

    /// Reads whole blocks and checks them.
    fn read_blocks(&self, blocks: Range<u64>, out: &mut [u8]) -> io::Result<()> {
        let mut rest = out;
        for run in Self::runs(blocks) {
            let (here, behind) = rest.split_at_mut(((run.end - run.start) * BLOCK) as usize);
            self.file.read_exact_at(here, offset_of(run.start))?;
            let sums = self.sums.lock();
            for (block, bytes) in run.zip(here.chunks(BLOCK as usize)) {
                if !sums.holds(block, sum(bytes)) {
                    return Err(self.damaged(block));
                }
            }
            rest = behind;
        }
        Ok(())
    }

    fn block(&self, block: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; BLOCK as usize];
        self.read_blocks(block..block + 1, &mut bytes)?;
        Ok(bytes)
    }

    fn damaged(&self, block: u64) -> io::Error {
        let text = format!(
            "{} is damaged at offset {} (a block does not match its checksum); restore the database from a \
             backup, or seed it from another copy",
            self.path.display(),
            offset_of(block)
        );
        tracing::error!("{text}");
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Writes whole blocks, none of them the header.
    fn write_blocks(&self, blocks: Range<u64>, data: &[u8]) -> io::Result<()> {
        let mut rest = data;
        for run in Self::runs(blocks) {
            let (here, behind) = rest.split_at(((run.end - run.start) * BLOCK) as usize);
            self.file.write_all_at(&[IoSlice::new(here)], offset_of(run.start))?;
            let mut sums = self.sums.lock();
            for (block, bytes) in run.zip(here.chunks(BLOCK as usize)) {
                sums.set(block, sum(bytes));
            }
            rest = behind;
        }
        Ok(())
    }

    /// Writes the header once both checksums, of the old one and of this one, are durable.
    fn write_header(&self, data: &[u8]) -> io::Result<()> {
        let mut sums = self.sums.lock();
        let (old, new) = (sums.header, sum(data));
        if old != new {
            if sums.header_pending {
                self.file.sync_data()?;
                sums.header_pending = false;
            }
            if let Some(group) = sums.groups.first_mut() {
                (group[0], group[1]) = (old, new);
                sums.dirty.insert(0);
            }
            self.write_sums(&mut sums)?;
            self.file.sync_data()?;
        }
        self.file.write_all_at(&[IoSlice::new(data)], offset_of(0))?;
        (sums.header, sums.header_pending) = (new, true);
        Ok(())
    }

    fn write_sums(&self, sums: &mut Sums) -> io::Result<()> {
        while let Some(group) = sums.dirty.first().copied() {
            let bytes: Vec<u8> = sums.groups[group].iter().flat_map(|sum| sum.to_le_bytes()).collect();
            self.file.write_all_at(&[IoSlice::new(&bytes)], group as u64 * GROUP)?;
            sums.dirty.remove(&group);
        }
        Ok(())
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        let len = self.file.len()?;
        Ok(len / GROUP * COVERED * BLOCK + (len % GROUP).saturating_sub(BLOCK))
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        let covered = offset / BLOCK..blocks(end);
        if offset.is_multiple_of(BLOCK) && end.is_multiple_of(BLOCK) {
            return self.read_blocks(covered, out);
        }
        let mut bytes = vec![0; ((covered.end - covered.start) * BLOCK) as usize];
        let from = (offset - covered.start * BLOCK) as usize;
        self.read_blocks(covered, &mut bytes)?;
        out.copy_from_slice(&bytes[from..from + out.len()]);
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        let count = blocks(len);
        self.file.set_len((count + count.div_ceil(COVERED)) * BLOCK)?;
        self.sums.lock().resize(count);
        Ok(())
    }
    /// A failed sync is never taken for a full disk, which would be tried again.
    fn sync_data(&self) -> io::Result<()> {
        let mut sums = self.sums.lock();
        self.write_sums(&mut sums)?;
        self.file.sync_data().map_err(|error| io::Error::other(format!("syncing: {error}")))?;
        sums.header_pending = false;
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        let covered = offset / BLOCK..blocks(end);
        let mut padded = Vec::new();
        let mut data = data;
        if !offset.is_multiple_of(BLOCK) || !end.is_multiple_of(BLOCK) {
            padded.resize(((covered.end - covered.start) * BLOCK) as usize, 0);
            self.read_blocks(covered.clone(), &mut padded)?;
            let from = (offset - covered.start * BLOCK) as usize;
            padded[from..from + data.len()].copy_from_slice(data);
            data = &padded;
        }
        if covered.start > 0 || covered.is_empty() {
            return self.write_blocks(covered, data);
        }
        let (header, others) = data.split_at(BLOCK as usize);
        self.write_blocks(1..covered.end, others)?;
        self.write_header(header)
    }
}
