//! The client's host: what it can do, and calls to it (MS-PSRP sections 2.2.3.14, 2.2.3.17, 2.2.2.15–16,
//! 2.2.2.27–28).

use super::PsrpError;
use crate::clixml::Node;

/// The call identifier of methods that return nothing.
pub const VOID_CALL: i64 = -100;

/// What of a host there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostInfo {
    /// `_isHostNull`.
    pub is_null: bool,
    /// `_isHostUINull`.
    pub is_ui_null: bool,
    /// `_isHostRawUINull`.
    pub is_raw_ui_null: bool,
    /// `_useRunspaceHost`: the pipeline uses the pool's host.
    pub use_runspace_host: bool,
}

impl HostInfo {
    /// Nobody is there.
    pub const NONE: HostInfo =
        HostInfo { is_null: true, is_ui_null: true, is_raw_ui_null: true, use_runspace_host: true };

    /// Reads the property of a message; what is missing counts as null.
    pub fn read(node: Option<&Node>) -> Self {
        let flag = |name: &str| node.and_then(|n| n.get(name)).and_then(Node::as_bool).unwrap_or(true);
        HostInfo {
            is_null: flag("_isHostNull"),
            is_ui_null: flag("_isHostUINull"),
            is_raw_ui_null: flag("_isHostRawUINull"),
            use_runspace_host: flag("_useRunspaceHost"),
        }
    }

    /// Whether it can ask a person.
    pub fn can_prompt(&self) -> bool {
        !self.is_null && !self.is_ui_null
    }

    /// The property's value.
    pub fn to_node(self) -> Node {
        Node::record([
            ("_isHostNull", Node::Bool(self.is_null)),
            ("_isHostUINull", Node::Bool(self.is_ui_null)),
            ("_isHostRawUINull", Node::Bool(self.is_raw_ui_null)),
            ("_useRunspaceHost", Node::Bool(self.use_runspace_host)),
        ])
    }
}

/// A method of the host, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMethod(pub i32);

impl HostMethod {
    /// `ReadLine()`.
    pub const READ_LINE: HostMethod = HostMethod(11);
    /// `ReadLineAsSecureString()`.
    pub const READ_LINE_AS_SECURE_STRING: HostMethod = HostMethod(12);
    /// `Write(text)`.
    pub const WRITE: HostMethod = HostMethod(13);
    /// `WriteLine(text)`.
    pub const WRITE_LINE: HostMethod = HostMethod(16);
    /// `Prompt(caption, message, fields)`.
    pub const PROMPT: HostMethod = HostMethod(23);
    /// `PromptForChoice(caption, message, choices, default)`.
    pub const PROMPT_FOR_CHOICE: HostMethod = HostMethod(26);

    /// Its name, as the protocol spells it.
    pub fn name(self) -> &'static str {
        let at = usize::try_from(self.0).ok().and_then(|n| n.checked_sub(1));
        at.and_then(|at| METHODS.get(at)).copied().unwrap_or_default()
    }
}

/// The names of the methods, from number 1 on.
const METHODS: [&str; 56] = [
    "GetName",
    "GetVersion",
    "GetInstanceId",
    "GetCurrentCulture",
    "GetCurrentUICulture",
    "SetShouldExit",
    "EnterNestedPrompt",
    "ExitNestedPrompt",
    "NotifyBeginApplication",
    "NotifyEndApplication",
    "ReadLine",
    "ReadLineAsSecureString",
    "Write1",
    "Write2",
    "WriteLine1",
    "WriteLine2",
    "WriteLine3",
    "WriteErrorLine",
    "WriteDebugLine",
    "WriteProgress",
    "WriteVerboseLine",
    "WriteWarningLine",
    "Prompt",
    "PromptForCredential1",
    "PromptForCredential2",
    "PromptForChoice",
    "GetForegroundColor",
    "SetForegroundColor",
    "GetBackgroundColor",
    "SetBackgroundColor",
    "GetCursorPosition",
    "SetCursorPosition",
    "GetWindowPosition",
    "SetWindowPosition",
    "GetCursorSize",
    "SetCursorSize",
    "GetBufferSize",
    "SetBufferSize",
    "GetWindowSize",
    "SetWindowSize",
    "GetWindowTitle",
    "SetWindowTitle",
    "GetMaxWindowSize",
    "GetMaxPhysicalWindowSize",
    "GetKeyAvailable",
    "ReadKey",
    "FlushInputBuffer",
    "SetBufferContents1",
    "SetBufferContents2",
    "GetBufferContents",
    "ScrollBufferContents",
    "PushRunspace",
    "PopRunspace",
    "GetIsRunspacePushed",
    "GetRunspce",
    "PromptForChoiceMultipleSelection",
];

const METHOD_TYPE: &str = "System.Management.Automation.Remoting.RemoteHostMethodId";
const ARRAY_LIST: &[&str] = &["System.Collections.ArrayList", "System.Object"];

fn method(method: HostMethod) -> Node {
    Node::enumeration(METHOD_TYPE, method.name(), method.0)
}

/// RUNSPACEPOOL_HOST_CALL and PIPELINE_HOST_CALL.
#[derive(Clone, Debug, PartialEq)]
pub struct HostCall {
    /// The call's identifier; [`VOID_CALL`] where no answer is wanted.
    pub ci: i64,
    /// What to call.
    pub method: HostMethod,
    /// With what.
    pub parameters: Vec<Node>,
}

impl HostCall {
    /// A question with choices, each a label (`&Yes`) and its help.
    pub fn prompt_for_choice(
        ci: i64,
        caption: &str,
        message: &str,
        choices: &[(&str, &str)],
        default: i32,
    ) -> Self {
        let choice = |(label, help): &(&str, &str)| {
            Node::record([("label", Node::text(*label)), ("helpMessage", Node::text(*help))])
        };
        let parameters = vec![
            Node::text(caption),
            Node::text(message),
            Node::list(ARRAY_LIST, choices.iter().map(choice).collect()),
            Node::Int(default),
        ];
        HostCall { ci, method: HostMethod::PROMPT_FOR_CHOICE, parameters }
    }

    /// The message's data.
    pub fn to_node(&self) -> Node {
        Node::record([
            ("ci", Node::Long(self.ci)),
            ("mi", method(self.method)),
            ("mp", Node::list(ARRAY_LIST, self.parameters.clone())),
        ])
    }

    /// Reads the message.
    ///
    /// # Errors
    /// No identifier or no method.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let number = |name: &str| data.get(name).and_then(Node::as_number);
        let method = data.get("mi").and_then(Node::as_int).map(HostMethod);
        let (ci, method) = number("ci").zip(method).ok_or(PsrpError::Message("host call"))?;
        let parameters = data.get("mp").map(|mp| mp.items().to_vec()).unwrap_or_default();
        Ok(HostCall { ci, method, parameters })
    }
}

/// RUNSPACEPOOL_HOST_RESPONSE and PIPELINE_HOST_RESPONSE.
#[derive(Clone, Debug, PartialEq)]
pub struct HostResponse {
    /// The call's identifier.
    pub ci: i64,
    /// What was called.
    pub method: HostMethod,
    /// What it returned; `Nil` for nothing.
    pub result: Node,
    /// The error record, if it failed.
    pub error: Option<Node>,
}

impl HostResponse {
    /// The message's data.
    pub fn to_node(&self) -> Node {
        let all = [("ci", Node::Long(self.ci)), ("mi", method(self.method)), ("mr", self.result.clone())];
        Node::record(all.into_iter().chain(self.error.clone().map(|error| ("me", error))))
    }

    /// Reads the message.
    ///
    /// # Errors
    /// No identifier or no method.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let ci = data.get("ci").and_then(Node::as_number);
        let method = data.get("mi").and_then(Node::as_int).map(HostMethod);
        let (ci, method) = ci.zip(method).ok_or(PsrpError::Message("host response"))?;
        Ok(HostResponse {
            ci,
            method,
            result: data.get("mr").cloned().unwrap_or_default(),
            error: data.get("me").filter(|me| **me != Node::Nil).cloned(),
        })
    }
}
