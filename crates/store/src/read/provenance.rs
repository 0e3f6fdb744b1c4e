//! Where items come from, and how much of a folder is marked deleted.

use std::ops::ControlFlow;

use engine::Read;

use super::{figures, scan_items};
use crate::{
    Mailbox, StoreError,
    keys::{self, table},
    rows::{Detail, Moved},
    types::{FolderId, ItemId, Provenance},
};

impl Mailbox {
    /// The provenance of each item; `None` where it is gone.
    pub fn provenances(&self, items: &[ItemId]) -> Result<Vec<Option<Provenance>>, StoreError> {
        self.database.view(|view| {
            let one = |item: &ItemId| {
                let Some(bytes) = view.get(&keys::by_id(table::DETAIL, self.id, *item))? else {
                    return Ok(None);
                };
                let detail = Detail::decode(&bytes)?;
                let moved: Option<Moved> = keys::get(view, &keys::by_id(table::PLACE, self.id, *item))?;
                let saved = moved.map(|moved| moved.at).or(detail.saved);
                Ok(Some(Provenance { origin: detail.origin.unwrap_or(*item), saved }))
            };
            items.iter().map(one).collect()
        })
    }

    /// The sizes of a folder's items that are marked \Deleted, bytes. Reads the folder through where there
    /// is one.
    pub fn deleted_size(&self, folder: FolderId) -> Result<u64, StoreError> {
        let number = folder.number()?;
        self.database.view(|view| {
            let mut size = 0;
            let mut left = figures(view, self.id, number)?.deleted;
            if left == 0 {
                return Ok(0);
            }
            scan_items(view, self.id, number, &[1..=u32::MAX], &mut |_, row| {
                if row.is_deleted() {
                    size += u64::from(row.size);
                    left = left.saturating_sub(1);
                }
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            Ok(size)
        })
    }
}
