//! WS-Management as PowerShell remoting uses it (MS-WSMV): envelopes into typed requests and replies, and back,
//! for both ends.

mod duration;
pub mod encrypted;
mod envelope;
mod fault;
mod reply;
mod request;
mod xmlwriter;

pub use duration::{read_duration, write_duration};
pub use fault::{Fault, FaultCode};
pub use reply::{Chunk, Headers, Reply, Shell, read_reply, room_for_data};
pub use request::{Command, Connect, Create, Operation, Receive, Request, RequestBody, Send, Signal};

use crate::xml::XmlError;

/// The namespaces.
pub mod ns {
    /// SOAP 1.2.
    pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
    /// WS-Addressing.
    pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
    /// WS-Management.
    pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
    /// Microsoft's extensions.
    pub const WSMV: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
    /// Remote shells.
    pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
    /// WS-Transfer.
    pub const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
    /// WS-Enumeration.
    pub const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
    /// PowerShell's own bytes in shells.
    pub const POWERSHELL: &str = "http://schemas.microsoft.com/powershell";
    /// Details of faults.
    pub const FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
    /// The service's configuration.
    pub const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
    /// Who are you?
    pub const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
}

/// The resources that are no session configuration.
pub mod resource {
    /// All shells of the caller.
    pub const SHELL: &str = super::ns::SHELL;
    /// The commands of a shell.
    pub const COMMAND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
    /// What the names of session configurations begin with.
    pub const CONFIGURATION: &str = "http://schemas.microsoft.com/powershell/";
    /// The service's configuration.
    pub const CONFIG: &str = super::ns::CONFIG;
}

/// The codes of Signal.
pub mod signal {
    /// Stops the pipeline; the misspelling is the protocol's.
    pub const CTRL_C: &str = "powershell/signal/crtl_c";
    /// The same, spelled right.
    pub const CTRL_C_RIGHT: &str = "powershell/signal/ctrl_c";
    /// Closes the command.
    pub const TERMINATE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/Terminate";
    /// Whether a code stops the pipeline instead of closing the command.
    pub fn is_stop(code: &str) -> bool {
        [CTRL_C, CTRL_C_RIGHT].iter().any(|stop| code.trim_end_matches('/').ends_with(stop))
    }
}

/// The smallest and the largest envelope we work with, bytes.
pub const ENVELOPE_MIN: usize = 8 << 10;
/// As `MaxEnvelopeSizekb` says: 500.
pub const ENVELOPE_MAX: usize = 500 << 10;

/// An envelope that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WsmanError {
    /// No XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// No SOAP envelope, or a header or body that is not what the action needs.
    #[error("the envelope is invalid: {0}")]
    Schema(&'static str),
    /// An action nobody knows.
    #[error("the action is not supported")]
    Action,
}

#[cfg(test)]
mod tests;
