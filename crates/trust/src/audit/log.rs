//! The log on disk: appended, made durable together with what others append meanwhile, searched, pruned.

use std::{
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{
    Timestamp,
    disk::{DiskFile, OpenMode, SharedDisk},
    eventlog::{self, EventKind, Level},
};
use parking_lot::Mutex;

use super::{
    Entry, Query, Report,
    chain::{self, Tip},
    head::{Head, HeadFile},
    verify,
};

/// A segment ends when it is this long, bytes.
const SEGMENT_BYTES: u64 = 4 << 20;
/// A segment ends when it is this old, so that the age limit is met within a day.
const SEGMENT_SECS: i64 = 86_400;

const DAMAGED: EventKind = EventKind {
    log: "Application",
    source: "MSExchange Management",
    id: 5001,
    category: "AdminAuditLog",
    level: Level::Error,
};

/// Where a log lies.
#[derive(Clone)]
pub struct Options {
    /// What it is written to.
    pub disk: SharedDisk,
    /// The folder of its segments.
    pub dir: PathBuf,
    /// The file of its head, in another folder.
    pub head: PathBuf,
}

/// The administrator audit log of one server.
pub struct Log {
    disk: SharedDisk,
    dir: PathBuf,
    head_file: HeadFile,
    state: Mutex<State>,
    /// Held while syncing: those who wait for it find their entries durable.
    syncing: Mutex<()>,
}

struct State {
    /// The first entry of each segment, the active one last.
    segments: Vec<u64>,
    /// The active segment; none until something is written to it.
    file: Option<Arc<dyn DiskFile>>,
    len: u64,
    /// When the active segment began.
    begun: Timestamp,
    tip: Tip,
    /// The last entry known to be durable.
    durable: u64,
    head: Head,
    /// A write or sync failed: nothing more is claimed to be kept.
    broken: bool,
}

impl Log {
    /// Opens or makes a log. What a crash left half written at its end is cut.
    pub fn open(options: Options) -> io::Result<Self> {
        let Options { disk, dir, head } = options;
        disk.create_dir_all(&dir)?;
        let (head_file, stored) = HeadFile::open(&*disk, &head)?;
        let segments = segments(&disk.list(&dir)?);
        let mut log = Self {
            disk,
            dir,
            head_file,
            state: Mutex::new(State {
                segments,
                file: None,
                len: 0,
                begun: Timestamp::default(),
                tip: Tip::default(),
                durable: 0,
                head: Head { first: 1, ..Head::default() },
                broken: false,
            }),
            syncing: Mutex::default(),
        };
        log.recover(stored)?;
        Ok(log)
    }

    /// Finds where to go on: behind the last whole line, or behind the head where entries are missing.
    fn recover(&mut self, stored: Option<Head>) -> io::Result<()> {
        let state = self.state.get_mut();
        state.head = stored.filter(|head| head.first > 0).unwrap_or(state.head);
        state.tip = Tip { number: state.head.first - 1, hash: state.head.before, time: Timestamp::default() };
        for (back, first) in state.segments.iter().rev().enumerate() {
            let path = path(&self.dir, *first);
            let bytes = read(&self.disk, &path)?;
            let (mut lines, whole) = chain::lines(&bytes);
            let begun = chain::lines(&bytes).0.next().and_then(chain::read).map(|read| read.entry.time);
            let end = lines.next_back().map(chain::read);
            let sound = !matches!(end, Some(None));
            if back == 0 && sound {
                let file = self.disk.open(&path, OpenMode::Existing)?;
                if whole < bytes.len() {
                    file.set_len(whole as u64)?;
                }
                (state.len, state.file, state.begun) = (whole as u64, Some(file), begun.unwrap_or_default());
            }
            // A crash may have left the last segment empty: the end is in the one before.
            if let Some(end) = end {
                state.tip = end.map_or(state.tip, |read| read.tip());
                break;
            }
        }
        if stored.is_none() && !state.segments.is_empty() {
            state.head.remade = Some(state.tip.number);
            eventlog::write(
                &DAMAGED,
                "The head of the administrator audit log was missing and was made anew.",
            );
        }
        // What does not lead to the head is not gone on with: the break in the chain stays to be seen.
        if !leads_to(&self.disk, &self.dir, state)? {
            eventlog::write(
                &DAMAGED,
                &format!(
                    "The administrator audit log doesn't hold its entry {} as it was written. \
                     Test-AdminAuditLogIntegrity says more.",
                    state.head.last
                ),
            );
            state.tip = Tip { number: state.head.last, hash: state.head.hash, time: Timestamp::default() };
            state.file = None;
        }
        state.durable = state.tip.number;
        (state.head.last, state.head.hash) = (state.tip.number, state.tip.hash);
        self.head_file.write(&mut state.head, true)
    }

    /// Appends an entry and waits until it is durable. Its number is given here.
    pub fn append(&self, mut entry: Entry) -> io::Result<Tip> {
        let tip = {
            let mut state = self.state.lock();
            if state.broken {
                return Err(io::Error::other("the administrator audit log failed before"));
            }
            let written = self.write(&mut state, &mut entry);
            state.broken |= written.is_err();
            written?
        };
        self.settle(tip.number)?;
        Ok(tip)
    }

    fn write(&self, state: &mut State, entry: &mut Entry) -> io::Result<Tip> {
        let old = entry.time.micros.saturating_sub(state.begun.micros) > SEGMENT_SECS * 1_000_000;
        if state.file.is_none() || state.len >= SEGMENT_BYTES || (old && state.len > 0) {
            self.rotate(state, entry.time)?;
        }
        let (tip, line) = chain::line(&state.tip, entry)?;
        if let Some(file) = &state.file {
            file.write_all_at(&[IoSlice::new(&line)], state.len)?;
        }
        (state.tip, state.len) = (tip, state.len + line.len() as u64);
        Ok(tip)
    }

    /// Ends the active segment and begins another.
    fn rotate(&self, state: &mut State, now: Timestamp) -> io::Result<()> {
        if let Some(file) = state.file.take() {
            file.sync_data()?;
        }
        let first = state.tip.number + 1;
        let file = self.disk.open(&path(&self.dir, first), OpenMode::OpenOrCreate)?;
        self.disk.sync_dir(&self.dir)?;
        (state.len, state.begun) = (file.len()?, now);
        if state.len > 0 {
            // Something damaged stands there; it stays, as evidence, on a line of its own.
            file.write_all_at(&[IoSlice::new(b"\n")], state.len)?;
            state.len += 1;
        }
        if state.segments.last() != Some(&first) {
            state.segments.push(first);
        }
        state.file = Some(file);
        Ok(())
    }

    /// Makes everything written so far durable, unless somebody just did; then the head follows.
    fn settle(&self, number: u64) -> io::Result<()> {
        let _turn = self.syncing.lock();
        let (file, tip) = {
            let state = self.state.lock();
            if state.durable >= number {
                return Ok(());
            }
            (state.file.clone(), state.tip)
        };
        let synced = file.map_or(Ok(()), |file| file.sync_data());
        let mut state = self.state.lock();
        if let Err(error) = synced {
            state.broken = true;
            return Err(error);
        }
        state.durable = tip.number;
        (state.head.last, state.head.hash) = (tip.number, tip.hash);
        self.head_file.write(&mut state.head, false)
    }

    /// The end of the log.
    pub fn tip(&self) -> Tip {
        self.state.lock().tip
    }

    /// The entries wanted, newest first.
    pub fn search(&self, query: &Query) -> io::Result<Vec<Entry>> {
        let segments = self.state.lock().segments.clone();
        let (mut found, mut skip) = (Vec::new(), query.skip);
        for first in segments.into_iter().rev() {
            let bytes = read(&self.disk, &path(&self.dir, first))?;
            let (lines, _) = chain::lines(&bytes);
            let mut before = false;
            for entry in lines.rev().filter_map(chain::read).map(|read| read.entry) {
                before = query.start.is_some_and(|start| entry.time < start);
                if !query.wants(&entry) {
                    continue;
                }
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if found.len() == query.limit {
                    return Ok(found);
                }
                found.push(entry);
            }
            // The segment began before the time asked for: all before it are older.
            if before {
                break;
            }
        }
        Ok(found)
    }

    /// Drops the segments whose entries are all older than `cutoff`. How many entries went.
    pub fn prune(&self, cutoff: Timestamp) -> io::Result<u64> {
        let _turn = self.syncing.lock();
        let mut state = self.state.lock();
        let begun = state.head.first;
        let mut anchor = None;
        let mut gone = 0;
        while let Some(next) = state.segments.get(gone + 1).copied() {
            let bytes = read(&self.disk, &path(&self.dir, next))?;
            let first = chain::lines(&bytes).0.next().and_then(chain::read);
            let Some(first) = first.filter(|first| first.entry.time < cutoff) else { break };
            let bytes = read(&self.disk, &path(&self.dir, state.segments[gone]))?;
            let last = chain::lines(&bytes).0.next_back().and_then(chain::read).map(|read| read.stated);
            anchor = Some((first.entry.number, last.unwrap_or_default()));
            gone += 1;
        }
        if gone + 1 == state.segments.len() && state.tip.number >= begun && state.tip.time < cutoff {
            anchor = Some((state.tip.number + 1, state.tip.hash));
            state.file = None;
            gone += 1;
        }
        let Some((first, before)) = anchor else { return Ok(0) };
        (state.head.first, state.head.before) = (first, before);
        self.head_file.write(&mut state.head, true)?;
        for segment in state.segments.drain(..gone).collect::<Vec<_>>() {
            self.disk.remove(&path(&self.dir, segment))?;
        }
        self.disk.sync_dir(&self.dir)?;
        Ok(first.saturating_sub(begun))
    }

    /// Checks every entry against the one before it, and the whole against the head. `progress` hears how many
    /// segments of how many are done.
    pub fn verify(&self, progress: &mut dyn FnMut(usize, usize)) -> io::Result<Report> {
        let (segments, tip) = {
            let state = self.state.lock();
            (state.segments.clone(), state.tip)
        };
        let head = self.head_file.read()?;
        let on_disk = self::segments(&self.disk.list(&self.dir)?);
        let mut verifier = verify::Verifier::new(head.as_ref());
        // Segments that are there and not ours, or ours and not there, are told by their entries' numbers.
        let mut all: Vec<u64> = segments.into_iter().chain(on_disk).collect();
        all.sort_unstable();
        all.dedup();
        for (done, first) in all.iter().copied().enumerate() {
            progress(done, all.len());
            match read(&self.disk, &path(&self.dir, first)) {
                Ok(bytes) => verifier.segment(&bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(verifier.finish(&tip))
    }
}

/// Whether the last entry that the head names is there, with its hash.
fn leads_to(disk: &SharedDisk, dir: &Path, state: &State) -> io::Result<bool> {
    let head = &state.head;
    if head.last < head.first {
        return Ok(true);
    }
    let Some(first) = state.segments.iter().rev().find(|first| **first <= head.last) else {
        return Ok(false);
    };
    let bytes = read(disk, &path(dir, *first))?;
    let (mut lines, _) = chain::lines(&bytes);
    let last = lines.rfind(|line| chain::read(line).is_some_and(|read| read.entry.number == head.last));
    Ok(last.and_then(chain::read).is_some_and(|read| read.stated == head.hash)
        && state.tip.number >= head.last)
}

fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:016}.log"))
}

/// The segments among the files of a folder, in order.
fn segments(files: &[PathBuf]) -> Vec<u64> {
    let number = |file: &PathBuf| file.to_str()?.strip_suffix(".log")?.parse().ok();
    let mut all: Vec<u64> = files.iter().filter_map(number).collect();
    all.sort_unstable();
    all
}

fn read(disk: &SharedDisk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Existing)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
