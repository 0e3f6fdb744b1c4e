//! The end of retention: what was in Recoverable Items long enough is destroyed.

use std::ops::ControlFlow;

use base::Timestamp;

use super::{items::destroy, ledger::Ledger};
use crate::{
    Mailbox, StoreError,
    keys::{self, table},
    read::scan_items,
    roles::FolderRole,
    rows::{ItemRow, Moved},
};

/// Items destroyed by one commit.
const BATCH: usize = 500;

/// What retention empties; holds and audit records have rules of their own.
const EMPTIED: [FolderRole; 3] = [FolderRole::Deletions, FolderRole::Versions, FolderRole::Purges];

impl Mailbox {
    /// Destroys what was moved to Recoverable Items before `before`; returns how many items went.
    pub async fn purge_recoverable(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut purged = 0;
        for role in EMPTIED {
            loop {
                let count = self.change(move |ledger| purge(ledger, role.number(), before)).await?;
                purged += count;
                if count < BATCH {
                    break;
                }
            }
        }
        Ok(purged)
    }
}

/// Items come to these folders in the order of their UIDs: the first that is too young ends the search.
fn purge(ledger: &mut Ledger<'_, '_>, folder: u32, before: Timestamp) -> Result<usize, StoreError> {
    let mut oldest: Vec<(u32, ItemRow)> = Vec::with_capacity(BATCH);
    scan_items(ledger.txn, ledger.mailbox, folder, &[0..=u32::MAX], &mut |uid, row| {
        oldest.push((uid, row));
        if oldest.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut purged = 0;
    for (uid, row) in oldest {
        let moved: Option<Moved> = keys::get(ledger.txn, &keys::by_id(table::PLACE, ledger.mailbox, row.id))?;
        // What was made here was never moved here; its age is its own.
        if moved.map_or(row.received, |moved| moved.at) >= before {
            break;
        }
        destroy(ledger, folder, uid, &row)?;
        purged += 1;
    }
    Ok(purged)
}
