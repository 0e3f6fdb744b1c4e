//! Dynamic distribution groups: whoever fits a filter when a message comes.

use base::Fault;
use directory::{
    Edit, RecipientType, Scope, View,
    schema::DYNAMIC_GROUP,
    verbs::{self, NewDynamicGroup},
};

use super::{identity_of, optional};
use crate::{Cmdlet, Make, Noun, Shows, call::Call, convert};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::DynamicDistributionGroup]),
    shows: Shows::LikeSet(
        "Set-DynamicDistributionGroup",
        &["LegacyExchangeDN", "RecipientType", "RecipientTypeDetails", "RecipientFilterType"],
    ),
    change: |draft, guid, edits| {
        let filter = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("recipientfilter")
                || name.starts_with("conditional")
                || name == "includedrecipients"
        };
        let (filter, rest): (Vec<_>, Vec<_>) = edits.into_iter().partition(|(name, _)| filter(name));
        let changed = !filter.is_empty() && verbs::set_filter(draft, guid, filter)?;
        Ok(verbs::set_recipient(draft, guid, rest)? || changed)
    },
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

fn create(call: &Call<'_>, view: &View) -> Result<Make, Fault> {
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
