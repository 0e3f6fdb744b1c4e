//! What commands there are (MS-PSRP sections 2.2.2.14, 2.2.3.19–23): how Import-PSSession learns about them.

use super::PsrpError;
use crate::clixml::{Node, ObjectNode};

const CUSTOM: [&str; 2] = ["System.Management.Automation.PSCustomObject", "System.Object"];
const COMMAND_TYPES: &str = "System.Management.Automation.CommandTypes";
const PARAMETERS: &[&str] = &[
    "System.Collections.Generic.Dictionary`2[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, \
     PublicKeyToken=b77a5c561934e089],[System.Management.Automation.ParameterMetadata, \
     System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
];
const ALIASES: &[&str] = &[
    "System.Collections.ObjectModel.Collection`1[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, \
     PublicKeyToken=b77a5c561934e089]]",
    "System.Object",
];
const OUTPUT_TYPES: &[&str] = &[
    "System.Collections.ObjectModel.ReadOnlyCollection`1[[System.Management.Automation.PSTypeName, \
     System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
];

/// The kinds of commands, as flags.
pub mod command_type {
    /// Other names.
    pub const ALIAS: i32 = 1;
    /// Written in the language.
    pub const FUNCTION: i32 = 2;
    /// Built in.
    pub const CMDLET: i32 = 8;
    /// Every kind.
    pub const ALL: i32 = 0x1ff;
}

/// GET_COMMAND_METADATA
#[derive(Clone, Debug, PartialEq)]
pub struct GetCommandMetadata {
    /// Names, with wildcards.
    pub names: Vec<String>,
    /// The kinds wanted, [`command_type`]'s flags.
    pub types: i32,
    /// Modules, with wildcards; all where empty.
    pub namespaces: Vec<String>,
}

impl GetCommandMetadata {
    /// Reads the message.
    ///
    /// # Errors
    /// Names that are no texts.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let texts = |name: &str| -> Option<Vec<String>> {
            match data.get(name) {
                None | Some(Node::Nil) => Some(Vec::new()),
                Some(Node::Text(one)) => Some(vec![one.clone()]),
                Some(list) => list.items().iter().map(|item| item.as_text().map(str::to_owned)).collect(),
            }
        };
        let bad = PsrpError::Message("GET_COMMAND_METADATA");
        let (names, namespaces) = texts("Name").zip(texts("Namespace")).ok_or(bad)?;
        let types = data.get("CommandType").and_then(Node::as_int).unwrap_or(command_type::ALL);
        Ok(GetCommandMetadata { names, types, namespaces })
    }

    /// The message's data.
    pub fn to_node(&self) -> Node {
        let strings = ["System.String[]", "System.Array", "System.Object"];
        let texts = |texts: &[String]| Node::list(&strings, texts.iter().map(Node::text).collect());
        let namespaces = if self.namespaces.is_empty() { Node::Nil } else { texts(&self.namespaces) };
        Node::record([
            ("Name", texts(&self.names)),
            ("CommandType", kind(self.types)),
            ("Namespace", namespaces),
            ("ArgumentList", Node::Nil),
        ])
    }
}

fn kind(types: i32) -> Node {
    let names = [
        (1, "Alias"),
        (2, "Function"),
        (4, "Filter"),
        (8, "Cmdlet"),
        (16, "ExternalScript"),
        (32, "Application"),
        (64, "Script"),
        (128, "Workflow"),
        (256, "Configuration"),
    ];
    let named: Vec<&str> =
        names.iter().filter(|(flag, _)| types & flag != 0).map(|(_, name)| *name).collect();
    let name = if types == command_type::ALL { "All".to_owned() } else { named.join(", ") };
    Node::enumeration(COMMAND_TYPES, &name, types)
}

/// The first object of the answer: how many commands follow.
pub fn metadata_count(count: usize) -> Node {
    let first = "Selected.Microsoft.PowerShell.Commands.GenericMeasureInfo";
    let count = Node::Int(i32::try_from(count).unwrap_or(i32::MAX));
    ObjectNode::of(&[first, CUSTOM[0], CUSTOM[1]]).extended([("Count", count)]).into()
}

/// A command, as the answer says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandMetadata {
    /// `Verb-Noun`.
    pub name: String,
    /// Its module.
    pub namespace: String,
    /// One of [`command_type`].
    pub kind: i32,
    /// Its parameters, the common ones among them.
    pub parameters: Vec<ParameterMetadata>,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterMetadata {
    /// Its name.
    pub name: String,
    /// The .NET type's full name.
    pub type_name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// It takes no value.
    pub is_switch: bool,
}

impl CommandMetadata {
    /// One object of the answer.
    pub fn to_node(&self) -> Node {
        let first = match self.kind {
            command_type::FUNCTION => "Selected.System.Management.Automation.FunctionInfo",
            _ => "Selected.System.Management.Automation.CmdletInfo",
        };
        let parameters = self.parameters.iter().map(|p| (Node::text(&*p.name), p.to_node())).collect();
        let members = [
            ("Name", Node::text(&*self.name)),
            ("Namespace", Node::text(&*self.namespace)),
            ("HelpUri", Node::text("")),
            ("CommandType", kind(self.kind)),
            ("ResolvedCommandName", Node::Nil),
            ("OutputType", Node::list(OUTPUT_TYPES, Vec::new())),
            ("Parameters", Node::dictionary(PARAMETERS, parameters)),
        ];
        let object =
            ObjectNode { text: Some(self.name.clone()), ..ObjectNode::of(&[first, CUSTOM[0], CUSTOM[1]]) };
        object.extended(members).into()
    }

    /// Reads one object of the answer; nothing for the count and others without a name.
    pub fn read(node: &Node) -> Option<Self> {
        let text = |name: &str| node.get(name).and_then(Node::as_text).unwrap_or_default().to_owned();
        let parameters = node.get("Parameters").unwrap_or(&Node::Nil).entries();
        Some(CommandMetadata {
            name: node.get("Name")?.as_text()?.to_owned(),
            namespace: text("Namespace"),
            kind: node.get("CommandType").and_then(Node::as_int).unwrap_or(command_type::CMDLET),
            parameters: parameters.iter().filter_map(|(_, value)| ParameterMetadata::read(value)).collect(),
        })
    }
}

impl ParameterMetadata {
    fn to_node(&self) -> Node {
        let types = ["System.Management.Automation.ParameterMetadata", "System.Object"];
        let aliases = Node::list(ALIASES, self.aliases.iter().map(Node::text).collect());
        let members = [
            ("Name", Node::text(&*self.name)),
            ("ParameterType", Node::text(&*self.type_name)),
            ("IsDynamic", Node::Bool(false)),
            ("Aliases", aliases),
            ("SwitchParameter", Node::Bool(self.is_switch)),
        ];
        let text = Some(types[0].to_owned());
        ObjectNode { text, ..ObjectNode::of(&types) }.adapted(members).into()
    }

    fn read(node: &Node) -> Option<Self> {
        let aliases = node.get("Aliases").unwrap_or(&Node::Nil).items();
        Some(ParameterMetadata {
            name: node.get("Name")?.as_text()?.to_owned(),
            type_name: node.get("ParameterType").and_then(Node::as_text).unwrap_or_default().to_owned(),
            aliases: aliases.iter().filter_map(Node::as_text).map(str::to_owned).collect(),
            is_switch: node.get("SwitchParameter").and_then(Node::as_bool).unwrap_or(false),
        })
    }
}
