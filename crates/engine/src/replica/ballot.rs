//! The small file beside a copy's log: its vote, and what was last retracted from the log.
//!
//! Two slots, written in turn, each with a number and a checksum; the higher whole one counts.

use std::{
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};

use crate::{EngineError, log::recovery::Retraction};

const NAME: &str = "ballot";
const SLOT: usize = 512;
const HEAD: usize = 32;
/// The longest vote that fits, bytes.
const VOTE: usize = SLOT - HEAD - 4;

/// What one slot says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slot {
    number: u64,
    retracted: Retraction,
    vote: Vec<u8>,
}

impl Slot {
    fn encode(&self) -> [u8; SLOT] {
        let mut out = [0; SLOT];
        out[..8].copy_from_slice(&self.number.to_le_bytes());
        out[8..16].copy_from_slice(&self.retracted.position.to_le_bytes());
        out[16..24].copy_from_slice(&self.retracted.epoch.to_le_bytes());
        out[24..32].copy_from_slice(&(self.vote.len() as u64).to_le_bytes());
        out[HEAD..HEAD + self.vote.len()].copy_from_slice(&self.vote);
        let crc = crc32c::crc32c(&out[..SLOT - 4]);
        out[SLOT - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8; SLOT]) -> Option<Self> {
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let (number, len) = (u64_at(0), u64_at(24) as usize);
        let whole = crc32c::crc32c(&bytes[..SLOT - 4]).to_le_bytes() == bytes[SLOT - 4..];
        (whole && number > 0 && len <= VOTE).then(|| Self {
            number,
            retracted: Retraction { position: u64_at(8), epoch: u64_at(16) },
            vote: bytes[HEAD..HEAD + len].to_vec(),
        })
    }
}

/// The open file.
pub(crate) struct Ballot {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    now: Slot,
}

impl Ballot {
    /// Opens or makes the file.
    pub(crate) fn open(disk: &SharedDisk, dir: &Path) -> Result<Self, EngineError> {
        let path = dir.join(NAME);
        let failed = |error| EngineError::io("opening", &path, error);
        disk.create_dir_all(dir).map_err(failed)?;
        let file = disk.open(&path, OpenMode::OpenOrCreate).map_err(failed)?;
        if file.len().map_err(failed)? < 2 * SLOT as u64 {
            file.write_all_at(&[IoSlice::new(&[0; 2 * SLOT])], 0).map_err(failed)?;
        }
        // What is read may only ever have reached the page cache.
        file.sync_data().map_err(failed)?;
        disk.sync_dir(dir).map_err(failed)?;
        let slot = |at: usize| -> io::Result<Option<Slot>> {
            let mut bytes = [0; SLOT];
            file.read_exact_at(&mut bytes, (at * SLOT) as u64)?;
            Ok(Slot::decode(&bytes))
        };
        let slots = [slot(0).map_err(failed)?, slot(1).map_err(failed)?];
        let now = slots.into_iter().flatten().max_by_key(|slot| slot.number).unwrap_or_default();
        Ok(Self { file, path, now })
    }

    /// The vote, empty before the first one.
    pub(crate) fn vote(&self) -> &[u8] {
        &self.now.vote
    }

    /// What was last taken back from the log.
    pub(crate) fn retracted(&self) -> Retraction {
        self.now.retracted
    }

    /// Makes a vote durable.
    pub(crate) fn save_vote(&mut self, vote: &[u8]) -> Result<(), EngineError> {
        if vote.len() > VOTE {
            return Err(EngineError::TooLarge(vote.len() as u64));
        }
        self.save(Slot { vote: vote.to_vec(), ..self.now.clone() })
    }

    /// Makes a retraction durable.
    pub(crate) fn save_retraction(&mut self, retracted: Retraction) -> Result<(), EngineError> {
        self.save(Slot { retracted, ..self.now.clone() })
    }

    fn save(&mut self, slot: Slot) -> Result<(), EngineError> {
        let slot = Slot { number: self.now.number + 1, ..slot };
        let offset = (slot.number % 2) * SLOT as u64;
        let written = self.file.write_all_at(&[IoSlice::new(&slot.encode())], offset);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| EngineError::io("writing", &self.path, error))?;
        self.now = slot;
        Ok(())
    }
}

/// What was last taken back from the log in a folder, whether or not it has a ballot.
pub(crate) fn retracted(disk: &SharedDisk, dir: &Path) -> Result<Retraction, EngineError> {
    Ok(existing(disk, dir)?.map(|ballot| ballot.retracted()).unwrap_or_default())
}

/// Whether the database in a folder has taken part in a group: it must not be changed but by that.
pub fn has_voted(disk: &SharedDisk, dir: &Path) -> Result<bool, EngineError> {
    Ok(existing(disk, dir)?.is_some_and(|ballot| !ballot.vote().is_empty()))
}

fn existing(disk: &SharedDisk, dir: &Path) -> Result<Option<Ballot>, EngineError> {
    match disk.open(&dir.join(NAME), OpenMode::Existing) {
        Ok(_) => Ballot::open(disk, dir).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EngineError::io("opening", &dir.join(NAME), error)),
    }
}

#[cfg(test)]
mod tests {
    use base::sim::SimDisk;

    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let disk: SharedDisk = Arc::new(SimDisk::default());
        let dir = Path::new("/copy");
        let mut ballot = Ballot::open(&disk, dir).unwrap();
        assert_eq!((ballot.vote(), ballot.retracted()), (&[][..], Retraction::default()));
        ballot.save_vote(b"one").unwrap();
        let retracted = Retraction { position: 4096, epoch: 3 };
        ballot.save_retraction(retracted).unwrap();
        ballot.save_vote(b"two").unwrap();
        let again = Ballot::open(&disk, dir).unwrap();
        assert_eq!((again.vote(), again.retracted()), (&b"two"[..], retracted));
        // The third write went to slot 1; what a torn write leaves of it does not count.
        again.file.write_all_at(&[IoSlice::new(b"torn")], SLOT as u64 + HEAD as u64).unwrap();
        let before = Ballot::open(&disk, dir).unwrap();
        assert_eq!((before.vote(), before.retracted()), (&b"one"[..], retracted));
    }
}
