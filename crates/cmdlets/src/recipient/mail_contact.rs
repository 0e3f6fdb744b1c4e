//! Mail contacts: people outside, with an address here.

use base::Fault;
use directory::{
    RecipientType, Scope, View,
    schema::CONTACT,
    verbs::{self, NewContact},
};

use super::{address, identity_of, optional};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::MailContact]),
    shows: Shows::LikeSet("Set-MailContact", &["LegacyExchangeDN", "RecipientType", "RecipientTypeDetails"]),
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
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-MailContact", enable);
/// `Disable-MailContact`
pub static DISABLE: Cmdlet = Cmdlet::run("Disable-MailContact", disable).asking();

fn create(call: &Call<'_>, _: &View) -> Result<Make, Fault> {
    let external = address(call, "ExternalEmailAddress")?;
    let new = NewContact {
        name: call.needed("Name")?.to_string(),
        external_email_address: external
            .ok_or_else(|| Fault::invalid("ExternalEmailAddress must have a value."))?,
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
    let view = call.cx.directory.snapshot();
    let contact = view
        .resolve(&call.identity("Identity").unwrap_or_default(), Scope::Class(&CONTACT))
        .map_err(Fault::from)?;
    let external = address(call, "ExternalEmailAddress")?;
    let external = external.ok_or_else(|| Fault::invalid("ExternalEmailAddress must have a value."))?;
    let identity = identity_of(call)?;
    if !call.should_process(&format!("Enabling mail contact \"{}\"", contact.identity()))? {
        return Ok(());
    }
    let made =
        call.cx.commit(move |draft| verbs::enable_mail_contact(draft, contact.guid, &external, &identity))?;
    let shown = NOUN.show(call.cx, &call.cx.directory.snapshot(), &made);
    let _ = call.write(shown);
    Ok(())
}

fn disable(call: &mut Call<'_>) -> Outcome {
    let object =
        NOUN.resolve(&call.cx.directory.snapshot(), &call.identity("Identity").unwrap_or_default())?;
    if call.should_process(&format!("Disabling mail contact \"{}\"", object.identity()))? {
        call.cx.commit(move |draft| verbs::disable_mail_contact(draft, object.guid))?;
    }
    Ok(())
}
