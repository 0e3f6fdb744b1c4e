//! How a command ended, and the one place where faults become response codes (RFC 3501 section 7.1,
//! RFC 5530).

use std::borrow::Cow;

use base::{Fault, FaultKind};

use crate::link::Gone;

/// A command that was done: `OK`. Without text: it was answered already.
pub(super) struct Done {
    /// Response code without brackets; empty for none.
    pub(super) code: Cow<'static, str>,
    /// For people.
    pub(super) text: &'static str,
}

/// `OK text`.
pub(super) fn done(text: &'static str) -> Outcome {
    Ok(Done { code: "".into(), text })
}

/// `OK [code] text`.
pub(super) fn done_with(code: impl Into<Cow<'static, str>>, text: &'static str) -> Outcome {
    Ok(Done { code: code.into(), text })
}

/// A command that was not.
pub(super) enum Failure {
    /// `NO [code] text`.
    No { code: Cow<'static, str>, text: Cow<'static, str> },
    /// `BAD text`: the command itself is wrong.
    Bad(Cow<'static, str>),
    /// The session is over.
    Gone(Gone),
}

/// What a handler returns; the loop writes it.
pub(super) type Outcome = Result<Done, Failure>;

/// `NO [code] text`.
pub(super) fn no(code: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Failure {
    Failure::No { code: code.into(), text: text.into() }
}

impl From<Gone> for Failure {
    fn from(gone: Gone) -> Self {
        Failure::Gone(gone)
    }
}

/// Faults whose code says more than their kind.
const BY_CODE: [(&str, &str); 5] = [
    ("ErrorFolderHasSubfolders", "HASCHILDREN"),
    ("ErrorDeleteDistinguishedFolder", "CANNOT"),
    ("LimitExceeded", "LIMIT"),
    ("MaxConnectionsPerUser", "LIMIT"),
    ("ErrorMessageSizeExceeded", "TOOBIG"),
];

/// The response code of each kind of fault.
fn response_code(fault: &Fault) -> &'static str {
    if let Some((_, code)) = BY_CODE.iter().find(|(code, _)| *code == fault.code) {
        return code;
    }
    match fault.kind {
        FaultKind::NotFound => "NONEXISTENT",
        FaultKind::AlreadyExists => "ALREADYEXISTS",
        FaultKind::Ambiguous | FaultKind::Invalid | FaultKind::NotImplemented => "CANNOT",
        FaultKind::AccessDenied => "NOPERM",
        FaultKind::Unauthenticated => "AUTHENTICATIONFAILED",
        FaultKind::TooLarge => "OVERQUOTA",
        FaultKind::Exhausted | FaultKind::Unavailable => "UNAVAILABLE",
        FaultKind::Conflict => "INUSE",
        FaultKind::Internal => "SERVERBUG",
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.is_elsewhere() {
            tracing::debug!(?fault, "the mailbox is not here any more");
            return Failure::Gone(Gone::Offline);
        }
        if fault.kind == FaultKind::Internal {
            tracing::error!(?fault, "command failed");
        } else {
            tracing::debug!(?fault, "command refused");
        }
        // Fault texts may quote what the client sent: nothing of it may end the line.
        let text = fault.public_text.replace(|c: char| c.is_control() || !c.is_ascii(), "?");
        no(response_code(&fault), text)
    }
}

/// A fault about the folder something is to go to: the client may create it (RFC 3501 section 7.1).
pub(super) fn target_failure(fault: Fault) -> Failure {
    if fault.kind == FaultKind::NotFound {
        return no("TRYCREATE", "No such mailbox");
    }
    fault.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_become_codes() {
        let code = |kind, code| response_code(&Fault::new(kind, code, ""));
        assert_eq!(code(FaultKind::NotFound, "X"), "NONEXISTENT");
        assert_eq!(code(FaultKind::Conflict, "ErrorFolderHasSubfolders"), "HASCHILDREN");
        assert_eq!(code(FaultKind::TooLarge, "QuotaExceeded"), "OVERQUOTA");
        let gone = Fault::new(FaultKind::Unavailable, Fault::OFFLINE, "");
        assert!(matches!(Failure::from(gone), Failure::Gone(Gone::Offline)));
        let Failure::No { text, .. } = Failure::from(Fault::invalid("a\r\n* BYE é")) else {
            panic!("not NO")
        };
        assert_eq!(text, "a??* BYE ?");
    }
}
