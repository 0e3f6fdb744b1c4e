//! Dynamic distribution groups: whoever fits a filter when a message comes.

use directory::{
    Draft, Edit, RecipientType, Scope, View,
    schema::DYNAMIC_GROUP,
    verbs::{self, NewDynamicGroup},
};

use super::{ADDRESSES, MAIL, identity_of, limited_to, optional};
use crate::{Cmdlet, Make, Noun, Outcome, Shows, call::Call, convert};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::DynamicDistributionGroup]),
    shows: Shows::LikeSet("Set-DynamicDistributionGroup"),
    order: &[
        &[
            "RecipientContainer",
            "RecipientFilter",
            "IncludedRecipients",
            "ConditionalDepartment",
            "ConditionalCompany",
            "ConditionalStateOrProvince",
            "RecipientFilterType",
            "Notes",
            "PhoneticDisplayName",
            "ManagedBy",
            "ExpansionServer",
            "ReportToManagerEnabled",
            "ReportToOriginatorEnabled",
            "SendOofMessageToOriginatorEnabled",
        ],
        MAIL,
    ],
    extend: Some(super::extend),
    conditions: &[("ManagedBy", |view, object, value| limited_to(view, object, "ManagedBy", value))],
    special: &ADDRESSES,
    change: |draft, guid, edits| split_filter(draft, guid, edits, verbs::set_recipient),
    create: Some(create),
    takes: &[
        "Name",
        "Alias",
        "DisplayName",
        "PrimarySmtpAddress",
        "RecipientFilter",
        "IncludedRecipients",
        "RecipientContainer",
        "OrganizationalUnit",
        "ConditionalCompany",
        "ConditionalDepartment",
        "ConditionalStateOrProvince",
    ],
    ..Noun::new(
        "DynamicDistributionGroup",
        &DYNAMIC_GROUP,
        &["Microsoft.Exchange.Data.Directory.Management.DynamicDistributionGroup"],
    )
};

/// `Get-DynamicDistributionGroup`
pub static GET: Cmdlet = Cmdlet::get("Get-DynamicDistributionGroup", &NOUN);
/// `Set-DynamicDistributionGroup`
pub static SET: Cmdlet = Cmdlet::set("Set-DynamicDistributionGroup", &NOUN);
/// `New-DynamicDistributionGroup`
pub static NEW: Cmdlet = Cmdlet::new("New-DynamicDistributionGroup", &NOUN);
/// `Remove-DynamicDistributionGroup`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-DynamicDistributionGroup", &NOUN);

/// Applies what makes a recipient filter by its own verb, and the rest by another.
pub(crate) fn split_filter(
    draft: &mut Draft<'_>,
    guid: base::Guid,
    edits: Vec<(&str, Edit)>,
    change_rest: crate::Change,
) -> Result<bool, directory::DirectoryError> {
    let makes_filter = |name: &str| {
        name == "RecipientFilter" || name == "IncludedRecipients" || name.starts_with("Conditional")
    };
    let (filter, rest): (Vec<_>, Vec<_>) = edits.into_iter().partition(|(name, _)| makes_filter(name));
    let changed = !filter.is_empty() && verbs::set_filter(draft, guid, filter)?;
    Ok(change_rest(draft, guid, rest)? || changed)
}

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let mut conditions = Vec::new();
    for attribute in DYNAMIC_GROUP.attributes().filter(|a| a.name.starts_with("Conditional")) {
        if let Some(given) = call.get(attribute.name)
            && let Edit::Replace(values) = convert::to_edit(view, attribute, given)?
        {
            conditions.push((attribute.name, values));
        }
    }
    let new = NewDynamicGroup {
        name: call.needed("Name")?.to_string(),
        identity: identity_of(call)?,
        display_name: optional(call, "DisplayName"),
        recipient_filter: optional(call, "RecipientFilter"),
        included_recipients: optional(call, "IncludedRecipients"),
        conditions,
        recipient_container: optional(call, "RecipientContainer"),
        organizational_unit: optional(call, "OrganizationalUnit"),
    };
    Ok(Box::new(move |draft| verbs::new_dynamic_group(draft, new)))
}
