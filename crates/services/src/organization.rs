//! What a caller may know of the organisation before anything is asked of it: its names.

use base::{Guid, SmtpDomain};
use directory::{Object, Value, View, schema::ACCEPTED_DOMAIN, value::DomainPattern};

use crate::{Caller, Services};

/// The organisation this server is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The object.
    pub guid: Guid,
    /// Its name.
    pub name: String,
    /// Its default accepted domain; empty where there is none.
    pub domain: String,
}

impl Services {
    /// The organisation; nothing before there is one. Everybody who has logged on may know it.
    pub fn organization(&self, _: &Caller) -> Option<Organization> {
        let view = self.view();
        let organization = view.organization()?;
        let domain = view.default_domain().and_then(|domain| named(domain));
        Some(Organization {
            guid: organization.guid,
            name: organization.name.to_string(),
            domain: domain.map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// Whether this stands for the organisation: its GUID, its name, or the name of an accepted domain, without
    /// case.
    pub fn is_organization(&self, caller: &Caller, name: &str) -> bool {
        let Some(organization) = self.organization(caller) else { return false };
        name.parse() == Ok(organization.guid)
            || organization.name.to_lowercase() == name.to_lowercase()
            || accepts(&self.view(), name)
    }
}

/// Whether a domain is accepted by exactly this name.
fn accepts(view: &View, name: &str) -> bool {
    let mut names = view.of_class(&ACCEPTED_DOMAIN).filter_map(|domain| named(domain));
    names.any(|domain| domain.as_str().eq_ignore_ascii_case(name))
}

/// The one domain an accepted domain stands for; nothing where it stands for many.
fn named(accepted: &Object) -> Option<&SmtpDomain> {
    match accepted.stored_value("DomainName") {
        Some(Value::Pattern(DomainPattern::Exact(domain))) => Some(domain),
        _ => None,
    }
}
