//! Keeping the indexes of a view in step with its objects.

use std::{cmp::Ordering, sync::Arc};

use base::Guid;

use super::View;
use crate::{
    object::Object,
    schema::{Attribute, Index},
    value::Value,
};

/// An object filed under its class by name.
#[derive(Clone)]
pub(super) struct Filed(pub(super) Arc<Object>);

impl Ord for Filed {
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |name: &'_ str| name.chars().flat_map(char::to_lowercase).collect::<String>();
        let by_name = if self.0.name.is_ascii() && other.0.name.is_ascii() {
            let fold = |b: u8| b.to_ascii_lowercase();
            self.0.name.bytes().map(fold).cmp(other.0.name.bytes().map(fold))
        } else {
            folded(&self.0.name).cmp(&folded(&other.0.name))
        };
        by_name.then_with(|| self.0.guid.cmp(&other.0.guid))
    }
}
impl PartialOrd for Filed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Filed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Filed {}

/// The keys only this object may have. `c`: distinguished name; other letters: see [`Index::Unique`].
pub(crate) fn unique_keys(object: &Object) -> Vec<(Option<&'static Attribute>, String)> {
    let mut keys = vec![(None, format!("c{}", object.dn().key()))];
    for (attribute, value) in object.stored() {
        let Index::Unique(space) = attribute.index else { continue };
        keys.extend(value.each().iter().map(|value| (Some(attribute), unique_key(space, value))));
    }
    // A recipient's own legacyExchangeDN may be among its X500 proxies too: one key, one owner.
    keys.sort_by(|a, b| a.1.cmp(&b.1));
    keys.dedup_by(|a, b| a.1 == b.1);
    keys
}

fn unique_key(space: char, value: &Value) -> String {
    match value {
        Value::Proxy(proxy) => format!("{space}{}", proxy.key()),
        // legacyExchangeDN shares the space of proxies of type X500.
        Value::Text(text) if space == 'x' => format!("ax500:{}", text.to_lowercase()),
        other => format!("{space}{}", other.to_string().to_lowercase()),
    }
}

/// The names by which identity resolution finds the object, among others.
fn shared_names(object: &Object) -> impl Iterator<Item = Box<str>> {
    let display = object
        .stored()
        .filter(|(attribute, _)| attribute.index == Index::Shared)
        .filter_map(|(_, value)| value.as_text().map(str::to_lowercase));
    let name = object.name.to_lowercase();
    let display: Vec<String> = display.filter(|other| *other != name).collect();
    std::iter::once(name).chain(display).map(Into::into)
}

fn link_targets(object: &Object) -> impl Iterator<Item = Guid> {
    object.stored().flat_map(|(_, value)| value.each()).filter_map(Value::as_link)
}

impl View {
    /// Adds or replaces an object. Uniqueness was checked by the caller.
    pub(crate) fn insert(&mut self, object: Arc<Object>) {
        self.take_out(object.guid);
        for (_, key) in unique_keys(&object) {
            self.unique.insert(key.into(), object.guid);
        }
        for name in shared_names(&object) {
            self.shared.insert((name, object.guid));
        }
        for target in link_targets(&object) {
            self.backlinks.insert((target, object.guid));
        }
        if let Some(filed) = self.filed.get_mut(object.class.position()) {
            filed.insert(Filed(object.clone()));
        }
        self.objects.insert(object.guid, object);
    }

    /// Removes an object and its memberships; links of others to it are the caller's to end.
    pub(crate) fn remove(&mut self, guid: Guid) {
        self.take_out(guid);
        for member in self.members_of(guid).collect::<Vec<_>>() {
            self.set_member(guid, member, false);
        }
        for group in self.groups_of(guid).collect::<Vec<_>>() {
            self.set_member(group, guid, false);
        }
    }

    fn take_out(&mut self, guid: Guid) {
        let Some(old) = self.objects.remove(&guid) else { return };
        for (_, key) in unique_keys(&old) {
            self.unique.remove(key.as_str());
        }
        for name in shared_names(&old) {
            self.shared.remove(&(name, guid));
        }
        for target in link_targets(&old) {
            self.backlinks.remove(&(target, guid));
        }
        if let Some(filed) = self.filed.get_mut(old.class.position()) {
            filed.remove(&Filed(old));
        }
    }

    pub(crate) fn set_member(&mut self, group: Guid, member: Guid, is_member: bool) {
        if is_member {
            self.members.insert((group, member));
            self.member_of.insert((member, group));
        } else {
            self.members.remove(&(group, member));
            self.member_of.remove(&(member, group));
        }
    }

    /// The objects whose name or display name is this, without case.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Arc<Object>> {
        let name: Box<str> = name.to_lowercase().into();
        let first = (name.clone(), Guid::EMPTY);
        self.shared
            .range(first..)
            .take_while(move |(own, _)| *own == name)
            .filter_map(|(_, guid)| self.get(*guid))
    }
}
