//! Distribution groups, mail-enabled security groups among them.

use directory::{
    RecipientType, Scope, View,
    schema::GROUP,
    verbs::{self, NewGroup},
};

use super::{ADDRESSES, KIND, MAIL, identity_of, limited_to, optional, recipients};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call};

/// The noun, also for those who look a group up.
pub(crate) static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[
        RecipientType::MailUniversalDistributionGroup,
        RecipientType::MailUniversalSecurityGroup,
    ]),
    shows: Shows::LikeSet("Set-DistributionGroup"),
    order: &[
        &[
            "GroupType",
            "SamAccountName",
            "BypassNestedModerationEnabled",
            "ManagedBy",
            "MemberJoinRestriction",
            "MemberDepartRestriction",
            "ExpansionServer",
            "ReportToManagerEnabled",
            "ReportToOriginatorEnabled",
            "SendOofMessageToOriginatorEnabled",
        ],
        MAIL,
    ],
    extend: Some(super::extend),
    conditions: &[KIND[1], ("ManagedBy", |view, object, value| limited_to(view, object, "ManagedBy", value))],
    special: &ADDRESSES,
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
pub static ENABLE: Cmdlet =
    Cmdlet::run("Enable-DistributionGroup", enable, &["Alias", "DisplayName", "PrimarySmtpAddress"]);
/// `Disable-DistributionGroup`
pub static DISABLE: Cmdlet =
    Cmdlet::run("Disable-DistributionGroup", |call| super::disable(call, &NOUN, verbs::disable_group), &[])
        .asking();

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
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
    let identity = identity_of(call)?;
    let verb = move |draft: &mut directory::Draft<'_>, group| verbs::enable_group(draft, group, &identity);
    super::enable(call, &NOUN, &GROUP, Box::new(verb))
}
