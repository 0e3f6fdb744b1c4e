//! Figures for administrators: of a mailbox, of all mailboxes, of the folders of one.

use std::ops::ControlFlow;

use base::Timestamp;
use engine::Read;

use super::{figures, scan_items};
use crate::{
    Database, Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    mailbox::{MailboxState, MailboxStatistics},
    rows::{MailboxRow, Totals},
    types::{Folder, FolderStatus, MailboxId},
};

/// A folder and its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStatistics {
    /// The folder, hidden ones too; paths begin below the true root.
    pub folder: Folder,
    /// Its figures.
    pub status: FolderStatus,
    /// When the oldest item was received, if that was asked for and there is one.
    pub oldest: Option<Timestamp>,
    /// When the newest item was received, likewise.
    pub newest: Option<Timestamp>,
}

impl Database {
    /// Statistics of every mailbox, disconnected ones too; those being removed, or filled by a move, are left
    /// out.
    pub fn statistics(&self) -> Result<Vec<(MailboxId, MailboxStatistics)>, StoreError> {
        self.view(|view| {
            let mut rows = Vec::new();
            let mut outcome = Ok(());
            view.scan_prefix(&[table::MAILBOX], &mut |key, bytes| {
                match keys::uid_of(key).and_then(|id| Ok((MailboxId(id), MailboxRow::from_bytes(bytes)?))) {
                    Ok(row) => rows.push(row),
                    Err(error) => outcome = Err(error),
                }
                if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            outcome?;
            rows.retain(|(_, row)| !matches!(row.state, MailboxState::Removing | MailboxState::Arriving));
            rows.into_iter().map(|(id, row)| Ok((id, statistics(row, totals(view, id)?)))).collect()
        })
    }
}

impl Mailbox {
    /// The mailbox's figures.
    pub fn statistics(&self) -> Result<MailboxStatistics, StoreError> {
        self.database.view(|view| {
            let key = keys::mailbox(table::MAILBOX, self.id);
            let row = keys::get(view, &key)?.ok_or(StoreError::NoMailbox)?;
            Ok(statistics(row, totals(view, self.id)?))
        })
    }

    /// Figures of every folder, hidden ones too. `oldest_and_newest` reads every item's row, a folder a view.
    pub fn folder_statistics(&self, oldest_and_newest: bool) -> Result<Vec<FolderStatistics>, StoreError> {
        self.all_folders()?
            .into_iter()
            .map(|folder| {
                let status = self.status(folder.id)?;
                let times = if oldest_and_newest { self.times(folder.id.number()?)? } else { None };
                let (oldest, newest) = times.unzip();
                Ok(FolderStatistics { folder, status, oldest, newest })
            })
            .collect()
    }

    /// When the oldest and the newest item were received.
    fn times(&self, folder: u32) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        self.database.view(|view| {
            figures(view, self.id, folder)?;
            let mut times: Option<(Timestamp, Timestamp)> = None;
            scan_items(view, self.id, folder, &[0..=u32::MAX], &mut |_, row| {
                let (oldest, newest) = times.unwrap_or((row.received, row.received));
                times = Some((oldest.min(row.received), newest.max(row.received)));
                ControlFlow::Continue(())
            })?;
            Ok(times)
        })
    }
}

fn totals(read: &impl Read, mailbox: MailboxId) -> Result<Totals, StoreError> {
    keys::get(read, &keys::mailbox(table::TOTALS, mailbox))?.ok_or(StoreError::NoMailbox)
}

fn statistics(row: MailboxRow, totals: Totals) -> MailboxStatistics {
    MailboxStatistics {
        guid: row.guid,
        display_name: row.display_name,
        created: row.created,
        state: row.state,
        items: totals.items,
        size: totals.size,
        associated: totals.associated,
        associated_size: totals.associated_size,
        recoverable: totals.recoverable,
        recoverable_size: totals.recoverable_size,
        last_logon: row.last_logon,
        last_logoff: row.last_logoff,
        last_user: row.last_user,
    }
}
