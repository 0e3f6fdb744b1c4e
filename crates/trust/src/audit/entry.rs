//! One entry of the log, and which entries a search wants.

use base::{Guid, Timestamp};
use serde::{Deserialize, Serialize};

/// Most entries one search returns.
pub const SEARCH_MAX: usize = 250_000;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1; given by the log.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// Who: the identity of the account, or the user of this machine.
    pub caller: String,
    /// The account, where it is one of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Guid>,
    /// Where from.
    pub origin: String,
    /// On which server.
    pub server: String,
    /// `Verb-Noun`.
    pub cmdlet: String,
    /// Names and values; secrets are left out before.
    pub parameters: Vec<(String, String)>,
    /// The identity of what was changed.
    pub object: String,
    /// Properties before and after, where the log's level asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified: Vec<Modified>,
    /// Whether it worked.
    pub succeeded: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// One property that was changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Modified {
    /// The property.
    pub name: String,
    /// Its value before; empty for none.
    pub old: String,
    /// Its value after.
    pub new: String,
}

/// Which entries are wanted; what is empty asks for nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
    /// Only these cmdlets.
    pub cmdlets: Vec<String>,
    /// Only with one of these parameters.
    pub parameters: Vec<String>,
    /// Only about one of these objects, by identity or name.
    pub objects: Vec<String>,
    /// Only by one of these: identities, or GUIDs of accounts.
    pub callers: Vec<String>,
    /// Only what worked, or what did not.
    pub succeeded: Option<bool>,
    /// Leaves out so many of the newest.
    pub skip: usize,
    /// Most entries.
    pub limit: usize,
}

impl Query {
    /// Whether an entry is wanted.
    pub fn wants(&self, entry: &Entry) -> bool {
        let any = |wanted: &[String], fits: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|one| fits(one))
        };
        let user = entry.user.map(|guid| guid.to_string());
        self.start.is_none_or(|start| entry.time >= start)
            && self.end.is_none_or(|end| entry.time <= end)
            && self.succeeded.is_none_or(|succeeded| entry.succeeded == succeeded)
            && any(&self.cmdlets, &|name| entry.cmdlet.eq_ignore_ascii_case(name))
            && any(&self.parameters, &|name| {
                entry.parameters.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
            })
            && any(&self.objects, &|name| is_named(&entry.object, name))
            && any(&self.callers, &|name| {
                is_named(&entry.caller, name)
                    || user.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
            })
    }
}

/// Whether a name is an identity, or the last part of one.
fn is_named(identity: &str, name: &str) -> bool {
    let (identity, name) = (identity.to_lowercase(), name.to_lowercase());
    identity == name || identity.rsplit_once(['/', '\\']).is_some_and(|(_, last)| last == name)
}
