//! What a call changed in the directory, for the record: which object, and its properties before and after.

use std::sync::Arc;

use directory::{Draft, Object, Touched, View, schema::Attribute};
use serde::{Deserialize, Serialize};
use trust::audit::Modified;

use crate::convert;

/// The longest value recorded, characters.
pub(crate) const VALUE_MAX: usize = 2048;
/// Most properties recorded of one call.
const PROPERTIES_MAX: usize = 1000;

/// What was changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// The identity of the first object.
    pub(crate) object: Option<String>,
    /// Where the log's level asks for them.
    pub(crate) modified: Vec<Modified>,
}

impl Changes {
    /// What a transaction has done. Properties of other objects than the first have its name before them.
    pub(crate) fn of(draft: &Draft<'_>, touched: &[Touched]) -> Self {
        let mut own = touched.iter().filter(|change| !change.follows);
        let Some(first) = own.next() else { return Self::default() };
        let mut changes = Self { object: latest(first).map(Object::identity), modified: Vec::new() };
        let verbose = draft.admin_audit_log_config().is_some_and(|c| c.text("LogLevel") == Some("Verbose"));
        if verbose {
            compare(draft, first, "", &mut changes.modified);
            for other in own {
                let name = latest(other).map_or_else(String::new, |object| format!("{}\\", object.name));
                compare(draft, other, &name, &mut changes.modified);
            }
            members(draft, &mut changes.modified);
            changes.modified.truncate(PROPERTIES_MAX);
        }
        changes
    }

    /// Adds what a further transaction of the same call did.
    pub(crate) fn add(&mut self, more: Self) {
        self.object = self.object.take().or(more.object);
        self.modified.extend(more.modified);
        self.modified.truncate(PROPERTIES_MAX);
    }
}

fn latest(change: &Touched) -> Option<&Object> {
    change.before.as_deref().or(change.after.as_deref())
}

fn compare(view: &View, change: &Touched, prefix: &str, out: &mut Vec<Modified>) {
    let Some(object) = latest(change) else { return };
    let name_of = |object: &Option<Arc<Object>>| {
        object.as_ref().map(|object| object.name.to_string()).unwrap_or_default()
    };
    let names = (name_of(&change.before), name_of(&change.after));
    if names.0 != names.1 {
        out.push(Modified { name: format!("{prefix}Name"), old: names.0, new: names.1 });
    }
    for attribute in object.class.attributes().filter(|attribute| attribute.derive.is_none()) {
        let stored = |object: &Option<Arc<Object>>| {
            object.as_ref().and_then(|object| object.stored_value(attribute.name).cloned())
        };
        if stored(&change.before) == stored(&change.after) {
            continue;
        }
        let text = |object: &Option<Arc<Object>>| {
            object.as_ref().map(|object| shown(view, object, attribute)).unwrap_or_default()
        };
        let (old, new) = (text(&change.before), text(&change.after));
        out.push(Modified { name: format!("{prefix}{}", attribute.name), old, new });
    }
}

/// Who was put into a group or taken out of it.
fn members(draft: &Draft<'_>, out: &mut Vec<Modified>) {
    for (_, member, is) in draft.members_changed() {
        let member = draft.get(member).map_or_else(|| member.to_string(), |member| member.identity());
        let (old, new) = if is { (String::new(), member) } else { (member, String::new()) };
        out.push(Modified { name: "Members".into(), old, new });
    }
}

/// A property's value, as the shell shows it; secrets only by being there.
fn shown(view: &View, object: &Object, attribute: &Attribute) -> String {
    let text = match object.stored_value(attribute.name) {
        Some(directory::Value::Secret(_)) => "********".to_owned(),
        _ => match convert::property(view, object, attribute) {
            powershell::Value::Array(list) => {
                list.to_vec().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        },
    };
    text.chars().take(VALUE_MAX).collect()
}
