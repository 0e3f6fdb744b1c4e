//! Contacts: people outside, with an external address where they are mail-enabled.

use super::{
    Class, IdentityForm, Place,
    mail_recipient::{MAIL_FORMAT, MAIL_RECIPIENT},
    person::PERSON,
};

/// `Get-Contact`, `Get-MailContact`.
pub static CONTACT: Class = Class {
    name: "Contact",
    object_class: &["top", "person", "organizationalPerson", "contact"],
    place: Place::Domain("Users"),
    identity: IdentityForm::Canonical,
    recipient: true,
    tables: &[MAIL_RECIPIENT, PERSON, MAIL_FORMAT],
};
