//! One object of the directory: who it is, and the attributes that somebody set.

use std::borrow::Cow;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, Timestamp, Unlimited};

use crate::{
    dn::Dn,
    schema::{Attribute, CONTAINER, Class, Preset},
    value::Value,
};

/// An object as it was at one moment. Attributes nobody set are not stored; reading them gives the default.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its identity for ever.
    pub guid: Guid,
    /// What it is.
    pub class: &'static Class,
    /// Its name: the value of the first component of its distinguished name.
    pub name: Box<str>,
    /// The distinguished name of what it lies in.
    pub container: Dn,
    /// When it was made.
    pub when_created: Timestamp,
    /// When it was last changed.
    pub when_changed: Timestamp,
    /// The change number of its last change; grows over the whole directory.
    pub change: u64,
    /// What was set, sorted by name.
    pub(crate) attributes: Vec<(&'static Attribute, Value)>,
}

impl Object {
    /// The distinguished name. Of containers, `Users` is the domain's own (`CN=`), all others are
    /// organisational units.
    pub fn dn(&self) -> Dn {
        let is_unit = *self.class == CONTAINER && &*self.name != "Users";
        self.container.child(if is_unit { "OU" } else { "CN" }, &self.name)
    }

    /// The attributes that were set, with their names.
    pub fn stored(&self) -> impl Iterator<Item = (&'static Attribute, &Value)> {
        self.attributes.iter().map(|(attribute, value)| (*attribute, value))
    }

    /// What was set under that name (of the schema's spelling), if anything was.
    pub fn stored_value(&self, name: &str) -> Option<&Value> {
        let at = self.attributes.binary_search_by(|(attribute, _)| attribute.name.cmp(name)).ok()?;
        self.attributes.get(at).map(|(_, value)| value)
    }

    /// The value of an attribute by its name without case: stored, computed, or the default.
    pub fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.class.attribute(name) {
            Some(attribute) => self.value_of(attribute),
            None => self.built_in(name).map(Cow::Owned),
        }
    }

    /// The value of one of its class's attributes, as [`Object::get`]: for those who look it up once and ask many
    /// objects.
    pub fn value_of(&self, attribute: &Attribute) -> Option<Cow<'_, Value>> {
        if let Some(derive) = attribute.derive {
            return derive(self).map(Cow::Owned);
        }
        self.stored_value(attribute.name)
            .map(Cow::Borrowed)
            .or_else(|| attribute.preset.value().map(Cow::Owned))
    }

    /// What every object has beside its attributes.
    fn built_in(&self, name: &str) -> Option<Value> {
        Some(match name.to_ascii_lowercase().as_str() {
            "name" | "cn" => Value::text(self.name.clone()),
            "guid" | "objectguid" => Value::Guid(self.guid),
            "distinguishedname" => Value::text(self.dn().as_str()),
            "whencreated" | "whencreatedutc" => Value::Time(self.when_created),
            "whenchanged" | "whenchangedutc" => Value::Time(self.when_changed),
            "objectclass" => Value::Multi(self.class.object_class.iter().map(|c| Value::text(*c)).collect()),
            "identity" | "id" => Value::from(self.identity()),
            "isvalid" => Value::Bool(true),
            "organizationalunit" => Value::from(self.container.canonical()),
            _ => return None,
        })
    }

    /// The names [`Object::get`] knows on every object, beside those of its class.
    pub const BUILT_IN: &[&str] = &[
        "Name",
        "Guid",
        "DistinguishedName",
        "WhenCreated",
        "WhenCreatedUTC",
        "WhenChanged",
        "WhenChangedUTC",
        "ObjectClass",
        "Identity",
        "Id",
        "IsValid",
        "OrganizationalUnit",
    ];

    /// The identity as the product prints it, except for `SERVER\name`, where the server is the component
    /// of the distinguished name below `Servers`.
    pub fn identity(&self) -> String {
        use crate::schema::IdentityForm;
        match self.class.identity {
            IdentityForm::Canonical => self.dn().canonical(),
            IdentityForm::Name => self.name.to_string(),
            IdentityForm::ContainerAndName => format!("{}\\{}", self.container.name(), self.name),
            IdentityForm::ServerAndName => match self.server_name() {
                Some(server) => format!("{server}\\{}", self.name),
                None => self.name.to_string(),
            },
        }
    }

    fn server_name(&self) -> Option<String> {
        let components = self.container.components();
        let at = components.iter().position(|(_, value)| value == "Servers")?;
        components.into_iter().nth(at.checked_sub(1)?).map(|(_, value)| value)
    }

    /// A boolean attribute; `$null` reads as false.
    pub fn flag(&self, name: &str) -> bool {
        self.maybe(name).unwrap_or(false)
    }
    /// A boolean attribute that may be `$null`.
    pub fn maybe(&self, name: &str) -> Option<bool> {
        match (self.known(name), self.preset(name)) {
            (Some(Value::Bool(b)), _) => Some(*b),
            (None, Preset::Bool(b)) => Some(b),
            _ => None,
        }
    }
    /// A number.
    pub fn int(&self, name: &str) -> Option<i64> {
        match (self.known(name), self.preset(name)) {
            (Some(Value::Int(n)), _) => Some(*n),
            (None, Preset::Int(n)) => Some(n),
            _ => None,
        }
    }
    /// Text, a choice or flags.
    pub fn text(&self, name: &str) -> Option<&str> {
        match (self.known(name), self.preset(name)) {
            (Some(Value::Text(text)), _) => Some(text),
            (None, Preset::Text(text)) => Some(text),
            _ => None,
        }
    }
    /// A length of time.
    pub fn span(&self, name: &str) -> Option<EnhancedTimeSpan> {
        match (self.known(name), self.preset(name)) {
            (Some(Value::Span(span)), _) => Some(*span),
            (None, Preset::Span(secs)) => Some(EnhancedTimeSpan::from_secs(secs)),
            _ => None,
        }
    }
    /// A size, limited or not; `Unlimited` where there is no value.
    pub fn size(&self, name: &str) -> Unlimited<ByteQuantifiedSize> {
        match self.known(name).cloned().or_else(|| self.preset(name).value()) {
            Some(Value::Size(size)) => Unlimited::Limited(size),
            Some(Value::Quota(size)) => size,
            _ => Unlimited::Unlimited,
        }
    }
    /// A number or `Unlimited`.
    pub fn count(&self, name: &str) -> Unlimited<i64> {
        match self.known(name).cloned().or_else(|| self.preset(name).value()) {
            Some(Value::Count(count)) => count,
            _ => Unlimited::Unlimited,
        }
    }
    /// A link to another object.
    pub fn link(&self, name: &str) -> Option<Guid> {
        self.known(name).and_then(Value::as_link)
    }
    /// A GUID that is not a link.
    pub fn guid_of(&self, name: &str) -> Option<Guid> {
        match self.known(name) {
            Some(Value::Guid(guid)) => Some(*guid),
            _ => None,
        }
    }
    /// The values of a multi-valued attribute (or the one of a single-valued); empty where none was set.
    pub fn values(&self, name: &str) -> &[Value] {
        self.known(name).map_or(&[], Value::each)
    }
    /// The targets of a multi-valued link.
    pub fn links(&self, name: &str) -> impl Iterator<Item = Guid> {
        self.values(name).iter().filter_map(Value::as_link)
    }
    /// Whether a set of flags holds this word.
    pub fn has_flag(&self, name: &str, word: &str) -> bool {
        self.text(name).is_some_and(|text| text.split(", ").any(|w| w.eq_ignore_ascii_case(word)))
    }

    /// The stored value; a name the class does not have is a defect of the caller.
    fn known(&self, name: &str) -> Option<&Value> {
        debug_assert!(
            self.class.attribute(name).is_some_and(|a| a.name == name && a.derive.is_none()),
            "{} has no stored attribute {name}",
            self.class.name
        );
        self.stored_value(name)
    }

    fn preset(&self, name: &str) -> Preset {
        self.class.attribute(name).map_or(Preset::None, |attribute| attribute.preset)
    }

    /// Sets or clears a stored attribute without checks.
    pub(crate) fn put(&mut self, attribute: &'static Attribute, value: Option<Value>) {
        let found = self.attributes.binary_search_by(|(own, _)| own.name.cmp(attribute.name));
        match (found, value) {
            (Ok(at), Some(value)) => self.attributes[at].1 = value,
            (Ok(at), None) => _ = self.attributes.remove(at),
            (Err(at), Some(value)) => {
                self.attributes.reserve_exact(1);
                self.attributes.insert(at, (attribute, value));
            }
            (Err(_), None) => {}
        }
    }
}
