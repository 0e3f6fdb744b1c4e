//! `Get-` of every noun in the directory: which objects, in which order, with which properties.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use base::Guid;
use directory::{
    Filter, Object, View,
    schema::{Attribute, CLASSES, Class},
};
use powershell::{Value, value::ObjectShape};

use crate::{
    Context, Failure, Noun, Outcome, Shows,
    call::{Call, Reader},
    convert,
    place::Part,
};

/// What every object has, behind its own properties.
const TAIL: &[&str] = &[
    "Identity",
    "IsValid",
    "ExchangeVersion",
    "Name",
    "DistinguishedName",
    "Guid",
    "ObjectClass",
    "WhenChanged",
    "WhenCreated",
    "WhenChangedUTC",
    "WhenCreatedUTC",
    "OrganizationId",
    "Id",
    "OriginatingServer",
    "ObjectState",
];

/// The version of the directory's object format, as the product's objects say it.
const EXCHANGE_VERSION: &str = "0.20 (15.0.0.0)";

/// Parameters of `Get-` that are looked at here, or that change nothing where there is one directory and one
/// server that answers.
const KNOWN: &[&str] = &[
    "Identity",
    "Filter",
    "Anr",
    "ResultSize",
    "SortBy",
    "OrganizationalUnit",
    "RecipientPreviewFilter",
    "AccountPartition",
    "Credential",
    "DomainController",
    "IgnoreDefaultScope",
    "Organization",
    "ReadFromDomainController",
    "IncludeLegacy",
    "IncludeSystemObjects",
    "Properties",
    "PropertySet",
];

impl Noun {
    /// `Get-`: by identity (several where it has wildcards), by filter, or all.
    pub(crate) fn get(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let known = |name: &&Arc<str>| self.selects_by(name);
        if let Some(other) = call.invocation.parameters.keys().find(|name| !known(name)) {
            return Err(Failure::not_implemented(&call.invocation.command.name, other));
        }
        let mut found = self.select(call, &view)?;
        let mut elsewhere = HashMap::new();
        if let Some(kept_by) = self.kept_by.filter(|_| call.switch("Status")) {
            let here = Some(call.cx.server);
            found.retain(|object| call.part() != Part::Share || kept_by(object) == here);
            let shown = call.ask_others(found.iter().filter_map(|object| kept_by(object)));
            elsewhere = shown.into_iter().filter_map(|value| Some((guid_of(&value)?, value))).collect();
        }
        let show = self.shower(call.cx, &view);
        let shown = |object: &Arc<Object>| elsewhere.remove(&object.guid).unwrap_or_else(|| show(object));
        call.write_all(found.iter().map(shown));
        Ok(())
    }

    /// Whether `Get-` does something with a parameter.
    pub(crate) fn selects_by(&self, parameter: &str) -> bool {
        let is = |own: &str| own.eq_ignore_ascii_case(parameter);
        KNOWN.iter().any(|own| is(own)) || self.conditions.iter().any(|row| is(row.0))
    }

    /// The objects a `Get-` call asks for, by name.
    pub(crate) fn select(&self, call: &Call<'_>, view: &View) -> Outcome<Vec<Arc<Object>>> {
        let reader = call.reader();
        let mut found = match call.identity("Identity") {
            Some(identity) => {
                let mut found = view.matching(&identity, self.scope);
                found.retain(|object| reader.sees(view, object));
                if found.is_empty() && !identity.contains('*') {
                    return Err(view.not_found(&identity).into());
                }
                found
            }
            None => self.seen(&reader, view),
        };
        for filter in ["Filter", "RecipientPreviewFilter"].into_iter().filter_map(|name| call.text(name)) {
            let filter = Filter::parse(&filter)?;
            found.retain(|object| filter.matches(view, object));
        }
        if let Some(words) = call.text("Anr") {
            found.retain(|object| is_called(object, &words.to_lowercase()));
        }
        if let Some(unit) = call.text("OrganizationalUnit") {
            found.retain(|object| is_in(object, &unit));
        }
        for (parameter, condition) in self.conditions {
            if let Some(value) = call.identity(parameter) {
                found.retain(|object| condition(view, object, &value));
            }
        }
        if let Some(property) = call.text("SortBy") {
            let key = |object: &Object| object.get(&property).map(|value| value.to_string().to_lowercase());
            found.sort_by_cached_key(|object| key(object));
        }
        Ok(found)
    }

    /// All that somebody may see.
    fn seen(&self, reader: &Reader<'_>, view: &View) -> Vec<Arc<Object>> {
        let mut all = self.all(view);
        if !reader.access.is_everything() {
            all.retain(|object| reader.sees(view, object));
        }
        all
    }

    pub(crate) fn all(&self, view: &View) -> Vec<Arc<Object>> {
        let classes = CLASSES.iter().flat_map(|class| view.of_class(class));
        let mut found: Vec<_> = classes.filter(|object| self.scope.admits(object)).cloned().collect();
        if found.windows(2).any(|pair| by_name(&pair[0], &pair[1]) == Ordering::Greater) {
            found.sort_by_cached_key(|object| object.name.to_lowercase());
        }
        found
    }

    /// One object as the shell shows it.
    pub(crate) fn show(&'static self, cx: &Context, view: &View, object: &Object) -> Value {
        self.shower(cx, view)(object)
    }

    /// What shows objects: many share one shape.
    pub(crate) fn shower<'a>(
        &'static self,
        cx: &'a Context,
        view: &'a View,
    ) -> impl Fn(&Object) -> Value + use<'a> {
        let names = self.properties();
        let shape = ObjectShape::new(self.types, names.iter().copied());
        let columns = Columns::default();
        move |object| {
            let attributes = columns.of(object.class, &names);
            let values = names.iter().zip(&*attributes).map(|(name, attribute)| match attribute {
                Some(attribute) => convert::property(view, object, attribute),
                None => common(cx, view, object, name),
            });
            let values = values.collect();
            let mut out = shape.object(values);
            if let Some(extend) = self.extend {
                extend(cx, view, object, &mut out);
            }
            out.into()
        }
    }

    /// The properties in order: the product's first ones, the other attributes, what every object has.
    pub(crate) fn properties(&self) -> Vec<&'static str> {
        let declared = match self.shows {
            Shows::All => None,
            Shows::LikeSet(cmdlet) => crate::find(cmdlet),
        };
        let settable = |name: &str| declared.as_ref().is_none_or(|info| info.parameter(name).is_some());
        let classes = CLASSES.iter().filter(|class| match self.scope {
            directory::Scope::Class(own) => **class == own,
            directory::Scope::RoleGroups => **class == self.class,
            _ => class.recipient,
        });
        let attributes = classes.flat_map(|class| class.attributes()).filter(|attribute| {
            settable(attribute.name) && !matches!(attribute.kind, directory::schema::Kind::Secret(_))
        });
        let mut seen = HashSet::new();
        let all = self.order.iter().copied().flatten().copied();
        let all = all.chain(attributes.map(|attribute| attribute.name)).chain(TAIL.iter().copied());
        all.filter(|name| seen.insert(*name)).collect()
    }

    /// Names of objects that begin like this, for completion.
    pub(crate) fn complete(&self, reader: &Reader<'_>, prefix: &str) -> Vec<String> {
        let view = reader.cx.directory.snapshot();
        let prefix = prefix.to_lowercase();
        let fits = |text: &str| text.to_lowercase().starts_with(&prefix);
        let names = self.seen(reader, &view).into_iter().filter_map(|object| {
            let identity = object.identity();
            if fits(&object.name) {
                Some(object.name.to_string())
            } else {
                Some(identity).filter(|i| fits(i))
            }
        });
        names.take(100).collect()
    }
}

/// A class, and those of the names shown that are attributes of it.
type Column = (&'static Class, Rc<[Option<&'static Attribute>]>);

/// Which of the names shown are attributes, looked up once for each class: there are hundreds of names, and
/// thousands of objects.
#[derive(Default)]
struct Columns(RefCell<Vec<Column>>);

impl Columns {
    fn of(&self, class: &'static Class, names: &[&str]) -> Rc<[Option<&'static Attribute>]> {
        let mut known = self.0.borrow_mut();
        if let Some((_, found)) = known.iter().find(|(own, _)| *own == class) {
            return found.clone();
        }
        let found: Rc<[_]> = names.iter().map(|name| class.attribute(name)).collect();
        known.push((class, found.clone()));
        found
    }
}

/// What every object has beside its attributes; null where `extend` has yet to set it.
fn common(cx: &Context, view: &View, object: &Object, name: &str) -> Value {
    match name {
        "Identity" | "Id" => convert::identity(object),
        "ExchangeVersion" => Value::string(EXCHANGE_VERSION),
        "OriginatingServer" => {
            let fqdn = view.servers().next().and_then(|server| server.text("Fqdn"));
            Value::string(fqdn.unwrap_or(&cx.server_name))
        }
        "ObjectState" => Value::string("Unchanged"),
        _ => object.get(name).map_or(Value::Null, |value| convert::to_shell(view, &value)),
    }
}

/// The GUID of an object that is shown.
fn guid_of(value: &Value) -> Option<Guid> {
    match value.property("Guid") {
        Some(Value::Guid(guid)) => Some(guid),
        _ => None,
    }
}

fn by_name(a: &Object, b: &Object) -> Ordering {
    a.name.to_lowercase().cmp(&b.name.to_lowercase())
}

/// Ambiguous name resolution: a name that begins so.
fn is_called(object: &Object, words: &str) -> bool {
    let names = ["DisplayName", "FirstName", "LastName", "Alias"].iter();
    let texts = names.filter_map(|name| object.get(name)).map(|value| value.to_string());
    texts.chain([object.name.to_string()]).any(|text| text.to_lowercase().starts_with(words))
}

/// Whether an object lies in the unit of that canonical or distinguished name, or name.
fn is_in(object: &Object, unit: &str) -> bool {
    let container = object.dn().parent();
    container.is_some_and(|container| {
        [container.canonical(), container.as_str().to_owned(), container.name()]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(unit))
    })
}

/// Whether one of the words of a list is `word`: conditions that take several values.
pub(crate) fn one_of(word: &str, wanted: &str) -> bool {
    wanted.split([',', ' ']).any(|one| one.eq_ignore_ascii_case(word))
}
