//! Mail users: accounts of the organisation whose mail goes elsewhere.

use base::Fault;
use directory::{
    RecipientType, Scope, View,
    schema::USER,
    verbs::{self, NewMailUser, NewUser},
};

use super::{address, identity_of, mailbox, optional};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::MailUser]),
    shows: Shows::LikeSet(
        "Set-MailUser",
        &["LegacyExchangeDN", "RecipientType", "RecipientTypeDetails", "ExchangeGuid"],
    ),
    special: &[("Password", mailbox::password)],
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
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-MailUser", enable);
/// `Disable-MailUser`
pub static DISABLE: Cmdlet = Cmdlet::run("Disable-MailUser", disable).asking();

fn create(call: &Call<'_>, _: &View) -> Result<Make, Fault> {
    let external = address(call, "ExternalEmailAddress")?;
    let user = NewUser {
        name: call.needed("Name")?.to_string(),
        display_name: optional(call, "DisplayName"),
        first_name: optional(call, "FirstName"),
        initials: optional(call, "Initials"),
        last_name: optional(call, "LastName"),
        user_principal_name: optional(call, "UserPrincipalName"),
        sam_account_name: optional(call, "SamAccountName"),
        password: call.get("Password").map(|given| mailbox::hashed(call.cx, given)).transpose()?,
        reset_password_on_next_logon: call.switch("ResetPasswordOnNextLogon"),
        account_disabled: false,
        organizational_unit: optional(call, "OrganizationalUnit"),
    };
    let new = NewMailUser {
        user,
        external_email_address: external
            .ok_or_else(|| Fault::invalid("ExternalEmailAddress must have a value."))?,
        identity: identity_of(call)?,
    };
    Ok(Box::new(move |draft| verbs::new_mail_user(draft, new)))
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let user = view
        .resolve(&call.identity("Identity").unwrap_or_default(), Scope::Class(&USER))
        .map_err(Fault::from)?;
    let external = address(call, "ExternalEmailAddress")?;
    let external = external.ok_or_else(|| Fault::invalid("ExternalEmailAddress must have a value."))?;
    let identity = identity_of(call)?;
    if !call.should_process(&format!("Enabling mail user \"{}\"", user.identity()))? {
        return Ok(());
    }
    let made =
        call.cx.commit(move |draft| verbs::enable_mail_user(draft, user.guid, &external, &identity))?;
    let shown = NOUN.show(call.cx, &call.cx.directory.snapshot(), &made);
    let _ = call.write(shown);
    Ok(())
}

fn disable(call: &mut Call<'_>) -> Outcome {
    let object =
        NOUN.resolve(&call.cx.directory.snapshot(), &call.identity("Identity").unwrap_or_default())?;
    if call.should_process(&format!("Disabling mail user \"{}\"", object.identity()))? {
        call.cx.commit(move |draft| verbs::disable_mail_user(draft, object.guid))?;
    }
    Ok(())
}
