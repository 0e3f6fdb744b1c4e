//! Recipients outside: mail contacts, and mail users (accounts whose mail goes elsewhere).

use std::sync::Arc;

use base::{Guid, SmtpAddress};

use super::{
    mailbox::{NewUser, new_user},
    recipient::{MailIdentity, container, mail_disable, mail_enable},
};
use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::CONTACT,
    value::{ProxyAddress, Value},
};

/// A mail contact.
#[derive(Clone, Debug)]
pub struct NewContact {
    /// The object's name.
    pub name: String,
    /// Where its mail goes.
    pub external_email_address: SmtpAddress,
    /// Alias and reply address.
    pub identity: MailIdentity,
    /// Display name; the name without one.
    pub display_name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Initials.
    pub initials: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Where the object goes; `Users` without one.
    pub organizational_unit: Option<String>,
}

/// A mail user.
#[derive(Clone, Debug)]
pub struct NewMailUser {
    /// The account.
    pub user: NewUser,
    /// Where its mail goes.
    pub external_email_address: SmtpAddress,
    /// Alias and reply address.
    pub identity: MailIdentity,
}

fn external(address: &SmtpAddress) -> Value {
    Value::Proxy(ProxyAddress::smtp(address, true))
}

/// Creates a mail contact.
pub fn new_mail_contact(draft: &mut Draft<'_>, new: NewContact) -> Result<Arc<Object>, DirectoryError> {
    let object = NewObject {
        container: container(draft, new.organizational_unit.as_deref())?,
        ..NewObject::new(&CONTACT, new.name.clone())
    };
    let contact = draft.create(
        object
            .with("DisplayName", new.display_name.unwrap_or_else(|| new.name.clone()))
            .with_some("FirstName", new.first_name)
            .with_some("Initials", new.initials)
            .with_some("LastName", new.last_name),
    )?;
    enable_mail_contact(draft, contact.guid, &new.external_email_address, &new.identity)
}

/// Gives a contact an address.
pub fn enable_mail_contact(
    draft: &mut Draft<'_>,
    contact: Guid,
    address: &SmtpAddress,
    identity: &MailIdentity,
) -> Result<Arc<Object>, DirectoryError> {
    let name = draft.existing(contact)?.name.to_string();
    draft.modify_system(contact, vec![("ExternalEmailAddress", Edit::set(external(address)))])?;
    mail_enable(draft, contact, identity, &name, Some(address))
}

/// Takes the address from a contact; the contact stays.
pub fn disable_mail_contact(draft: &mut Draft<'_>, contact: Guid) -> Result<(), DirectoryError> {
    mail_disable(draft, contact)
}

/// Removes a contact.
pub fn remove_contact(draft: &mut Draft<'_>, contact: Guid) -> Result<(), DirectoryError> {
    draft.delete(contact)
}

/// Creates a mail user.
pub fn new_mail_user(draft: &mut Draft<'_>, new: NewMailUser) -> Result<Arc<Object>, DirectoryError> {
    let user = new_user(draft, new.user)?;
    enable_mail_user(draft, user.guid, &new.external_email_address, &new.identity)
}

/// Makes an account a mail user.
pub fn enable_mail_user(
    draft: &mut Draft<'_>,
    user: Guid,
    address: &SmtpAddress,
    identity: &MailIdentity,
) -> Result<Arc<Object>, DirectoryError> {
    let object = draft.existing(user)?;
    let fallback =
        object.text("UserPrincipalName").and_then(|upn| upn.split('@').next()).unwrap_or(&object.name);
    draft.modify_system(user, vec![("ExternalEmailAddress", Edit::set(external(address)))])?;
    mail_enable(draft, user, identity, fallback, Some(address))
}

/// Makes a mail user a mere account again.
pub fn disable_mail_user(draft: &mut Draft<'_>, user: Guid) -> Result<(), DirectoryError> {
    mail_disable(draft, user)
}

/// Removes a mail user and its account.
pub fn remove_mail_user(draft: &mut Draft<'_>, user: Guid) -> Result<(), DirectoryError> {
    draft.delete(user)
}
