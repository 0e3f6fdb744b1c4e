//! One event of a message's life, borrowed from whoever reports it, and how it is written as a line.

use std::{io::Write, net::IpAddr};

use base::{Guid, Timestamp};

use super::csv;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the product's; the notable ones are described")]
pub enum EventId {
    Receive,
    Submit,
    Deliver,
    Send,
    Fail,
    Dsn,
    Defer,
    /// Ended without a notification to anybody.
    Drop,
    /// Goes to another recipient instead of, or besides, the one it was for.
    Redirect,
    /// A group became its members.
    Expand,
    /// A recipient turned out to have another address.
    Resolve,
    Transfer,
    /// A redirect to somebody who gets the message anyway.
    DuplicateRedirect,
    /// A member of a group who gets the message anyway.
    DuplicateExpand,
    /// The mailbox had this very message already.
    DuplicateDeliver,
    /// A message that can neither be delivered nor returned.
    BadMail,
    PoisonMessage,
    /// Taken over from a server that was lost.
    Resubmit,
}

impl EventId {
    /// The text of the `event-id` column.
    pub const fn name(self) -> &'static str {
        match self {
            EventId::Receive => "RECEIVE",
            EventId::Submit => "SUBMIT",
            EventId::Deliver => "DELIVER",
            EventId::Send => "SEND",
            EventId::Fail => "FAIL",
            EventId::Dsn => "DSN",
            EventId::Defer => "DEFER",
            EventId::Drop => "DROP",
            EventId::Redirect => "REDIRECT",
            EventId::Expand => "EXPAND",
            EventId::Resolve => "RESOLVE",
            EventId::Transfer => "TRANSFER",
            EventId::DuplicateRedirect => "DUPLICATEREDIRECT",
            EventId::DuplicateExpand => "DUPLICATEEXPAND",
            EventId::DuplicateDeliver => "DUPLICATEDELIVER",
            EventId::BadMail => "BADMAIL",
            EventId::PoisonMessage => "POISONMESSAGE",
            EventId::Resubmit => "RESUBMIT",
        }
    }
}

/// Which component says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The SMTP sessions, in and out.
    Smtp,
    /// Delivery to, and submission from, mailboxes.
    StoreDriver,
    /// The categorizer.
    Routing,
    /// The writer of delivery status notifications.
    Dsn,
    /// The queue.
    Queue,
    /// A transport agent.
    Agent,
    /// An administrator.
    Admin,
    /// The poison queue.
    PoisonMessage,
    /// What keeps messages safe when a server is lost.
    Redundancy,
}

impl Source {
    /// The text of the `source` column.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Smtp => "SMTP",
            Source::StoreDriver => "STOREDRIVER",
            Source::Routing => "ROUTING",
            Source::Dsn => "DSN",
            Source::Queue => "QUEUE",
            Source::Agent => "AGENT",
            Source::Admin => "ADMIN",
            Source::PoisonMessage => "POISONMESSAGE",
            Source::Redundancy => "REDUNDANCY",
        }
    }
}

/// Which way a message goes, seen from the organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a sender who is not one of us.
    #[default]
    Incoming,
    /// From one of us.
    Originating,
}

/// One event. Empty texts stand for columns that say nothing.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// When.
    pub time: Timestamp,
    /// Who reports it.
    pub source: Source,
    /// What happened.
    pub event: EventId,
    /// The peer that gave us the message.
    pub client_ip: Option<IpAddr>,
    /// What it called itself.
    pub client_hostname: &'a str,
    /// The server that took it (ours when receiving, theirs when sending).
    pub server_ip: Option<IpAddr>,
    /// Its name.
    pub server_hostname: &'a str,
    /// Detail of the source: the session, the mailbox database.
    pub source_context: &'a str,
    /// The receive or send connector.
    pub connector: &'a str,
    /// The message's number on this server.
    pub internal_id: u64,
    /// Its `Message-ID`, with angle brackets.
    pub message_id: &'a str,
    /// Its number that stays the same on every server and in every copy.
    pub network_id: Guid,
    /// The recipients the event is about.
    pub recipients: &'a [&'a str],
    /// One per recipient, or none.
    pub status: &'a [&'a str],
    /// Length of the message, bytes.
    pub total_bytes: u64,
    /// For REDIRECT, EXPAND and RESOLVE: the recipient it came from.
    pub related: &'a str,
    /// For DSN: the message it is about. For FAIL: the notification's own identity.
    pub reference: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The address in `From:`, or the reverse path where there is none.
    pub sender: &'a str,
    /// The reverse path.
    pub return_path: &'a str,
    /// For DELIVER and SEND: when the message came in; for the rest anything worth saying.
    pub info: &'a str,
    /// Which way.
    pub direction: Direction,
    /// The client that submitted it first.
    pub original_client_ip: Option<IpAddr>,
    /// `S:name=value` pairs.
    pub custom: &'a str,
}

impl Event<'_> {
    /// An event that says nothing but what and who; fill in the rest.
    pub fn new(time: Timestamp, source: Source, event: EventId) -> Self {
        Event {
            time,
            source,
            event,
            client_ip: None,
            client_hostname: "",
            server_ip: None,
            server_hostname: "",
            source_context: "",
            connector: "",
            internal_id: 0,
            message_id: "",
            network_id: Guid::EMPTY,
            recipients: &[],
            status: &[],
            total_bytes: 0,
            related: "",
            reference: "",
            subject: "",
            sender: "",
            return_path: "",
            info: "",
            direction: Direction::Incoming,
            original_client_ip: None,
            custom: "",
        }
    }

    /// Appends everything after the time, in the order of [`super::Column`], and the line end.
    pub(super) fn write_after_time(&self, out: &mut Vec<u8>) {
        let mut line = Line(out);
        line.ip(self.client_ip);
        line.text(self.client_hostname);
        line.ip(self.server_ip);
        line.text(self.server_hostname);
        line.text(self.source_context);
        line.text(self.connector);
        line.text(self.source.name());
        line.text(self.event.name());
        line.number(self.internal_id);
        line.text(self.message_id);
        line.display(self.network_id);
        line.list(self.recipients);
        line.list(self.status);
        line.number(self.total_bytes);
        line.number(self.recipients.len() as u64);
        line.text(self.related);
        line.text(self.reference);
        line.text(self.subject);
        line.text(self.sender);
        line.text(self.return_path);
        line.text(self.info);
        line.text(match self.direction {
            Direction::Incoming => "Incoming",
            Direction::Originating => "Originating",
        });
        line.text("");
        line.ip(self.original_client_ip);
        line.text("");
        line.text(self.custom);
        line.text("Email");
        line.text("");
        line.text(super::log::SCHEMA_VERSION);
        out.extend_from_slice(b"\r\n");
    }
}

struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn text(&mut self, value: &str) {
        self.0.push(b',');
        csv::push(self.0, value);
    }
    /// A value whose text needs no quotes.
    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a vector cannot fail.
        let _ = write!(self.0, ",{value}");
    }
    fn number(&mut self, value: u64) {
        self.display(value);
    }
    fn ip(&mut self, value: Option<IpAddr>) {
        match value {
            Some(ip) => self.display(ip),
            None => self.0.push(b','),
        }
    }
    fn list(&mut self, values: &[&str]) {
        match values {
            [one] => self.text(one),
            many => self.text(&many.join(";")),
        }
    }
}
