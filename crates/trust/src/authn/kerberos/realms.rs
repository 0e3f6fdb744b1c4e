//! From a principal of a realm to the user principal name it stands for.

use wire::kerberos::{keytab, messages::Ticket};

use super::Refusal;

/// Why a keytab or the settings beside it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No key is left.
    #[error("the keytab has no AES key for the service {0}")]
    NoKeys(String),
    /// A mapping that could never be used is a mistake.
    #[error("the realm {0} is mapped to a domain, but the keytab has no key of it")]
    Realm(String),
}

/// Somebody who has proved to be a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `nuno@RIALTO.TEST`, as the realm calls it.
    pub name: String,
    /// The user principal name that it stands for.
    pub upn: String,
}

/// The realms that are trusted, and the domain that each stands for.
pub(super) struct Realms(Vec<(String, String)>);

impl Realms {
    /// Those of the keys; each stands for the domain of its own name where no other is given.
    pub(super) fn new(keys: &[keytab::Entry], domains: &[(String, String)]) -> Result<Self, SetupError> {
        let mut realms: Vec<(String, String)> = Vec::new();
        for entry in keys {
            if !realms.iter().any(|(realm, _)| realm.eq_ignore_ascii_case(&entry.realm)) {
                realms.push((entry.realm.clone(), entry.realm.clone()));
            }
        }
        for (realm, domain) in domains {
            let known = realms.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(realm));
            known.ok_or_else(|| SetupError::Realm(realm.clone()))?.1.clone_from(domain);
        }
        Ok(Realms(realms))
    }

    /// Who a ticket is for, if it is somebody of the realm whose key opened it.
    pub(super) fn principal(&self, ticket: &Ticket, key_realm: &str) -> Result<Principal, Refusal> {
        if !ticket.realm.eq_ignore_ascii_case(key_realm) {
            return Err(Refusal::Realm(ticket.realm.clone()));
        }
        let known = self.0.iter().find(|(realm, _)| realm.eq_ignore_ascii_case(key_realm));
        let (_, domain) = known.ok_or_else(|| Refusal::Realm(ticket.realm.clone()))?;
        let name = format!("{}@{}", ticket.client.0.join("/"), ticket.realm);
        match &*ticket.client.0 {
            [user] if !user.contains(['@', '/', '\\']) => {
                Ok(Principal { upn: format!("{user}@{domain}"), name })
            }
            _ => Err(Refusal::NotAUser(name)),
        }
    }
}
