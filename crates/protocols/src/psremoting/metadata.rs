//! What commands there are, as Import-PSSession asks for it.

use powershell::{CommandInfo, ParameterInfo, binder::common_parameters, cmdlet::CommandKind};
use wire::psrp::{CommandMetadata, GetCommandMetadata, ParameterMetadata, command_type};

/// The full names of types that .NET itself has; others keep the name they are declared by.
const TYPES: &[(&str, &str)] = &[
    ("ActionPreference", "System.Management.Automation.ActionPreference"),
    ("Boolean", "System.Boolean"),
    ("DateTime", "System.DateTime"),
    ("Guid", "System.Guid"),
    ("Int32", "System.Int32"),
    ("Int64", "System.Int64"),
    ("Object", "System.Object"),
    ("PSCredential", "System.Management.Automation.PSCredential"),
    ("PSObject", "System.Management.Automation.PSObject"),
    ("SecureString", "System.Security.SecureString"),
    ("String", "System.String"),
    ("SwitchParameter", "System.Management.Automation.SwitchParameter"),
    ("TimeSpan", "System.TimeSpan"),
    ("Uri", "System.Uri"),
    ("Version", "System.Version"),
];

/// Whether a command's kind and module are among those asked for.
pub(super) fn is_wanted(info: &CommandInfo, asked: &GetCommandMetadata) -> bool {
    let namespace = |pattern: &String| {
        let pattern = pattern.to_lowercase();
        let module = info.module.to_lowercase();
        // Modules are asked for by name, or by its beginning.
        pattern.strip_suffix('*').map_or(pattern == module, |start| module.starts_with(start))
    };
    asked.types & kind(info) != 0 && (asked.namespaces.is_empty() || asked.namespaces.iter().any(namespace))
}

fn kind(info: &CommandInfo) -> i32 {
    match info.kind {
        CommandKind::Cmdlet => command_type::CMDLET,
        CommandKind::Function => command_type::FUNCTION,
    }
}

/// A command, with the common parameters: proxies without them could not be asked to be verbose.
pub(super) fn describe(info: &CommandInfo) -> CommandMetadata {
    let own = info.parameters.iter().filter(|parameter| !parameter.name.starts_with('\0')).map(parameter);
    CommandMetadata {
        name: info.name.to_string(),
        namespace: info.module.to_string(),
        kind: kind(info),
        parameters: own.chain(common_parameters(info).map(|common| parameter(&common))).collect(),
    }
}

fn parameter(info: &ParameterInfo) -> ParameterMetadata {
    let (element, array) = match info.type_name.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (&*info.type_name, ""),
    };
    let full = TYPES.iter().find(|(short, _)| *short == element).map_or(element, |(_, full)| full);
    ParameterMetadata {
        name: info.name.to_string(),
        type_name: format!("{full}{array}"),
        aliases: info.aliases.iter().map(ToString::to_string).collect(),
        is_switch: info.is_switch(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_parameters_are_among_them() {
        let info = CommandInfo {
            name: "Get-Thing".into(),
            module: "M.N".into(),
            parameters: vec![
                ParameterInfo::new("Names", "String[]"),
                ParameterInfo::new("All", "SwitchParameter"),
            ],
            ..CommandInfo::default()
        };
        let described = describe(&info);
        let named = |name: &str| described.parameters.iter().find(|p| p.name == name).unwrap();
        assert_eq!(named("Names").type_name, "System.String[]");
        assert!(named("All").is_switch && named("Verbose").is_switch);
        let asked = |types, namespaces: &[&str]| GetCommandMetadata {
            names: Vec::new(),
            types,
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
        };
        assert!(is_wanted(&info, &asked(command_type::ALL, &[])));
        assert!(is_wanted(&info, &asked(command_type::CMDLET, &["x", "m.*"])));
        assert!(!is_wanted(&info, &asked(command_type::FUNCTION, &[])));
        assert!(!is_wanted(&info, &asked(command_type::ALL, &["N"])));
    }
}
