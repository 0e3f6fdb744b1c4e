//! The head: where the log begins and ends, kept apart from the log. Two slots are written in turn, so that a
//! torn write leaves the other.

use std::{
    io::{self, IoSlice},
    path::Path,
    sync::Arc,
};

use base::disk::{Disk, DiskFile, OpenMode};
use serde::{Deserialize, Serialize};

use super::chain::Hash;

const SLOT: usize = 512;

/// What the head says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Counts the writes.
    pub(super) turn: u64,
    /// The first entry that must be there.
    pub(super) first: u64,
    /// The hash of the entry before it.
    pub(super) before: Hash,
    /// The last entry that must be there; one less than `first` where there is none.
    pub(super) last: u64,
    /// Its hash.
    pub(super) hash: Hash,
    /// The head itself was missing when the log was opened and had this last entry.
    pub(super) remade: Option<u64>,
}

/// The head's file.
pub(super) struct HeadFile(Arc<dyn DiskFile>);

impl HeadFile {
    /// Opens or makes the file; the newest head in it, if there is one.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<(Self, Option<Head>)> {
        let file = HeadFile(disk.open(path, OpenMode::OpenOrCreate)?);
        let head = file.read()?;
        Ok((file, head))
    }

    /// The newest head.
    pub(super) fn read(&self) -> io::Result<Option<Head>> {
        let len = usize::try_from(self.0.len()?).unwrap_or(usize::MAX).min(2 * SLOT);
        let mut bytes = vec![0; len];
        self.0.read_exact_at(&mut bytes, 0)?;
        Ok(bytes.chunks(SLOT).filter_map(decode).max_by_key(|head| head.turn))
    }

    /// Writes the next head. Without `durable` it follows when the system sees fit: a head that lags behind
    /// the log says nothing wrong.
    pub(super) fn write(&self, head: &mut Head, durable: bool) -> io::Result<()> {
        head.turn += 1;
        let text = serde_json::to_vec(head)?;
        let mut slot = format!("{} ", Hash::default().then(&text)).into_bytes();
        slot.extend_from_slice(&text);
        slot.resize(SLOT - 1, b' ');
        slot.push(b'\n');
        self.0.write_all_at(&[IoSlice::new(&slot)], (head.turn % 2) * SLOT as u64)?;
        if durable { self.0.sync_data() } else { Ok(()) }
    }
}

fn decode(slot: &[u8]) -> Option<Head> {
    let slot = slot.trim_ascii_end();
    let (hash, text) = slot.split_at_checked(64)?;
    let text = text.strip_prefix(b" ")?;
    (Hash::parse(hash)? == Hash::default().then(text)).then_some(())?;
    serde_json::from_slice(text).ok()
}
