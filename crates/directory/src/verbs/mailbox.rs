//! Users and mailboxes: New, Enable, Disable, Remove, and what kind of mailbox one is.

use std::sync::Arc;

use base::{Guid, Timestamp};

use super::recipient::{MailIdentity, alias_for, container, mail_disable, mail_enable};
use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    policy,
    recipient::{RecipientType, recipient_type},
    schema::USER,
    value::{Secret, Value},
};

/// An account.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The object's name.
    pub name: String,
    /// Display name; the name without one.
    pub display_name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Initials.
    pub initials: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The logon name `nuno@contoso.com`; the alias in the organisation's domain without one.
    pub user_principal_name: Option<String>,
    /// The account name; made from the alias without one.
    pub sam_account_name: Option<String>,
    /// The hashed password; without one nobody can log on.
    pub password: Option<Secret>,
    /// Ask for a new one at the next logon.
    pub reset_password_on_next_logon: bool,
    /// The account may not log on.
    pub account_disabled: bool,
    /// Where the object goes; `Users` without one.
    pub organizational_unit: Option<String>,
}

/// A mailbox with its account.
#[derive(Clone, Debug, Default)]
pub struct NewMailbox {
    /// The account.
    pub user: NewUser,
    /// The mailbox.
    pub mailbox: EnableMailbox,
}

/// A mailbox for an account.
#[derive(Clone, Debug, Default)]
pub struct EnableMailbox {
    /// Alias and reply address.
    pub identity: MailIdentity,
    /// The database; any that is open to new mailboxes without one.
    pub database: Option<Guid>,
    /// `SharedMailbox`, `RoomMailbox`, `EquipmentMailbox` …; `UserMailbox` without one.
    pub mailbox_type: Option<&'static str>,
    /// The mailbox's own GUID, where it exists already (reconnecting); a fresh one without.
    pub mailbox_guid: Option<Guid>,
}

/// A mailbox that no longer has an owner, for the store to keep until retention ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected {
    /// The database it is in.
    pub database: Guid,
    /// Its own GUID.
    pub mailbox: Guid,
    /// When.
    pub at: Timestamp,
}

/// Types of mailboxes whose account cannot log on.
const WITHOUT_LOGON: &[&str] = &["SharedMailbox", "RoomMailbox", "EquipmentMailbox"];

/// Creates an account.
pub fn new_user(draft: &mut Draft<'_>, new: NewUser) -> Result<Arc<Object>, DirectoryError> {
    let upn_left = new.user_principal_name.as_deref().and_then(|upn| upn.split('@').next());
    let wanted = upn_left.unwrap_or(&new.name);
    let account = match &new.sam_account_name {
        Some(account) => account.clone(),
        None => policy::free_account(draft, wanted),
    };
    let upn = match &new.user_principal_name {
        Some(upn) if upn.parse::<base::SmtpAddress>().is_ok() => upn.clone(),
        Some(upn) => {
            return Err(DirectoryError::Invalid(format!(
                "\"{}\" isn't a valid user principal name.",
                upn.chars().take(256).collect::<String>()
            )));
        }
        None => format!("{account}@{}", draft.domain_name()),
    };
    let stamp = new.password.as_ref().map(|_| Value::Time(draft.now()));
    let object = NewObject {
        container: container(draft, new.organizational_unit.as_deref())?,
        ..NewObject::new(&USER, new.name.clone())
    };
    draft.create(
        object
            .with("DisplayName", new.display_name.unwrap_or(new.name))
            .with_some("FirstName", new.first_name)
            .with_some("Initials", new.initials)
            .with_some("LastName", new.last_name)
            .with("UserPrincipalName", upn)
            .with("SamAccountName", account)
            .with_some("PasswordHash", new.password.map(Value::Secret))
            .with_some("PasswordLastSetDate", stamp)
            .with_some("ResetPasswordOnNextLogon", new.reset_password_on_next_logon.then_some(true))
            .with_some("AccountDisabled", new.account_disabled.then_some(true)),
    )
}

/// Creates an account with a mailbox.
pub fn new_mailbox(draft: &mut Draft<'_>, new: NewMailbox) -> Result<Arc<Object>, DirectoryError> {
    let mut user = new.user;
    let without_logon = new.mailbox.mailbox_type.is_some_and(|kind| WITHOUT_LOGON.contains(&kind));
    user.account_disabled |= without_logon;
    if user.user_principal_name.is_none() {
        let alias = alias_for(draft, new.mailbox.identity.alias.as_deref(), &user.name)?;
        user.user_principal_name = Some(format!("{}@{}", alias.to_ascii_lowercase(), draft.domain_name()));
    }
    let object = new_user(draft, user)?;
    enable_mailbox(draft, object.guid, new.mailbox)
}

/// Gives an account a mailbox.
pub fn enable_mailbox(
    draft: &mut Draft<'_>,
    user: Guid,
    new: EnableMailbox,
) -> Result<Arc<Object>, DirectoryError> {
    let object = draft.existing(user)?;
    if recipient_type(&object) != Some(RecipientType::User) {
        return Err(DirectoryError::Invalid(format!(
            "This task does not support recipients of this type. The specified recipient {} is of type {}.",
            object.identity(),
            recipient_type(&object).map_or_else(|| object.class.name.to_owned(), |kind| kind.to_string())
        )));
    }
    let database = match new.database {
        Some(guid) => guid,
        None => choose_database(draft)?.guid,
    };
    let fallback =
        object.text("UserPrincipalName").and_then(|upn| upn.split('@').next()).unwrap_or(&object.name);
    let mailbox = new.mailbox_guid.unwrap_or_else(|| draft.new_guid());
    let mut edits = vec![
        ("Database", Edit::set(Value::Link(database))),
        ("ExchangeGuid", Edit::set(Value::Guid(mailbox))),
    ];
    edits.extend(new.mailbox_type.map(|kind| ("MailboxType", Edit::set(kind))));
    if object.link("RoleAssignmentPolicy").is_none()
        && let Some(policy) = draft.default_role_assignment_policy()
    {
        edits.push(("RoleAssignmentPolicy", Edit::set(Value::Link(policy.guid))));
    }
    draft.modify_system(user, edits)?;
    mail_enable(draft, user, &new.identity, fallback, None)
}

/// The database that takes the next mailbox: any of those open to new ones, as the product chooses.
pub fn choose_database(draft: &Draft<'_>) -> Result<Arc<Object>, DirectoryError> {
    const CLOSED: &[&str] = &["IsExcludedFromProvisioning", "IsSuspendedFromProvisioning", "Recovery"];
    let open: Vec<&Arc<Object>> =
        draft.databases().filter(|db| !CLOSED.iter().any(|flag| db.flag(flag))).collect();
    draft.pick(&open).map(|database| Arc::clone(database)).ok_or_else(|| {
        DirectoryError::Invalid(
            "Load balancing failed to find a valid mailbox database. All databases are excluded from \
             provisioning, or there is none."
                .into(),
        )
    })
}

/// Takes the mailbox from an account; the account stays.
pub fn disable_mailbox(draft: &mut Draft<'_>, user: Guid) -> Result<Disconnected, DirectoryError> {
    let disconnected = disconnect(draft, user)?;
    mail_disable(draft, user)?;
    Ok(disconnected)
}

/// Removes the mailbox and its account.
pub fn remove_mailbox(draft: &mut Draft<'_>, user: Guid) -> Result<Disconnected, DirectoryError> {
    let disconnected = disconnect(draft, user)?;
    draft.delete(user)?;
    Ok(disconnected)
}

fn disconnect(draft: &Draft<'_>, user: Guid) -> Result<Disconnected, DirectoryError> {
    let object = draft.existing(user)?;
    match (recipient_type(&object), object.class == &USER) {
        (Some(RecipientType::UserMailbox), true) => Ok(Disconnected {
            database: object.link("Database").unwrap_or(Guid::EMPTY),
            mailbox: object.guid_of("ExchangeGuid").unwrap_or(Guid::EMPTY),
            at: draft.now(),
        }),
        _ => Err(draft.not_found(&object.identity())),
    }
}

/// Makes a mailbox of another type (`Set-Mailbox -Type Shared`).
pub fn convert_mailbox(
    draft: &mut Draft<'_>,
    user: Guid,
    mailbox_type: &'static str,
) -> Result<bool, DirectoryError> {
    let mut edits = vec![("MailboxType", Edit::set(mailbox_type))];
    if WITHOUT_LOGON.contains(&mailbox_type) {
        edits.push(("AccountDisabled", Edit::set(true)));
    }
    draft.modify_system(user, edits)
}

/// Sets the hashed password.
pub fn set_password(draft: &mut Draft<'_>, user: Guid, password: Secret) -> Result<(), DirectoryError> {
    let now = draft.now();
    let edits = vec![
        ("PasswordHash", Edit::set(Value::Secret(password))),
        ("PasswordLastSetDate", Edit::set(Value::Time(now))),
        ("ResetPasswordOnNextLogon", Edit::clear()),
    ];
    draft.modify_system(user, edits).map(|_| ())
}
