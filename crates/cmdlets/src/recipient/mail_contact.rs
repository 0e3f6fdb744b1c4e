//! Mail contacts: people outside, with an address here.

use directory::{
    RecipientType, Scope, View,
    schema::CONTACT,
    verbs::{self, NewContact},
};

use super::{ADDRESSES, KIND, MAIL, OUTSIDE, external_address, external_edit, identity_of, optional};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::MailContact]),
    shows: Shows::LikeSet("Set-MailContact"),
    order: &[
        &[
            "ExternalEmailAddress",
            "MaxRecipientPerMessage",
            "UseMapiRichTextFormat",
            "UsePreferMessageFormat",
            "MessageFormat",
            "MessageBodyFormat",
            "MacAttachmentFormat",
        ],
        MAIL,
    ],
    extend: Some(super::extend),
    conditions: &[KIND[1]],
    special: &[
        ADDRESSES[0],
        ADDRESSES[1],
        ADDRESSES[2],
        ADDRESSES[3],
        ("ExternalEmailAddress", external_edit),
    ],
    change: verbs::set_recipient,
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
    ],
    ..Noun::new("MailContact", &CONTACT, &["Microsoft.Exchange.Data.Directory.Management.MailContact"])
};

/// `Get-MailContact`
pub static GET: Cmdlet = Cmdlet::get("Get-MailContact", &NOUN);
/// `Set-MailContact`
pub static SET: Cmdlet = Cmdlet::set("Set-MailContact", &NOUN);
/// `New-MailContact`
pub static NEW: Cmdlet = Cmdlet::new("New-MailContact", &NOUN);
/// `Remove-MailContact`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-MailContact", &NOUN);
/// `Enable-MailContact`
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-MailContact", enable, OUTSIDE);
/// `Disable-MailContact`
pub static DISABLE: Cmdlet =
    Cmdlet::run("Disable-MailContact", |call| super::disable(call, &NOUN, verbs::disable_mail_contact), &[])
        .asking();

fn create(call: &Call<'_>, _: &View) -> Outcome<Make> {
    let new = NewContact {
        name: call.needed("Name")?.to_string(),
        external_email_address: external_address(call)?,
        identity: identity_of(call)?,
        display_name: optional(call, "DisplayName"),
        first_name: optional(call, "FirstName"),
        initials: optional(call, "Initials"),
        last_name: optional(call, "LastName"),
        organizational_unit: optional(call, "OrganizationalUnit"),
    };
    Ok(Box::new(move |draft| verbs::new_mail_contact(draft, new)))
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let (external, identity) = (external_address(call)?, identity_of(call)?);
    let verb = move |draft: &mut directory::Draft<'_>, contact| {
        verbs::enable_mail_contact(draft, contact, &external, &identity)
    };
    super::enable(call, &NOUN, &CONTACT, Box::new(verb))
}
