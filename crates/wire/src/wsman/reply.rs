//! Replies: what the service answers about shells.

use std::time::Duration;

use base::Guid;
use bytes::Bytes;

use super::{
    Fault, WsmanError,
    duration::{read_duration, write_duration},
    envelope::{self, ANONYMOUS, bytes, guid, guid_text},
    ns,
    request::{selector_set, write_operation},
    xmlwriter::Writer,
};
use crate::xml::Element;

/// What goes into a reply's header.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// The request's `a:MessageID`, verbatim.
    pub relates_to: &'a str,
    /// The reply's own: `uuid:…`.
    pub message_id: &'a str,
    /// The request's `p:OperationID`, verbatim, where it has one.
    pub operation: Option<&'a str>,
    /// The server's name, for faults.
    pub machine: &'a str,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Create: the new shell.
    Created(Shell),
    /// Delete.
    Deleted,
    /// Command: its name.
    Command(Guid),
    /// Send.
    Sent,
    /// Receive.
    Received {
        /// What came, in order.
        chunks: Vec<Chunk>,
        /// The command that is done with this.
        done: Option<Guid>,
    },
    /// Signal.
    Signalled,
    /// Disconnect.
    Disconnected,
    /// Reconnect.
    Reconnected,
    /// Connect: PowerShell's first bytes for a shell, nothing for a command.
    Connected(Vec<u8>),
    /// Get of a shell.
    Shell(Shell),
    /// Get of the configuration: `MaxEnvelopeSizekb`.
    Config(usize),
    /// Enumerate of shells.
    Shells(Vec<Shell>),
    /// Enumerate of a shell's commands.
    Commands(Guid, Vec<Guid>),
    /// Identify: the product and its version.
    Identity(String, String),
    /// Anything: it went wrong.
    Fault(Fault),
}

/// Bytes for the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Of a command; of the shell itself where there is none.
    pub command: Option<Guid>,
    /// The bytes.
    pub data: Bytes,
}

/// What a client is told about a shell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shell {
    /// Its name.
    pub id: Guid,
    /// A friendly name.
    pub name: String,
    /// The session configuration's URI.
    pub resource: String,
    /// Whose it is.
    pub owner: String,
    /// From where it was made.
    pub client: String,
    /// How long it may idle.
    pub idle_timeout: Duration,
    /// Streams are compressed.
    pub xpress: bool,
    /// `Connected` or `Disconnected`.
    pub connected: bool,
}

/// Bytes of an envelope that are no data, and of a chunk; generous.
const ENVELOPE_OVERHEAD: usize = 1600;
const CHUNK_OVERHEAD: usize = 120;

/// How many bytes the next chunk of a Receive's reply may have, where the envelope may have `max` bytes and
/// chunks of these sizes are in it already.
pub fn room_for_data(max: usize, chunks: impl IntoIterator<Item = usize>) -> usize {
    let taken: usize = chunks.into_iter().map(|len| len.div_ceil(3) * 4 + CHUNK_OVERHEAD).sum();
    max.saturating_sub(ENVELOPE_OVERHEAD + taken + CHUNK_OVERHEAD) / 4 * 3
}

const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/";
const ENUMERATED: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse";
const DONE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done";

impl Reply {
    fn action(&self) -> String {
        let shell = |name: &str| format!("{SHELL}{name}Response");
        let transfer = |name: &str| format!("{TRANSFER}{name}Response");
        match self {
            Reply::Created(_) => transfer("Create"),
            Reply::Deleted => transfer("Delete"),
            Reply::Shell(_) | Reply::Config(_) => transfer("Get"),
            Reply::Command(_) => shell("Command"),
            Reply::Sent => shell("Send"),
            Reply::Received { .. } => shell("Receive"),
            Reply::Signalled => shell("Signal"),
            Reply::Disconnected => shell("Disconnect"),
            Reply::Reconnected => shell("Reconnect"),
            Reply::Connected(_) => shell("Connect"),
            Reply::Shells(_) | Reply::Commands(..) => ENUMERATED.to_owned(),
            Reply::Identity(..) => String::new(),
            Reply::Fault(fault) => fault.action().to_owned(),
        }
    }

    /// The envelope.
    pub fn write(&self, headers: Headers<'_>) -> String {
        let size = match self {
            Reply::Received { chunks, .. } => {
                chunks.iter().map(|chunk| chunk.data.len().div_ceil(3) * 4 + CHUNK_OVERHEAD).sum()
            }
            Reply::Connected(data) => data.len().div_ceil(3) * 4,
            _ => 0,
        };
        let header = |writer: &mut Writer| {
            let action = self.action();
            if !action.is_empty() {
                writer.leaf("a:Action", &[], &action);
                writer.leaf("a:MessageID", &[], headers.message_id);
                writer.leaf("a:To", &[], ANONYMOUS);
            }
            if let Some(operation) = headers.operation {
                write_operation(writer, operation, false);
            }
            if !headers.relates_to.is_empty() {
                writer.leaf("a:RelatesTo", &[], headers.relates_to);
            }
        };
        envelope::write(size, header, |writer| self.write_body(writer, headers.machine))
    }

    fn write_body(&self, writer: &mut Writer, machine: &str) {
        match self {
            Reply::Created(shell) => {
                writer.element("x:ResourceCreated", &[], |writer| {
                    writer.leaf("a:Address", &[], ANONYMOUS);
                    writer.element("a:ReferenceParameters", &[], |writer| {
                        writer.leaf("w:ResourceURI", &[], &shell.resource);
                        selector_set(writer, shell.id);
                    });
                });
                shell.write(writer);
            }
            Reply::Shell(shell) => shell.write(writer),
            Reply::Command(id) => writer.element("rsp:CommandResponse", &[], |writer| {
                writer.leaf("rsp:CommandId", &[], &guid_text(*id));
            }),
            Reply::Sent => writer.empty("rsp:SendResponse", &[]),
            Reply::Received { chunks, done } => write_received(writer, chunks, *done),
            Reply::Signalled => writer.empty("rsp:SignalResponse", &[]),
            Reply::Deleted | Reply::Disconnected | Reply::Reconnected => {}
            Reply::Connected(data) => writer.element("rsp:ConnectResponse", &[], |writer| {
                if !data.is_empty() {
                    writer.bytes("connectResponseXml", &[("xmlns", ns::POWERSHELL)], data);
                }
            }),
            Reply::Config(kilobytes) => writer.element("c:Config", &[("xmlns:c", ns::CONFIG)], |writer| {
                writer.leaf("c:MaxEnvelopeSizekb", &[], &kilobytes.to_string());
            }),
            Reply::Shells(shells) => {
                enumerated(writer, |writer| shells.iter().for_each(|shell| shell.write(writer)))
            }
            Reply::Commands(shell, commands) => enumerated(writer, |writer| {
                for command in commands {
                    writer.element("rsp:Command", &[], |writer| {
                        writer.leaf("rsp:ShellId", &[], &guid_text(*shell));
                        writer.leaf("rsp:CommandId", &[], &guid_text(*command));
                        writer.leaf("rsp:State", &[], "Connected");
                        writer.leaf("rsp:CommandLine", &[], "");
                    });
                }
            }),
            Reply::Identity(vendor, version) => {
                writer.element("i:IdentifyResponse", &[("xmlns:i", ns::IDENTITY)], |writer| {
                    writer.leaf("i:ProtocolVersion", &[], "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd");
                    writer.leaf("i:ProductVendor", &[], vendor);
                    writer.leaf("i:ProductVersion", &[], version);
                });
            }
            Reply::Fault(fault) => fault.write(writer, machine),
        }
    }
}

fn enumerated(writer: &mut Writer, items: impl FnOnce(&mut Writer)) {
    writer.element("n:EnumerateResponse", &[], |writer| {
        writer.empty("n:EnumerationContext", &[]);
        writer.element("w:Items", &[], items);
        writer.empty("w:EndOfSequence", &[]);
    });
}

fn write_received(writer: &mut Writer, chunks: &[Chunk], done: Option<Guid>) {
    writer.element("rsp:ReceiveResponse", &[], |writer| {
        for chunk in chunks {
            let command = chunk.command.map(guid_text).unwrap_or_default();
            writer.bytes("rsp:Stream", &[("Name", "stdout"), ("CommandId", &command)], &chunk.data);
        }
        if let Some(command) = done {
            writer.element(
                "rsp:CommandState",
                &[("CommandId", &guid_text(command)), ("State", DONE)],
                |writer| {
                    writer.leaf("rsp:ExitCode", &[], "0");
                },
            );
        }
    });
}

impl Shell {
    fn write(&self, writer: &mut Writer) {
        let compression = if self.xpress { "XpressCompression" } else { "NoCompression" };
        let state = if self.connected { "Connected" } else { "Disconnected" };
        writer.element("rsp:Shell", &[], |writer| {
            for (name, value) in [
                ("rsp:ShellId", &*guid_text(self.id)),
                ("rsp:Name", &self.name),
                ("rsp:ResourceUri", &self.resource),
                ("rsp:Owner", &self.owner),
                ("rsp:ClientIP", &self.client),
                ("rsp:IdleTimeOut", &write_duration(self.idle_timeout)),
                ("rsp:InputStreams", "stdin pr"),
                ("rsp:OutputStreams", "stdout"),
                ("rsp:MaxIdleTimeOut", &write_duration(self.idle_timeout)),
                ("rsp:Locale", "en-US"),
                ("rsp:DataLocale", "en-US"),
                ("rsp:CompressionMode", compression),
                ("rsp:ProfileLoaded", "No"),
                ("rsp:Encoding", "UTF8"),
                ("rsp:BufferMode", "Block"),
                ("rsp:State", state),
            ] {
                writer.leaf(name, &[], value);
            }
        });
    }

    fn read(element: &Element) -> Result<Self, WsmanError> {
        let text = |name| element.text_of(ns::SHELL, name).unwrap_or_default().to_owned();
        Ok(Shell {
            id: guid(&text("ShellId"))?,
            name: text("Name"),
            resource: text("ResourceUri"),
            owner: text("Owner"),
            client: text("ClientIP"),
            idle_timeout: read_duration(&text("IdleTimeOut")).unwrap_or_default(),
            xpress: text("CompressionMode").eq_ignore_ascii_case("XpressCompression"),
            connected: !text("State").eq_ignore_ascii_case("Disconnected"),
        })
    }
}

/// Reads a reply: what it relates to, and what it says.
///
/// # Errors
/// Where it is no XML, or nothing that answers a [`super::Request`].
pub fn read_reply(envelope: &[u8]) -> Result<(String, Reply), WsmanError> {
    let (header, body) = envelope::read(envelope)?;
    let relates_to = header.text_of(ns::ADDRESSING, "RelatesTo").unwrap_or_default().to_owned();
    let action = header.text_of(ns::ADDRESSING, "Action").unwrap_or_default();
    let first = body.children.first();
    let reply = match first {
        Some(fault) if fault.is(ns::SOAP, "Fault") => Reply::Fault(Fault::read(fault)),
        Some(identity) if identity.is(ns::IDENTITY, "IdentifyResponse") => {
            let text = |name| identity.text_of(ns::IDENTITY, name).unwrap_or_default().to_owned();
            Reply::Identity(text("ProductVendor"), text("ProductVersion"))
        }
        _ => read_body(action, &body, first)?,
    };
    Ok((relates_to, reply))
}

fn read_body(action: &str, body: &Element, first: Option<&Element>) -> Result<Reply, WsmanError> {
    let shell = || Shell::read(body.child(ns::SHELL, "Shell").ok_or(WsmanError::Schema("no shell"))?);
    let own = |name: &'static str| {
        first
            .filter(|first| first.is(ns::SHELL, name))
            .ok_or(WsmanError::Schema("the body does not fit the action"))
    };
    let name = action.rsplit('/').next().unwrap_or_default();
    Ok(match name {
        "CreateResponse" => Reply::Created(shell()?),
        "DeleteResponse" => Reply::Deleted,
        "GetResponse" if body.child(ns::SHELL, "Shell").is_some() => Reply::Shell(shell()?),
        "GetResponse" => {
            let size = first.and_then(|config| config.text_of(ns::CONFIG, "MaxEnvelopeSizekb")?.parse().ok());
            Reply::Config(size.ok_or(WsmanError::Schema("no configuration"))?)
        }
        "CommandResponse" => {
            Reply::Command(guid(own("CommandResponse")?.text_of(ns::SHELL, "CommandId").unwrap_or_default())?)
        }
        "SendResponse" => Reply::Sent,
        "ReceiveResponse" => read_received(own("ReceiveResponse")?)?,
        "SignalResponse" => Reply::Signalled,
        "DisconnectResponse" => Reply::Disconnected,
        "ReconnectResponse" => Reply::Reconnected,
        "ConnectResponse" => {
            let data = own("ConnectResponse")?.child(ns::POWERSHELL, "connectResponseXml");
            Reply::Connected(data.map(bytes).transpose()?.unwrap_or_default())
        }
        "EnumerateResponse" => {
            let items = first.and_then(|first| first.child(ns::WSMAN, "Items"));
            read_items(items.map_or(&[], |items| &items.children))?
        }
        _ => return Err(WsmanError::Action),
    })
}

fn read_items(items: &[Element]) -> Result<Reply, WsmanError> {
    let id = |item: &Element, name| guid(item.text_of(ns::SHELL, name).unwrap_or_default());
    match items.first() {
        Some(first) if first.is(ns::SHELL, "Command") => {
            let commands = items.iter().map(|item| id(item, "CommandId")).collect::<Result<_, _>>()?;
            Ok(Reply::Commands(id(first, "ShellId")?, commands))
        }
        _ => Ok(Reply::Shells(items.iter().map(Shell::read).collect::<Result<_, _>>()?)),
    }
}

fn read_received(response: &Element) -> Result<Reply, WsmanError> {
    let command = |element: &Element| {
        element.attribute("CommandId").filter(|text| !text.is_empty()).map(guid).transpose()
    };
    let mut chunks = Vec::new();
    for stream in response.children.iter().filter(|child| child.is(ns::SHELL, "Stream")) {
        chunks.push(Chunk { command: command(stream)?, data: bytes(stream)?.into() });
    }
    let state = response.child(ns::SHELL, "CommandState");
    let done = state.filter(|state| state.attribute("State").is_some_and(|state| state.ends_with("/Done")));
    Ok(Reply::Received { chunks, done: done.map(command).transpose()?.flatten() })
}
