//! Contacts as people: names, job, telephone numbers.

use directory::{RecipientType, Scope, schema::CONTACT, verbs};

use super::{ADDRESSES, KIND};
use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::Contact, RecipientType::MailContact]),
    shows: Shows::LikeSet("Set-Contact"),
    order: &[&[
        "OrganizationalUnit",
        "RecipientType",
        "RecipientTypeDetails",
        "DisplayName",
        "FirstName",
        "Initials",
        "LastName",
        "WindowsEmailAddress",
    ]],
    conditions: &KIND,
    special: &[ADDRESSES[3]],
    change: verbs::set_recipient,
    ..Noun::new("Contact", &CONTACT, &["Microsoft.Exchange.Data.Directory.Management.Contact"])
};

/// `Get-Contact`
pub static GET: Cmdlet = Cmdlet::get("Get-Contact", &NOUN);
/// `Set-Contact`
pub static SET: Cmdlet = Cmdlet::set("Set-Contact", &NOUN);
