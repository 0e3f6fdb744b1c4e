//! Brings the stores in step with the directory, which says who owns which mailbox.
//!
//! Usually both are changed together. A database that was dismounted meanwhile, or a server that stopped in
//! between, leaves the store behind.

use base::Guid;
use directory::{Directory, Recipient, View, verbs::MOVE_PARTS};
use store::{Database, DisconnectReason, MailboxId, MailboxState, MailboxStatistics, StoreError};

/// What was out of step, and is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aligned {
    /// It was in step.
    Unchanged,
    /// It belongs to somebody again.
    Connected,
    /// It belongs to nobody any more.
    Disconnected(DisconnectReason),
    /// Its owner is called otherwise.
    Renamed,
}

/// Who owns a mailbox of a database, as the mailbox itself or as the archive.
pub fn owner(view: &View, database: Guid, mailbox: Guid) -> Option<Recipient> {
    let owns = |owner: &Recipient| {
        let has = |part: &directory::verbs::MovePart| {
            owner.guid_of(part.mailbox) == Some(mailbox) && owner.link(part.database) == Some(database)
        };
        MOVE_PARTS.iter().any(has)
    };
    view.by_mailbox_guid(mailbox).filter(owns)
}

/// Brings every mailbox of a database in step; returns how many were not.
pub async fn align_all(database: &Database, directory: &Directory) -> Result<usize, StoreError> {
    let mut changed = 0;
    for (id, mailbox) in database.statistics()? {
        // As it is now: what was made since the mailbox was read is known to it.
        let view = directory.snapshot();
        match align(database, &view, id, &mailbox).await {
            Ok(Aligned::Unchanged) | Err(StoreError::NoMailbox) => {}
            Ok(aligned) => {
                tracing::info!(database = database.name(), mailbox = %mailbox.guid, ?aligned, "mailbox state updated");
                changed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(changed)
}

/// Brings one mailbox in step. `view` must not be older than what was read of the mailbox. One that a move is
/// bringing or taking away is left to the move.
pub async fn align(
    database: &Database,
    view: &View,
    id: MailboxId,
    read: &MailboxStatistics,
) -> Result<Aligned, StoreError> {
    let mailbox = database.mailbox_by_id(id);
    let owner = owner(view, database.guid(), read.guid);
    let aligned = match (owner, read.state) {
        (Some(owner), MailboxState::Disconnected { .. }) => {
            mailbox.connect(owner.display_name()).await?;
            Aligned::Connected
        }
        (Some(owner), MailboxState::Connected) if owner.display_name() != read.display_name => {
            mailbox.set_display_name(owner.display_name()).await?;
            Aligned::Renamed
        }
        (None, MailboxState::Connected) if mailbox.available().is_ok() && !arrived(database, read.guid)? => {
            let elsewhere = view.by_mailbox_guid(read.guid).is_some();
            let reason = if elsewhere { DisconnectReason::SoftDeleted } else { DisconnectReason::Disabled };
            mailbox.disconnect(reason).await?;
            Aligned::Disconnected(reason)
        }
        _ => Aligned::Unchanged,
    };
    Ok(aligned)
}

/// Whether a move has brought the mailbox here and is not over yet.
fn arrived(database: &Database, mailbox: Guid) -> Result<bool, StoreError> {
    Ok(database.transfers()?.iter().any(|transfer| transfer.mailbox == mailbox))
}
