//! A change in the making: a private copy of the view, where every step is checked before the next.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use base::{Guid, Rng, Timestamp};

use crate::{
    codec::Record,
    dn::Dn,
    edit::Edit,
    error::DirectoryError,
    object::Object,
    rules,
    schema::{Attribute, Class, GROUP, Kind, Place, ROLE_ASSIGNMENT_POLICY, Target, USER},
    value::Value,
    view::View,
};

/// The longest name of an object, characters (rangeUpper of `cn`).
pub const NAME_MAX: usize = 64;

/// An object to be created.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// What it is.
    pub class: &'static Class,
    /// Its name.
    pub name: String,
    /// Where it goes; `None` for the class's own place.
    pub container: Option<Dn>,
    /// Its attributes; names without case.
    pub attributes: Vec<(&'static str, Value)>,
}

impl NewObject {
    /// An object in the class's own place, without attributes.
    pub fn new(class: &'static Class, name: impl Into<String>) -> Self {
        NewObject { class, name: name.into(), container: None, attributes: Vec::new() }
    }
    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }
    /// With an attribute, where there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// The view as this transaction leaves it, and the records that say so. Derefs to [`View`]: a verb reads
/// what it has just written. Dropped without effect when the verb fails.
pub struct Draft<'a> {
    view: View,
    records: Vec<Record>,
    /// Each object changed so far, as it was before, and when it was first touched.
    before: BTreeMap<Guid, Before>,
    /// What happens now only follows from the removal of another object.
    following: bool,
    now: Timestamp,
    rng: &'a dyn Rng,
}

/// An object before a transaction first touched it.
struct Before {
    object: Option<Arc<Object>>,
    place: usize,
    follows: bool,
}

/// What a transaction has done to one object.
#[derive(Clone, Debug)]
pub struct Touched {
    /// As it was; `None` where it is new.
    pub before: Option<Arc<Object>>,
    /// As it is; `None` where it was deleted.
    pub after: Option<Arc<Object>>,
    /// It was only changed because another object went (a link to it ended).
    pub follows: bool,
}

impl Deref for Draft<'_> {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(view: View, now: Timestamp, rng: &'a dyn Rng) -> Self {
        Draft { view, records: Vec::new(), before: BTreeMap::new(), following: false, now, rng }
    }
    pub(crate) fn finish(self) -> (View, Vec<Record>) {
        (self.view, self.records)
    }
    /// The moment of this transaction.
    pub fn now(&self) -> Timestamp {
        self.now
    }
    /// What this transaction has done so far, in the order in which objects were first touched.
    pub fn touched(&self) -> Vec<Touched> {
        let mut all: Vec<(&Guid, &Before)> = self.before.iter().collect();
        all.sort_by_key(|(_, before)| before.place);
        let touched = |(guid, before): (&Guid, &Before)| Touched {
            before: before.object.clone(),
            after: self.view.get(*guid).cloned(),
            follows: before.follows,
        };
        all.into_iter().map(touched).filter(|t| t.before.is_some() || t.after.is_some()).collect()
    }
    /// The memberships this transaction has begun (true) or ended: group, member.
    pub fn members_changed(&self) -> impl Iterator<Item = (Guid, Guid, bool)> {
        self.records.iter().filter_map(|record| match record {
            Record::Member(group, member, is) => Some((*group, *member, *is)),
            Record::Put(_) | Record::Delete(_) => None,
        })
    }

    /// Remembers an object as it is before it changes.
    fn touch(&mut self, guid: Guid) {
        let (place, follows) = (self.before.len(), self.following);
        let object = self.view.get(guid);
        let known =
            self.before.entry(guid).or_insert_with(|| Before { object: object.cloned(), place, follows });
        known.follows &= follows;
    }

    /// A fresh GUID.
    pub fn new_guid(&self) -> Guid {
        Guid::new(self.rng)
    }

    /// One of several, by chance.
    pub(crate) fn pick<'b, T>(&self, among: &'b [T]) -> Option<&'b T> {
        let bound = u64::try_from(among.len()).ok().filter(|bound| *bound > 0)?;
        among.get(usize::try_from(self.rng.below(bound)).unwrap_or(0))
    }

    /// Creates an object. Attributes only the system sets are taken here; cmdlets go through verbs.
    pub fn create(&mut self, new: NewObject) -> Result<Arc<Object>, DirectoryError> {
        check_name(&new.name)?;
        let container = match new.container {
            Some(dn) => dn,
            None => self.place_of(new.class, &new.attributes)?,
        };
        let mut object = Object {
            guid: self.new_guid(),
            class: new.class,
            name: new.name.into(),
            container,
            when_created: self.now,
            when_changed: self.now,
            change: 0,
            attributes: Vec::new(),
        };
        for (name, value) in new.attributes {
            let attribute = writable(new.class, name)?;
            let applied = attribute.apply(None, Edit::set(value))?;
            object.put(attribute, applied);
        }
        self.store(None, object)
    }

    /// Changes what an administrator may change; false where everything was so already. `Name` renames.
    pub fn modify(&mut self, guid: Guid, edits: Vec<(&str, Edit)>) -> Result<bool, DirectoryError> {
        for (name, _) in &edits {
            let class = self.existing(guid)?.class;
            if class.attribute(name).is_some_and(|attribute| attribute.read_only) {
                return Err(DirectoryError::Invalid(format!("The property {name} can't be changed.")));
            }
        }
        self.modify_system(guid, edits)
    }

    /// [`Draft::modify`], attributes only the system sets included.
    pub fn modify_system(&mut self, guid: Guid, edits: Vec<(&str, Edit)>) -> Result<bool, DirectoryError> {
        let old = self.existing(guid)?;
        let mut object = Object::clone(&old);
        for (name, edit) in edits {
            if name.eq_ignore_ascii_case("Name") {
                object.name = new_name(edit)?.into();
                continue;
            }
            let attribute = writable(object.class, name)?;
            let value = attribute.apply(object.stored_value(attribute.name), edit)?;
            object.put(attribute, value);
        }
        let same = old.name == object.name && old.stored().eq(object.stored());
        if !same {
            let new = self.store(Some(&old), object)?;
            self.take_along(&old, &new)?;
        }
        Ok(!same)
    }

    /// What lies in an object that was renamed lies in it still.
    fn take_along(&mut self, old: &Object, new: &Object) -> Result<(), DirectoryError> {
        if old.name == new.name {
            return Ok(());
        }
        let (from, to) = (old.dn(), new.dn());
        let linking = self.view.linking_to(new.guid).filter(|inner| inner.container == from);
        let inner: Vec<Guid> = linking.map(|inner| inner.guid).collect();
        let followed = std::mem::replace(&mut self.following, true);
        let moved = inner.into_iter().try_for_each(|inner| self.move_to(inner, to.clone()));
        self.following = followed;
        moved
    }

    /// Moves an object to another container.
    pub fn move_to(&mut self, guid: Guid, container: Dn) -> Result<(), DirectoryError> {
        let old = self.existing(guid)?;
        let object = Object { container, ..Object::clone(&old) };
        self.store(Some(&old), object).map(|_| ())
    }

    /// Deletes an object; links to it end, memberships too.
    pub fn delete(&mut self, guid: Guid) -> Result<(), DirectoryError> {
        let object = self.existing(guid)?;
        rules::check_delete(&self.view, &object)?;
        self.touch(guid);
        let followed = std::mem::replace(&mut self.following, true);
        let ended = self.end_links(guid);
        self.following = followed;
        ended?;
        let groups = self.view.groups_of(guid).map(|group| (group, guid));
        let members = self.view.members_of(guid).map(|member| (guid, member));
        let pairs: Vec<(Guid, Guid)> = groups.chain(members).collect();
        self.records.extend(pairs.into_iter().map(|(group, member)| Record::Member(group, member, false)));
        self.records.push(Record::Delete(guid));
        self.view.remove(guid);
        self.view.refresh(object.class);
        self.view.set_change(self.view.change() + 1);
        Ok(())
    }

    /// Ends the links to an object that goes. What cannot be without it goes too.
    fn end_links(&mut self, guid: Guid) -> Result<(), DirectoryError> {
        let linking: Vec<Arc<Object>> = self.view.linking_to(guid).cloned().collect();
        for source in linking {
            if rules::goes_with(&source, guid) {
                self.delete(source.guid)?;
                continue;
            }
            let mut changed = Object::clone(&source);
            for (attribute, value) in source.stored() {
                let kept: Vec<Value> =
                    value.each().iter().filter(|v| v.as_link() != Some(guid)).cloned().collect();
                if kept.len() < value.each().len() {
                    let value =
                        if attribute.multi { attribute.apply(None, Edit::Replace(kept))? } else { None };
                    changed.put(attribute, value);
                }
            }
            self.store(Some(&source), changed)?;
        }
        Ok(())
    }

    /// Adds a member to a group.
    pub fn add_member(&mut self, group: Guid, member: Guid) -> Result<(), DirectoryError> {
        let (owner, object) = (self.existing(group)?, self.existing(member)?);
        if *owner.class != GROUP || !object.class.recipient {
            return Err(DirectoryError::Invalid(format!(
                "\"{}\" can't be a member of \"{}\".",
                object.identity(),
                owner.identity()
            )));
        }
        if group == member {
            return Err(DirectoryError::Invalid("A group can't be a member of itself.".into()));
        }
        if self.view.is_member(group, member) {
            return Err(DirectoryError::Exists(format!(
                "The recipient \"{}\" is already a member of the group \"{}\".",
                object.identity(),
                owner.identity()
            )));
        }
        self.record_member(&owner, member, true)
    }

    /// Removes a member from a group.
    pub fn remove_member(&mut self, group: Guid, member: Guid) -> Result<(), DirectoryError> {
        let (owner, object) = (self.existing(group)?, self.existing(member)?);
        if !self.view.is_member(group, member) {
            return Err(DirectoryError::Invalid(format!(
                "The recipient \"{}\" isn't a member of the group \"{}\".",
                object.identity(),
                owner.identity()
            )));
        }
        self.record_member(&owner, member, false)
    }

    fn record_member(&mut self, owner: &Object, member: Guid, is: bool) -> Result<(), DirectoryError> {
        self.records.push(Record::Member(owner.guid, member, is));
        self.view.set_member(owner.guid, member, is);
        let touched = Object::clone(owner);
        self.store(Some(owner), touched).map(|_| ())
    }

    /// The object, or the product's error.
    pub fn existing(&self, guid: Guid) -> Result<Arc<Object>, DirectoryError> {
        self.view.get(guid).cloned().ok_or_else(|| self.view.not_found(&guid.to_string()))
    }

    /// Checks an object as a whole and takes it into the view and the records.
    fn store(&mut self, old: Option<&Object>, mut object: Object) -> Result<Arc<Object>, DirectoryError> {
        self.check_links(old, &object)?;
        for attribute in object.class.attributes().filter(|a| a.required) {
            if object.stored_value(attribute.name).is_none() && attribute.preset.value().is_none() {
                return Err(DirectoryError::Invalid(format!(
                    "The property {} can't be empty.",
                    attribute.name
                )));
            }
        }
        self.touch(object.guid);
        rules::check(&self.view, &object)?;
        rules::check_unique(&self.view, &object)?;
        let change = self.view.change() + 1;
        object.change = change;
        object.when_changed = self.now;
        let object = Arc::new(object);
        self.view.insert(object.clone());
        self.view.refresh(object.class);
        self.view.set_change(change);
        // A verb often stores an object in steps; only the last one need be written.
        if matches!(self.records.last(), Some(Record::Put(last)) if last.guid == object.guid) {
            self.records.pop();
        }
        self.records.push(Record::Put(object.clone()));
        Ok(object)
    }

    /// Links that are new must point at something that exists and fits.
    fn check_links(&self, old: Option<&Object>, object: &Object) -> Result<(), DirectoryError> {
        for (attribute, value) in object.stored() {
            let Kind::Link(target) = attribute.kind else { continue };
            if old.and_then(|old| old.stored_value(attribute.name)) == Some(value) {
                continue;
            }
            for guid in value.each().iter().filter_map(Value::as_link) {
                let found = self.existing(guid)?;
                let fits = match target {
                    Target::Recipient => found.class.recipient,
                    Target::User => *found.class == USER,
                    Target::Class(name) => found.class.name == name,
                    Target::Assignee => {
                        [&USER, &GROUP, &ROLE_ASSIGNMENT_POLICY].iter().any(|class| *found.class == **class)
                    }
                };
                if !fits {
                    return Err(DirectoryError::Invalid(format!(
                        "\"{}\" isn't of the kind that {} takes.",
                        found.identity(),
                        attribute.name
                    )));
                }
            }
        }
        Ok(())
    }

    /// The container new objects of a class go to.
    fn place_of(
        &self,
        class: &'static Class,
        attributes: &[(&'static str, Value)],
    ) -> Result<Dn, DirectoryError> {
        let domain = Dn::of_domain(self.view.domain_name());
        let below = |base: Dn, path: &[&str]| path.iter().rev().fold(base, |dn, name| dn.child("CN", name));
        match class.place {
            Place::Domain("") => Ok(domain),
            Place::Domain(name) => Ok(domain.child("CN", name)),
            Place::Organization(path) => {
                let organization = self
                    .view
                    .organization()
                    .ok_or_else(|| DirectoryError::Invalid("The organization doesn't exist yet.".into()))?;
                Ok(below(organization.dn(), path))
            }
            Place::Server(path) => Ok(below(self.linked(attributes, "Server")?.dn(), path)),
            Place::Below(link) => Ok(self.linked(attributes, link)?.dn()),
        }
    }

    /// What one of the attributes of an object to be links to.
    fn linked(
        &self,
        attributes: &[(&'static str, Value)],
        name: &str,
    ) -> Result<Arc<Object>, DirectoryError> {
        let link = attributes.iter().find(|(own, _)| *own == name);
        match link.and_then(|(_, value)| value.as_link()) {
            Some(guid) => self.existing(guid),
            None => Err(DirectoryError::Invalid(format!("The property {name} can't be empty."))),
        }
    }
}

/// The attribute, unless it is computed or unknown.
fn writable(class: &'static Class, name: &str) -> Result<&'static Attribute, DirectoryError> {
    match class.attribute(name) {
        Some(attribute) if attribute.derive.is_none() => Ok(attribute),
        Some(_) => Err(DirectoryError::Invalid(format!("The property {name} can't be changed."))),
        None => Err(DirectoryError::Invalid(format!("{} objects have no property {name}.", class.name))),
    }
}

fn new_name(edit: Edit) -> Result<String, DirectoryError> {
    match edit {
        Edit::Replace(values) => match &values[..] {
            [Value::Text(name)] => check_name(name).map(|()| name.to_string()),
            _ => Err(DirectoryError::Invalid("The property Name can't be empty.".into())),
        },
        Edit::AddRemove { .. } => Err(DirectoryError::Invalid("Name takes one value.".into())),
    }
}

fn check_name(name: &str) -> Result<(), DirectoryError> {
    let shown: String = name.chars().take(NAME_MAX).collect();
    if name.trim().is_empty() || name.trim() != name {
        return Err(DirectoryError::Invalid(format!(
            "The name \"{shown}\" isn't valid: it must not be empty, start or end with a space."
        )));
    }
    if name.chars().count() > NAME_MAX {
        return Err(DirectoryError::Invalid(format!(
            "The name \"{shown}…\" is too long. The maximum is {NAME_MAX} characters."
        )));
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(DirectoryError::Invalid("The name contains a character that isn't allowed.".into()));
    }
    Ok(())
}
