//! A small file that is replaced as a whole: two slots, written in turn, each with a number and a checksum; the higher
//! whole one counts.

use std::{
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::Arc,
};

use base::disk::{DiskFile, OpenMode, SharedDisk};

use crate::EngineError;

/// Number (8), length (4), checksum (4) of the rest.
const HEAD: usize = 16;

/// The open file.
pub struct Slots {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    slot: usize,
    number: u64,
    content: Vec<u8>,
}

impl Slots {
    /// Opens or makes the file; `slot` bytes are set aside for each slot.
    ///
    /// # Errors
    /// The disk fails.
    pub fn open(disk: &SharedDisk, path: PathBuf, slot: usize) -> Result<Self, EngineError> {
        let failed = |error| EngineError::io("opening", &path, error);
        let dir = path.parent().unwrap_or(Path::new(""));
        disk.create_dir_all(dir).map_err(failed)?;
        let file = disk.open(&path, OpenMode::OpenOrCreate).map_err(failed)?;
        if file.len().map_err(failed)? < 2 * slot as u64 {
            file.write_all_at(&[IoSlice::new(&vec![0; 2 * slot])], 0).map_err(failed)?;
        }
        // What is read may only ever have reached the page cache.
        file.sync_data().map_err(failed)?;
        disk.sync_dir(dir).map_err(failed)?;
        let mut now = (0, Vec::new());
        for at in [0, slot] {
            let mut bytes = vec![0; slot];
            file.read_exact_at(&mut bytes, at as u64).map_err(failed)?;
            now =
                decode(&bytes).into_iter().fold(now, |now, found| if found.0 > now.0 { found } else { now });
        }
        let (number, content) = now;
        Ok(Self { file, path, slot, number, content })
    }

    /// As [`Slots::open`] where there is such a file.
    ///
    /// # Errors
    /// The disk fails.
    pub fn existing(disk: &SharedDisk, path: PathBuf, slot: usize) -> Result<Option<Self>, EngineError> {
        match disk.open(&path, OpenMode::Existing) {
            Ok(_) => Self::open(disk, path, slot).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EngineError::io("opening", &path, error)),
        }
    }

    /// What was last saved; empty before the first time.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Makes this the content, durably.
    ///
    /// # Errors
    /// It does not fit, or the disk fails; then the content is what it was.
    pub fn save(&mut self, content: Vec<u8>) -> Result<(), EngineError> {
        if content.len() > self.slot - HEAD {
            return Err(EngineError::TooLarge(content.len() as u64));
        }
        let number = self.number + 1;
        let head = head(number, &content);
        let written =
            self.file.write_all_at(&[IoSlice::new(&head), IoSlice::new(&content)], self.offset(number));
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|error| EngineError::io("writing", &self.path, error))?;
        (self.number, self.content) = (number, content);
        Ok(())
    }

    fn offset(&self, number: u64) -> u64 {
        (number % 2) * self.slot as u64
    }
}

fn head(number: u64, content: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&number.to_le_bytes());
    head[8..12].copy_from_slice(&(content.len() as u32).to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&head[..12]), content);
    head[12..].copy_from_slice(&sum.to_le_bytes());
    head
}

fn decode(slot: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (found, rest) = slot.split_at_checked(HEAD)?;
    let number = u64::from_le_bytes(found[..8].try_into().ok()?);
    let len = u32::from_le_bytes(found[8..12].try_into().ok()?) as usize;
    let content = rest.get(..len)?;
    (number > 0 && head(number, content)[..] == *found).then(|| (number, content.to_vec()))
}

#[cfg(test)]
mod tests {
    use base::sim::SimDisk;

    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let disk: SharedDisk = Arc::new(SimDisk::default());
        let open = || Slots::open(&disk, "/copy/ballot".into(), 128).unwrap();
        let mut slots = open();
        assert_eq!(slots.content(), b"");
        slots.save(b"one".to_vec()).unwrap();
        slots.save(b"two".to_vec()).unwrap();
        assert!(matches!(slots.save(vec![0; 128]), Err(EngineError::TooLarge(128))));
        let again = open();
        assert_eq!(again.content(), b"two");
        // The second write went to slot 0; what a torn write leaves of it does not count.
        again.file.write_all_at(&[IoSlice::new(b"torn")], HEAD as u64).unwrap();
        assert_eq!(open().content(), b"one");
    }
}
