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
        let enabled = &mut self.enabled;
        let mut told = String::new();
        for (name, switch) in SWITCHES {
            if names.iter().any(|asked| asked.eq_ignore_ascii_case(name)) {
                switch(enabled);
                told.push(' ');
                told.push_str(name);
            }
        }
        self.tree = None;
        self.link.say(&format!("* ENABLED{told}\r\n"));
        done("Completed")
    }
}

/// Switches something on.
type Switch = fn(&mut Enabled);

/// What each name switches on.
const SWITCHES: [(&str, Switch); 5] = [
    ("CONDSTORE", |enabled| enabled.condstore = true),
    ("IMAP4rev2", |enabled| (enabled.rev2, enabled.utf8) = (true, true)),
    ("QRESYNC", |enabled| (enabled.qresync, enabled.condstore) = (true, true)),
    ("UIDONLY", |enabled| enabled.uid_only = true),
    ("UTF8=ACCEPT", |enabled| enabled.utf8 = true),
];
