//! What NOTIFY asks to be told of (RFC 5465).

use crate::imap::{
    fetch::Fetch,
    scan::{ParseError, Parsed, Scanner},
};

/// Groups one NOTIFY may have.
const GROUPS_MAX: usize = 32;
/// Mailboxes one group may name.
const MAILBOXES_MAX: usize = 128;

/// NOTIFY's arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// Tell the status of every mailbox watched at once.
    pub status: bool,
    /// What is watched, the first group that covers a mailbox counting; empty for `NONE`.
    pub groups: Vec<Group>,
}

/// Some mailboxes, and what is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub filter: Filter,
    /// What.
    pub events: Events,
}

/// Which mailboxes a group covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The selected one; what is told may wait until numbers may change.
    SelectedDelayed,
    /// The selected one.
    Selected,
    /// The inbox, and where mail is delivered.
    Inboxes,
    /// All of the user's own.
    Personal,
    /// Those subscribed to.
    Subscribed,
    /// These and what is below them.
    Subtree(Vec<String>),
    /// These.
    Mailboxes(Vec<String>),
}

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Messages that come.
    pub new: bool,
    /// What is told of one that comes into the selected mailbox.
    pub fetch: Option<Fetch>,
    /// Messages that go.
    pub expunge: bool,
    /// Flags.
    pub flags: bool,
    /// Mailboxes made, renamed, deleted.
    pub names: bool,
    /// Subscriptions.
    pub subscriptions: bool,
    /// An event that is not watched here was asked for.
    pub unknown: bool,
}

impl Notify {
    /// Reads `NONE` or `SET [STATUS] (filter events) …`.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        if s.take_word("NONE") {
            return Ok(Notify::default());
        }
        if !s.take_word("SET") {
            return Err(ParseError("NOTIFY takes SET or NONE"));
        }
        let mut notify = Notify { status: s.take_word(" STATUS"), groups: Vec::new() };
        while s.take(b' ') {
            if notify.groups.len() == GROUPS_MAX {
                return Err(ParseError("Too many event groups"));
            }
            notify.groups.push(Group::parse(s)?);
        }
        if notify.groups.is_empty() { Err(ParseError("Missing event group")) } else { Ok(notify) }
    }
}

impl Group {
    fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        s.expect(b'(')?;
        let filter = match s.word()?.to_ascii_uppercase().as_str() {
            "SELECTED-DELAYED" => Filter::SelectedDelayed,
            "SELECTED" => Filter::Selected,
            "INBOXES" => Filter::Inboxes,
            "PERSONAL" => Filter::Personal,
            "SUBSCRIBED" => Filter::Subscribed,
            "SUBTREE" => Filter::Subtree(mailboxes(s)?),
            "MAILBOXES" => Filter::Mailboxes(mailboxes(s)?),
            _ => return Err(ParseError("Unknown mailbox filter")),
        };
        s.space()?;
        let mut events = Events::default();
        if !s.take_word("NONE") {
            s.list(16, false, |s| events.add(s))?;
        }
        s.expect(b')')?;
        // Messages that come without those that go would leave numbers in the air (section 5).
        if events.new != events.expunge || (events.flags && !events.new) {
            return Err(ParseError("MessageNew and MessageExpunge come together"));
        }
        Ok(Group { filter, events })
    }
}

impl Events {
    fn add(&mut self, s: &mut Scanner<'_>) -> Parsed<()> {
        match s.word()?.to_ascii_uppercase().as_str() {
            "MESSAGENEW" => {
                self.new = true;
                if s.starts_with(" (") {
                    s.space()?;
                    self.fetch = Some(Fetch::parse_items(s)?);
                }
            }
            "MESSAGEEXPUNGE" => self.expunge = true,
            "FLAGCHANGE" => self.flags = true,
            "MAILBOXNAME" => self.names = true,
            "SUBSCRIPTIONCHANGE" => self.subscriptions = true,
            // Nothing of these kinds is watched here, so nothing is promised (section 8).
            "ANNOTATIONCHANGE" | "MAILBOXMETADATACHANGE" | "SERVERMETADATACHANGE" => self.unknown = true,
            _ => return Err(ParseError("Unknown event")),
        }
        Ok(())
    }
}

/// One mailbox or a list of them, after a space.
fn mailboxes(s: &mut Scanner<'_>) -> Parsed<Vec<String>> {
    s.space()?;
    if s.peek() == Some(b'(') {
        s.list(MAILBOXES_MAX, false, Scanner::mailbox)
    } else {
        Ok(vec![s.mailbox()?])
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Parsed<Notify> {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let mut s = Scanner::new(&bytes);
        let notify = Notify::parse(&mut s)?;
        s.end().map(|()| notify)
    }

    #[test]
    fn groups() {
        let notify = parse(
            "SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (subtree (a b) NONE) (personal (MailboxName))",
        )
        .unwrap();
        assert!(notify.status && notify.groups[0].events.flags && notify.groups[2].events.names);
        assert_eq!(notify.groups[0].events.fetch.as_ref().map(|fetch| fetch.items.len()), Some(2));
        assert_eq!(notify.groups[1].filter, Filter::Subtree(vec!["a".into(), "b".into()]));
        assert_eq!(notify.groups[1].events, Events::default());
        assert_eq!(parse("none").unwrap(), Notify::default());
        for bad in [
            "",
            "SET",
            "SET (x NONE)",
            "SET (selected ())",
            "SET (selected (MessageNew))",
            "SET (personal (FlagChange))",
            "SET (mailboxes NONE)",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
