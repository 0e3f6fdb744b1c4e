//! Mailboxes: New, Enable, Get, Set, Disable and Remove; forwarding, quotas, addresses (scenario S01).

use base::Fault;
use directory::{
    Edit, Object, RecipientType, Scope, View,
    schema::USER,
    value::Secret,
    verbs::{self, Disconnected, EnableMailbox, NewMailbox, NewUser},
};
use powershell::{Value, value::PsObject};
use store::DisconnectReason;

use super::{identity_of, limited_to, optional};
use crate::{
    Cmdlet, Context, Edits, Make, Noun, Outcome, Shows,
    call::{Call, identity_text},
    cmdlet::text_of,
    database::mailbox_database,
};

/// What `Get-Mailbox` shows beside what `Set-Mailbox` can change.
const ALSO: &[&str] = &[
    "Database",
    "ExchangeGuid",
    "ArchiveGuid",
    "ArchiveDatabase",
    "LegacyExchangeDN",
    "RecipientType",
    "RecipientTypeDetails",
    "AccountDisabled",
    "MailboxType",
    "PrimarySmtpAddress",
    "WindowsEmailAddress",
];

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::UserMailbox]),
    shows: Shows::LikeSet("Set-Mailbox", ALSO),
    extend: Some(extend),
    conditions: &[
        ("Database", |view, object, value| limited_to(view, object, "Database", value)),
        ("RecipientTypeDetails", |_, object, value| {
            directory::recipient_type_details(object)
                .is_some_and(|kind| value.split([',', ' ']).any(|v| v.eq_ignore_ascii_case(&kind)))
        }),
        ("Server", |_, _, _| true),
    ],
    special: &[("Password", password), ("Type", convert), ("Database", refuse_database)],
    change: verbs::set_recipient,
    create: Some(create),
    takes: &[
        "Name",
        "Alias",
        "UserPrincipalName",
        "Password",
        "FirstName",
        "Initials",
        "LastName",
        "DisplayName",
        "Database",
        "PrimarySmtpAddress",
        "OrganizationalUnit",
        "SamAccountName",
        "ResetPasswordOnNextLogon",
        "Shared",
        "Room",
        "Equipment",
        "AccountDisabled",
    ],
    ..Noun::new("Mailbox", &USER, &["Microsoft.Exchange.Data.Directory.Management.Mailbox"])
};

/// `Get-Mailbox`
pub static GET: Cmdlet = Cmdlet::get("Get-Mailbox", &NOUN);
/// `Set-Mailbox`
pub static SET: Cmdlet = Cmdlet::set("Set-Mailbox", &NOUN);
/// `New-Mailbox`
pub static NEW: Cmdlet = Cmdlet::new("New-Mailbox", &NOUN);
/// `Enable-Mailbox`
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-Mailbox", enable);
/// `Disable-Mailbox`
pub static DISABLE: Cmdlet = Cmdlet::run("Disable-Mailbox", disable).asking();
/// `Remove-Mailbox`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-Mailbox", remove).asking();

/// The types of mailbox that a switch of New- and Enable- chooses.
const TYPES: [(&str, &str); 3] =
    [("Shared", "SharedMailbox"), ("Room", "RoomMailbox"), ("Equipment", "EquipmentMailbox")];

fn extend(_: &Context, view: &View, object: &Object, out: &mut PsObject) {
    let server = object.link("Database").and_then(|guid| view.get(guid)).and_then(|db| db.link("Server"));
    let server =
        server.and_then(|guid| view.get(guid)).map_or(Value::Null, |server| Value::string(&*server.name));
    out.set("ServerName", server);
    out.set("IsMailboxEnabled", Value::Bool(true));
    out.set("UserPrincipalName", object.text("UserPrincipalName").map_or(Value::Null, Value::string));
    out.set("SamAccountName", object.text("SamAccountName").map_or(Value::Null, Value::string));
    out.set("Office", object.text("Office").map_or(Value::Null, Value::string));
}

fn enable_settings(call: &Call<'_>, view: &View) -> Result<EnableMailbox, Fault> {
    let database = call
        .identity("Database")
        .map(|database| mailbox_database::NOUN.resolve(view, &database))
        .transpose()?;
    Ok(EnableMailbox {
        identity: identity_of(call)?,
        database: database.map(|object| object.guid),
        mailbox_type: TYPES.iter().find(|(switch, _)| call.switch(switch)).map(|(_, kind)| *kind),
        mailbox_guid: None,
    })
}

fn create(call: &Call<'_>, view: &View) -> Result<Make, Fault> {
    let user = NewUser {
        name: call.needed("Name")?.to_string(),
        display_name: optional(call, "DisplayName"),
        first_name: optional(call, "FirstName"),
        initials: optional(call, "Initials"),
        last_name: optional(call, "LastName"),
        user_principal_name: optional(call, "UserPrincipalName"),
        sam_account_name: optional(call, "SamAccountName"),
        password: call.get("Password").map(|given| hashed(call.cx, given)).transpose()?,
        reset_password_on_next_logon: call.switch("ResetPasswordOnNextLogon"),
        account_disabled: call.switch("AccountDisabled"),
        organizational_unit: optional(call, "OrganizationalUnit"),
    };
    let new = NewMailbox { user, mailbox: enable_settings(call, view)? };
    Ok(Box::new(move |draft| verbs::new_mailbox(draft, new)))
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let user = view
        .resolve(&call.identity("Identity").unwrap_or_default(), Scope::Class(&USER))
        .map_err(Fault::from)?;
    let new = enable_settings(call, &view)?;
    if !call.should_process(&format!("Enabling mailbox \"{}\"", user.identity()))? {
        return Ok(());
    }
    let made = call.cx.commit(move |draft| verbs::enable_mailbox(draft, user.guid, new))?;
    let view = call.cx.directory.snapshot();
    let shown = NOUN.show(call.cx, &view, &made);
    let _ = call.write(shown);
    Ok(())
}

fn disable(call: &mut Call<'_>) -> Outcome {
    let object =
        NOUN.resolve(&call.cx.directory.snapshot(), &call.identity("Identity").unwrap_or_default())?;
    if !call.should_process(&format!("Disabling mailbox \"{}\" will remove the Exchange properties from the Active Directory user object and mark the mailbox in the database for removal", object.identity()))? {
        return Ok(());
    }
    let gone = call.cx.commit(move |draft| verbs::disable_mailbox(draft, object.guid))?;
    disconnect(call.cx, gone)
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let object =
        NOUN.resolve(&call.cx.directory.snapshot(), &call.identity("Identity").unwrap_or_default())?;
    let permanent = call.switch("Permanent");
    if !call.should_process(&format!(
        "Removing mailbox \"{}\" will remove the user and mark the mailbox in the database for removal",
        object.identity()
    ))? {
        return Ok(());
    }
    let gone = call.cx.commit(move |draft| verbs::remove_mailbox(draft, object.guid))?;
    if permanent { delete(call.cx, gone) } else { disconnect(call.cx, gone) }
}

/// The store keeps the mailbox until its retention ends. One that was never opened is not there to keep.
fn disconnect(cx: &Context, gone: Disconnected) -> Outcome {
    match cx.stores.get(gone.database).and_then(|store| store.mailbox(gone.mailbox)) {
        Ok(mailbox) => mailbox.disconnect(DisconnectReason::Disabled).wait().map_err(Fault::from),
        Err(store::StoreError::NoMailbox) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn delete(cx: &Context, gone: Disconnected) -> Outcome {
    match cx.stores.get(gone.database).and_then(|store| store.mailbox(gone.mailbox)) {
        Ok(mailbox) => cx.runtime.block_on(mailbox.remove()).map_err(Fault::from),
        Err(store::StoreError::NoMailbox) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A SecureString (or text, where a script gives one) as what is stored.
pub(super) fn hashed(cx: &Context, given: &Value) -> Result<Secret, Fault> {
    let hash = match given {
        Value::Secret(secret) => trust::password::hash(secret.reveal(), &*cx.rng),
        other => trust::password::hash(&text_of(other), &*cx.rng),
    };
    hash.map_err(Fault::from)
}

/// `-Password`, where a cmdlet changes an account.
pub(super) fn password(cx: &Context, _: &View, _: Option<&Object>, given: &Value) -> Result<Edits, Fault> {
    Ok(vec![("PasswordHash", Edit::set(directory::Value::Secret(hashed(cx, given)?)))])
}

/// `Set-Mailbox -Type Regular|Shared|Room|Equipment`
fn convert(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Result<Edits, Fault> {
    let wanted = text_of(given);
    let regular = wanted.eq_ignore_ascii_case("Regular").then_some("UserMailbox");
    let kind = regular
        .or_else(|| TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted)).map(|(_, kind)| *kind));
    let kind = kind.ok_or_else(|| {
        Fault::invalid(format!("\"{wanted}\" isn't a mailbox type. Use Regular, Shared, Room or Equipment."))
    })?;
    Ok(vec![("MailboxType", Edit::set(kind))])
}

fn refuse_database(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Result<Edits, Fault> {
    Err(Fault::invalid(format!(
        "A mailbox isn't moved to database \"{}\" by setting a property: its content would stay behind. Use New-MoveRequest.",
        identity_text(given)
    )))
}
