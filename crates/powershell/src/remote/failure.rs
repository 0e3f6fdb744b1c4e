//! What goes wrong with remote sessions, in PowerShell's words.

use wire::psrp::{ErrorInfo, client::ClientError};

use super::{CarryError, values};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::category_named,
    value::PsObject,
};

/// Why a request or a session failed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// No answer.
    Carry(CarryError),
    /// The server does not know the user, or not this password.
    Denied,
    /// An answer that is no WS-Management.
    Status(u16),
    /// It is elsewhere.
    Redirected(String),
    /// The server refused, or broke the protocol.
    Client(ClientError),
    /// The pool broke, with the server's reason.
    Broken(Option<Box<ErrorRecord>>),
}

impl From<CarryError> for Failure {
    fn from(error: CarryError) -> Self {
        Failure::Carry(error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Failure::Client(error)
    }
}

const TRANSPORT: &str = "System.Management.Automation.Remoting.PSRemotingTransportException";

/// What PowerShell calls faults, by their numbers.
const FAULTS: [(u32, &str); 4] = [
    (5, "AccessDenied"),
    (2_150_858_793, "WinRMOperationTimeout"),
    (2_150_858_811, "InvalidResourceUri"),
    (2_150_858_843, "CannotConnectTargetSessionDoesNotExist"),
];

impl Failure {
    fn text(&self) -> String {
        match self {
            Failure::Carry(error) => error.to_string(),
            Failure::Denied => {
                "Access is denied. The user name or password is incorrect, or the user may not use \
                                remote PowerShell."
                    .into()
            }
            Failure::Status(status) => {
                format!("The WS-Management service cannot process the request. It answered HTTP {status}.")
            }
            Failure::Redirected(to) => format!(
                "The WS-Management service redirects to {to}. Use the AllowRedirection parameter to follow it, and an \
                 https URI."
            ),
            Failure::Client(error) => error.to_string(),
            Failure::Broken(Some(record)) => record.message.to_string(),
            Failure::Broken(None) => "The session was closed by the server.".into(),
        }
    }

    fn id(&self) -> String {
        match self {
            Failure::Carry(CarryError::Url(_)) => "InvalidUri".into(),
            Failure::Carry(CarryError::Unknown) => "ComputerNotFound".into(),
            Failure::Carry(CarryError::Unreachable(_)) => "CannotConnect".into(),
            Failure::Carry(CarryError::Certificate(_)) => "12175".into(),
            Failure::Carry(CarryError::TimedOut) => "WinRMOperationTimeout".into(),
            Failure::Carry(CarryError::Failed(_)) => "ConnectionFailed".into(),
            Failure::Denied => "AccessDenied".into(),
            Failure::Status(status) => format!("HttpStatus{status}"),
            Failure::Redirected(_) => "URLRedirectionReported".into(),
            Failure::Client(ClientError::Fault(fault)) => match fault.number() {
                Some(number) => match FAULTS.iter().find(|(known, _)| *known == number) {
                    Some((_, id)) => (*id).into(),
                    None => number.to_string(),
                },
                None => format!("{:?}", fault.code),
            },
            Failure::Client(_) => "ProtocolError".into(),
            Failure::Broken(_) => "SessionBroken".into(),
        }
    }

    /// The error of a session that does not open, without the command it was to open for.
    pub(crate) fn opening(&self, computer: &str) -> ErrorRecord {
        let runspace = "System.Management.Automation.RemoteRunspace";
        let runspace = PsObject::new(&[runspace, "System.Object"]);
        self.connecting(computer, "PSSessionOpenFailed").on(runspace)
    }

    /// The same where a command was to run there at once; it has no command in front, as the product's has none.
    pub(crate) fn invoking(&self, computer: &str) -> ErrorRecord {
        self.connecting(computer, "PSSessionStateBroken").on(computer)
    }

    fn connecting(&self, computer: &str, state: &str) -> ErrorRecord {
        let text = format!(
            "[{computer}] Connecting to remote server {computer} failed with the following error message : {} For more \
             information, see the about_Remote_Troubleshooting Help topic.",
            self.text()
        );
        let id = format!("{},{state}", self.id());
        ErrorRecord::new(TRANSPORT, &id, ErrorCategory::OpenError, text)
    }

    /// The error of a command that could not be carried to its end.
    pub(crate) fn running(&self, computer: &str) -> ErrorRecord {
        let text = format!(
            "Processing data from remote server {computer} failed with the following error message: {} For more \
             information, see the about_Remote_Troubleshooting Help topic.",
            self.text()
        );
        ErrorRecord::new(TRANSPORT, "JobFailure", ErrorCategory::OperationStopped, text).on(computer)
    }
}

/// A record of a server's.
pub(crate) fn record(info: &ErrorInfo) -> ErrorRecord {
    // The line begins with the category's name.
    let category = info.category_message.split(':').next().unwrap_or_default();
    let (id, command) = match info.error_id.rsplit_once(',') {
        Some((id, command)) => (id, command),
        None => (&*info.error_id, ""),
    };
    let kind = if info.exception_type.is_empty() {
        "System.Management.Automation.RemoteException"
    } else {
        &info.exception_type
    };
    let record = ErrorRecord::new(kind, id, category_named(category), &*info.message).from_command(command);
    match values::received(info.target.clone()) {
        target if target.is_null() => record,
        target => record.on(target),
    }
}
