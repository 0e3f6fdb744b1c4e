//! What the streams carry (MS-PSRP sections 2.2.2.20–26, 2.2.3.15–16): errors, messages, progress, information.

use super::MessageType;
use crate::clixml::{Node, ObjectNode};

const ERROR_RECORD: &[&str] = &["System.Management.Automation.ErrorRecord", "System.Object"];
const PROGRESS_TYPE: &str = "System.Management.Automation.ProgressRecordType";
const INFORMATION_RECORD: &[&str] = &["System.Management.Automation.InformationRecord", "System.Object"];

/// An error record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorInfo {
    /// The exception's type, its full name.
    pub exception_type: String,
    /// What it says.
    pub message: String,
    /// What it is about.
    pub target: Node,
    /// `FullyQualifiedErrorId`.
    pub error_id: String,
    /// The number of the category.
    pub category: i32,
    /// `CategoryInfo.Activity`: the command.
    pub activity: String,
    /// `CategoryInfo.Reason`: the exception's short type.
    pub reason: String,
    /// `CategoryInfo.TargetName`.
    pub target_name: String,
    /// `CategoryInfo.TargetType`.
    pub target_type: String,
    /// The category's line, as shown.
    pub category_message: String,
}

impl ErrorInfo {
    /// The record: ERROR_RECORD's data, and what states carry.
    pub fn to_node(&self) -> Node {
        let types = [&*self.exception_type, "System.Exception", "System.Object"];
        let exception = ObjectNode {
            text: Some(format!("{}: {}", self.exception_type, self.message)),
            ..ObjectNode::of(&types)
        };
        let exception = exception.adapted([
            ("Message", Node::text(&*self.message)),
            ("InnerException", Node::Nil),
            ("HelpLink", Node::Nil),
            ("Source", Node::Nil),
            ("StackTrace", Node::Nil),
            ("HResult", Node::Int(-2_146_233_088)),
        ]);
        let text = |text: &str| Node::text(text);
        let record = ObjectNode { text: Some(self.message.clone()), ..ObjectNode::of(ERROR_RECORD) };
        let members = [
            ("Exception", exception.into()),
            ("TargetObject", self.target.clone()),
            ("FullyQualifiedErrorId", text(&self.error_id)),
            ("InvocationInfo", Node::Nil),
            ("ErrorCategory_Category", Node::Int(self.category)),
            ("ErrorCategory_Activity", text(&self.activity)),
            ("ErrorCategory_Reason", text(&self.reason)),
            ("ErrorCategory_TargetName", text(&self.target_name)),
            ("ErrorCategory_TargetType", text(&self.target_type)),
            ("ErrorCategory_Message", text(&self.category_message)),
            ("SerializeExtendedInfo", Node::Bool(false)),
        ];
        record.extended(members).into()
    }

    /// Reads a record; what is missing is empty.
    pub fn read(node: &Node) -> Self {
        let text = |name: &str| node.get(name).and_then(Node::as_text).unwrap_or_default().to_owned();
        let exception = node.get("Exception");
        let types =
            exception.and_then(Node::object).and_then(|e| e.types.first()).cloned().unwrap_or_default();
        let says = exception.and_then(|e| e.get("Message")).and_then(Node::as_text).map(str::to_owned);
        ErrorInfo {
            exception_type: types.strip_prefix("Deserialized.").unwrap_or(&types).to_owned(),
            message: says.or_else(|| node.object()?.text.clone()).unwrap_or_default(),
            target: node.get("TargetObject").cloned().unwrap_or_default(),
            error_id: text("FullyQualifiedErrorId"),
            category: node.get("ErrorCategory_Category").and_then(Node::as_int).unwrap_or(0),
            activity: text("ErrorCategory_Activity"),
            reason: text("ErrorCategory_Reason"),
            target_name: text("ErrorCategory_TargetName"),
            target_type: text("ErrorCategory_TargetType"),
            category_message: text("ErrorCategory_Message"),
        }
    }
}

/// The streams of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// DEBUG_RECORD
    Debug,
    /// VERBOSE_RECORD
    Verbose,
    /// WARNING_RECORD
    Warning,
}

impl Stream {
    const ALL: [(Stream, MessageType, &str); 3] = [
        (Stream::Debug, MessageType::DebugRecord, "System.Management.Automation.DebugRecord"),
        (Stream::Verbose, MessageType::VerboseRecord, "System.Management.Automation.VerboseRecord"),
        (Stream::Warning, MessageType::WarningRecord, "System.Management.Automation.WarningRecord"),
    ];

    /// The stream of a message, if it is one of them.
    pub fn of(kind: MessageType) -> Option<Self> {
        Self::ALL.iter().find(|(_, own, _)| *own == kind).map(|(stream, ..)| *stream)
    }

    /// A text as a message of this stream.
    pub fn message(self, text: &str) -> (MessageType, Node) {
        let (_, kind, type_name) = Self::ALL[self as usize];
        let types = [type_name, "System.Management.Automation.InformationalRecord", "System.Object"];
        let record = ObjectNode { text: Some(text.to_owned()), ..ObjectNode::of(&types) };
        let record = record.extended([
            ("InformationalRecord_Message", Node::text(text)),
            ("InformationalRecord_SerializeInvocationInfo", Node::Bool(false)),
        ]);
        (kind, record.into())
    }
}

/// The text of a debug, verbose or warning record.
pub fn informational(data: &Node) -> Option<&str> {
    data.get("InformationalRecord_Message")?.as_text()
}

/// PROGRESS_RECORD
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgressInfo {
    /// What is being done.
    pub activity: String,
    /// Which activity it is.
    pub activity_id: i32,
    /// With what, at the moment.
    pub status: String,
    /// 0 to 100, or −1.
    pub percent: i32,
    /// It is over.
    pub completed: bool,
}

impl ProgressInfo {
    /// The message's data.
    pub fn to_node(&self) -> Node {
        let (name, number) = if self.completed { ("Completed", 1) } else { ("Processing", 0) };
        // The product refuses empty texts here.
        let text = |text: &str| Node::text(if text.is_empty() { " " } else { text });
        Node::record([
            ("Activity", text(&self.activity)),
            ("ActivityId", Node::Int(self.activity_id)),
            ("StatusDescription", text(&self.status)),
            ("CurrentOperation", Node::Nil),
            ("ParentActivityId", Node::Int(-1)),
            ("PercentComplete", Node::Int(self.percent)),
            ("Type", Node::enumeration(PROGRESS_TYPE, name, number)),
            ("SecondsRemaining", Node::Int(-1)),
        ])
    }

    /// Reads the message; what is missing is empty.
    pub fn read(data: &Node) -> Self {
        let text = |name: &str| data.get(name).and_then(Node::as_text).unwrap_or_default().to_owned();
        let number = |name: &str| data.get(name).and_then(Node::as_int);
        ProgressInfo {
            activity: text("Activity"),
            activity_id: number("ActivityId").unwrap_or(0),
            status: text("StatusDescription"),
            percent: number("PercentComplete").unwrap_or(-1),
            completed: number("Type") == Some(1),
        }
    }
}

/// INFORMATION_RECORD
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Information {
    /// What was said.
    pub data: Node,
    /// Which command said it.
    pub source: String,
    /// When, as CLIXML's `DT`.
    pub time: String,
    /// `PSHOST` for what `Write-Host` says.
    pub tags: Vec<String>,
    /// Who ran the command.
    pub user: String,
    /// On which server.
    pub computer: String,
    /// In which process.
    pub process: u32,
}

impl Information {
    /// The message's data.
    pub fn to_node(&self) -> Node {
        let list = &["System.Collections.Generic.List`1[[System.String]]", "System.Object"];
        let record = ObjectNode {
            text: self.data.as_text().map(str::to_owned).or_else(|| self.data.object()?.text.clone()),
            ..ObjectNode::of(INFORMATION_RECORD)
        };
        let members = [
            ("MessageData", self.data.clone()),
            ("Source", Node::text(&*self.source)),
            ("TimeGenerated", Node::DateTime(self.time.clone())),
            ("Tags", Node::list(list, self.tags.iter().map(Node::text).collect())),
            ("User", Node::text(&*self.user)),
            ("Computer", Node::text(&*self.computer)),
            ("ProcessId", Node::Uint(self.process)),
            ("NativeThreadId", Node::Uint(0)),
            ("ManagedThreadId", Node::Uint(0)),
        ];
        record.extended(members).into()
    }

    /// Reads the message; what is missing is empty.
    pub fn read(data: &Node) -> Self {
        let text = |name: &str| data.get(name).and_then(Node::as_text).unwrap_or_default().to_owned();
        let tags = data.get("Tags").unwrap_or(&Node::Nil).items();
        let time = match data.get("TimeGenerated") {
            Some(Node::DateTime(time)) => time.clone(),
            _ => String::new(),
        };
        let process = data.get("ProcessId").and_then(Node::as_number);
        Information {
            data: data.get("MessageData").cloned().unwrap_or_default(),
            source: text("Source"),
            time,
            tags: tags.iter().filter_map(Node::as_text).map(str::to_owned).collect(),
            user: text("User"),
            computer: text("Computer"),
            process: process.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        }
    }
}
