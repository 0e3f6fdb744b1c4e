//! What all recipients share: becoming mail-enabled, and keeping their addresses in order.

use std::sync::Arc;

use base::{Guid, SmtpAddress};

use crate::{
    draft::Draft,
    edit::Edit,
    error::DirectoryError,
    object::Object,
    policy,
    value::{ProxyAddress, Value},
    view::Scope,
};

/// How a recipient is to be addressed; what is not given is made up.
#[derive(Clone, Debug, Default)]
pub struct MailIdentity {
    /// The alias. Without one, the left side of the user principal name, or the name, makes it.
    pub alias: Option<String>,
    /// The reply address. With one, e-mail address policies no longer apply.
    pub primary_smtp_address: Option<SmtpAddress>,
}

/// What a recipient's mail attributes are taken from when it is no longer mail-enabled.
pub(super) const MAIL_ATTRIBUTES: &[&str] = &[
    "Alias",
    "ArchiveDatabase",
    "ArchiveGuid",
    "ArchiveName",
    "Database",
    "DeliverToMailboxAndForward",
    "EmailAddresses",
    "EmailAddressPolicyEnabled",
    "ExchangeGuid",
    "ExternalEmailAddress",
    "ForwardingAddress",
    "ForwardingSmtpAddress",
    "HiddenFromAddressListsEnabled",
    "LegacyExchangeDN",
    "MailboxType",
    "RequireSenderAuthenticationEnabled",
    "RoleAssignmentPolicy",
];

/// The alias to use: the given one if it is valid, else a free one made from `fallback`.
pub(super) fn alias_for(
    draft: &Draft<'_>,
    given: Option<&str>,
    fallback: &str,
) -> Result<String, DirectoryError> {
    match given {
        Some(alias) => check_alias(alias).map(|()| alias.to_owned()),
        None => Ok(policy::free_alias(draft, &policy::sanitised_alias(fallback))),
    }
}

fn check_alias(alias: &str) -> Result<(), DirectoryError> {
    if policy::is_alias(alias) {
        return Ok(());
    }
    Err(DirectoryError::Invalid(format!(
        "The alias \"{}\" isn't valid. It can contain letters, digits, single dots inside, and the characters \
         ! # $ % & ' * + - / = ? ^ _ ` {{ | }} ~, at most 64 in all.",
        alias.chars().take(64).collect::<String>()
    )))
}

/// Gives a stored object everything mail needs: alias, addresses, legacyExchangeDN. `external` is the address
/// of a recipient outside, which then is the reply address.
pub(super) fn mail_enable(
    draft: &mut Draft<'_>,
    guid: Guid,
    identity: &MailIdentity,
    fallback: &str,
    external: Option<&SmtpAddress>,
) -> Result<Arc<Object>, DirectoryError> {
    let object = draft.existing(guid)?;
    if object.stored_value("Alias").is_some() {
        return Err(DirectoryError::Invalid(format!("\"{}\" is already mail-enabled.", object.identity())));
    }
    let alias = alias_for(draft, identity.alias.as_deref(), fallback)?;
    let legacy = legacy_dn(draft, &alias);
    let mut edits = vec![("Alias", Edit::set(alias)), ("LegacyExchangeDN", Edit::set(legacy))];
    if object.stored_value("DisplayName").is_none() {
        edits.push(("DisplayName", Edit::set(&*object.name)));
    }
    let primary = identity.primary_smtp_address.as_ref();
    if let Some(address) = primary.or(external) {
        let mut proxies = vec![Value::Proxy(ProxyAddress::smtp(address, true))];
        proxies.extend(external.map(|address| Value::Proxy(ProxyAddress::smtp(address, false))));
        proxies.dedup_by(|a, b| a.same(b));
        edits.push(("EmailAddresses", Edit::Replace(proxies)));
    }
    edits.push(("EmailAddressPolicyEnabled", Edit::set(primary.is_none())));
    draft.modify_system(guid, edits)?;
    if primary.is_none() {
        apply_policy(draft, guid)?;
    }
    draft.existing(guid)
}

/// Takes away everything mail needs.
pub(super) fn mail_disable(draft: &mut Draft<'_>, guid: Guid) -> Result<(), DirectoryError> {
    let class = draft.existing(guid)?.class;
    let known = MAIL_ATTRIBUTES.iter().filter(|name| class.attribute(name).is_some());
    draft.modify_system(guid, known.map(|name| (*name, Edit::clear())).collect()).map(|_| ())
}

/// `/o=First Organization/ou=…/cn=Recipients/cn=` and something unique.
fn legacy_dn(draft: &Draft<'_>, alias: &str) -> String {
    let base = draft.organization().and_then(|o| o.text("LegacyExchangeDN")).unwrap_or("").to_owned();
    let unique = draft.new_guid().to_string().replace('-', "");
    let hint: String = alias.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!(
        "{base}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={unique}-{}",
        hint.to_ascii_lowercase()
    )
}

/// Applies the e-mail address policy; a recipient outside keeps its external address as reply address.
pub(super) fn apply_policy(draft: &mut Draft<'_>, guid: Guid) -> Result<(), DirectoryError> {
    let object = draft.existing(guid)?;
    let outside = object.class.attribute("ExternalEmailAddress").is_some()
        && object.stored_value("ExternalEmailAddress").is_some();
    let addresses = policy::apply_policy(draft, &object, outside)?;
    draft.modify_system(guid, vec![("EmailAddresses", Edit::Replace(addresses))]).map(|_| ())
}

/// Changes a recipient as `Set-Mailbox`, `Set-MailContact`, `Set-DistributionGroup` and their like do:
/// addresses stay in order, policies are applied. False where everything was so already.
pub fn set_recipient(
    draft: &mut Draft<'_>,
    guid: Guid,
    edits: Vec<(&str, Edit)>,
) -> Result<bool, DirectoryError> {
    let before = draft.existing(guid)?;
    let is = |edit: &(&str, Edit), name: &str| edit.0.eq_ignore_ascii_case(name);
    let (primary, edits): (Vec<_>, Vec<_>) =
        edits.into_iter().partition(|edit| is(edit, "PrimarySmtpAddress") || is(edit, "WindowsEmailAddress"));
    let (addresses, edits): (Vec<_>, Vec<_>) = edits.into_iter().partition(|edit| is(edit, "EmailAddresses"));
    for (_, edit) in edits.iter().filter(|edit| is(edit, "Alias")) {
        check_alias(single_text(edit).unwrap_or(""))?;
    }
    let names_changed =
        edits.iter().any(|edit| ["Alias", "EmailAddressPolicyEnabled"].iter().any(|name| is(edit, name)));
    draft.modify(guid, edits)?;
    for (_, edit) in addresses {
        edit_addresses(draft, guid, edit)?;
    }
    for (_, edit) in primary {
        set_primary(draft, guid, edit)?;
    }
    follow_external_address(draft, &before)?;
    let after = draft.existing(guid)?;
    if names_changed && after.flag("EmailAddressPolicyEnabled") && after.stored_value("Alias").is_some() {
        apply_policy(draft, guid)?;
    }
    Ok(draft.existing(guid)?.change != before.change)
}

fn single_text(edit: &Edit) -> Option<&str> {
    match edit {
        Edit::Replace(values) => values.first().and_then(Value::as_text),
        Edit::AddRemove { .. } => None,
    }
}

fn policy_error() -> DirectoryError {
    DirectoryError::Invalid(
        "The e-mail addresses for this recipient are automatically generated based on e-mail address policies. \
         To modify the primary SMTP address for this recipient, you must disable automatic updating of e-mail \
         addresses based on e-mail address policies."
            .into(),
    )
}

/// The new reply address; the old one stays as a secondary address.
fn set_primary(draft: &mut Draft<'_>, guid: Guid, edit: Edit) -> Result<(), DirectoryError> {
    let Edit::Replace(values) = edit else {
        return Err(DirectoryError::Invalid("PrimarySmtpAddress takes one value.".into()));
    };
    let address = match values.first() {
        Some(Value::Address(address)) => (**address).clone(),
        Some(Value::Text(text)) => {
            text.parse().map_err(|e: base::address::AddressError| DirectoryError::Invalid(e.to_string()))?
        }
        _ => return Err(DirectoryError::Invalid("The property PrimarySmtpAddress can't be empty.".into())),
    };
    let add = vec![Value::Proxy(ProxyAddress::smtp(&address, true))];
    edit_addresses(draft, guid, Edit::AddRemove { add, remove: Vec::new() })
}

/// Applies an edit of the proxy addresses and puts them in order: one reply address per type.
fn edit_addresses(draft: &mut Draft<'_>, guid: Guid, edit: Edit) -> Result<(), DirectoryError> {
    let object = draft.existing(guid)?;
    let Some(attribute) = object.class.attribute("EmailAddresses") else {
        return Err(DirectoryError::Invalid("This object has no e-mail addresses.".into()));
    };
    let given: Vec<ProxyAddress> = match &edit {
        Edit::Replace(values) => values.iter().filter_map(Value::as_proxy).cloned().collect(),
        Edit::AddRemove { add, .. } => add.iter().filter_map(Value::as_proxy).cloned().collect(),
    };
    let applied = attribute.apply(object.stored_value("EmailAddresses"), edit)?;
    let values = applied.as_ref().map_or(&[][..], Value::each);
    let mut proxies: Vec<ProxyAddress> = values.iter().filter_map(Value::as_proxy).cloned().collect();
    order_primaries(&mut proxies, &given)?;
    let has_smtp = proxies.iter().any(ProxyAddress::is_smtp);
    if !has_smtp && object.stored_value("Alias").is_some() {
        return Err(DirectoryError::Invalid(format!(
            "\"{}\" must have a primary SMTP address.",
            object.identity()
        )));
    }
    let primary =
        |list: &[ProxyAddress]| list.iter().find(|p| p.is_smtp() && p.is_primary()).map(ProxyAddress::key);
    let had: Vec<ProxyAddress> =
        object.values("EmailAddresses").iter().filter_map(Value::as_proxy).cloned().collect();
    if object.flag("EmailAddressPolicyEnabled") && !had.is_empty() && primary(&had) != primary(&proxies) {
        return Err(policy_error());
    }
    let values = proxies.into_iter().map(Value::Proxy).collect();
    draft.modify_system(guid, vec![("EmailAddresses", Edit::Replace(values))]).map(|_| ())
}

/// One reply address per type: the one just given wins over the one before; without any, the first is it.
fn order_primaries(proxies: &mut [ProxyAddress], given: &[ProxyAddress]) -> Result<(), DirectoryError> {
    let mut kinds: Vec<String> = proxies.iter().map(|p| p.prefix().to_ascii_lowercase()).collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        let of_kind = |p: &ProxyAddress| p.prefix().eq_ignore_ascii_case(&kind);
        let mut wanted = given.iter().filter(|p| of_kind(p) && p.is_primary());
        let (first, second) = (wanted.next(), wanted.next());
        if kind == "smtp" && second.is_some_and(|s| first.is_some_and(|f| f.key() != s.key())) {
            return Err(DirectoryError::Invalid(
                "There are multiple primary SMTP addresses. Only one can be the primary address.".into(),
            ));
        }
        let old = proxies.iter().find(|p| of_kind(p) && p.is_primary());
        let any = proxies.iter().find(|p| of_kind(p) && kind == "smtp");
        let Some(chosen) = first.or(old).or(any).map(ProxyAddress::key) else { continue };
        for proxy in proxies.iter_mut().filter(|p| of_kind(p)) {
            // Types other than SMTP may be written as they like; only SMTP has a meaning here.
            if kind == "smtp" {
                *proxy = proxy.with_primary(proxy.key() == chosen);
            }
        }
    }
    Ok(())
}

/// A new external address takes the place of the old one among the proxies.
fn follow_external_address(draft: &mut Draft<'_>, before: &Object) -> Result<(), DirectoryError> {
    const NAME: &str = "ExternalEmailAddress";
    if before.class.attribute(NAME).is_none() {
        return Ok(());
    }
    let after = draft.existing(before.guid)?;
    let proxy = |object: &Object| object.stored_value(NAME).and_then(Value::as_proxy).cloned();
    let (old, new) = (proxy(before), proxy(&after));
    let (Some(new), false) = (new.clone(), old == new) else { return Ok(()) };
    let mut values: Vec<Value> = after.values("EmailAddresses").to_vec();
    let same = |value: &Value, proxy: &ProxyAddress| value.as_proxy().is_some_and(|p| p.key() == proxy.key());
    let was_primary = old.as_ref().is_none_or(|old| {
        values.iter().any(|v| same(v, old) && v.as_proxy().is_some_and(ProxyAddress::is_primary))
    });
    values.retain(|value| !old.as_ref().is_some_and(|old| same(value, old)) && !same(value, &new));
    values.insert(0, Value::Proxy(new.with_primary(was_primary)));
    draft.modify_system(before.guid, vec![("EmailAddresses", Edit::Replace(values))]).map(|_| ())
}

/// The container named by an organisational unit's identity; the class's own place without one.
pub(super) fn container(
    draft: &Draft<'_>,
    unit: Option<&str>,
) -> Result<Option<crate::dn::Dn>, DirectoryError> {
    unit.map(|unit| Ok(draft.resolve(unit, Scope::Class(&crate::schema::CONTAINER))?.dn())).transpose()
}
