//! The messages of a pipeline (MS-PSRP sections 2.2.2.10, 2.2.2.21, 2.2.3.11–13).

use super::{HostInfo, PsrpError};
use crate::clixml::Node;

const COMMANDS: &[&str] = &[
    "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, System.Management.Automation, \
     Version=1.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
];
const RESULT_TYPES: &str = "System.Management.Automation.Runspaces.PipelineResultTypes";

/// CREATE_PIPELINE: runs commands.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePipeline {
    /// No input will come.
    pub no_input: bool,
    /// The client's host.
    pub host: HostInfo,
    /// It runs inside another pipeline.
    pub is_nested: bool,
    /// Statements, one after the other; the commands of each form one pipeline.
    pub statements: Vec<Vec<Command>>,
}

/// One command of a pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Command {
    /// Its name, or a script.
    pub text: String,
    /// It is a script.
    pub is_script: bool,
    /// Parameters and arguments, in order.
    pub parameters: Vec<Parameter>,
    /// Where the streams error, warning, verbose, debug, information go.
    pub merge: [Merge; 5],
    /// The errors of the commands before are its input.
    pub merge_previous: bool,
}

/// A parameter (with a name), or an argument.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameter {
    /// As the client had it: `Identity`, `-Identity` or `-Identity:`.
    pub name: Option<String>,
    /// The value; `Nil` where none was given, or `$null`.
    pub value: Node,
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// Where it belongs.
    #[default]
    None,
    /// Into the output.
    Output,
    /// Nowhere.
    Null,
}

/// The properties of a command for its streams, in the order of [`Command::merge`].
const MERGES: [&str; 5] = ["MergeError", "MergeWarning", "MergeVerbose", "MergeDebug", "MergeInformation"];
const OUTPUT: i32 = 1;
const ERROR: i32 = 2;
const NULL: i32 = 8;

impl CreatePipeline {
    /// One pipeline of commands, without input or host.
    pub fn new(commands: Vec<Command>) -> Self {
        CreatePipeline { no_input: true, host: HostInfo::NONE, is_nested: false, statements: vec![commands] }
    }

    /// Reads the message.
    ///
    /// # Errors
    /// No commands, or commands without names.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let bad = || PsrpError::Message("CREATE_PIPELINE");
        let shell = data.get("PowerShell").ok_or_else(bad)?;
        let commands = |list: &Node| -> Option<Vec<Command>> {
            list.get("Cmds").unwrap_or(&Node::Nil).items().iter().map(Command::read).collect()
        };
        let extra = shell.get("ExtraCmds").unwrap_or(&Node::Nil).items();
        let statements: Option<Vec<Vec<Command>>> = match extra {
            [] => commands(shell).map(|one| vec![one]),
            several => several.iter().map(commands).collect(),
        };
        let statements = statements.ok_or_else(bad)?;
        if statements.iter().any(Vec::is_empty) {
            return Err(bad());
        }
        let flag = |name: &str| data.get(name).and_then(Node::as_bool);
        Ok(CreatePipeline {
            no_input: flag("NoInput").unwrap_or(true),
            host: HostInfo::read(data.get("HostInfo")),
            is_nested: flag("IsNested").unwrap_or(false),
            statements,
        })
    }

    /// The message's data.
    pub fn to_node(&self) -> Node {
        let list =
            |commands: &Vec<Command>| Node::list(COMMANDS, commands.iter().map(Command::to_node).collect());
        let first = self.statements.first().map_or(Node::Nil, list);
        let extra =
            || self.statements.iter().map(|commands| Node::record([("Cmds", list(commands))])).collect();
        let extra = if self.statements.len() > 1 { Node::list(COMMANDS, extra()) } else { Node::Nil };
        let shell = Node::record([
            ("IsNested", Node::Bool(self.is_nested)),
            ("ExtraCmds", extra),
            ("Cmds", first),
            ("History", Node::Nil),
            ("RedirectShellErrorOutputPipe", Node::Bool(false)),
        ]);
        let apartment = "System.Management.Automation.Runspaces.ApartmentState";
        let options = "System.Management.Automation.Runspaces.RemoteStreamOptions";
        Node::record([
            ("NoInput", Node::Bool(self.no_input)),
            ("ApartmentState", Node::enumeration(apartment, "Unknown", 2)),
            ("RemoteStreamOptions", Node::enumeration(options, "0", 0)),
            ("AddToHistory", Node::Bool(false)),
            ("HostInfo", self.host.to_node()),
            ("PowerShell", shell),
            ("IsNested", Node::Bool(self.is_nested)),
        ])
    }
}

impl Command {
    /// A command of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Command { text: name.into(), ..Command::default() }
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: Node) -> Self {
        self.parameters.push(Parameter { name: Some(name.to_owned()), value });
        self
    }

    fn read(node: &Node) -> Option<Self> {
        let number = |name: &str| node.get(name).and_then(Node::as_int).unwrap_or(0);
        let mut merge = MERGES.map(|name| match number(name) {
            OUTPUT => Merge::Output,
            NULL => Merge::Null,
            _ => Merge::None,
        });
        // Protocol 2.1 knew errors into the output only.
        if number("MergeMyResult") == ERROR && number("MergeToResult") == OUTPUT {
            merge[0] = Merge::Output;
        }
        let parameters = node.get("Args").unwrap_or(&Node::Nil).items().iter().map(Parameter::read);
        Some(Command {
            text: node.get("Cmd")?.as_text()?.to_owned(),
            is_script: node.get("IsScript").and_then(Node::as_bool).unwrap_or(false),
            parameters: parameters.collect(),
            merge,
            merge_previous: number("MergePreviousResults") & ERROR != 0,
        })
    }

    fn to_node(&self) -> Node {
        let none = || Node::enumeration(RESULT_TYPES, "None", 0);
        let result = |merge: Merge| match merge {
            Merge::None => none(),
            Merge::Output => Node::enumeration(RESULT_TYPES, "Output", OUTPUT),
            Merge::Null => Node::enumeration(RESULT_TYPES, "Null", NULL),
        };
        let both = Node::enumeration(RESULT_TYPES, "Output, Error", OUTPUT | ERROR);
        let error_to_output = self.merge[0] == Merge::Output;
        let mine = if error_to_output { Node::enumeration(RESULT_TYPES, "Error", ERROR) } else { none() };
        let parameters = self.parameters.iter().map(Parameter::to_node).collect();
        let fixed = [
            ("Cmd", Node::text(&*self.text)),
            ("IsScript", Node::Bool(self.is_script)),
            ("UseLocalScope", Node::Nil),
            ("MergeMyResult", mine),
            ("MergeToResult", if error_to_output { result(Merge::Output) } else { none() }),
            ("MergePreviousResults", if self.merge_previous { both } else { none() }),
        ];
        let merges = MERGES.into_iter().zip(self.merge.map(result));
        let arguments = [("Args", Node::list(COMMANDS, parameters))];
        Node::record(fixed.into_iter().chain(merges).chain(arguments))
    }
}

impl Parameter {
    fn read(node: &Node) -> Self {
        Parameter {
            name: node.get("N").and_then(Node::as_text).map(str::to_owned),
            value: node.get("V").cloned().unwrap_or_default(),
        }
    }

    fn to_node(&self) -> Node {
        Node::record([("N", Node::maybe(self.name.as_deref())), ("V", self.value.clone())])
    }
}

/// How a pipeline is (section 2.2.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineState {
    /// Not begun.
    NotStarted = 0,
    /// At work.
    Running = 1,
    /// Being stopped.
    Stopping = 2,
    /// Stopped from outside.
    Stopped = 3,
    /// At its end.
    Completed = 4,
    /// Ended by an error.
    Failed = 5,
}

/// PIPELINE_STATE.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineStateMessage {
    /// How it is.
    pub state: PipelineState,
    /// The error record that ended it.
    pub error: Option<Node>,
}

impl PipelineStateMessage {
    /// The message's data.
    pub fn to_node(&self) -> Node {
        let state = ("PipelineState", Node::Int(self.state as i32));
        let error = self.error.clone().map(|error| ("ExceptionAsErrorRecord", error));
        Node::record(std::iter::once(state).chain(error))
    }

    /// Reads the message; states nobody knows are none.
    pub fn read(data: &Node) -> Option<Self> {
        use PipelineState::{Completed, Failed, NotStarted, Running, Stopped, Stopping};
        let number = data.get("PipelineState")?.as_int()?;
        let all = [NotStarted, Running, Stopping, Stopped, Completed, Failed];
        let state = all.into_iter().find(|state| *state as i32 == number)?;
        let error = data.get("ExceptionAsErrorRecord").filter(|error| **error != Node::Nil).cloned();
        Some(PipelineStateMessage { state, error })
    }
}
