//! E-mail address policies: which addresses and aliases new recipients get; precanned recipient filters.

mod alias;
mod precanned;
mod template;

pub use alias::{free_account, free_alias, is_alias, sanitised_alias};
pub use precanned::precanned_filter;
pub use template::{Template, generated_local_part};

use std::sync::Arc;

use base::SmtpAddress;

use crate::{
    error::DirectoryError,
    filter::Filter,
    object::Object,
    schema::EMAIL_ADDRESS_POLICY,
    value::{ProxyAddress, Value},
    view::View,
};

/// How many numbers are tried behind a name that is taken.
const TRIES_MAX: u32 = 10_000;

/// The policy that governs a recipient: the one of the best priority whose filter fits it.
pub fn policy_for<'a>(view: &'a View, recipient: &Object) -> Option<&'a Arc<Object>> {
    let fits = |policy: &&Arc<Object>| match policy.text("RecipientFilter") {
        Some(text) => Filter::parse(text).is_ok_and(|filter| filter.matches(view, recipient)),
        None => true,
    };
    // The default policy has the lowest priority, whatever its number.
    let rank =
        |policy: &&Arc<Object>| (&*policy.name == DEFAULT_POLICY, policy.int("Priority").unwrap_or(i64::MAX));
    view.of_class(&EMAIL_ADDRESS_POLICY).filter(fits).min_by_key(rank)
}

/// The name of the policy that is always there and always last.
pub const DEFAULT_POLICY: &str = "Default Policy";

/// The addresses a recipient has after its policy was applied: the generated ones first in their roles,
/// what it had before as secondary addresses. `keep_primary` leaves the reply address alone.
pub fn apply_policy(
    view: &View,
    recipient: &Object,
    keep_primary: bool,
) -> Result<Vec<Value>, DirectoryError> {
    let templates: Vec<Template> = match policy_for(view, recipient) {
        Some(policy) => policy
            .values("EnabledEmailAddressTemplates")
            .iter()
            .filter_map(Value::as_text)
            .map(str::parse)
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let had: Vec<ProxyAddress> =
        recipient.values("EmailAddresses").iter().filter_map(Value::as_proxy).cloned().collect();
    let mut addresses = if keep_primary { had.clone() } else { Vec::new() };
    for template in templates.iter().filter(|template| !(keep_primary && template.primary)) {
        let address = template_address(view, recipient, template, &had)?;
        push(&mut addresses, ProxyAddress::smtp(&address, template.primary));
    }
    if keep_primary && let Some(template) = templates.iter().find(|template| template.primary) {
        let address = template_address(view, recipient, template, &had)?;
        push(&mut addresses, ProxyAddress::smtp(&address, false));
    }
    for proxy in had {
        let demote = proxy.is_smtp() && addresses.iter().any(|a| a.is_smtp() && a.is_primary());
        push(&mut addresses, if demote { proxy.with_primary(false) } else { proxy });
    }
    Ok(addresses.into_iter().map(Value::Proxy).collect())
}

fn push(addresses: &mut Vec<ProxyAddress>, proxy: ProxyAddress) {
    let key = proxy.key();
    if !addresses.iter().any(|own| own.key() == key) {
        addresses.push(proxy);
    }
}

/// The address a template gives: the plain one, or with the first number that makes it free. One the
/// recipient already has is kept.
fn template_address(
    view: &View,
    recipient: &Object,
    template: &Template,
    had: &[ProxyAddress],
) -> Result<SmtpAddress, DirectoryError> {
    let local = generated_local_part(template, recipient);
    for number in 0..TRIES_MAX {
        let text = match number {
            0 => format!("{local}@{}", template.domain),
            n => format!("{local}{}@{}", n + 1, template.domain),
        };
        let address: SmtpAddress =
            text.parse().map_err(|e: base::address::AddressError| DirectoryError::Invalid(e.to_string()))?;
        let own = had.iter().any(|proxy| proxy.smtp_address().as_ref() == Some(&address));
        let holder = view.recipient_by_address(&address);
        if own || holder.is_none_or(|holder| holder.guid == recipient.guid) {
            return Ok(address);
        }
    }
    Err(DirectoryError::Exists(format!(
        "No free address could be found for \"{local}@{}\".",
        template.domain
    )))
}
