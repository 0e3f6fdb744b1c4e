//! Mailboxes apart from their owners: disabled, removed, and connected again.

use std::sync::Arc;

use directory::{
    Object, RecipientType, Scope, View, recipient_type,
    schema::USER,
    verbs::{self, Disconnected, EnableMailbox},
};
use store::DisconnectReason;

use super::{identity_of, mailbox};
use crate::{
    Cmdlet, Failure, Outcome,
    call::Call,
    convert,
    database::store_mailbox::{self, Found},
    place,
};

/// `Connect-Mailbox`
pub static CONNECT: Cmdlet = Cmdlet::run(
    "Connect-Mailbox",
    connect,
    &[
        "ActiveSyncMailboxPolicy",
        "AddressBookPolicy",
        "Alias",
        "AllowLegacyDNMismatch",
        "Database",
        "Equipment",
        "ManagedFolderMailboxPolicy",
        "ManagedFolderMailboxPolicyAllowed",
        "RetentionPolicy",
        "Room",
        "Shared",
        "User",
        "ValidateOnly",
    ],
)
.at(&[("Database", place::of_database)]);
/// Attributes of the account that `Connect-Mailbox` sets along.
const ALONG: [&str; 4] =
    ["ActiveSyncMailboxPolicy", "AddressBookPolicy", "ManagedFolderMailboxPolicy", "RetentionPolicy"];
/// `Disable-Mailbox`
pub static DISABLE: Cmdlet = Cmdlet::run("Disable-Mailbox", disable, &["IgnoreLegalHold"])
    .asking()
    .at(&[("Identity", place::of_mailbox)]);
/// `Remove-Mailbox`
pub static REMOVE: Cmdlet = Cmdlet::run(
    "Remove-Mailbox",
    remove,
    &["Permanent", "IgnoreLegalHold", "Database", "StoreMailboxIdentity"],
)
.asking()
.at(&[("Database", place::of_database), ("Identity", place::of_mailbox)]);

/// The mailbox that a call wants to take away; one on hold only where the caller says so.
fn leaving(call: &Call<'_>) -> Outcome<Arc<Object>> {
    let object = mailbox::NOUN.named(call, &call.cx.directory.snapshot())?;
    if object.flag("LitigationHoldEnabled") && !call.switch("IgnoreLegalHold") {
        return Err(Failure::invalid(format!(
            "The mailbox \"{}\" is on litigation hold. Use the IgnoreLegalHold parameter to disable or remove it \
             all the same.",
            object.identity()
        )));
    }
    Ok(object)
}

fn disable(call: &mut Call<'_>) -> Outcome {
    let object = leaving(call)?;
    if !call.should_process(&format!(
        "Disabling mailbox Identity:\"{}\" will remove the Exchange properties from the Active Directory user \
         object and mark the mailbox in the database for removal",
        object.identity()
    ))? {
        return Ok(());
    }
    let gone = call.commit(move |draft| verbs::disable_mailbox(draft, object.guid))?;
    disconnect(call, gone)
}

fn remove(call: &mut Call<'_>) -> Outcome {
    if call.get("Database").is_some() {
        return remove_disconnected(call);
    }
    let object = leaving(call)?;
    let permanent = call.switch("Permanent");
    let fate = if permanent {
        "remove the mailbox from the database"
    } else {
        "mark the mailbox in the database for removal"
    };
    if !call.should_process(&format!(
        "Removing mailbox Identity:\"{}\" will remove the Active Directory user object and {fate}",
        object.identity()
    ))? {
        return Ok(());
    }
    let gone = call.commit(move |draft| verbs::remove_mailbox(draft, object.guid))?;
    if permanent { delete(call, gone) } else { disconnect(call, gone) }
}

/// `Remove-Mailbox -Database … -StoreMailboxIdentity …`: one that no longer belongs to anyone goes for good.
fn remove_disconnected(call: &mut Call<'_>) -> Outcome {
    let found = disconnected(call, "StoreMailboxIdentity")?;
    if call
        .should_process(&format!("Removing mailbox \"{}\" from the database", found.mailbox.display_name))?
    {
        found.remove(call)?;
    }
    Ok(())
}

/// A mailbox that no longer belongs to anyone.
fn disconnected(call: &Call<'_>, parameter: &str) -> Outcome<Found> {
    let found = store_mailbox::find(call, parameter)?;
    if found.disconnected().is_none() {
        return Err(store_mailbox::still_connected(&found));
    }
    Ok(found)
}

/// The store keeps the mailbox until its retention ends. One that was never opened is not there to keep.
fn disconnect(call: &mut Call<'_>, gone: Disconnected) -> Outcome {
    match call.cx.stores.get(gone.database).and_then(|store| store.mailbox(gone.mailbox)) {
        Ok(mailbox) => Ok(mailbox.disconnect(DisconnectReason::Disabled).wait()?),
        Err(error) => left_behind(call, error),
    }
}

fn delete(call: &mut Call<'_>, gone: Disconnected) -> Outcome {
    match call.cx.stores.get(gone.database).and_then(|store| store.mailbox(gone.mailbox)) {
        Ok(mailbox) => Ok(call.cx.runtime.block_on(mailbox.remove())?),
        Err(error) => left_behind(call, error),
    }
}

/// The directory has changed already: a store that did not answer follows later.
fn left_behind(call: &mut Call<'_>, error: store::StoreError) -> Outcome {
    if !matches!(error, store::StoreError::NoMailbox) {
        call.warn(&format!(
            "The mailbox's database didn't answer ({error}). The mailbox is marked for removal when the database is \
             mounted again: at its next maintenance, or by Update-StoreMailboxState."
        ));
    }
    Ok(())
}

/// Gives a disconnected mailbox to an account that has none: the one named, or the only one of its name.
fn connect(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let found = disconnected(call, "Identity")?;
    let user = match call.identity("User") {
        Some(user) => view.resolve(&user, Scope::Class(&USER))?,
        None => namesake(&view, &found.mailbox.display_name)?,
    };
    let new = EnableMailbox {
        identity: identity_of(call)?,
        database: Some(found.database.guid),
        mailbox_type: mailbox::TYPES.iter().find(|(switch, _)| call.switch(switch)).map(|(_, kind)| *kind),
        mailbox_guid: Some(found.mailbox.guid),
    };
    let action =
        format!("Connecting mailbox \"{}\" to user \"{}\"", found.mailbox.display_name, user.identity());
    if !call.should_process(&action)? {
        return Ok(());
    }
    if call.switch("ValidateOnly") {
        return Ok(());
    }
    let mut edits = Vec::new();
    for attribute in ALONG.iter().filter_map(|name| USER.attribute(name)) {
        if let Some(given) = call.get(attribute.name) {
            edits.push((attribute.name, convert::to_edit(&view, attribute, given)?));
        }
    }
    let owner = call.commit(move |draft| {
        let owner = verbs::enable_mailbox(draft, user.guid, new)?;
        draft.modify(owner.guid, edits)?;
        draft.existing(owner.guid)
    })?;
    let name = owner.text("DisplayName").unwrap_or(&owner.name);
    Ok(found.store.mailbox(found.mailbox.guid)?.connect(name).wait()?)
}

/// The one account without a mailbox that is called so.
fn namesake(view: &View, display_name: &str) -> Outcome<Arc<Object>> {
    let free = |user: &&Arc<Object>| recipient_type(user) == Some(RecipientType::User);
    let called = |user: &&Arc<Object>| {
        [user.text("DisplayName"), Some(&*user.name)]
            .iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(display_name))
    };
    let mut found = view.of_class(&USER).filter(free).filter(called);
    match (found.next(), found.next()) {
        (Some(user), None) => Ok(user.clone()),
        _ => Err(Failure::invalid(format!(
            "No single account without a mailbox is called \"{display_name}\". Use the User parameter."
        ))),
    }
}
