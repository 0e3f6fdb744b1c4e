//! What is offered and what the client has switched on: CAPABILITY, ENABLE (RFC 5161).

use super::{
    reply::{Outcome, done},
    session::Session,
};

/// What is offered at any time, by topic.
const CAPABILITIES: [&str; 8] = [
    "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT MOVE REPLACE",
    "CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA STATUS=SIZE",
    "CONDSTORE QRESYNC UIDONLY NOTIFY COMPRESS=DEFLATE UTF8=ACCEPT",
    "ESEARCH SEARCHRES SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES",
    "CONTEXT=SEARCH PARTIAL WITHIN INPROGRESS",
    "BINARY PREVIEW OBJECTID SAVEDATE",
    "MULTIAPPEND CATENATE",
    "ACL RIGHTS=kxte QUOTA QUOTA=RES-STORAGE METADATA",
];

/// What the client has switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    /// It follows modification sequences (RFC 7162 section 3.1).
    pub(super) condstore: bool,
    /// It hears VANISHED, not EXPUNGE (RFC 7162 section 3.2).
    pub(super) qresync: bool,
    /// It speaks IMAP4rev2 (RFC 9051).
    pub(super) rev2: bool,
    /// Names are UTF-8 (RFC 6855, RFC 9051 section 5.1).
    pub(super) utf8: bool,
    /// It knows messages by UID alone (RFC 9586).
    pub(super) uid_only: bool,
}

impl Session {
    /// The capabilities of this moment.
    pub(super) fn capabilities(&self) -> String {
        let mut text = format!("{} APPENDLIMIT={}", CAPABILITIES.join(" "), self.server.append_max);
        if self.mailbox.is_none() {
            if !self.link.is_secure() && self.server.tls.is_some() {
                text.push_str(" STARTTLS");
            }
            text.push_str(if self.may_login() { " AUTH=PLAIN AUTH=LOGIN" } else { " LOGINDISABLED" });
        }
        text
    }

    pub(super) fn capability(&mut self) -> Outcome {
        let line = format!("* CAPABILITY {}\r\n", self.capabilities());
        self.link.say(&line);
        done("Completed")
    }

    /// What is not known is passed over, what is named twice is told once.
    pub(super) fn enable(&mut self, names: &[String]) -> Outcome {
        let mut line = String::from("* ENABLED");
        for name in self.enabled.switch_on(names) {
            line.push(' ');
            line.push_str(name);
        }
        line.push_str("\r\n");
        self.link.say(&line);
        done("Completed")
    }
}

impl Enabled {
    /// Switches on what is named; returns what is known of it.
    pub(super) fn switch_on(&mut self, names: &[String]) -> Vec<&'static str> {
        let named = |name: &str| names.iter().any(|asked| asked.eq_ignore_ascii_case(name));
        let known = SWITCHES.iter().filter(|(name, ..)| named(name));
        known
            .map(|(name, switch, _)| {
                switch(self);
                *name
            })
            .collect()
    }

    /// What is switched on, by name.
    pub(super) fn names(&self) -> Vec<String> {
        SWITCHES.iter().filter(|(.., is_on)| is_on(self)).map(|(name, ..)| (*name).to_owned()).collect()
    }
}

/// Switches something on.
type Switch = fn(&mut Enabled);
/// Tells whether it is.
type IsOn = fn(&Enabled) -> bool;

/// What each name switches on.
const SWITCHES: [(&str, Switch, IsOn); 5] = [
    ("CONDSTORE", |enabled| enabled.condstore = true, |enabled| enabled.condstore),
    ("IMAP4rev2", |enabled| (enabled.rev2, enabled.utf8) = (true, true), |enabled| enabled.rev2),
    ("QRESYNC", |enabled| (enabled.qresync, enabled.condstore) = (true, true), |enabled| enabled.qresync),
    ("UIDONLY", |enabled| enabled.uid_only = true, |enabled| enabled.uid_only),
    ("UTF8=ACCEPT", |enabled| enabled.utf8 = true, |enabled| enabled.utf8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_can_be_switched_on_elsewhere() {
        let mut here = Enabled::default();
        assert_eq!(
            here.switch_on(&["qresync".into(), "X".into(), "imap4REV2".into()]),
            ["IMAP4rev2", "QRESYNC"]
        );
        let mut there = Enabled::default();
        there.switch_on(&here.names());
        assert_eq!(there, here);
        assert!(Enabled::default().names().is_empty());
    }
}
