//! Mailboxes: their databases, forwarding, quotas, addresses and types.

use directory::{
    Draft, Edit, Object, RecipientType, Scope, View,
    schema::USER,
    value::Secret,
    verbs::{self, EnableMailbox, NewMailbox, NewUser},
};
use powershell::{Value, value::PsObject};

use super::{ADDRESSES, KIND, MAIL, extend_mail, identity_of, limited_to, optional, server_name};
use crate::{
    Cmdlet, Context, Edits, Failure, Make, Noun, Outcome, Shows,
    call::{Call, identity_text},
    cmdlet::text_of,
    database::mailbox_database,
};

/// A mailbox's own properties, in the product's order.
const ORDER: &[&str] = &[
    "Database",
    "UseDatabaseRetentionDefaults",
    "RetainDeletedItemsUntilBackup",
    "DeliverToMailboxAndForward",
    "LitigationHoldEnabled",
    "SingleItemRecoveryEnabled",
    "RetentionHoldEnabled",
    "EndDateForRetentionHold",
    "StartDateForRetentionHold",
    "RetentionComment",
    "RetentionUrl",
    "LitigationHoldDate",
    "LitigationHoldOwner",
    "LitigationHoldDuration",
    "ManagedFolderMailboxPolicy",
    "RetentionPolicy",
    "AddressBookPolicy",
    "CalendarRepairDisabled",
    "ExchangeGuid",
    "AdminDisplayVersion",
    "MessageTrackingReadStatusEnabled",
    "ExternalOofOptions",
    "ForwardingAddress",
    "ForwardingSmtpAddress",
    "RetainDeletedItemsFor",
    "IsMailboxEnabled",
    "Languages",
    "OfflineAddressBook",
    "ProhibitSendQuota",
    "ProhibitSendReceiveQuota",
    "RecoverableItemsQuota",
    "RecoverableItemsWarningQuota",
    "CalendarLoggingQuota",
    "DowngradeHighPriorityMessagesEnabled",
    "RecipientLimits",
    "IsResource",
    "IsLinked",
    "IsShared",
    "LinkedMasterAccount",
    "ResetPasswordOnNextLogon",
    "ResourceCapacity",
    "ResourceCustom",
    "ResourceType",
    "SamAccountName",
    "SCLDeleteThreshold",
    "SCLDeleteEnabled",
    "SCLRejectThreshold",
    "SCLRejectEnabled",
    "SCLQuarantineThreshold",
    "SCLQuarantineEnabled",
    "SCLJunkThreshold",
    "SCLJunkEnabled",
    "AntispamBypassEnabled",
    "ServerName",
    "UseDatabaseQuotaDefaults",
    "IssueWarningQuota",
    "RulesQuota",
    "Office",
    "UserPrincipalName",
    "MaxSafeSenders",
    "MaxBlockedSenders",
    "ThrottlingPolicy",
    "RoleAssignmentPolicy",
    "SharingPolicy",
    "ArchiveDatabase",
    "ArchiveGuid",
    "ArchiveName",
    "ArchiveQuota",
    "ArchiveWarningQuota",
    "ArchiveDomain",
    "ArchiveStatus",
    "UserSMimeCertificate",
    "UserCertificate",
    "CalendarVersionStoreDisabled",
    "ImmutableId",
    "AuditEnabled",
    "AuditLogAgeLimit",
    "AuditAdmin",
    "AuditDelegate",
    "AuditOwner",
    "AccountDisabled",
    "StsRefreshTokensValidFrom",
];

pub(crate) static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::UserMailbox]),
    shows: Shows::LikeSet("Set-Mailbox"),
    order: &[ORDER, MAIL],
    extend: Some(extend),
    conditions: &[
        ("Database", |view, object, value| limited_to(view, object, "Database", value)),
        KIND[1],
        ("Server", |view, object, value| {
            mailbox_database::is_on_server(view, object.link("Database"), value)
        }),
    ],
    special: &[
        ADDRESSES[0],
        ADDRESSES[1],
        ADDRESSES[2],
        ADDRESSES[3],
        ("Password", password),
        ("Type", kind),
        ("Database", refuse_database),
    ],
    change,
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
pub static ENABLE: Cmdlet = Cmdlet::run(
    "Enable-Mailbox",
    enable,
    &[
        "ActiveSyncMailboxPolicy",
        "AddressBookPolicy",
        "Alias",
        "Database",
        "DisplayName",
        "Equipment",
        "ManagedFolderMailboxPolicy",
        "ManagedFolderMailboxPolicyAllowed",
        "PrimarySmtpAddress",
        "RetentionPolicy",
        "RoleAssignmentPolicy",
        "Room",
        "Shared",
    ],
);
/// The types of mailbox that a switch of New-, Enable- and Connect- chooses.
pub(super) const TYPES: [(&str, &str); 4] = [
    ("Shared", "SharedMailbox"),
    ("Room", "RoomMailbox"),
    ("Equipment", "EquipmentMailbox"),
    ("Regular", "UserMailbox"),
];

fn extend(_: &Context, view: &View, object: &Object, out: &mut PsObject) {
    extend_mail(view, object, out);
    let kind = object.text("MailboxType").unwrap_or_default();
    let version = view.servers().next().and_then(|server| server.text("AdminDisplayVersion"));
    let resource = kind.strip_suffix("Mailbox").filter(|kind| ["Room", "Equipment"].contains(kind));
    out.set("AdminDisplayVersion", version.into());
    out.set("ServerName", server_name(view, object));
    out.set("IsMailboxEnabled", Value::Bool(true));
    out.set("IsResource", Value::Bool(resource.is_some()));
    out.set("ResourceType", resource.into());
    out.set("IsShared", Value::Bool(kind == "SharedMailbox"));
    out.set("IsLinked", Value::Bool(kind == "LinkedMailbox"));
}

/// Types and passwords have verbs of their own.
pub(super) fn change(
    draft: &mut Draft<'_>,
    guid: base::Guid,
    edits: Vec<(&str, Edit)>,
) -> Result<bool, directory::DirectoryError> {
    let (mut changed, mut rest) = (false, Vec::new());
    for (name, edit) in edits {
        match (name, &edit) {
            ("MailboxType", Edit::Replace(values)) => {
                let wanted = values.first().and_then(directory::Value::as_text);
                if let Some((_, kind)) = TYPES.iter().find(|(_, kind)| Some(*kind) == wanted) {
                    changed |= verbs::convert_mailbox(draft, guid, kind)?;
                }
            }
            ("PasswordHash", Edit::Replace(values)) => {
                if let Some(directory::Value::Secret(hash)) = values.first() {
                    verbs::set_password(draft, guid, hash.clone())?;
                    changed = true;
                }
            }
            _ => rest.push((name, edit)),
        }
    }
    Ok(verbs::set_recipient(draft, guid, rest)? || changed)
}

fn enable_settings(call: &Call<'_>, view: &View) -> Outcome<EnableMailbox> {
    let database = call.identity("Database");
    let database = database.map(|database| mailbox_database::NOUN.resolve(view, &database)).transpose()?;
    Ok(EnableMailbox {
        identity: identity_of(call)?,
        database: database.map(|object| object.guid),
        mailbox_type: TYPES.iter().find(|(switch, _)| call.switch(switch)).map(|(_, kind)| *kind),
        mailbox_guid: None,
    })
}

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let mailbox = enable_settings(call, view)?;
    if mailbox.mailbox_type.is_none() {
        // Only mailboxes nobody logs on to do without.
        let missing = ["Password", "UserPrincipalName"].into_iter().filter(|name| call.text(name).is_none());
        let missing: Vec<&str> = missing.collect();
        if !missing.is_empty() {
            return Err(Failure::missing_mandatory(&missing));
        }
    }
    let new = NewMailbox { user: new_user(call)?, mailbox };
    Ok(Box::new(move |draft| verbs::new_mailbox(draft, new)))
}

/// The account that `New-Mailbox` and `New-MailUser` make.
pub(super) fn new_user(call: &Call<'_>) -> Outcome<NewUser> {
    Ok(NewUser {
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
    })
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let new = enable_settings(call, &call.cx.directory.snapshot())?;
    let verb = move |draft: &mut Draft<'_>, user| verbs::enable_mailbox(draft, user, new);
    super::enable(call, &NOUN, &USER, Box::new(verb))
}

/// A SecureString (or text, where a script gives one) as what is stored.
fn hashed(cx: &Context, given: &Value) -> Outcome<Secret> {
    let hash = match given {
        Value::Secret(secret) => trust::password::hash(secret.reveal(), &*cx.rng),
        other => trust::password::hash(&text_of(other), &*cx.rng),
    };
    Ok(hash.map_err(base::Fault::from)?)
}

/// `-Password`, where a cmdlet changes an account.
pub(super) fn password(cx: &Context, _: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    Ok(vec![("PasswordHash", Edit::set(directory::Value::Secret(hashed(cx, given)?)))])
}

/// `Set-Mailbox -Type Regular|Shared|Room|Equipment`
fn kind(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    let wanted = text_of(given);
    let kind = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted)).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| {
        Failure::invalid(format!(
            "\"{wanted}\" isn't a mailbox type. Use Regular, Shared, Room or Equipment."
        ))
    })?;
    Ok(vec![("MailboxType", Edit::set(kind))])
}

fn refuse_database(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    Err(Failure::invalid(format!(
        "A mailbox isn't moved to database \"{}\" by setting a property: its content would stay behind. Use New-MoveRequest.",
        identity_text(given)
    )))
}
