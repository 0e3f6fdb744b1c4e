//! Requests: what a client asks of shells.

use std::time::Duration;

use base::Guid;

use super::{
    WsmanError,
    duration::{read_duration, write_duration},
    envelope::{self, ANONYMOUS, bytes, guid, guid_text},
    ns,
    xmlwriter::Writer,
};
use crate::xml::Element;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `a:To`: the endpoint, as the client calls it.
    pub to: String,
    /// `w:ResourceURI`.
    pub resource: String,
    /// `a:MessageID`, verbatim: the reply relates to it.
    pub message_id: String,
    /// `p:SessionId`, verbatim.
    pub session_id: Option<String>,
    /// `p:OperationID`: what clients call requests that they may send again.
    pub operation: Option<Operation>,
    /// The shell that `w:SelectorSet` names.
    pub shell: Option<Guid>,
    /// `w:OptionSet`: names and values.
    pub options: Vec<(String, String)>,
    /// `w:OperationTimeout`.
    pub timeout: Option<Duration>,
    /// `w:MaxEnvelopeSize`: how large the reply may be, bytes.
    pub max_envelope: Option<usize>,
    /// `rsp:CompressionType` is `xpress`.
    pub xpress: bool,
    /// What is asked.
    pub body: RequestBody,
}

/// An operation that survives its connection (MS-WSMV section 3.1.4.1.39).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name, verbatim.
    pub id: String,
    /// The connection broke: the client sends the request once more.
    pub again: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestBody {
    /// A new shell.
    Create(Create),
    /// A shell goes away.
    Delete,
    /// A new command in a shell.
    Command(Command),
    /// Bytes for a shell or its command.
    Send(Send),
    /// Waits for bytes of a shell or its command.
    Receive(Receive),
    /// Stops or closes a command.
    Signal(Signal),
    /// The client goes, the shell stays.
    Disconnect {
        /// How long it stays.
        idle_timeout: Option<Duration>,
    },
    /// The same client comes back.
    Reconnect,
    /// Another client takes a shell, or a command, over.
    Connect(Connect),
    /// Reads a resource.
    Get,
    /// Lists resources; of one shell, where a filter names it.
    Enumerate {
        /// The filter's shell.
        shell: Option<Guid>,
    },
    /// Who are you? Needs no addressing.
    Identify,
}

/// A new shell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Create {
    /// The client chooses its name.
    pub shell: Option<Guid>,
    /// A friendly name.
    pub name: Option<String>,
    /// `rsp:IdleTimeOut`.
    pub idle_timeout: Option<Duration>,
    /// `creationXml`: PowerShell's first bytes.
    pub creation: Vec<u8>,
}

/// A new command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Command {
    /// The client chooses its name.
    pub command: Option<Guid>,
    /// The first fragment of its message.
    pub arguments: Vec<u8>,
}

/// Bytes of the client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Send {
    /// `stdin`, or `pr` for answers to host calls.
    pub stream: String,
    /// The command; the shell itself where there is none.
    pub command: Option<Guid>,
    /// The bytes.
    pub data: Vec<u8>,
}

/// A wait for bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receive {
    /// The command; the shell itself where there is none.
    pub command: Option<Guid>,
}

/// A signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// For which command.
    pub command: Option<Guid>,
    /// See [`super::signal`].
    pub code: String,
}

/// Another client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connect {
    /// The command to connect to; the shell itself where there is none.
    pub command: Option<Guid>,
    /// `connectXml`: PowerShell's first bytes.
    pub data: Vec<u8>,
}

const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/";
const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/";
const SELECTOR_FILTER: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";

impl RequestBody {
    /// The action's namespace and its name.
    fn action(&self) -> (&'static str, &'static str) {
        match self {
            RequestBody::Create(_) => (TRANSFER, "Create"),
            RequestBody::Delete => (TRANSFER, "Delete"),
            RequestBody::Get => (TRANSFER, "Get"),
            RequestBody::Enumerate { .. } => (ENUMERATION, "Enumerate"),
            RequestBody::Command(_) => (SHELL, "Command"),
            RequestBody::Send(_) => (SHELL, "Send"),
            RequestBody::Receive(_) => (SHELL, "Receive"),
            RequestBody::Signal(_) => (SHELL, "Signal"),
            RequestBody::Disconnect { .. } => (SHELL, "Disconnect"),
            RequestBody::Reconnect => (SHELL, "Reconnect"),
            RequestBody::Connect(_) => (SHELL, "Connect"),
            RequestBody::Identify => ("", "Identify"),
        }
    }

    /// What it is called, for logs and metrics.
    pub fn name(&self) -> &'static str {
        self.action().1
    }
}

impl Request {
    /// Reads an envelope.
    ///
    /// # Errors
    /// Where it is no XML, lacks what it needs, or asks for what nobody knows.
    pub fn read(envelope: &[u8]) -> Result<Self, WsmanError> {
        let (header, body) = envelope::read(envelope)?;
        let first = body.children.first();
        if first.is_some_and(|first| first.is(ns::IDENTITY, "Identify")) {
            return Ok(Request::new(RequestBody::Identify));
        }
        let needed = |namespace, name| header.text_of(namespace, name).filter(|text| !text.is_empty());
        let action = needed(ns::ADDRESSING, "Action").ok_or(WsmanError::Schema("no action"))?;
        let message_id = needed(ns::ADDRESSING, "MessageID").ok_or(WsmanError::Schema("no message id"))?;
        let selectors = header.child(ns::WSMAN, "SelectorSet");
        let options =
            header.child(ns::WSMAN, "OptionSet").map(|set| named(set, "Option")).unwrap_or_default();
        let timeout = header.text_of(ns::WSMAN, "OperationTimeout").and_then(read_duration);
        let max_envelope = header.text_of(ns::WSMAN, "MaxEnvelopeSize").and_then(|text| text.parse().ok());
        let compression = header.text_of(ns::SHELL, "CompressionType");
        let text = |namespace, name| header.text_of(namespace, name).map(str::to_owned);
        Ok(Request {
            to: text(ns::ADDRESSING, "To").unwrap_or_default(),
            resource: text(ns::WSMAN, "ResourceURI").unwrap_or_default(),
            message_id: message_id.to_owned(),
            session_id: text(ns::WSMV, "SessionId"),
            operation: header.child(ns::WSMV, "OperationID").map(operation),
            shell: selectors.map(shell_of).transpose()?.flatten(),
            options,
            timeout,
            max_envelope,
            xpress: compression.is_some_and(|name| name.eq_ignore_ascii_case("xpress")),
            body: read_body(action, first)?,
        })
    }

    /// A request about nothing yet.
    pub fn new(body: RequestBody) -> Self {
        Request {
            to: String::new(),
            resource: String::new(),
            message_id: String::new(),
            session_id: None,
            operation: None,
            shell: None,
            options: Vec::new(),
            timeout: None,
            max_envelope: None,
            xpress: false,
            body,
        }
    }

    /// What the request is called, however often it is sent, and whether it may have been sent before: clients
    /// without operations send the same message.
    pub fn identity(&self) -> (&str, bool) {
        match &self.operation {
            Some(operation) => (&operation.id, operation.again),
            None => (&self.message_id, true),
        }
    }

    /// An option's value, by its name without case.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The envelope.
    pub fn write(&self) -> String {
        let size = match &self.body {
            RequestBody::Create(Create { creation: data, .. })
            | RequestBody::Command(Command { arguments: data, .. })
            | RequestBody::Send(Send { data, .. })
            | RequestBody::Connect(Connect { data, .. }) => data.len() / 3 * 4,
            _ => 0,
        };
        envelope::write(size, |writer| self.write_header(writer), |writer| write_body(writer, &self.body))
    }

    fn write_header(&self, writer: &mut Writer) {
        if self.body == RequestBody::Identify {
            return;
        }
        let must = [("s:mustUnderstand", "true")];
        let may = [("s:mustUnderstand", "false")];
        let (namespace, name) = self.body.action();
        writer.leaf("a:To", &[], &self.to);
        writer.leaf("w:ResourceURI", &must, &self.resource);
        writer.element("a:ReplyTo", &[], |writer| writer.leaf("a:Address", &must, ANONYMOUS));
        writer.leaf("a:Action", &must, &format!("{namespace}{name}"));
        if let Some(max) = self.max_envelope {
            writer.leaf("w:MaxEnvelopeSize", &must, &max.to_string());
        }
        writer.leaf("a:MessageID", &[], &self.message_id);
        writer.empty("w:Locale", &[("xml:lang", "en-US"), may[0]]);
        writer.empty("p:DataLocale", &[("xml:lang", "en-US"), may[0]]);
        if let Some(session) = &self.session_id {
            writer.leaf("p:SessionId", &may, session);
        }
        if let Some(operation) = &self.operation {
            write_operation(writer, &operation.id, operation.again);
        }
        if let Some(timeout) = self.timeout {
            writer.leaf("w:OperationTimeout", &[], &write_duration(timeout));
        }
        if self.xpress {
            writer.leaf("rsp:CompressionType", &must, "xpress");
        }
        if let Some(shell) = self.shell {
            selector_set(writer, shell);
        }
        if !self.options.is_empty() {
            writer.element("w:OptionSet", &must, |writer| {
                for (name, value) in &self.options {
                    let comply: &[(&str, &str)] =
                        if name == "protocolversion" { &[("MustComply", "true")] } else { &[] };
                    writer.leaf("w:Option", &[&[("Name", &**name)], comply].concat(), value);
                }
            });
        }
    }
}

/// The children of a set as names and values.
fn named(set: &Element, child: &str) -> Vec<(String, String)> {
    let children = set.children.iter().filter(|own| own.is(ns::WSMAN, child));
    children.filter_map(|own| Some((own.attribute("Name")?.to_owned(), own.text.trim().to_owned()))).collect()
}

fn shell_of(set: &Element) -> Result<Option<Guid>, WsmanError> {
    let selectors = named(set, "Selector");
    let shell = selectors.iter().find(|(name, _)| name.eq_ignore_ascii_case("ShellId"));
    shell.map(|(_, value)| guid(value)).transpose()
}

fn optional_guid(element: &Element, attribute: &str) -> Result<Option<Guid>, WsmanError> {
    element.attribute(attribute).filter(|text| !text.is_empty()).map(guid).transpose()
}

fn read_body(action: &str, first: Option<&Element>) -> Result<RequestBody, WsmanError> {
    let split = action.rfind('/').map(|at| action.split_at(at + 1));
    let shell = |name: &'static str| {
        first
            .filter(|first| first.is(ns::SHELL, name))
            .ok_or(WsmanError::Schema("the body does not fit the action"))
    };
    let body = match split {
        Some((TRANSFER, "Create")) => RequestBody::Create(create(shell("Shell")?)?),
        Some((TRANSFER, "Delete")) => RequestBody::Delete,
        Some((TRANSFER, "Get")) => RequestBody::Get,
        Some((ENUMERATION, "Enumerate")) => {
            let filter = first.and_then(|first| first.child(ns::WSMAN, "Filter"));
            let set = filter.and_then(|filter| filter.child(ns::WSMAN, "SelectorSet"));
            RequestBody::Enumerate { shell: set.map(shell_of).transpose()?.flatten() }
        }
        Some((SHELL, "Command")) => {
            let line = shell("CommandLine")?;
            let arguments = line.child(ns::SHELL, "Arguments").map(bytes).transpose()?.unwrap_or_default();
            RequestBody::Command(Command { command: optional_guid(line, "CommandId")?, arguments })
        }
        Some((SHELL, "Send")) => {
            let stream = shell("Send")?.child(ns::SHELL, "Stream").ok_or(WsmanError::Schema("no stream"))?;
            RequestBody::Send(Send {
                stream: stream.attribute("Name").unwrap_or_default().to_owned(),
                command: optional_guid(stream, "CommandId")?,
                data: bytes(stream)?,
            })
        }
        Some((SHELL, "Receive")) => {
            let desired = shell("Receive")?.child(ns::SHELL, "DesiredStream");
            let command = desired.map(|desired| optional_guid(desired, "CommandId")).transpose()?.flatten();
            RequestBody::Receive(Receive { command })
        }
        Some((SHELL, "Signal")) => {
            let signal = shell("Signal")?;
            let code = signal.text_of(ns::SHELL, "Code").unwrap_or_default().to_owned();
            RequestBody::Signal(Signal { command: optional_guid(signal, "CommandId")?, code })
        }
        Some((SHELL, "Disconnect")) => {
            let idle = first.and_then(|first| first.text_of(ns::SHELL, "IdleTimeOut"));
            RequestBody::Disconnect { idle_timeout: idle.and_then(read_duration) }
        }
        Some((SHELL, "Reconnect")) => RequestBody::Reconnect,
        Some((SHELL, "Connect")) => {
            let connect = shell("Connect")?;
            let data =
                connect.child(ns::POWERSHELL, "connectXml").map(bytes).transpose()?.unwrap_or_default();
            RequestBody::Connect(Connect { command: optional_guid(connect, "CommandId")?, data })
        }
        _ => return Err(WsmanError::Action),
    };
    Ok(body)
}

fn create(shell: &Element) -> Result<Create, WsmanError> {
    let creation = shell.child(ns::POWERSHELL, "creationXml").ok_or(WsmanError::Schema("no creationXml"))?;
    Ok(Create {
        shell: optional_guid(shell, "ShellId")?,
        name: shell.attribute("Name").map(str::to_owned),
        idle_timeout: shell.text_of(ns::SHELL, "IdleTimeOut").and_then(read_duration),
        creation: bytes(creation)?,
    })
}

fn operation(element: &Element) -> Operation {
    let again = element.attribute("mustUnderstand").is_some_and(|must| matches!(must.trim(), "true" | "1"));
    Operation { id: element.text.trim().to_owned(), again }
}

/// Every operation here is one request and one reply.
pub(super) fn write_operation(writer: &mut Writer, id: &str, again: bool) {
    let must = if again { "true" } else { "false" };
    writer.leaf("p:OperationID", &[("s:mustUnderstand", must)], id);
    writer.leaf("p:SequenceId", &[("s:mustUnderstand", "false")], "1");
}

pub(super) fn selector_set(writer: &mut Writer, shell: Guid) {
    writer.element("w:SelectorSet", &[], |writer| {
        writer.leaf("w:Selector", &[("Name", "ShellId")], &guid_text(shell));
    });
}

fn write_body(writer: &mut Writer, body: &RequestBody) {
    let id = |id: Option<Guid>| id.map(guid_text).unwrap_or_default();
    match body {
        RequestBody::Create(create) => {
            let name = create.name.as_deref().unwrap_or_default();
            writer.element("rsp:Shell", &[("ShellId", &id(create.shell)), ("Name", name)], |writer| {
                if let Some(idle) = create.idle_timeout {
                    writer.leaf("rsp:IdleTimeOut", &[], &write_duration(idle));
                }
                writer.leaf("rsp:InputStreams", &[], "stdin pr");
                writer.leaf("rsp:OutputStreams", &[], "stdout");
                writer.bytes("creationXml", &[("xmlns", ns::POWERSHELL)], &create.creation);
            });
        }
        RequestBody::Command(command) => {
            writer.element("rsp:CommandLine", &[("CommandId", &id(command.command))], |writer| {
                writer.empty("rsp:Command", &[]);
                writer.bytes("rsp:Arguments", &[], &command.arguments);
            });
        }
        RequestBody::Send(send) => writer.element("rsp:Send", &[], |writer| {
            let attributes = [("Name", &*send.stream), ("CommandId", &id(send.command))];
            writer.bytes("rsp:Stream", &attributes, &send.data);
        }),
        RequestBody::Receive(receive) => writer.element("rsp:Receive", &[], |writer| {
            writer.leaf("rsp:DesiredStream", &[("CommandId", &id(receive.command))], "stdout");
        }),
        RequestBody::Signal(signal) => {
            writer.element("rsp:Signal", &[("CommandId", &id(signal.command))], |writer| {
                writer.leaf("rsp:Code", &[], &signal.code);
            });
        }
        RequestBody::Disconnect { idle_timeout } => writer.element("rsp:Disconnect", &[], |writer| {
            if let Some(idle) = idle_timeout {
                writer.leaf("rsp:IdleTimeOut", &[], &write_duration(*idle));
            }
        }),
        RequestBody::Connect(connect) => {
            writer.element("rsp:Connect", &[("CommandId", &id(connect.command))], |writer| {
                if !connect.data.is_empty() {
                    writer.bytes("connectXml", &[("xmlns", ns::POWERSHELL)], &connect.data);
                }
            });
        }
        RequestBody::Enumerate { shell } => writer.element("n:Enumerate", &[], |writer| {
            writer.empty("w:OptimizeEnumeration", &[]);
            writer.leaf("w:MaxElements", &[], "32000");
            if let Some(shell) = shell {
                writer.element("w:Filter", &[("Dialect", SELECTOR_FILTER)], |writer| {
                    selector_set(writer, *shell)
                });
            }
        }),
        RequestBody::Identify => writer.empty("i:Identify", &[("xmlns:i", ns::IDENTITY)]),
        RequestBody::Delete | RequestBody::Reconnect | RequestBody::Get => {}
    }
}
