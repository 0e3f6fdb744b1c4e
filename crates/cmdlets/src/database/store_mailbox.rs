//! Mailboxes of a database as the store knows them: those that no longer belong to anyone too.

use std::sync::Arc;

use base::Fault;
use directory::Object;
use jobs::store_state;
use store::{Database, DisconnectReason, MailboxId, MailboxState, MailboxStatistics};

use super::mailbox_database;
use crate::{Cmdlet, Failure, Outcome, call::Call, place};

/// `Remove-StoreMailbox`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-StoreMailbox", remove, &["Database", "MailboxState"])
    .asking()
    .at(&[("Database", place::of_database)]);
/// `Update-StoreMailboxState`
pub static UPDATE: Cmdlet = Cmdlet::run("Update-StoreMailboxState", update, &["Database"])
    .asking()
    .at(&[("Database", place::of_database)]);

/// One mailbox found in a database.
pub(crate) struct Found {
    /// The directory's object of the database.
    pub(crate) database: Arc<Object>,
    /// The database.
    pub(crate) store: Database,
    /// The mailbox's number in it.
    pub(crate) id: MailboxId,
    /// The mailbox.
    pub(crate) mailbox: MailboxStatistics,
}

impl Found {
    /// Why nobody owns it; nothing where somebody does.
    pub(crate) fn disconnected(&self) -> Option<DisconnectReason> {
        match self.mailbox.state {
            MailboxState::Disconnected { reason, .. } => Some(reason),
            MailboxState::Connected | MailboxState::Removing | MailboxState::Arriving => None,
        }
    }

    /// Takes it away for good.
    pub(crate) fn remove(&self, call: &Call<'_>) -> Outcome {
        let mailbox = self.store.mailbox_by_id(self.id);
        Ok(call.cx.runtime.block_on(mailbox.remove())?)
    }
}

/// The mailbox that a parameter names by its GUID or display name, in the database of `-Database`.
pub(crate) fn find(call: &Call<'_>, parameter: &str) -> Outcome<Found> {
    find_in(call, "Database", parameter)
}

/// The mailbox that a parameter names by its GUID or display name, in the database that another one names.
pub(crate) fn find_in(call: &Call<'_>, database: &str, parameter: &str) -> Outcome<Found> {
    let view = call.cx.directory.snapshot();
    let database = call.identity(database).ok_or_else(|| Failure::missing(database))?;
    let database = mailbox_database::NOUN.resolve(&view, &database)?;
    call.admit(&view, &database, &database.name)?;
    let store = mailbox_database::open(call.cx, &database)?;
    let wanted = call.identity(parameter).ok_or_else(|| Failure::missing(parameter))?;
    let named = |(_, row): &(MailboxId, MailboxStatistics)| {
        row.guid.to_string().eq_ignore_ascii_case(&wanted) || row.display_name.eq_ignore_ascii_case(&wanted)
    };
    let mut found = store.statistics()?.into_iter().filter(named);
    match (found.next(), found.next()) {
        (Some((id, mailbox)), None) => Ok(Found { database, store, id, mailbox }),
        (None, _) => {
            let text = format!("The mailbox \"{wanted}\" wasn't found in database \"{}\".", database.name);
            Err(Failure { fault: Fault::not_found(text), target: Some(wanted) })
        }
        (Some(_), Some(_)) => {
            let text = format!(
                "Several mailboxes of database \"{}\" are called \"{wanted}\". Use the GUID.",
                database.name
            );
            Err(Failure { target: Some(wanted), ..Failure::invalid(text) })
        }
    }
}

/// The error for a mailbox that is wanted without an owner and has one.
pub(crate) fn still_connected(found: &Found) -> Failure {
    Failure::invalid(format!(
        "The mailbox \"{}\" ({}) isn't disconnected.",
        found.mailbox.display_name, found.mailbox.guid
    ))
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let found = find(call, "Identity")?;
    let state = call.needed("MailboxState")?;
    let reason = found.disconnected().ok_or_else(|| still_connected(&found))?;
    if !format!("{reason:?}").eq_ignore_ascii_case(&state) {
        return Err(Failure::invalid(format!(
            "The mailbox \"{}\" is in state {reason:?}, not {state}.",
            found.mailbox.display_name
        )));
    }
    if call.should_process(&format!(
        "Removing mailbox \"{}\" from database \"{}\" for good",
        found.mailbox.display_name, found.database.name
    ))? {
        found.remove(call)?;
    }
    Ok(())
}

/// The store follows the directory: a mailbox without a user is disconnected, one with a user is not.
fn update(call: &mut Call<'_>) -> Outcome {
    let found = find(call, "Identity")?;
    if !call.should_process(&format!(
        "Updating the state of mailbox \"{}\" in database \"{}\"",
        found.mailbox.guid, found.database.name
    ))? {
        return Ok(());
    }
    let (view, id) = (call.cx.directory.snapshot(), found.id);
    let aligned = call.cx.runtime.block_on(store_state::align(&found.store, &view, id, &found.mailbox))?;
    call.verbose(&format!("Mailbox \"{}\": {aligned:?}.", found.mailbox.display_name));
    Ok(())
}
