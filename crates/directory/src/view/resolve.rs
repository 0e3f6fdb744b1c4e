//! From what an administrator types to the object meant.

use std::sync::Arc;

use base::{Guid, SmtpAddress};

use super::View;
use crate::{
    dn::Dn,
    error::DirectoryError,
    filter::wildcard_matches,
    object::Object,
    recipient::{Recipient, RecipientType, recipient_type},
    schema::{CLASSES, Class, GROUP},
    value::ProxyAddress,
};

/// The longest identity looked at, bytes.
const IDENTITY_MAX: usize = 4096;

/// Which objects an identity may mean.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Objects of one class.
    Class(&'static Class),
    /// Whatever is a recipient, mail-enabled or not.
    Recipients,
    /// Recipients of these kinds.
    Kinds(&'a [RecipientType]),
    /// Groups that roles are assigned to.
    RoleGroups,
    /// Everything.
    Any,
}

impl Scope<'_> {
    /// Whether the object is one of those meant.
    pub fn admits(&self, object: &Object) -> bool {
        match self {
            Scope::Class(class) => object.class == *class,
            Scope::Recipients => object.class.recipient,
            Scope::Kinds(kinds) => recipient_type(object).is_some_and(|kind| kinds.contains(&kind)),
            Scope::RoleGroups => *object.class == GROUP && object.text("RoleGroupType").is_some(),
            Scope::Any => true,
        }
    }
}

/// One way to read an identity.
type Reading = fn(&View, &str) -> Vec<Arc<Object>>;

impl View {
    /// The one object that an identity means: GUID, distinguished name, SMTP address or other proxy, user
    /// principal name, `DOMAIN\account`, canonical name, `SERVER\name`; else alias, account name, name,
    /// display name or a server's host name with its domain.
    pub fn resolve(&self, identity: &str, scope: Scope<'_>) -> Result<Arc<Object>, DirectoryError> {
        let mut found = self.candidates(identity, scope);
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(DirectoryError::Ambiguous(identity.to_owned())),
            (None, _) => Err(self.not_found(identity)),
        }
    }

    /// [`View::resolve`] among recipients.
    pub fn resolve_recipient(&self, identity: &str) -> Result<Recipient, DirectoryError> {
        let object = self.resolve(identity, Scope::Recipients)?;
        Recipient::new(object).ok_or_else(|| self.not_found(identity))
    }

    /// Every object an identity fits, by name; `*` stands for anything. What `Get-` cmdlets print.
    pub fn matching(&self, identity: &str, scope: Scope<'_>) -> Vec<Arc<Object>> {
        if !identity.contains('*') {
            let mut found = self.candidates(identity, scope);
            found.sort_by_key(|object| object.name.to_lowercase());
            return found;
        }
        let fits = |object: &&Arc<Object>| {
            let texts = [Some(&*object.name), optional(object, "DisplayName"), optional(object, "Alias")];
            scope.admits(object) && texts.into_iter().flatten().any(|t| wildcard_matches(identity, t))
        };
        CLASSES.iter().flat_map(|class| self.of_class(class)).filter(fits).cloned().collect()
    }

    /// The error for an identity nobody has.
    pub fn not_found(&self, identity: &str) -> DirectoryError {
        let fqdn = self.servers().next().map(|server| server.text("Fqdn").unwrap_or(&server.name).to_owned());
        DirectoryError::NotFound {
            identity: identity.chars().take(256).collect(),
            server: fqdn.unwrap_or_else(|| self.domain_name().to_owned()),
        }
    }

    /// What the identity may mean: the first way of reading it that finds anything decides.
    fn candidates(&self, identity: &str, scope: Scope<'_>) -> Vec<Arc<Object>> {
        let identity = identity.trim();
        if identity.is_empty() || identity.len() > IDENTITY_MAX {
            return Vec::new();
        }
        let readings: [Reading; 4] =
            [View::by_identifier, View::by_path, View::by_any_address, View::by_any_name];
        for read in readings {
            let mut found: Vec<Arc<Object>> =
                read(self, identity).into_iter().filter(|object| scope.admits(object)).collect();
            found.sort_by_key(|object| object.guid);
            found.dedup_by_key(|object| object.guid);
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    fn by_identifier(&self, identity: &str) -> Vec<Arc<Object>> {
        let Ok(guid) = identity.parse::<Guid>() else { return Vec::new() };
        let mailbox = self.by_mailbox_guid(guid).map(|recipient| recipient.object().clone());
        self.get(guid).cloned().into_iter().chain(mailbox).collect()
    }

    /// Distinguished name, canonical name, `SERVER\name`.
    fn by_path(&self, identity: &str) -> Vec<Arc<Object>> {
        if identity.contains('=')
            && let Some(object) = identity.parse::<Dn>().ok().and_then(|dn| self.by_dn(&dn))
        {
            return vec![object.clone()];
        }
        let Some((_, name)) = identity.rsplit_once(['/', '\\']) else { return Vec::new() };
        let folded = identity.to_lowercase();
        self.named(name).filter(|object| object.identity().to_lowercase() == folded).cloned().collect()
    }

    /// SMTP address, other proxy, legacyExchangeDN, user principal name, `DOMAIN\account`.
    fn by_any_address(&self, identity: &str) -> Vec<Arc<Object>> {
        let by_smtp = || identity.parse::<SmtpAddress>().ok().and_then(|a| self.recipient_by_address(&a));
        let by_proxy = || identity.parse::<ProxyAddress>().ok().and_then(|p| self.recipient_by_proxy(&p));
        let by_legacy = || {
            identity
                .starts_with('/')
                .then(|| self.recipient_by_proxy(&ProxyAddress::x500(identity)))
                .flatten()
        };
        let found = by_smtp()
            .or_else(by_proxy)
            .or_else(by_legacy)
            .into_iter()
            .chain(self.user_by_upn(identity))
            .chain(self.by_domain_account(identity));
        found.map(|recipient| recipient.object().clone()).collect()
    }

    /// `DOMAIN\account`, the domain by its NetBIOS or DNS name.
    pub fn by_domain_account(&self, identity: &str) -> Option<Recipient> {
        let (domain, account) = identity.split_once('\\')?;
        let netbios = self.organization().and_then(|o| o.text("NetBiosName")).unwrap_or("");
        let ours = domain.eq_ignore_ascii_case(netbios) || domain.eq_ignore_ascii_case(self.domain_name());
        ours.then(|| self.by_account(account)).flatten()
    }

    fn by_any_name(&self, identity: &str) -> Vec<Arc<Object>> {
        let recipients = self.by_alias(identity).into_iter().chain(self.by_account(identity));
        let recipients = recipients.map(|recipient| recipient.object().clone());
        let called = |server: &&Arc<Object>| {
            server.text("Fqdn").is_some_and(|fqdn| fqdn.eq_ignore_ascii_case(identity))
        };
        let servers = self.servers().filter(called).cloned();
        self.named(identity).cloned().chain(recipients).chain(servers).collect()
    }
}

fn optional<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.stored_value(name).and_then(crate::value::Value::as_text)
}
