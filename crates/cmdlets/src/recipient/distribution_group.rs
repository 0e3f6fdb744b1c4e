//! Distribution groups, mail-enabled security groups among them.

use base::Fault;
use directory::{
    RecipientType, Scope, View,
    schema::GROUP,
    verbs::{self, NewGroup},
};

use super::{identity_of, optional, recipients};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

/// The noun, also for those who look a group up.
pub(super) static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[
        RecipientType::MailUniversalDistributionGroup,
        RecipientType::MailUniversalSecurityGroup,
    ]),
    shows: Shows::LikeSet(
        "Set-DistributionGroup",
        &["GroupType", "LegacyExchangeDN", "RecipientType", "RecipientTypeDetails"],
    ),
    change: verbs::set_recipient,
    create: Some(create),
    takes: &[
        "Name",
        "Alias",
        "DisplayName",
        "PrimarySmtpAddress",
        "SamAccountName",
        "Type",
        "ManagedBy",
        "Members",
        "Notes",
        "OrganizationalUnit",
    ],
    ..Noun::new(
        "DistributionGroup",
        &GROUP,
        &["Microsoft.Exchange.Data.Directory.Management.DistributionGroup"],
    )
};

/// `Get-DistributionGroup`
pub static GET: Cmdlet = Cmdlet::get("Get-DistributionGroup", &NOUN);
/// `Set-DistributionGroup`
pub static SET: Cmdlet = Cmdlet::set("Set-DistributionGroup", &NOUN);
/// `New-DistributionGroup`
pub static NEW: Cmdlet = Cmdlet::new("New-DistributionGroup", &NOUN);
/// `Remove-DistributionGroup`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-DistributionGroup", &NOUN);
/// `Enable-DistributionGroup`
pub static ENABLE: Cmdlet = Cmdlet::run("Enable-DistributionGroup", enable);
/// `Disable-DistributionGroup`
pub static DISABLE: Cmdlet = Cmdlet::run("Disable-DistributionGroup", disable).asking();

fn create(call: &Call<'_>, view: &View) -> Result<Make, Fault> {
    let new = NewGroup {
        name: call.needed("Name")?.to_string(),
        identity: identity_of(call)?,
        display_name: optional(call, "DisplayName"),
        sam_account_name: optional(call, "SamAccountName"),
        security: call.text("Type").is_some_and(|kind| kind.eq_ignore_ascii_case("Security")),
        managed_by: recipients(call, view, "ManagedBy")?,
        members: recipients(call, view, "Members")?,
        notes: optional(call, "Notes"),
        organizational_unit: optional(call, "OrganizationalUnit"),
    };
    Ok(Box::new(move |draft| verbs::new_group(draft, new)))
}

fn enable(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = view
        .resolve(&call.identity("Identity").unwrap_or_default(), Scope::Class(&GROUP))
        .map_err(Fault::from)?;
    let identity = identity_of(call)?;
    if !call.should_process(&format!("Enabling distribution group \"{}\"", group.identity()))? {
        return Ok(());
    }
    let made = call.cx.commit(move |draft| verbs::enable_group(draft, group.guid, &identity))?;
    let shown = NOUN.show(call.cx, &call.cx.directory.snapshot(), &made);
    let _ = call.write(shown);
    Ok(())
}

fn disable(call: &mut Call<'_>) -> Outcome {
    let object =
        NOUN.resolve(&call.cx.directory.snapshot(), &call.identity("Identity").unwrap_or_default())?;
    if call.should_process(&format!("Disabling distribution group \"{}\"", object.identity()))? {
        call.cx.commit(move |draft| verbs::disable_group(draft, object.guid))?;
    }
    Ok(())
}
