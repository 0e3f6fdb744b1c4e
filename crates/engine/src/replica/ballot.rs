//! The small file beside a copy's log: its vote, and what was last retracted from the log.

use std::path::{Path, PathBuf};

use base::disk::SharedDisk;

use crate::{EngineError, log::recovery::Retraction, slots::Slots};

const NAME: &str = "ballot";
const SLOT: usize = 512;
/// Position and epoch of the retraction; the vote follows.
const HEAD: usize = 16;

/// The open file.
pub(crate) struct Ballot(Slots);

fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

impl Ballot {
    /// Opens or makes the file.
    pub(crate) fn open(disk: &SharedDisk, dir: &Path) -> Result<Self, EngineError> {
        Slots::open(disk, path(dir), SLOT).map(Self)
    }

    /// The vote, empty before the first one.
    pub(crate) fn vote(&self) -> &[u8] {
        self.0.content().get(HEAD..).unwrap_or_default()
    }

    /// What was last taken back from the log.
    pub(crate) fn retracted(&self) -> Retraction {
        let number = |at: usize| {
            let bytes = self.0.content().get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        Retraction { position: number(0), epoch: number(8) }
    }

    /// Makes a vote durable.
    pub(crate) fn save_vote(&mut self, vote: &[u8]) -> Result<(), EngineError> {
        self.save(self.retracted(), vote)
    }

    /// Makes a retraction durable.
    pub(crate) fn save_retraction(&mut self, retracted: Retraction) -> Result<(), EngineError> {
        let vote = self.vote().to_vec();
        self.save(retracted, &vote)
    }

    fn save(&mut self, retracted: Retraction, vote: &[u8]) -> Result<(), EngineError> {
        let Retraction { position, epoch } = retracted;
        self.0.save([&position.to_le_bytes()[..], &epoch.to_le_bytes(), vote].concat())
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
    Ok(Slots::existing(disk, path(dir), SLOT)?.map(Ballot))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::sim::SimDisk;

    use super::*;

    #[test]
    fn vote_and_retraction_are_kept_apart() {
        let disk: SharedDisk = Arc::new(SimDisk::default());
        let dir = Path::new("/copy");
        let mut ballot = Ballot::open(&disk, dir).unwrap();
        assert_eq!((ballot.vote(), ballot.retracted()), (&[][..], Retraction::default()));
        ballot.save_vote(b"one").unwrap();
        let retracted = Retraction { position: 4096, epoch: 3 };
        ballot.save_retraction(retracted).unwrap();
        assert!(has_voted(&disk, dir).unwrap());
        let mut again = Ballot::open(&disk, dir).unwrap();
        assert_eq!((again.vote(), again.retracted()), (&b"one"[..], retracted));
        again.save_vote(b"two").unwrap();
        assert_eq!((again.vote(), again.retracted()), (&b"two"[..], retracted));
    }
}
