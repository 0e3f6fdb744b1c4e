//! Which command may come when: the whole order of an SMTP session as one table.

use wire::smtp::{Reply, Verb};

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No greeting from the client yet, or TLS has just begun.
    Start,
    /// Greeted; no transaction.
    Ready,
    /// A sender is named.
    Sender,
    /// At least one recipient is accepted.
    Recipients,
    /// Part of the message has come by `BDAT`.
    Chunks,
}

const OK: Option<&str> = None;
const HELLO: Option<&str> = Some("Send hello first");
const MAIL: Option<&str> = Some("Need mail command");
const RCPT: Option<&str> = Some("Need rcpt command");
const TWICE: Option<&str> = Some("Sender already specified");
const BUSY: Option<&str> = Some("Bad sequence of commands");

/// For each verb, what is wrong with it in `Start`, `Ready`, `Sender`, `Recipients` and `Chunks`. Verbs
/// not listed may come at any time.
const ORDER: [(Verb, [Option<&str>; 5]); 6] = [
    (Verb::StartTls, [HELLO, OK, BUSY, BUSY, BUSY]),
    (Verb::Auth, [HELLO, OK, BUSY, BUSY, BUSY]),
    (Verb::Mail, [HELLO, OK, TWICE, TWICE, TWICE]),
    (Verb::Rcpt, [HELLO, MAIL, OK, OK, BUSY]),
    (Verb::Data, [HELLO, MAIL, RCPT, OK, BUSY]),
    (Verb::Bdat, [HELLO, MAIL, RCPT, OK, OK]),
];

/// Refuses a command that comes at the wrong time.
pub(super) fn check(verb: Verb, phase: Phase) -> Result<(), Reply> {
    let row = ORDER.iter().find(|(listed, _)| *listed == verb);
    match row.and_then(|(_, columns)| columns[phase as usize]) {
        None => Ok(()),
        Some(text) => Err(Reply::new(503, (5, 5, 2), text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_needs_the_one_before() {
        use Phase::{Chunks, Ready, Recipients, Sender, Start};
        for (verb, allowed) in [
            (Verb::Ehlo, &[Start, Ready, Sender, Recipients, Chunks][..]),
            (Verb::Rset, &[Start, Ready, Sender, Recipients, Chunks]),
            (Verb::StartTls, &[Ready]),
            (Verb::Mail, &[Ready]),
            (Verb::Rcpt, &[Sender, Recipients]),
            (Verb::Data, &[Recipients]),
            (Verb::Bdat, &[Recipients, Chunks]),
        ] {
            for phase in [Start, Ready, Sender, Recipients, Chunks] {
                assert_eq!(check(verb, phase).is_ok(), allowed.contains(&phase), "{verb:?} in {phase:?}");
            }
        }
        assert_eq!(check(Verb::Mail, Start).unwrap_err().to_string(), "503 5.5.2 Send hello first");
    }
}
