//! Accounts, with or without a mailbox.

use directory::{RecipientType, Scope, schema::USER};

use super::{ADDRESSES, KIND, mailbox};
use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::User, RecipientType::UserMailbox, RecipientType::MailUser]),
    shows: Shows::LikeSet("Set-User"),
    order: &[&[
        "SamAccountName",
        "UserPrincipalName",
        "ResetPasswordOnNextLogon",
        "AccountDisabled",
        "PasswordLastSetDate",
        "RecipientType",
        "RecipientTypeDetails",
        "DisplayName",
        "FirstName",
        "Initials",
        "LastName",
        "WindowsEmailAddress",
        "OrganizationalUnit",
    ]],
    conditions: &KIND,
    special: &[ADDRESSES[3], ("Password", mailbox::password)],
    change: mailbox::change,
    ..Noun::new("User", &USER, &["Microsoft.Exchange.Data.Directory.Management.User"])
};

/// `Get-User`
pub static GET: Cmdlet = Cmdlet::get("Get-User", &NOUN);
/// `Set-User`
pub static SET: Cmdlet = Cmdlet::set("Set-User", &NOUN);
