//! What went wrong, as the REST answers: a status and `{"error":{code,message,details,innererror}}`. The one
//! place where error records and faults become HTTP.

use base::{Fault, FaultKind};
use hyper::{StatusCode, header};
use powershell::{ErrorCategory, ErrorRecord};
use serde_json::json;

use crate::http::{Answer, typed};

/// The content type of every answer.
pub(super) const JSON: &str = "application/json; charset=utf-8";
/// When a throttled client may try again, seconds.
const RETRY_AFTER_S: u32 = 5;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    message: String,
    /// The cmdlet's errors, if it got so far.
    records: Vec<ErrorRecord>,
}

/// Which status a category of errors has; 500 for the others.
const STATUSES: &[(ErrorCategory, StatusCode)] = &[
    (ErrorCategory::InvalidArgument, StatusCode::BAD_REQUEST),
    (ErrorCategory::InvalidData, StatusCode::BAD_REQUEST),
    (ErrorCategory::InvalidOperation, StatusCode::BAD_REQUEST),
    (ErrorCategory::InvalidType, StatusCode::BAD_REQUEST),
    (ErrorCategory::SyntaxError, StatusCode::BAD_REQUEST),
    (ErrorCategory::ParserError, StatusCode::BAD_REQUEST),
    (ErrorCategory::LimitsExceeded, StatusCode::BAD_REQUEST),
    (ErrorCategory::QuotaExceeded, StatusCode::BAD_REQUEST),
    (ErrorCategory::PermissionDenied, StatusCode::FORBIDDEN),
    (ErrorCategory::SecurityError, StatusCode::FORBIDDEN),
    (ErrorCategory::AuthenticationError, StatusCode::FORBIDDEN),
    (ErrorCategory::ObjectNotFound, StatusCode::NOT_FOUND),
    (ErrorCategory::ResourceExists, StatusCode::CONFLICT),
    (ErrorCategory::ResourceBusy, StatusCode::CONFLICT),
    (ErrorCategory::NotImplemented, StatusCode::NOT_IMPLEMENTED),
    (ErrorCategory::ResourceUnavailable, StatusCode::SERVICE_UNAVAILABLE),
    (ErrorCategory::OperationTimeout, StatusCode::GATEWAY_TIMEOUT),
];

impl Problem {
    /// A problem of the request itself.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Problem { status, message: message.into(), records: Vec::new() }
    }

    /// The request is malformed.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A cmdlet's errors: the first decides.
    pub(super) fn of_records(records: Vec<ErrorRecord>) -> Self {
        let Some(first) = records.first() else {
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The command failed.");
        };
        let status = STATUSES.iter().find(|(category, _)| *category == first.category);
        Problem {
            status: status.map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status),
            message: first.message.to_string(),
            records,
        }
    }

    /// What another room answered in plain text (no body, no log-on), with its headers.
    pub(super) fn dressing(plain: Answer, message: &str) -> Answer {
        let mut answer = Self::new(plain.status(), message).answer();
        for (name, value) in plain.headers() {
            if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        answer
    }

    /// The answer.
    pub(super) fn answer(self) -> Answer {
        let details: Vec<_> = self.records.iter().map(detail).collect();
        let inner = self.records.first().map(|record| {
            json!({
                "message": &*record.message,
                "type": &*record.exception_type,
                "internalexception": { "message": &*record.message, "type": &*record.exception_type },
            })
        });
        let mut error = json!({ "code": code(self.status), "message": self.message, "details": details });
        if let (Some(error), Some(inner)) = (error.as_object_mut(), inner) {
            error.insert("innererror".to_owned(), inner);
        }
        let mut answer = typed(self.status, JSON, json!({ "error": error }).to_string());
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        answer
    }
}

impl From<ErrorRecord> for Problem {
    fn from(record: ErrorRecord) -> Self {
        Self::of_records(vec![record])
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        if fault.kind == FaultKind::Internal {
            tracing::warn!(?fault, "an administrator's request failed");
        }
        ErrorRecord::from(fault).into()
    }
}

/// `NotFound`: the status' name without spaces.
fn code(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Error").replace([' ', '-', '\''], "")
}

/// One error as the product's clients take it apart: a hash, the exception and the text between bars.
pub(super) fn detail(record: &ErrorRecord) -> serde_json::Value {
    let id = record.fully_qualified_id();
    json!({
        "code": id,
        "target": record.target.to_string(),
        "message": format!("Ex{:06X}|{}|{}", fingerprint(&id), record.exception_type, record.message),
    })
}

/// A short hash that stays the same for the same kind of error (FNV-1a, 24 bits).
fn fingerprint(id: &str) -> u32 {
    let hash =
        id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_names_of_statuses() {
        for (status, name) in [
            (StatusCode::NOT_FOUND, "NotFound"),
            (StatusCode::BAD_REQUEST, "BadRequest"),
            (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        ] {
            assert_eq!(code(status), name);
        }
    }

    #[test]
    fn errors_have_the_right_status() {
        for (fault, status) in [
            (Fault::invalid("x"), 400),
            (Fault::not_found("x"), 404),
            (Fault::new(FaultKind::AlreadyExists, "X", "x"), 409),
            (Fault::new(FaultKind::AccessDenied, "X", "x"), 403),
            (Fault::new(FaultKind::NotImplemented, "X", "x"), 501),
            (Fault::new(FaultKind::Unavailable, "X", "x"), 503),
            (Fault::internal(std::io::Error::other("the secret path")), 500),
        ] {
            let problem = Problem::from(fault);
            assert_eq!(problem.status.as_u16(), status);
            assert!(!format!("{problem:?}").contains("secret path"));
        }
        assert_eq!(Problem::from(ErrorRecord::command_not_found("x")).status, 404);
        assert_eq!(Problem::of_records(Vec::new()).status, 500);
    }

    #[test]
    fn details_have_three_parts() {
        let record = ErrorRecord::from(Fault::not_found("No x.")).from_command("Get-Mailbox").on("x");
        let detail = detail(&record);
        let message = detail["message"].as_str().unwrap();
        let parts: Vec<&str> = message.split('|').collect();
        assert_eq!(parts[1..], ["ManagementObjectNotFoundException", "No x."]);
        assert_eq!(parts[0].len(), 8);
        assert_eq!(detail["code"], "ManagementObjectNotFoundException,Get-Mailbox");
        assert_eq!(detail["target"], "x");
    }

    #[test]
    fn a_throttled_client_is_told_when() {
        let answer = Problem::new(StatusCode::TOO_MANY_REQUESTS, "x").answer();
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
        let plain = Problem::new(StatusCode::UNAUTHORIZED, "x").answer();
        assert!(!plain.headers().contains_key(header::RETRY_AFTER));
    }
}
