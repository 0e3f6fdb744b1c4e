//! The rows of the queue's database: messages, recipients and their keys.

use std::net::IpAddr;

use base::{Guid, SmtpAddress, SmtpDomain, Timestamp};
use engine::BodyRef;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wire::smtp::{MailFrom, RcptTo};

use crate::TransportError;

/// The first byte of every row; a row of another version is not read.
const VERSION: u8 = 1;

const MESSAGE: u8 = b'm';
const RECIPIENT: u8 = b'r';
const HELD: u8 = b'h';

/// Where a recipient's copy goes next. Recipients with the same hop wait in the same queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hop {
    /// To the categorizer.
    Submission,
    /// Into a mailbox database.
    Mailbox(Guid),
    /// To the smart hosts of a send connector.
    SmartHost(Guid),
    /// To the mail exchangers of a domain, by a send connector.
    Domain(Guid, SmtpDomain),
    /// Nowhere: no send connector fits.
    Unreachable,
    /// Set aside: processing it failed again and again.
    Poison,
}

/// Where the message came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The receive connector, or empty.
    pub connector: String,
    /// The peer.
    pub client: Option<IpAddr>,
    /// What it called itself.
    pub helo: String,
    /// The user who has logged on.
    pub user: Option<Guid>,
    /// Logged on, vouched for by the connector, or written by this server.
    pub trusted: bool,
    /// This server wrote it.
    pub system: bool,
    /// For a notification: the `Message-ID` it is about.
    pub about: String,
}

/// One message, without its recipients. Written once; only `failures` and `suspended` change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number that stays the same everywhere.
    pub network_id: Guid,
    /// The reverse path and its parameters.
    pub from: MailFrom,
    /// When it was accepted.
    pub received: Timestamp,
    /// Length, bytes.
    pub size: u64,
    /// `Message-ID`, with angle brackets.
    pub message_id: String,
    /// The subject, decoded; cut for long ones.
    pub subject: String,
    /// The address in `From:`.
    pub header_from: Option<SmtpAddress>,
    /// Mailboxes that have forwarded it before it came here (again).
    pub forwarded_by: Vec<SmtpAddress>,
    /// Written by a program (RFC 3834): nothing is reported of its delivery or delay.
    pub automatic: bool,
    /// Where it came from.
    pub origin: Origin,
    /// How often processing it broke down.
    pub failures: u8,
    /// An administrator holds it back.
    pub suspended: bool,
    /// Position, length and checksum of the body.
    pub(crate) body: [u8; BodyRef::ENCODED_LEN],
}

impl Message {
    /// A message of which nothing is known but its number and when it came.
    pub fn blank(network_id: Guid, received: Timestamp) -> Self {
        Self {
            network_id,
            received,
            from: MailFrom::default(),
            size: 0,
            message_id: String::new(),
            subject: String::new(),
            header_from: None,
            forwarded_by: Vec::new(),
            automatic: false,
            origin: Origin::default(),
            failures: 0,
            suspended: false,
            body: [0; BodyRef::ENCODED_LEN],
        }
    }

    /// The sender for people and logs: the reverse path, or `<>`.
    pub fn return_path(&self) -> &str {
        self.from.sender.as_ref().map_or("<>", SmtpAddress::as_str)
    }

    /// The sender as tracking shows it: `From:`, or else the reverse path.
    pub fn sender(&self) -> &str {
        self.header_from.as_ref().map_or_else(|| self.return_path(), SmtpAddress::as_str)
    }
}

/// To whom a recipient's copy is returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReturnPath {
    /// The message's own reverse path.
    #[default]
    Sender,
    /// Nobody.
    Null,
    /// Somebody else, as the manager of the group that brought the recipient in.
    Address(SmtpAddress),
}

/// One recipient on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The address now, and what the sender asked to be told.
    pub to: RcptTo,
    /// The address the sender gave, where it was another.
    pub original: Option<SmtpAddress>,
    /// The next hop.
    pub hop: Hop,
    /// The mailbox, where the hop is a database.
    pub mailbox: Guid,
    /// To whom failures go.
    pub return_path: ReturnPath,
    /// The mailboxes that forwarded this copy, in order.
    pub forwarded_by: Vec<SmtpAddress>,
    /// Attempts that failed for now.
    pub attempts: u32,
    /// Not to be tried before.
    pub next_try: Timestamp,
    /// What the last attempt said: `451 4.4.0 …`.
    pub last_error: String,
    /// The sender was told of the delay.
    pub delay_reported: bool,
}

impl Recipient {
    /// A recipient as accepted: the categorizer sees it next.
    pub fn new(to: RcptTo) -> Self {
        Self {
            to,
            original: None,
            hop: Hop::Submission,
            mailbox: Guid::EMPTY,
            return_path: ReturnPath::Sender,
            forwarded_by: Vec::new(),
            attempts: 0,
            next_try: Timestamp::default(),
            last_error: String::new(),
            delay_reported: false,
        }
    }
}

/// The key of a message row.
pub(super) fn message_key(id: u64) -> [u8; 9] {
    let mut key = [MESSAGE; 9];
    key[1..].copy_from_slice(&id.to_be_bytes());
    key
}

/// The key of a recipient row; without `index`, the prefix of all of the message's.
pub(super) fn recipient_key(id: u64, index: Option<u32>) -> Vec<u8> {
    let mut key = vec![RECIPIENT];
    key.extend(id.to_be_bytes());
    key.extend(index.into_iter().flat_map(u32::to_be_bytes));
    key
}

/// The key of the row that says an administrator holds the queue of a hop.
pub(super) fn held_key(hop: &Hop) -> Result<Vec<u8>, TransportError> {
    postcard::to_extend(hop, HELD_QUEUES.to_vec()).map_err(|error| TransportError::Row(error.to_string()))
}

/// The prefix of all rows of held queues.
pub(super) const HELD_QUEUES: &[u8] = &[HELD];

/// The prefix of all message rows.
pub(super) const MESSAGES: &[u8] = &[MESSAGE];

/// The message number in a message or recipient key.
pub(super) fn id_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..9)?.try_into().ok()?))
}

/// The index in a recipient key.
pub(super) fn index_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(9..13)?.try_into().ok()?))
}

/// A row's bytes.
pub(super) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, TransportError> {
    postcard::to_extend(row, vec![VERSION]).map_err(|error| TransportError::Row(error.to_string()))
}

/// The inverse of [`encode`].
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TransportError> {
    match bytes.split_first() {
        Some((&VERSION, row)) => {
            postcard::from_bytes(row).map_err(|error| TransportError::Row(error.to_string()))
        }
        Some((version, _)) => Err(TransportError::Row(format!("row version {version} is unknown"))),
        None => Err(TransportError::Row("an empty row".into())),
    }
}
