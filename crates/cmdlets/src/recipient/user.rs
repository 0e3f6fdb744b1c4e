//! Accounts, with or without a mailbox.

use directory::{RecipientType, Scope, schema::USER, verbs};

use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::User, RecipientType::UserMailbox, RecipientType::MailUser]),
    shows: Shows::LikeSet(
        "Set-User",
        &[
            "RecipientType",
            "RecipientTypeDetails",
            "AccountDisabled",
            "PasswordLastSetDate",
            "WindowsEmailAddress",
        ],
    ),
    change: verbs::set_recipient,
    ..Noun::new("User", &USER, &["Microsoft.Exchange.Data.Directory.Management.User"])
};

/// `Get-User`
pub static GET: Cmdlet = Cmdlet::get("Get-User", &NOUN);
/// `Set-User`
pub static SET: Cmdlet = Cmdlet::set("Set-User", &NOUN);
