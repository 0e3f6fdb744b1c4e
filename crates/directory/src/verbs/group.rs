//! Distribution groups, with members of their own or with a filter.

use std::sync::Arc;

use base::Guid;

use super::recipient::{MailIdentity, container, mail_disable, mail_enable};
use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    filter::Filter,
    object::Object,
    policy::{self, precanned_filter},
    schema::{DYNAMIC_GROUP, GROUP},
    value::Value,
};

/// A distribution group.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    /// The object's name.
    pub name: String,
    /// Alias and reply address.
    pub identity: MailIdentity,
    /// Display name; the name without one.
    pub display_name: Option<String>,
    /// The account name; made from the name without one.
    pub sam_account_name: Option<String>,
    /// Also for rights: a mail-enabled security group.
    pub security: bool,
    /// Who may change it.
    pub managed_by: Vec<Guid>,
    /// Its first members.
    pub members: Vec<Guid>,
    /// A note shown with it.
    pub notes: Option<String>,
    /// Where the object goes; `Users` without one.
    pub organizational_unit: Option<String>,
}

/// A dynamic distribution group.
#[derive(Clone, Debug, Default)]
pub struct NewDynamicGroup {
    /// The object's name.
    pub name: String,
    /// Alias and reply address.
    pub identity: MailIdentity,
    /// Display name; the name without one.
    pub display_name: Option<String>,
    /// A filter of one's own; else what follows makes one.
    pub recipient_filter: Option<String>,
    /// `AllRecipients`, or kinds with commas.
    pub included_recipients: Option<String>,
    /// Conditions: (`ConditionalDepartment`, values).
    pub conditions: Vec<(&'static str, Vec<Value>)>,
    /// Only recipients within this container.
    pub recipient_container: Option<String>,
    /// Where the object goes; `Users` without one.
    pub organizational_unit: Option<String>,
}

fn links(guids: &[Guid]) -> Option<Value> {
    (!guids.is_empty()).then(|| Value::Multi(guids.iter().map(|guid| Value::Link(*guid)).collect()))
}

/// Creates a distribution group. Like the product's, it takes mail from authenticated senders only.
pub fn new_group(draft: &mut Draft<'_>, new: NewGroup) -> Result<Arc<Object>, DirectoryError> {
    let account = new.sam_account_name.unwrap_or_else(|| policy::free_account(draft, &new.name));
    let kind = if new.security { "Universal, SecurityEnabled" } else { "Universal" };
    let object = NewObject {
        container: container(draft, new.organizational_unit.as_deref())?,
        ..NewObject::new(&GROUP, new.name.clone())
    };
    let group = draft.create(
        object
            .with("DisplayName", new.display_name.unwrap_or_else(|| new.name.clone()))
            .with("GroupType", kind)
            .with("SamAccountName", account)
            .with_some("ManagedBy", links(&new.managed_by))
            .with_some("Notes", new.notes),
    )?;
    let mut members = new.members;
    members.dedup();
    for member in members {
        draft.add_member(group.guid, member)?;
    }
    enable_group(draft, group.guid, &new.identity)
}

/// Makes a group one that mail can be addressed to.
pub fn enable_group(
    draft: &mut Draft<'_>,
    group: Guid,
    identity: &MailIdentity,
) -> Result<Arc<Object>, DirectoryError> {
    let name = draft.existing(group)?.name.to_string();
    draft.modify_system(group, vec![("RequireSenderAuthenticationEnabled", Edit::set(true))])?;
    mail_enable(draft, group, identity, &name, None)
}

/// Makes a group one that mail cannot be addressed to; members stay.
pub fn disable_group(draft: &mut Draft<'_>, group: Guid) -> Result<(), DirectoryError> {
    mail_disable(draft, group)
}

/// Removes a group of either kind.
pub fn remove_group(draft: &mut Draft<'_>, group: Guid) -> Result<(), DirectoryError> {
    draft.delete(group)
}

/// Creates a dynamic distribution group.
pub fn new_dynamic_group(draft: &mut Draft<'_>, new: NewDynamicGroup) -> Result<Arc<Object>, DirectoryError> {
    let within = match &new.recipient_container {
        Some(unit) => draft.resolve(unit, crate::Scope::Class(&crate::schema::CONTAINER))?.dn(),
        None => crate::dn::Dn::of_domain(draft.domain_name()),
    };
    let object = NewObject {
        container: container(draft, new.organizational_unit.as_deref())?,
        ..NewObject::new(&DYNAMIC_GROUP, new.name.clone())
    };
    let group = draft.create(
        object
            .with("DisplayName", new.display_name.unwrap_or_else(|| new.name.clone()))
            .with("RequireSenderAuthenticationEnabled", true)
            .with("RecipientContainer", within.as_str()),
    )?;
    let mut edits: Vec<(&str, Edit)> =
        new.conditions.into_iter().map(|(name, values)| (name, Edit::Replace(values))).collect();
    edits.extend(new.recipient_filter.map(|filter| ("RecipientFilter", Edit::set(filter))));
    edits.extend(new.included_recipients.map(|words| ("IncludedRecipients", Edit::set(words))));
    set_filter(draft, group.guid, edits)?;
    mail_enable(draft, group.guid, &new.identity, &new.name, None)
}

/// Changes the filter of a dynamic group or e-mail address policy: `RecipientFilter`, or `IncludedRecipients`
/// and `Conditional…`, which make one.
pub fn set_filter(
    draft: &mut Draft<'_>,
    guid: Guid,
    edits: Vec<(&str, Edit)>,
) -> Result<bool, DirectoryError> {
    let is = |name: &str, prefix: &str| name.to_ascii_lowercase().starts_with(prefix);
    let custom = edits.iter().find(|(name, _)| is(name, "recipientfilter")).map(|(_, edit)| edit.clone());
    let precanned = edits.iter().any(|(name, _)| is(name, "conditional") || is(name, "includedrecipients"));
    if custom.is_some() && precanned {
        return Err(DirectoryError::Invalid(
            "You can't use RecipientFilter together with IncludedRecipients or the Conditional parameters."
                .into(),
        ));
    }
    let mut changed = draft.modify(guid, edits)?;
    let object = draft.existing(guid)?;
    if let Some(edit) = custom {
        let text = object.text("RecipientFilter").unwrap_or("").to_owned();
        let printed = Filter::parse(&text)?.to_string();
        let clear = object
            .class
            .attributes()
            .filter(|a| is(a.name, "conditional") || is(a.name, "includedrecipients"));
        let mut all: Vec<(&str, Edit)> = clear.map(|a| (a.name, Edit::clear())).collect();
        all.push(("RecipientFilter", if printed.is_empty() { edit } else { Edit::set(printed) }));
        all.push(("RecipientFilterType", Edit::set("Custom")));
        changed |= draft.modify_system(guid, all)?;
    } else if precanned {
        let conditions: Vec<(&str, &[Value])> = object
            .stored()
            .filter_map(|(a, value)| Some((a.name.strip_prefix("Conditional")?, value.each())))
            .collect();
        let filter = precanned_filter(object.text("IncludedRecipients").unwrap_or("None"), &conditions);
        let edits =
            vec![("RecipientFilter", Edit::set(filter)), ("RecipientFilterType", Edit::set("Precanned"))];
        changed |= draft.modify_system(guid, edits)?;
    }
    Ok(changed)
}
