//! What is done to whole mailboxes: create, connect, disconnect, remove.

use std::{ops::ControlFlow, time::Duration};

use base::{Guid, Timestamp};
use engine::{Read, Txn};

use super::{
    folders::add_default_folders,
    ledger::{Ledger, release_body},
};
use crate::{
    Change, Database, Mailbox, StoreError,
    codec::Row,
    keys::{self, table},
    mailbox::{DisconnectReason, MailboxState},
    rows::{Detail, Identity, MailboxRow, Totals},
    types::MailboxId,
};

/// A mailbox about to be made.
#[derive(Clone, Debug)]
pub struct NewMailbox {
    /// Its GUID, the same as in the directory.
    pub guid: Guid,
    /// As the owner is shown.
    pub display_name: String,
    /// The language its default folders are named in: `pt-PT`.
    pub culture: String,
}

/// Logons of one user closer together than this are recorded as one.
const LOGON_RESOLUTION: Duration = Duration::from_secs(15 * 60);
/// Rows removed by one commit.
const REMOVE_BATCH: usize = 1000;

/// The tables whose rows go with their mailbox; the row that says it is being removed goes last.
const MAILBOX_TABLES: &[u8] = &[
    table::DETAIL,
    table::ITEM,
    table::PLACE,
    table::CHANGE,
    table::VANISHED,
    table::LISTING,
    table::NAME,
    table::FIGURES,
    table::FOLDER,
    table::ASSOCIATED,
    table::PROPERTIES,
    table::NAMED,
    table::NAME_OF,
    table::KEYWORDS,
    table::ARRIVAL,
    table::MERGED,
    table::MAILBOX,
];

impl Database {
    /// Makes a mailbox with the default folders.
    pub fn create_mailbox(&self, new: NewMailbox) -> Change<MailboxId> {
        let now = self.clock().now();
        self.change(move |txn, touched| {
            let by_guid = keys::by_guid(table::GUID, &new.guid.0);
            if txn.get(&by_guid)?.is_some() {
                return Err(StoreError::MailboxExists(new.guid));
            }
            let id = next_mailbox(txn)?;
            txn.put(&by_guid, &u64::from(id.0).to_bytes());
            let row = MailboxRow {
                guid: new.guid,
                display_name: new.display_name,
                culture: new.culture,
                created: now,
                state: MailboxState::Connected,
                last_logon: None,
                last_logoff: None,
                last_user: String::new(),
            };
            txn.put(&keys::mailbox(table::MAILBOX, id), &row.to_bytes());
            txn.put(&keys::mailbox(table::TOTALS, id), &Totals::default().to_bytes());
            let mut ledger = Ledger::open(txn, id, now)?;
            add_default_folders(&mut ledger, &row.culture)?;
            ledger.finish(touched)?;
            Ok(id)
        })
    }
}

impl Mailbox {
    /// Leaves the mailbox to nobody; it is kept until removed.
    pub fn disconnect(&self, reason: DisconnectReason) -> Change<()> {
        let since = self.database.clock().now();
        self.change_row(move |row| row.state = MailboxState::Disconnected { reason, since })
    }

    /// Gives a disconnected mailbox to a user again; the source of a completed move can be changed again.
    pub fn connect(&self, display_name: &str) -> Change<()> {
        let (display_name, id) = (display_name.to_owned(), self.id);
        self.database.change(move |txn, _| {
            let key = keys::mailbox(table::MAILBOX, id);
            let mut row: MailboxRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
            if matches!(row.state, MailboxState::Removing | MailboxState::Arriving) {
                return Err(StoreError::NoMailbox);
            }
            (row.state, row.display_name) = (MailboxState::Connected, display_name);
            txn.put(&key, &row.to_bytes());
            set_locked(txn, id, false)
        })
    }

    /// Changes the name the owner is shown.
    pub fn set_display_name(&self, display_name: &str) -> Change<()> {
        let display_name = display_name.to_owned();
        self.change_row(move |row| row.display_name = display_name)
    }

    /// Records a logon for the statistics, unless the same user's last one is only minutes old: a logon
    /// is no reason for a commit each.
    pub fn record_logon(&self, user: &str) -> Result<Option<Change<()>>, StoreError> {
        let now = self.database.clock().now();
        let key = keys::mailbox(table::MAILBOX, self.id);
        let row: MailboxRow =
            self.database.view(|view| keys::get(view, &key))?.ok_or(StoreError::NoMailbox)?;
        let recent = |last: Timestamp| now.since(last) < LOGON_RESOLUTION;
        if row.last_user == user && row.last_logon.is_some_and(recent) {
            return Ok(None);
        }
        let user = user.to_owned();
        Ok(Some(self.change_row(move |row| (row.last_user, row.last_logon) = (user, Some(now)))))
    }

    /// Records a logoff for the statistics.
    pub fn record_logoff(&self) -> Change<()> {
        let now = self.database.clock().now();
        self.change_row(move |row| row.last_logoff = Some(now))
    }

    fn change_row(&self, f: impl FnOnce(&mut MailboxRow) + Send + 'static) -> Change<()> {
        let key = keys::mailbox(table::MAILBOX, self.id);
        self.database.change(move |txn, _| {
            let mut row: MailboxRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
            if row.state == MailboxState::Removing {
                return Err(StoreError::NoMailbox);
            }
            f(&mut row);
            txn.put(&key, &row.to_bytes());
            Ok(())
        })
    }

    /// Removes the mailbox for good. Its GUID is free from the first commit on; its rows and bodies go in
    /// batches, and a removal that a stop interrupted goes on with [`Database::finish_removals`].
    pub async fn remove(&self) -> Result<(), StoreError> {
        let id = self.id;
        self.database.change(move |txn, _| begin_removal(txn, id)).await?;
        for table in MAILBOX_TABLES {
            self.remove_rows(*table).await?;
        }
        Ok(())
    }

    /// Removes the mailbox's rows of one table.
    pub(crate) async fn remove_rows(&self, table: u8) -> Result<(), StoreError> {
        let id = self.id;
        while self.database.change(move |txn, _| remove_batch(txn, table, id)).await? == REMOVE_BATCH {}
        Ok(())
    }
}

impl Database {
    /// Goes on with removals that a stop interrupted; returns how many mailboxes went.
    pub async fn finish_removals(&self) -> Result<usize, StoreError> {
        let removing = self.view(|view| {
            let mut ids = Vec::new();
            view.scan_prefix(&[table::MAILBOX], &mut |key, bytes| {
                if MailboxRow::from_bytes(bytes).is_ok_and(|row| row.state == MailboxState::Removing) {
                    ids.extend(keys::uid_of(key).ok().map(MailboxId));
                }
                ControlFlow::Continue(())
            })?;
            Ok::<_, StoreError>(ids)
        })?;
        for id in &removing {
            self.mailbox_by_id(*id).remove().await?;
        }
        Ok(removing.len())
    }
}

/// Says whether the mailbox may change.
pub(crate) fn set_locked(txn: &mut Txn<'_>, id: MailboxId, locked: bool) -> Result<(), StoreError> {
    let key = keys::mailbox(table::TOTALS, id);
    let mut totals: Totals = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
    if totals.locked != locked {
        totals.locked = locked;
        txn.put(&key, &totals.to_bytes());
    }
    Ok(())
}

/// Takes the next mailbox number.
pub(crate) fn next_mailbox(txn: &mut Txn<'_>) -> Result<MailboxId, StoreError> {
    let mut identity: Identity =
        keys::get(txn, &[table::IDENTITY])?.ok_or(StoreError::Row(Identity::NAME))?;
    let id = MailboxId(identity.next_mailbox);
    identity.next_mailbox += 1;
    txn.put(&[table::IDENTITY], &identity.to_bytes());
    Ok(id)
}

/// Begins to remove a mailbox for good: its GUID is free from now on.
pub(crate) fn begin_removal(txn: &mut Txn<'_>, id: MailboxId) -> Result<(), StoreError> {
    let key = keys::mailbox(table::MAILBOX, id);
    let mut row: MailboxRow = keys::get(txn, &key)?.ok_or(StoreError::NoMailbox)?;
    if row.state == MailboxState::Removing {
        return Ok(());
    }
    row.state = MailboxState::Removing;
    let by_guid = keys::by_guid(table::GUID, &row.guid.0);
    // A mailbox that a move was filling does not have its GUID's row.
    if keys::get::<u64>(txn, &by_guid)? == Some(id.0.into()) {
        txn.delete(&by_guid);
    }
    txn.delete(&keys::mailbox(table::TOTALS, id));
    txn.put(&key, &row.to_bytes());
    Ok(())
}

/// Removes up to [`REMOVE_BATCH`] rows of one table of a mailbox; the bodies of details with them.
fn remove_batch(txn: &mut Txn<'_>, table: u8, mailbox: MailboxId) -> Result<usize, StoreError> {
    let mut keys = Vec::new();
    let mut bodies = Vec::new();
    let mut outcome = Ok(());
    txn.scan_prefix(&keys::mailbox(table, mailbox), &mut |key, bytes| {
        if table == table::DETAIL {
            outcome = Detail::decode(bytes).map(|detail| bodies.push(detail.body));
        }
        keys.push(key.to_vec());
        if outcome.is_ok() && keys.len() < REMOVE_BATCH {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    outcome?;
    for body in &bodies {
        release_body(txn, body)?;
    }
    keys.iter().for_each(|key| txn.delete(key));
    Ok(keys.len())
}
