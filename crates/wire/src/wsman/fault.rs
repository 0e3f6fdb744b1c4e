//! Faults: what a service answers instead (MS-WSMV section 2.2.4.43), with the codes clients look for.

use super::{ns, xmlwriter::Writer};
use crate::xml::Element;

/// The faults that mean something to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// A long poll ended without anything: poll again.
    TimedOut,
    /// No shell, or no command, of this name.
    UnknownShell,
    /// The shell was disconnected while a Receive waited.
    Disconnected,
    /// The operation was ended from elsewhere.
    Aborted,
    /// The caller may not.
    AccessDenied,
    /// The envelope is not what it must be.
    Schema,
    /// An action nobody knows.
    Action,
    /// An option that must be complied with has a value that cannot be.
    Option,
    /// No such resource: a session configuration nobody knows.
    Resource,
    /// More shells, or commands, than one may have.
    Quota,
    /// The reply does not fit the client's envelope.
    Encoding,
    /// A name that is taken.
    AlreadyExists,
    /// A defect of ours.
    Internal,
}

/// A code's line: whose fault it is, the subcode, the number in the detail (none where it is not known), and
/// what is said when nothing better is known.
type Line = (FaultCode, &'static str, &'static str, Option<u32>, &'static str);

const FAULTS: [Line; 13] = [
    (
        FaultCode::TimedOut,
        "s:Receiver",
        "w:TimedOut",
        Some(2_150_858_793),
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
    ),
    (
        FaultCode::UnknownShell,
        "s:Sender",
        "w:InvalidSelectors",
        Some(2_150_858_843),
        "The request for the Windows Remote Shell with the given ShellId failed because the shell was not found on the server.",
    ),
    (
        FaultCode::Disconnected,
        "s:Receiver",
        "w:InternalError",
        Some(2_150_859_204),
        "The shell was disconnected.",
    ),
    (
        FaultCode::Aborted,
        "s:Receiver",
        "w:InternalError",
        Some(995),
        "The I/O operation has been aborted because of either a thread exit or an application request.",
    ),
    (FaultCode::AccessDenied, "s:Sender", "w:AccessDenied", Some(5), "Access is denied."),
    (FaultCode::Schema, "s:Sender", "w:SchemaValidationError", None, "The SOAP envelope does not validate."),
    (
        FaultCode::Action,
        "s:Sender",
        "a:ActionNotSupported",
        None,
        "The action is not supported by the service.",
    ),
    (FaultCode::Option, "s:Sender", "w:InvalidOptions", None, "The option cannot be complied with."),
    (
        FaultCode::Resource,
        "s:Sender",
        "a:DestinationUnreachable",
        Some(2_150_858_811),
        "The resource URI is not known to the service.",
    ),
    (
        FaultCode::Quota,
        "s:Sender",
        "w:QuotaLimit",
        Some(2_150_859_173),
        "The quota of shells or operations of this user is used up. Close sessions, or try again later.",
    ),
    (
        FaultCode::Encoding,
        "s:Sender",
        "w:EncodingLimit",
        None,
        "The reply does not fit into MaxEnvelopeSize.",
    ),
    (FaultCode::AlreadyExists, "s:Sender", "w:AlreadyExists", None, "A shell of this name exists already."),
    (
        FaultCode::Internal,
        "s:Receiver",
        "w:InternalError",
        None,
        "The service failed; the server's log says more.",
    ),
];

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub code: FaultCode,
    /// What it says.
    pub text: String,
}

impl From<FaultCode> for Fault {
    fn from(code: FaultCode) -> Self {
        Fault { code, text: line(code).4.to_owned() }
    }
}

fn line(code: FaultCode) -> &'static Line {
    FAULTS.iter().find(|line| line.0 == code).unwrap_or(&FAULTS[FAULTS.len() - 1])
}

impl Fault {
    /// A fault that says more than usual.
    pub fn new(code: FaultCode, text: impl Into<String>) -> Self {
        Fault { code, text: text.into() }
    }

    /// The number in its detail, where it has one.
    pub fn number(&self) -> Option<u32> {
        line(self.code).3
    }

    pub(super) fn action(&self) -> &'static str {
        if line(self.code).2.starts_with("a:") {
            "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
        } else {
            "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
        }
    }

    pub(super) fn write(&self, writer: &mut Writer, machine: &str) {
        let (_, code, subcode, number, _) = *line(self.code);
        writer.element("s:Fault", &[], |writer| {
            writer.element("s:Code", &[], |writer| {
                writer.leaf("s:Value", &[], code);
                writer.element("s:Subcode", &[], |writer| writer.leaf("s:Value", &[], subcode));
            });
            writer.element("s:Reason", &[], |writer| {
                writer.leaf("s:Text", &[("xml:lang", "en-US")], &self.text)
            });
            writer.element("s:Detail", &[], |writer| {
                let number = number.map(|number| number.to_string()).unwrap_or_default();
                let attributes = [("xmlns:f", ns::FAULT), ("Code", &number), ("Machine", machine)];
                writer
                    .element("f:WSManFault", &attributes, |writer| writer.leaf("f:Message", &[], &self.text));
            });
        });
    }

    /// Reads a `Fault` element. A fault of another service that we have no name for is `Internal`.
    pub(super) fn read(element: &Element) -> Self {
        let soap = |parent: Option<&'_ Element>, name| {
            parent.and_then(|parent| parent.child(ns::SOAP, name)).cloned()
        };
        let subcode = soap(soap(soap(Some(element), "Code").as_ref(), "Subcode").as_ref(), "Value");
        let subcode = subcode.map(|value| value.text).unwrap_or_default();
        let local = subcode.trim().rsplit(':').next().unwrap_or_default().to_owned();
        let detail =
            soap(Some(element), "Detail").and_then(|detail| detail.child(ns::FAULT, "WSManFault").cloned());
        let number = detail.as_ref().and_then(|detail| detail.attribute("Code")?.parse::<u32>().ok());
        let says =
            detail.and_then(|detail| detail.child(ns::FAULT, "Message").map(|message| message.text.clone()));
        let reason = || soap(soap(Some(element), "Reason").as_ref(), "Text").map(|text| text.text);
        let text = says.filter(|text| !text.trim().is_empty()).or_else(reason).unwrap_or_default();
        let by_number = FAULTS.iter().find(|line| number.is_some() && line.3 == number);
        let by_name =
            || FAULTS.iter().find(|line| line.3.is_none() && line.2.rsplit(':').next() == Some(&*local));
        let code = by_number.or_else(by_name).map_or(FaultCode::Internal, |line| line.0);
        Fault { code, text: text.trim().to_owned() }
    }
}
