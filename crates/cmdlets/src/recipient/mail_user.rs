//! Mail users: accounts of the organisation whose mail goes elsewhere.

use directory::{
    RecipientType, Scope, View,
    schema::USER,
    verbs::{self, NewMailUser},
};

use super::{ADDRESSES, MAIL, OUTSIDE, external_address, external_edit, identity_of, mailbox};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::MailUser]),
    shows: Shows::LikeSet("Set-MailUser"),
    order: &[
        &[
            "ExchangeGuid",
            "ArchiveGuid",
            "ArchiveName",
            "ExternalEmailAddress",
            "UsePreferMessageFormat",
            "MessageFormat",
            "MessageBodyFormat",
            "MacAttachmentFormat",
            "RecipientLimits",
            "SamAccountName",
            "UseMapiRichTextFormat",
            "UserPrincipalName",
            "ImmutableId",
        ],
        MAIL,
    ],
    extend: Some(super::extend),
    special: &[
        ADDRESSES[0],
        ADDRESSES[1],
        ADDRESSES[2],
        ADDRESSES[3],
        ("ExternalEmailAddress", external_edit),
        ("Password", mailbox::password),
    ],
    change: mailbox::change,
    create: Some(create),
    takes: &[
        "Name",
        "Alias",
        "ExternalEmailAddress",
        "PrimarySmtpAddress",
        "DisplayName",
        "FirstName",
        "Initials",
        "LastName",
        "OrganizationalUnit",
        "UserPrincipalName",
        "SamAccountName",
        "Password",
        "ResetPasswordOnNextLogon",
    ],
    ..Noun::new("MailUser", &USER, &["Microsoft.Exchange.Data.Directory.Management.MailUser"])
};

/// `Get-MailUser`
pub static GET: Cmdlet = Cmdlet::get("Get-MailUser", &NOUN);
/// `Set-MailUser`
pub static SET: Cmdlet = Cmdlet::set("Set-MailUser", &NOUN);
/// `New-MailUser`
pub static NEW: Cmdlet = Cmdlet::new("New-MailUser", &NOUN);
/// `Remove-MailUser`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-MailUser", &NOUN);
/// `Enable-MailUser`
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-MailUser", enable, OUTSIDE);
/// `Disable-MailUser`
pub static DISABLE: Cmdlet =
    Cmdlet::run("Disable-MailUser", |call| super::disable(call, &NOUN, verbs::disable_mail_user), &[])
        .asking();

fn create(call: &Call<'_>, _: &View) -> Outcome<Make> {
    let new = NewMailUser {
        user: mailbox::new_user(call)?,
        external_email_address: external_address(call)?,
        identity: identity_of(call)?,
    };
    Ok(Box::new(move |draft| verbs::new_mail_user(draft, new)))
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let (external, identity) = (external_address(call)?, identity_of(call)?);
    let verb = move |draft: &mut directory::Draft<'_>, user| {
        verbs::enable_mail_user(draft, user, &external, &identity)
    };
    super::enable(call, &NOUN, &USER, Box::new(verb))
}
