//! What a function's `param(…)` declares, as the binder wants it.

use std::sync::Arc;

use super::{Function, REST};
use crate::{
    ast::{Attribute, Expr, Param, ScriptBlock},
    cmdlet::{CommandInfo, CommandKind, ParameterInfo},
    eval::{Interp, Run},
    value::Value,
};

/// Reads what stands in an attribute.
type Read<'r, E> = &'r mut dyn FnMut(&Expr) -> Result<Value, E>;

impl Interp<'_> {
    /// Reads the declaration of a function or script block.
    pub(crate) fn lower_function(&mut self, name: &Arc<str>, block: &Arc<ScriptBlock>) -> Run<Function> {
        lower(name, block, &mut |value| self.operand(value))
    }
}

/// Reads a declaration; `read` tells the values of what stands in attributes.
pub(crate) fn lower<E>(name: &Arc<str>, block: &Arc<ScriptBlock>, read: Read<'_, E>) -> Result<Function, E> {
    let declared = block.params.as_ref();
    let attributes = declared.map_or(&[][..], |p| &p.attributes);
    let params = declared.map_or(&[][..], |p| &p.params);
    let binding = attributes.iter().find(|a| is(a, "CmdletBinding"));
    let advanced =
        binding.is_some() || params.iter().any(|p| p.attributes.iter().any(|a| is(a, "Parameter")));
    let mut parameters = Vec::with_capacity(params.len() + 1);
    for param in params {
        parameters.push(lower_parameter(param, read)?);
    }
    let by_position = match binding.and_then(|b| named(b, "PositionalBinding")) {
        Some(value) => flag(value, read)?,
        None => true,
    };
    if by_position && parameters.iter().all(|p| p.position.is_none()) {
        for (at, parameter) in parameters.iter_mut().filter(|p| !p.is_switch()).enumerate() {
            parameter.position = Some(at as i32);
        }
    }
    if !advanced {
        let rest = ParameterInfo { remaining: true, ..ParameterInfo::new(REST, "Object[]") };
        parameters.push(rest);
    }
    let default_set = match binding.and_then(|b| named(b, "DefaultParameterSetName")) {
        Some(Some(value)) => Some(read(value)?.to_string().into()),
        _ => None,
    };
    let should_process = match binding.and_then(|b| named(b, "SupportsShouldProcess")) {
        Some(value) => flag(value, read)?,
        None => false,
    };
    let info = CommandInfo {
        name: name.clone(),
        kind: CommandKind::Function,
        parameters,
        default_set,
        should_process,
        ..CommandInfo::default()
    };
    Ok(Function { name: name.clone(), block: block.clone(), info: Arc::new(info), advanced })
}

fn lower_parameter<E>(param: &Param, read: Read<'_, E>) -> Result<ParameterInfo, E> {
    let type_name = param.type_name.as_ref().map_or("Object", |t| &t.name);
    let type_name = if type_name.eq_ignore_ascii_case("switch") { "SwitchParameter" } else { type_name };
    let mut info = ParameterInfo::new(&param.name, type_name);
    for attribute in &param.attributes {
        if is(attribute, "Parameter") {
            lower_attribute(attribute, &mut info, read)?;
        } else if is(attribute, "Alias") {
            info.aliases = texts(&attribute.positional, read)?;
        } else if is(attribute, "ValidateSet") {
            info.values = texts(&attribute.positional, read)?;
        }
    }
    Ok(info)
}

fn lower_attribute<E>(attribute: &Attribute, info: &mut ParameterInfo, read: Read<'_, E>) -> Result<(), E> {
    for (name, value) in &attribute.named {
        match &*name.to_ascii_lowercase() {
            "mandatory" => info.required = flag(value, read)?,
            "valuefrompipeline" => info.by_value = flag(value, read)?,
            "valuefrompipelinebypropertyname" => info.by_property_name = flag(value, read)?,
            "valuefromremainingarguments" => info.remaining = flag(value, read)?,
            "position" => {
                if let Some(Value::Int(at)) = value.as_ref().map(&mut *read).transpose()? {
                    info.position = Some(at);
                }
            }
            "parametersetname" => {
                if let Some(set) = value.as_ref().map(&mut *read).transpose()? {
                    info.sets.push(set.to_string().into());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A named attribute argument as a flag: `Mandatory`, `Mandatory=$true`.
fn flag<E>(value: &Option<Expr>, read: Read<'_, E>) -> Result<bool, E> {
    value.as_ref().map_or(Ok(true), |v| read(v).map(|v| v.truth()))
}

fn texts<E>(arguments: &[Expr], read: Read<'_, E>) -> Result<Vec<Arc<str>>, E> {
    arguments.iter().map(|a| read(a).map(|v| v.to_string().into())).collect()
}

/// Whether an attribute has this name, with or without `Attribute` and a name space.
pub(super) fn is(attribute: &Attribute, name: &str) -> bool {
    let last = attribute.name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case(name)
        || last.len() == name.len() + "Attribute".len()
            && last.get(..name.len()).is_some_and(|l| l.eq_ignore_ascii_case(name))
}

fn named<'a>(attribute: &'a Attribute, name: &str) -> Option<&'a Option<Expr>> {
    attribute.named.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
