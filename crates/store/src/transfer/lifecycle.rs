//! A move's life beside the copying: begun, switched over, undone or over; and the lock that keeps a mailbox as
//! it is while the last changes are taken over.

use std::sync::Arc;

use base::Guid;
use engine::Txn;

use super::{
    Progress, Source, Transfer,
    rows::{Hold, MoveRow, filled_by, kind},
};
use crate::{
    Change, Database, Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    mailbox::{DisconnectReason, MailboxState},
    read::scan_prefix_keys,
    rows::{MailboxRow, Totals},
    types::MailboxId,
    write::{begin_removal, next_mailbox, set_locked},
};

/// A move that a database knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferState {
    /// The move.
    pub id: Guid,
    /// The GUID of the mailbox it fills.
    pub mailbox: Guid,
    /// The database it takes the mailbox from, and the mailbox there; nothing where the move is being
    /// forgotten.
    pub source: Option<(Guid, MailboxId)>,
    /// The mailbox has its GUID in this database: it has been switched over, or is about to be.
    pub active: bool,
    /// How far it has come.
    pub progress: Progress,
}

impl Mailbox {
    /// Lets nothing in the mailbox change, also after a restart, until [`Mailbox::unlock`]. Sessions that wait
    /// for it wake.
    pub async fn lock(&self) -> Result<(), StoreError> {
        let id = self.id;
        self.database.change(move |txn, _| set_locked(txn, id, true)).await?;
        self.database.watchers().end(id);
        Ok(())
    }

    /// Lets the mailbox change again.
    pub fn unlock(&self) -> Change<()> {
        let id = self.id;
        self.database.change(move |txn, _| set_locked(txn, id, false))
    }

    /// Fails with [`StoreError::Moving`] while a move has the mailbox locked, and after it has taken it away; and
    /// when the database is not served here any more.
    pub fn available(&self) -> Result<(), StoreError> {
        self.database.check_online()?;
        let key = keys::mailbox(table::TOTALS, self.id);
        let totals: Option<Totals> = self.database.view(|view| keys::get(view, &key))?;
        match totals {
            Some(totals) if totals.locked => Err(StoreError::Moving),
            Some(_) => Ok(()),
            None => Err(StoreError::NoMailbox),
        }
    }
}

impl Database {
    /// Begins a move into this database, or takes up one that was begun before: whoever had it until now may lock
    /// and unlock the source no more. Waits for the disk.
    pub fn begin_transfer(&self, id: Guid, source: impl Into<Source>) -> Result<Transfer, StoreError> {
        let source: Source = source.into();
        if self.guid() == source.database() {
            return Err(StoreError::MailboxExists(self.guid()));
        }
        let (row, _) = source.own()?;
        let (source_database, source_id) = (source.database(), source.id());
        let began = MoveRow { id, source_database, source: source_id, items: 0, bytes: 0, turn: 1 };
        let (target, turn) = self.change(move |txn, _| begin(txn, row, &began)).wait()?;
        Ok(Transfer {
            hold: Hold { id, turn },
            source,
            target: self.mailbox_by_id(target),
            last: Arc::default(),
        })
    }

    /// The moves this database knows of.
    pub fn transfers(&self) -> Result<Vec<TransferState>, StoreError> {
        self.view(|view| {
            let mut states = Vec::new();
            for key in scan_prefix_keys(view, &[table::TRANSFER])? {
                let Some(id) = keys::tail(&key).map(Guid) else { continue };
                let Some(mailbox) = filled_by(view, id)? else { continue };
                let row: Option<MailboxRow> = keys::get(view, &keys::mailbox(table::MAILBOX, mailbox))?;
                let arrival: Option<MoveRow> = keys::get(view, &keys::arrival(mailbox, kind::MOVE, 0))?;
                states.push(TransferState {
                    id,
                    mailbox: row.as_ref().map_or(Guid::EMPTY, |row| row.guid),
                    source: arrival.as_ref().map(|arrival| (arrival.source_database, arrival.source)),
                    progress: arrival.map_or_else(Progress::default, |arrival| arrival.progress()),
                    active: row.is_some_and(|row| {
                        !matches!(row.state, MailboxState::Arriving | MailboxState::Removing)
                    }),
                });
            }
            Ok(states)
        })
    }

    /// Forgets a move that is over; the mailbox stays. Nothing where it was forgotten already.
    pub async fn finish_transfer(&self, id: Guid) -> Result<(), StoreError> {
        let Some(mailbox) = self.view(|view| filled_by(view, id))? else { return Ok(()) };
        self.mailbox_by_id(mailbox).remove_rows(table::ARRIVAL).await?;
        self.change(move |txn, _| {
            txn.delete(&keys::by_guid(table::TRANSFER, &id.0));
            Ok(())
        })
        .await
    }

    /// Undoes a move: what it brought is removed. Only while the mailbox is not switched over; nothing where
    /// the move is not known.
    pub async fn cancel_transfer(&self, id: Guid) -> Result<(), StoreError> {
        let Some(mailbox) = self.view(|view| filled_by(view, id))? else { return Ok(()) };
        let begin = self.change(move |txn, _| {
            let key = keys::mailbox(table::MAILBOX, mailbox);
            match keys::get::<MailboxRow>(txn, &key)?.map(|row| row.state) {
                Some(MailboxState::Arriving) => begin_removal(txn, mailbox)?,
                Some(MailboxState::Removing) | None => {}
                Some(_) => return Err(StoreError::NoTransfer(id)),
            }
            txn.delete(&keys::by_guid(table::TRANSFER, &id.0));
            Ok(())
        });
        begin.await?;
        match self.mailbox_by_id(mailbox).remove().await {
            Ok(()) | Err(StoreError::NoMailbox) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Transfer {
    /// Lets nothing in the source change, also after a restart. Fails with [`StoreError::Superseded`] where
    /// somebody else has taken the move up.
    pub fn lock(&self) -> Result<(), StoreError> {
        self.source.hold(self.hold, true)
    }

    /// Lets the source change again; fails like [`Transfer::lock`].
    pub fn unlock(&self) -> Result<(), StoreError> {
        self.source.hold(self.hold, false)
    }

    /// Gives the mailbox its GUID in this database: from now on it is found here. Where the source of an
    /// earlier move still holds it, that one goes for good.
    pub fn activate(&self) -> Change<()> {
        let id = self.target.id;
        self.target.database.change(move |txn, _| activate(txn, id))
    }

    /// Takes the GUID away again: the switch did not happen.
    pub fn deactivate(&self) -> Change<()> {
        let id = self.target.id;
        self.target.database.change(move |txn, _| {
            let key = keys::mailbox(table::MAILBOX, id);
            let mut row: MailboxRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
            if row.state != MailboxState::Connected {
                return Ok(());
            }
            row.state = MailboxState::Arriving;
            txn.put(&key, &row.to_bytes());
            txn.delete(&keys::by_guid(table::GUID, &row.guid.0));
            set_locked(txn, id, true)
        })
    }
}

fn begin(txn: &mut Txn<'_>, row: MailboxRow, began: &MoveRow) -> Result<(MailboxId, u64), StoreError> {
    if let Some(mailbox) = filled_by(txn, began.id)? {
        let key = keys::arrival(mailbox, kind::MOVE, 0);
        let known = keys::get::<MoveRow>(txn, &key)?;
        let same =
            |known: &MoveRow| (known.source_database, known.source) == (began.source_database, began.source);
        let known = known.filter(same).ok_or(StoreError::NoTransfer(began.id))?;
        let turn = known.turn + 1;
        txn.put(&key, &MoveRow { turn, ..known }.to_bytes());
        return Ok((mailbox, turn));
    }
    check_guid(txn, row.guid)?;
    let id = next_mailbox(txn)?;
    txn.put(&keys::by_guid(table::TRANSFER, &began.id.0), &u64::from(id.0).to_bytes());
    txn.put(&keys::arrival(id, kind::MOVE, 0), &began.to_bytes());
    let row = MailboxRow { state: MailboxState::Arriving, ..row };
    txn.put(&keys::mailbox(table::MAILBOX, id), &row.to_bytes());
    txn.put(&keys::mailbox(table::TOTALS, id), &Totals { locked: true, ..Totals::default() }.to_bytes());
    Ok((id, began.turn))
}

/// Who holds a GUID, where it is nobody but the source of an earlier move.
fn check_guid(txn: &Txn<'_>, guid: Guid) -> Result<Option<MailboxId>, StoreError> {
    let number = keys::get::<u64>(txn, &keys::by_guid(table::GUID, &guid.0))?;
    let Some(holder) = number.and_then(|number| number.try_into().ok()).map(MailboxId) else {
        return Ok(None);
    };
    let row: Option<MailboxRow> = keys::get(txn, &keys::mailbox(table::MAILBOX, holder))?;
    match row.map(|row| row.state) {
        Some(MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, .. }) => Ok(Some(holder)),
        None => Ok(None),
        Some(_) => Err(StoreError::MailboxExists(guid)),
    }
}

fn activate(txn: &mut Txn<'_>, id: MailboxId) -> Result<(), StoreError> {
    let key = keys::mailbox(table::MAILBOX, id);
    let mut row: MailboxRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
    if row.state == MailboxState::Connected {
        return Ok(());
    }
    if let Some(earlier) = check_guid(txn, row.guid)? {
        begin_removal(txn, earlier)?;
    }
    row.state = MailboxState::Connected;
    txn.put(&key, &row.to_bytes());
    txn.put(&keys::by_guid(table::GUID, &row.guid.0), &u64::from(id.0).to_bytes());
    set_locked(txn, id, false)
}
