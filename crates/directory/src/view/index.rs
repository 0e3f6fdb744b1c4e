//! Keeping the indexes of a view in step with its objects.

use std::{cmp::Ordering, sync::Arc};

use base::Guid;

use super::{View, key::Key};
use crate::{
    object::Object,
    schema::{Attribute, Index},
    value::Value,
};

/// An object filed under its class by name. The first bytes of the name decide most comparisons without
/// looking at the object.
#[derive(Clone)]
pub(super) struct Filed {
    prefix: [u8; 16],
    pub(super) object: Arc<Object>,
}

impl Filed {
    fn new(object: Arc<Object>) -> Self {
        let mut prefix = [0; 16];
        for (to, from) in prefix.iter_mut().zip(folded(&object.name)) {
            *to = from;
        }
        Filed { prefix, object }
    }
}

/// The bytes of a name in lower case.
fn folded(name: &str) -> impl Iterator<Item = u8> {
    let (ascii, other) = if name.is_ascii() { (name, String::new()) } else { ("", name.to_lowercase()) };
    ascii.bytes().map(|b| b.to_ascii_lowercase()).chain(other.into_bytes())
}

impl Ord for Filed {
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = || folded(&self.object.name).cmp(folded(&other.object.name));
        self.prefix.cmp(&other.prefix).then_with(whole).then_with(|| self.object.guid.cmp(&other.object.guid))
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

/// A key only this object may have, and the value it comes from (`None`: the distinguished name).
pub(crate) struct Claim<'a> {
    pub(crate) key: Key,
    pub(crate) source: Option<(&'static Attribute, &'a Value)>,
}

/// What an object claims for itself. Key space `c`: distinguished name; others: see [`Index::Unique`].
pub(crate) fn claims(object: &Object) -> Vec<Claim<'_>> {
    let mut claims = vec![Claim { key: Key::new('c', object.dn().as_str()), source: None }];
    for (attribute, value) in object.stored() {
        let Index::Unique(space) = attribute.index else { continue };
        let each = value.each().iter();
        claims.extend(each.map(|v| Claim { key: unique_key(space, v), source: Some((attribute, v)) }));
    }
    claims
}

fn unique_key(space: char, value: &Value) -> Key {
    match value {
        Value::Proxy(proxy) => Key::new(space, proxy.as_str()),
        // legacyExchangeDN shares the space of proxies of type X500.
        Value::Text(text) if space == 'x' => Key::of_parts('a', &["x500:", text]),
        Value::Text(text) => Key::new(space, text),
        other => Key::new(space, &other.to_string()),
    }
}

/// Everything the indexes hold of one object, each list sorted, without duplicates.
struct Entries {
    unique: Vec<Key>,
    /// Names by which identity resolution finds it, among others.
    shared: Vec<Key>,
    links: Vec<Guid>,
}

impl Entries {
    fn of(object: &Object) -> Self {
        let displays = object.stored().filter(|(attribute, _)| attribute.index == Index::Shared);
        let displays = displays.filter_map(|(_, value)| value.as_text()).map(|text| Key::new('n', text));
        let links = object.stored().flat_map(|(_, value)| value.each()).filter_map(Value::as_link);
        Entries {
            unique: sorted(claims(object).into_iter().map(|claim| claim.key)),
            shared: sorted(std::iter::once(Key::new('n', &object.name)).chain(displays)),
            links: sorted(links),
        }
    }
    fn none() -> Self {
        Entries { unique: Vec::new(), shared: Vec::new(), links: Vec::new() }
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = items.collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// Calls `remove` for what is in `old` alone and `add` for what is in `new` alone; both sorted.
fn differ<T: Ord + Copy>(old: &[T], new: &[T], mut change: impl FnMut(T, bool)) {
    old.iter().filter(|item| new.binary_search(item).is_err()).for_each(|item| change(*item, false));
    new.iter().filter(|item| old.binary_search(item).is_err()).for_each(|item| change(*item, true));
}

impl View {
    /// Adds or replaces an object. Uniqueness was checked by the caller.
    pub(crate) fn insert(&mut self, object: Arc<Object>) {
        let guid = object.guid;
        let old = self.objects.insert(guid, object.clone());
        let before = old.as_deref().map_or_else(Entries::none, Entries::of);
        self.index(guid, &before, &Entries::of(&object));
        if let Some(filed) = self.filed.get_mut(object.class.position()) {
            match old {
                Some(old) if old.name != object.name => _ = filed.remove(&Filed::new(old)),
                _ => {}
            }
            filed.insert(Filed::new(object));
        }
    }

    /// Removes an object and its memberships; links of others to it are the caller's to end.
    pub(crate) fn remove(&mut self, guid: Guid) {
        for member in self.members_of(guid).collect::<Vec<_>>() {
            self.set_member(guid, member, false);
        }
        for group in self.groups_of(guid).collect::<Vec<_>>() {
            self.set_member(group, guid, false);
        }
        let Some(old) = self.objects.remove(&guid) else { return };
        self.index(guid, &Entries::of(&old), &Entries::none());
        if let Some(filed) = self.filed.get_mut(old.class.position()) {
            filed.remove(&Filed::new(old));
        }
    }

    fn index(&mut self, guid: Guid, before: &Entries, after: &Entries) {
        differ(&before.unique, &after.unique, |key, is| match is {
            true => _ = self.unique.insert(key, guid),
            false => _ = self.unique.remove(&key),
        });
        differ(&before.shared, &after.shared, |key, is| set(&mut self.shared, (key, guid), is));
        differ(&before.links, &after.links, |to, is| set(&mut self.backlinks, (to, guid), is));
    }

    pub(crate) fn set_member(&mut self, group: Guid, member: Guid, is_member: bool) {
        set(&mut self.members, (group, member), is_member);
        set(&mut self.member_of, (member, group), is_member);
    }

    /// The objects whose name or display name is this, without case.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Arc<Object>> {
        let key = Key::new('n', name);
        self.shared
            .range((key, Guid::EMPTY)..)
            .take_while(move |(own, _)| *own == key)
            .filter_map(|(_, guid)| self.get(*guid))
    }
}

fn set<T: Ord + Clone>(of: &mut imbl::OrdSet<T>, item: T, is_in: bool) {
    if is_in {
        of.insert(item);
    } else {
        of.remove(&item);
    }
}
