//! How objects and memberships are written as engine records.
//!
//! Keys: `o` + object GUID → object; `m` + group GUID + member GUID → nothing; `c` → last change number.
//! Attributes are stored under their names, so that the schema can grow; [`Value`]'s variants append only.

use std::{borrow::Cow, collections::HashMap, ops::ControlFlow, sync::Arc};

use base::{Guid, Timestamp};
use engine::{KeyChange, Read};
use serde::{Deserialize, Serialize};

use crate::{
    dn::Dn,
    error::DirectoryError,
    object::Object,
    schema::{CLASSES, Class, GROUP},
    value::Value,
    view::View,
};

/// The first byte of every object record.
const FORMAT: u8 = 1;

/// Names of containers that were met, so that objects share them.
pub(crate) type Containers = HashMap<String, Dn>;

/// One change of durable state.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// The object is now this.
    Put(Arc<Object>),
    /// The object is gone.
    Delete(Guid),
    /// Group, member, and whether it is one now.
    Member(Guid, Guid, bool),
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    class: Cow<'a, str>,
    name: Cow<'a, str>,
    container: Cow<'a, str>,
    when_created: Timestamp,
    when_changed: Timestamp,
    change: u64,
    attributes: Vec<(Cow<'a, str>, Cow<'a, Value>)>,
}

fn object_key(guid: Guid) -> [u8; 17] {
    let mut key = [b'o'; 17];
    key[1..].copy_from_slice(&guid.0);
    key
}

fn member_key(group: Guid, member: Guid) -> [u8; 33] {
    let mut key = [b'm'; 33];
    key[1..17].copy_from_slice(&group.0);
    key[17..].copy_from_slice(&member.0);
    key
}

/// Writes records, and the change number they end with.
pub(crate) fn write(
    txn: &mut engine::Txn<'_>,
    records: &[Record],
    change: u64,
) -> Result<(), DirectoryError> {
    for record in records {
        match record {
            Record::Put(object) => txn.put(&object_key(object.guid), &encode(object)?),
            Record::Delete(guid) => txn.delete(&object_key(*guid)),
            Record::Member(group, member, true) => txn.put(&member_key(*group, *member), &[]),
            Record::Member(group, member, false) => txn.delete(&member_key(*group, *member)),
        }
    }
    txn.put(b"c", &change.to_le_bytes());
    Ok(())
}

fn encode(object: &Object) -> Result<Vec<u8>, DirectoryError> {
    let stored = Stored {
        class: object.class.name.into(),
        name: (&*object.name).into(),
        container: object.container.as_str().into(),
        when_created: object.when_created,
        when_changed: object.when_changed,
        change: object.change,
        attributes: object.stored().map(|(a, v)| (a.name.into(), Cow::Borrowed(v))).collect(),
    };
    postcard::to_extend(&stored, vec![FORMAT])
        .map_err(|error| DirectoryError::Corrupt(object.guid.to_string(), error.to_string()))
}

fn decode(guid: Guid, bytes: &[u8], containers: &mut Containers) -> Result<Object, DirectoryError> {
    let damaged = |text: String| DirectoryError::Corrupt(guid.to_string(), text);
    let Some((&FORMAT, rest)) = bytes.split_first() else {
        return Err(damaged("unknown format; was it written by a newer version?".into()));
    };
    let stored: Stored<'_> = postcard::from_bytes(rest).map_err(|error| damaged(error.to_string()))?;
    let class =
        Class::by_name(&stored.class).ok_or_else(|| damaged(format!("unknown class {}", stored.class)))?;
    let container = match containers.get(&*stored.container) {
        Some(dn) => dn.clone(),
        None => {
            let dn: Dn = stored.container.parse()?;
            containers.insert(stored.container.into_owned(), dn.clone());
            dn
        }
    };
    let mut object = Object {
        guid,
        class,
        name: stored.name.into(),
        container,
        when_created: stored.when_created,
        when_changed: stored.when_changed,
        change: stored.change,
        attributes: Vec::with_capacity(stored.attributes.len()),
    };
    for (name, value) in stored.attributes {
        match class.attribute(&name) {
            Some(attribute) => object.put(attribute, Some(value.into_owned())),
            None => tracing::warn!(object = %guid, attribute = %name, "unknown attribute ignored"),
        }
    }
    Ok(object)
}

/// Brings a view up to what was written since. What cannot be read is left out and said so: the others are right.
pub(crate) fn follow(view: &mut View, changes: Vec<KeyChange>, containers: &mut Containers) {
    let guid = |bytes: Option<&[u8]>| bytes.and_then(|bytes| bytes.try_into().ok()).map(Guid);
    let mut classes: Vec<&'static Class> = Vec::new();
    for (key, value) in changes {
        match (key.first(), value) {
            (Some(b'o'), value) => {
                let Some(guid) = guid(key.get(1..)) else { continue };
                classes.extend(view.get(guid).map(|before| before.class));
                match value.map(|value| decode(guid, &value, containers)) {
                    None => view.remove(guid),
                    Some(Ok(object)) => {
                        classes.push(object.class);
                        view.insert(Arc::new(object));
                    }
                    Some(Err(error)) => tracing::error!(object = %guid, %error, "an object can't be read"),
                }
            }
            (Some(b'm'), value) => {
                if let (Some(group), Some(member)) = (guid(key.get(1..17)), guid(key.get(17..33))) {
                    view.set_member(group, member, value.is_some());
                    classes.push(&GROUP);
                }
            }
            (Some(b'c'), Some(value)) => {
                let change = value[..].try_into().map(u64::from_le_bytes);
                view.set_change(change.unwrap_or(view.change()));
            }
            _ => {}
        }
    }
    classes.sort_by_key(|class| class.position());
    classes.dedup_by_key(|class| class.position());
    classes.into_iter().for_each(|class| view.refresh(class));
}

/// Reads the whole directory.
pub(crate) fn load(database: &engine::Database) -> Result<View, DirectoryError> {
    let mut view = View::default();
    let mut containers = Containers::new();
    let mut failure = None;
    database.view(|records| {
        let objects = records.scan_prefix(b"o", &mut |key, value| {
            let guid = key[1..].try_into().map(Guid).unwrap_or(Guid::EMPTY);
            match decode(guid, value, &mut containers) {
                Ok(object) => {
                    view.insert(Arc::new(object));
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        let members = records.scan_prefix(b"m", &mut |key, _| {
            if let (Some(Ok(group)), Some(Ok(member))) =
                (key.get(1..17).map(TryInto::try_into), key.get(17..33).map(TryInto::try_into))
            {
                view.set_member(Guid(group), Guid(member), true);
            }
            ControlFlow::Continue(())
        });
        let change = records.get(b"c")?.and_then(|c| Some(u64::from_le_bytes(c[..].try_into().ok()?)));
        view.set_change(change.unwrap_or(0));
        objects.and(members)
    })?;
    for class in CLASSES {
        view.refresh(class);
    }
    failure.map_or(Ok(view), Err)
}
