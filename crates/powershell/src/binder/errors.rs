//! PowerShell's binding errors: texts and identifiers.

use crate::{
    cmdlet::{CommandInfo, CommandKind, ErrorCategory, ErrorRecord, ParameterInfo},
    types::{ConvertError, Type},
    value::Value,
};

fn binding(info: &CommandInfo, id: &str, message: String) -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.ParameterBindingException",
        id,
        ErrorCategory::InvalidArgument,
        message,
    )
    .from_command(&info.name)
}

fn validation(info: &CommandInfo, id: &str, message: String) -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.ParameterBindingValidationException",
        id,
        ErrorCategory::InvalidData,
        message,
    )
    .from_command(&info.name)
}

pub(super) fn not_found(info: &CommandInfo, typed: &str) -> ErrorRecord {
    let text = format!("A parameter cannot be found that matches parameter name '{typed}'.");
    binding(info, "NamedParameterNotFound", text)
}

pub(super) fn no_positional(info: &CommandInfo, value: &Value) -> ErrorRecord {
    let text = format!("A positional parameter cannot be found that accepts argument '{value}'.");
    binding(info, "PositionalParameterNotFound", text)
}

pub(super) fn ambiguous<'a>(
    info: &CommandInfo,
    typed: &str,
    names: impl Iterator<Item = &'a str>,
) -> ErrorRecord {
    let matches: Vec<String> = names.map(|n| format!("-{n}")).collect();
    let text = format!(
        "Parameter cannot be processed because the parameter name '{typed}' is ambiguous. Possible matches \
         include: {}.",
        matches.join(" ")
    );
    binding(info, "AmbiguousParameter", text)
}

pub(super) fn already_bound(info: &CommandInfo, parameter: &ParameterInfo) -> ErrorRecord {
    let text = format!(
        "Cannot bind parameter because parameter '{}' is specified more than once. To provide multiple values \
         to parameters that can accept multiple values, use the array syntax. For example, \"-parameter \
         value1,value2,value3\".",
        parameter.name
    );
    binding(info, "ParameterAlreadyBound", text)
}

pub(super) fn missing_argument(info: &CommandInfo, parameter: &ParameterInfo) -> ErrorRecord {
    let text = format!(
        "Missing an argument for parameter '{}'. Specify a parameter of type '{}' and try again.",
        parameter.name,
        Type::of_parameter(&parameter.type_name).full_name()
    );
    binding(info, "MissingArgument", text)
}

pub(super) fn missing_mandatory(info: &CommandInfo, names: &[&str]) -> ErrorRecord {
    let text = format!(
        "Cannot process command because of one or more missing mandatory parameters: {}.",
        names.join(" ")
    );
    binding(info, "MissingMandatoryParameter", text)
}

pub(super) fn ambiguous_set(info: &CommandInfo) -> ErrorRecord {
    let text = "Parameter set cannot be resolved using the specified named parameters.".to_owned();
    binding(info, "AmbiguousParameterSet", text)
}

pub(super) fn input_not_bound(info: &CommandInfo, input: &Value) -> ErrorRecord {
    let text =
        "The input object cannot be bound to any parameters for the command either because the command \
                does not take pipeline input or the input and its properties do not match any of the \
                parameters that take pipeline input."
            .to_owned();
    binding(info, "InputObjectNotBound", text).on(input.clone())
}

pub(super) fn cannot_convert(
    info: &CommandInfo,
    parameter: &ParameterInfo,
    why: &ConvertError,
) -> ErrorRecord {
    if info.kind == CommandKind::Function {
        let text = format!(
            "Cannot process argument transformation on parameter '{}'. {}",
            parameter.name, why.message
        );
        return ErrorRecord::new(
            "System.Management.Automation.ParameterBindingArgumentTransformationException",
            "ParameterArgumentTransformationError",
            ErrorCategory::InvalidData,
            text,
        )
        .from_command(&info.name);
    }
    let text = format!("Cannot bind parameter '{}'. {}", parameter.name, why.message);
    binding(info, "CannotConvertArgumentNoMessage", text)
}

pub(super) fn not_boolean(info: &CommandInfo, parameter: &ParameterInfo, value: &Value) -> ErrorRecord {
    let to = if parameter.is_switch() { Type::Switch } else { Type::Bool };
    let text = format!(
        "Cannot convert 'System.{}' to the type '{}' required by parameter '{}'. Boolean parameters accept \
         only Boolean values and numbers, such as $True, $False, 1 or 0.",
        value.type_name().trim_start_matches("System."),
        to.full_name(),
        parameter.name
    );
    binding(info, "CannotConvertArgument", text)
}

pub(super) fn not_single(info: &CommandInfo, parameter: &ParameterInfo, value: &Value) -> ErrorRecord {
    let text = format!(
        "Cannot convert '{}' to the type '{}' required by parameter '{}'. Specified method is not supported.",
        value.type_name(),
        Type::of_parameter(&parameter.type_name).full_name(),
        parameter.name
    );
    binding(info, "CannotConvertArgument", text)
}

pub(super) fn null_argument(info: &CommandInfo, parameter: &ParameterInfo) -> ErrorRecord {
    let text = format!("Cannot bind argument to parameter '{}' because it is null.", parameter.name);
    validation(info, "ParameterArgumentValidationErrorNullNotAllowed", text)
}

pub(super) fn empty_argument(info: &CommandInfo, parameter: &ParameterInfo) -> ErrorRecord {
    let text =
        format!("Cannot bind argument to parameter '{}' because it is an empty string.", parameter.name);
    validation(info, "ParameterArgumentValidationErrorEmptyStringNotAllowed", text)
}

pub(super) fn empty_array(info: &CommandInfo, parameter: &ParameterInfo) -> ErrorRecord {
    let text =
        format!("Cannot bind argument to parameter '{}' because it is an empty array.", parameter.name);
    validation(info, "ParameterArgumentValidationErrorEmptyArrayNotAllowed", text)
}

pub(super) fn not_in_set(info: &CommandInfo, parameter: &ParameterInfo, value: &Value) -> ErrorRecord {
    let text = format!(
        "Cannot validate argument on parameter '{}'. The argument \"{value}\" does not belong to the set \
         \"{}\" specified by the ValidateSet attribute. Supply an argument that is in the set and then try \
         the command again.",
        parameter.name,
        parameter.values.join(",")
    );
    validation(info, "ParameterArgumentValidationError", text)
}

/// A value is none of an enumeration's names.
pub(super) fn no_such_name(
    info: &CommandInfo,
    parameter: &ParameterInfo,
    typed: &str,
    enumeration: &str,
    names: &str,
) -> ErrorRecord {
    let text = format!(
        "Cannot bind parameter '{}'. Cannot convert value \"{typed}\" to type \"{enumeration}\". Error: \"Unable \
         to match the identifier name {typed} to a valid enumerator name. Specify one of the following enumerator \
         names and try again: {names}\"",
        parameter.name
    );
    binding(info, "CannotConvertArgumentNoMessage", text)
}
