//! Between the directory's values and the shell's: the one place where both are known.

use std::sync::Arc;

use base::Unlimited;
use directory::{
    DirectoryError, Edit, Object, Scope, View,
    schema::{Attribute, Class, Kind, Target},
};
use powershell::{
    Value,
    value::{Identity, Limit},
};

use crate::{Failure, Outcome, call::identity_text, cmdlet::text_of};

/// A stored value as the shell shows it.
pub(crate) fn to_shell(view: &View, value: &directory::Value) -> Value {
    use directory::Value as Stored;
    match value {
        Stored::Bool(b) => Value::Bool(*b),
        Stored::Int(n) => i32::try_from(*n).map_or(Value::Long(*n), Value::Int),
        Stored::Guid(guid) => Value::Guid(*guid),
        Stored::Time(time) => Value::DateTime(*time),
        Stored::Span(span) => Value::TimeSpan(*span),
        Stored::Size(size) => Value::Size(*size),
        Stored::Quota(quota) => Value::Unlimited(limit(*quota, Limit::Size)),
        Stored::Count(count) => Value::Unlimited(limit(*count, Limit::Count)),
        Stored::Lasting(span) => Value::Unlimited(limit(*span, Limit::Span)),
        Stored::Address(address) => Value::Address((**address).clone()),
        Stored::Link(guid) => view.get(*guid).map_or(Value::Null, |target| identity(target)),
        Stored::Bytes(bytes) => Value::Bytes(Arc::from(&**bytes)),
        Stored::Secret(_) => Value::Null,
        Stored::Multi(values) => Value::multi(values.iter().map(|one| to_shell(view, one)).collect()),
        other => Value::string(other.to_string()),
    }
}

fn limit<T>(value: Unlimited<T>, wrap: impl FnOnce(T) -> Limit) -> Unlimited<Limit> {
    match value {
        Unlimited::Limited(value) => Unlimited::Limited(wrap(value)),
        Unlimited::Unlimited => Unlimited::Unlimited,
    }
}

/// An object's identity as a value of its own.
pub(crate) fn identity(object: &Object) -> Value {
    Value::Identity(Arc::new(Identity {
        text: object.identity().into(),
        name: (*object.name).into(),
        distinguished_name: object.dn().to_string().into(),
        guid: object.guid,
    }))
}

/// An attribute's value for the shell: stored, computed or default.
pub(crate) fn property(view: &View, object: &Object, attribute: &Attribute) -> Value {
    let value = match object.value_of(attribute) {
        Some(value) => to_shell(view, &value),
        None if attribute.multi => Value::multi(Vec::new()),
        None => Value::Null,
    };
    if attribute.multi && !matches!(value, Value::Array(_)) { Value::multi(vec![value]) } else { value }
}

/// What an administrator gave for an attribute, as an edit: a value, several, `$null`, or
/// `@{Add=…; Remove=…}`.
pub(crate) fn to_edit(view: &View, attribute: &Attribute, given: &Value) -> Outcome<Edit> {
    let each = |value: Value| -> Outcome<Vec<directory::Value>> {
        value.into_items().iter().map(|item| to_stored(view, attribute, item)).collect()
    };
    let Value::Hashtable(table) = given else {
        // Byte arrays are one value; everything else may be several.
        return match (given, attribute.kind) {
            (Value::Bytes(bytes), Kind::Bytes(_)) => {
                Ok(Edit::Replace(vec![directory::Value::Bytes((**bytes).into())]))
            }
            _ => each(given.clone()).map(Edit::Replace),
        };
    };
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for (key, value) in table.to_vec() {
        match text_of(&key).to_ascii_lowercase().as_str() {
            "add" => add.extend(each(value)?),
            "remove" => remove.extend(each(value)?),
            other => {
                return Err(Failure::invalid(format!(
                    "\"{other}\" isn't a valid key for {}: use @{{Add=\"value1\",\"value2\"; Remove=\"value3\"}}.",
                    attribute.name
                )));
            }
        }
    }
    Ok(Edit::AddRemove { add, remove })
}

fn to_stored(view: &View, attribute: &Attribute, given: &Value) -> Outcome<directory::Value> {
    match (attribute.kind, given) {
        (Kind::Link(target), _) => {
            let found = view.resolve(&identity_text(given), scope_of(target)?)?;
            Ok(directory::Value::Link(found.guid))
        }
        (Kind::Time, Value::DateTime(time)) => Ok(directory::Value::Time(*time)),
        _ => attribute.parse(&text_of(given)).map_err(|error| DirectoryError::from(error).into()),
    }
}

fn scope_of(target: Target) -> Outcome<Scope<'static>> {
    Ok(match target {
        Target::Recipient | Target::User => Scope::Recipients,
        Target::Assignee => Scope::Any,
        Target::Class(name) => {
            let class =
                Class::by_name(name).ok_or_else(|| Failure::invalid(format!("There is no class {name}.")))?;
            Scope::Class(class)
        }
    })
}
