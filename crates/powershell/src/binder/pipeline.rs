//! Binding of pipeline objects: by value and by property name.
//!
//! PowerShell tries by value without conversion, by property name without, then both with conversion. A
//! catalogue of facts does not tell which objects an identity parameter converts, so "without conversion"
//! is read from the product's naming: a `DatabaseIdParameter` takes a `MailboxDatabase`. The command source
//! may know better ([`CommandSource::accepts`]).

use super::{Binding, Mask, coerce, errors};
use crate::{
    cmdlet::{Bound, CommandSource, ErrorRecord, Invocation, ParameterInfo},
    types::Type,
    value::{PsObject, Value},
};

impl Binding {
    /// True where some unbound parameter takes pipeline input.
    pub fn takes_input(&self) -> bool {
        self.info.parameters.iter().any(|p| self.is_fed(p))
    }

    /// True for an unbound parameter that takes pipeline input.
    pub(super) fn is_fed(&self, p: &ParameterInfo) -> bool {
        (p.by_value || p.by_property_name)
            && !self.bound.contains_key(&p.name)
            && self.sets.mask(p) & self.mask != 0
    }

    /// The call for one pipeline object.
    ///
    /// # Errors
    /// Where nothing takes the object, its value does not convert, or mandatory parameters are missing.
    pub fn bind_object(&self, object: &Value) -> Result<Invocation, ErrorRecord> {
        let mut state = State { binding: self, mask: self.mask, bound: self.bound.clone() };
        let mut took = if is_bag(object) {
            state.by_property(object)? || state.by_value(object, Fit::Any)?
        } else {
            state.by_value(object, Fit::Exact)? || state.by_value(object, Fit::Any)?
        };
        took |= state.by_property(object)?;
        if !took {
            return Err(errors::input_not_bound(&self.info, object));
        }
        let State { mask, bound, .. } = state;
        self.invocation(bound, mask, Some(object.clone()))
    }
}

/// How well an object must fit a parameter taken by value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    Any,
}

struct State<'b> {
    binding: &'b Binding,
    mask: Mask,
    bound: Bound,
}

impl State<'_> {
    fn by_value(&mut self, object: &Value, fit: Fit) -> Result<bool, ErrorRecord> {
        let binding = self.binding;
        let default = binding.sets.default_mask();
        let mut candidates: Vec<&ParameterInfo> = binding
            .info
            .parameters
            .iter()
            .filter(|p| p.by_value && self.open(p))
            .filter(|p| fits(&*binding.source, p, object, fit))
            .collect();
        candidates.sort_by_key(|p| default & binding.sets.mask(p) == 0);
        let mut failure = None;
        for parameter in candidates {
            match coerce::parameter(&binding.info, parameter, object.clone(), binding.now) {
                Ok(value) => {
                    self.take(parameter, value);
                    return Ok(true);
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(false), Err)
    }

    fn by_property(&mut self, object: &Value) -> Result<bool, ErrorRecord> {
        let binding = self.binding;
        let mut took = false;
        for parameter in binding.info.parameters.iter().filter(|p| p.by_property_name) {
            if !self.open(parameter) {
                continue;
            }
            let names = std::iter::once(&parameter.name).chain(&parameter.aliases);
            let found = names.filter_map(|name| object.property(name)).find(|v| !v.is_null());
            // A pipeline object's hashtable entries are not properties.
            let Some(value) = found.filter(|_| matches!(object, Value::Object(_))) else { continue };
            if let Ok(value) = coerce::parameter(&binding.info, parameter, value, binding.now) {
                self.take(parameter, value);
                took = true;
            }
        }
        Ok(took)
    }

    fn open(&self, parameter: &ParameterInfo) -> bool {
        !self.bound.contains_key(&parameter.name) && self.mask & self.binding.sets.mask(parameter) != 0
    }

    fn take(&mut self, parameter: &ParameterInfo, value: Value) {
        self.mask &= self.binding.sets.mask(parameter);
        self.bound.insert(parameter.name.clone(), value);
    }
}

/// Objects made of properties only (`Import-Csv`, `Select-Object`): their properties name the parameters.
fn is_bag(object: &Value) -> bool {
    let bag = |o: &PsObject| {
        o.type_names().first().is_none_or(|t| t.ends_with("PSCustomObject") || t.contains("Selected."))
    };
    matches!(object, Value::Object(object) if object.with(bag))
}

fn fits(source: &dyn CommandSource, parameter: &ParameterInfo, object: &Value, fit: Fit) -> bool {
    let to = Type::of_parameter(&parameter.type_name);
    if to == Type::Identity {
        let opinion = source.accepts(&parameter.type_name, object);
        return match (object, fit) {
            (_, _) if opinion == Some(false) => false,
            (Value::Object(object), Fit::Exact) => object.with(|o| named_alike(&parameter.type_name, o)),
            (_, Fit::Exact) => matches!(object, Value::Identity(_)),
            (_, Fit::Any) => opinion.unwrap_or(!is_bag(object)),
        };
    }
    match fit {
        Fit::Exact => {
            to == Type::Any
                || to.full_name() == *object.type_name()
                || *parameter.type_name == *object.type_name()
        }
        Fit::Any => !is_bag(object) || matches!(to, Type::Any | Type::Custom | Type::String),
    }
}

/// `GeneralMailboxOrMailUserIdParameter` takes a `Mailbox` or a `MailUser`.
fn named_alike(parameter_type: &str, object: &PsObject) -> bool {
    let stem = parameter_type.trim_end_matches("IdParameter");
    let stem = stem.strip_prefix("General").filter(|rest| !rest.is_empty()).unwrap_or(stem);
    object.type_names().iter().any(|name| {
        let noun = name.rsplit('.').next().unwrap_or(name);
        stem.split("Or").any(|one| !one.is_empty() && noun.ends_with(one))
    })
}
