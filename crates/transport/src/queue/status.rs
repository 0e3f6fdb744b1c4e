//! What an administrator sees of the queues: the shape of `Get-Queue` and `Get-Message`.

use std::{fmt, str::FromStr};

use base::Timestamp;

use super::Hop;

/// `SERVER\Submission`, `SERVER\Unreachable`, `SERVER\Poison`, `SERVER\n`; with `\id` behind it, a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueIdentity {
    /// To the categorizer.
    Submission,
    /// Messages no connector fits.
    Unreachable,
    /// Messages set aside.
    Poison,
    /// A queue to a next hop.
    Number(u32),
}

impl fmt::Display for QueueIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueIdentity::Submission => f.write_str("Submission"),
            QueueIdentity::Unreachable => f.write_str("Unreachable"),
            QueueIdentity::Poison => f.write_str("Poison"),
            QueueIdentity::Number(number) => number.fmt(f),
        }
    }
}

impl FromStr for QueueIdentity {
    type Err = ();
    /// Reads a queue's name, with or without the server before it.
    fn from_str(text: &str) -> Result<Self, ()> {
        let name = text.rsplit_once('\\').map_or(text, |(_, name)| name);
        let named = [QueueIdentity::Submission, QueueIdentity::Unreachable, QueueIdentity::Poison];
        match named.into_iter().find(|queue| queue.to_string().eq_ignore_ascii_case(name)) {
            Some(queue) => Ok(queue),
            None => name.parse().map(QueueIdentity::Number).map_err(|_| ()),
        }
    }
}

/// How a queue delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the product's")]
pub enum DeliveryType {
    Undefined,
    SmtpDeliveryToMailbox,
    SmartHostConnectorDelivery,
    DnsConnectorDelivery,
    Unreachable,
}

impl DeliveryType {
    /// Of a hop.
    pub fn of(hop: &Hop) -> Self {
        match hop {
            Hop::Submission | Hop::Poison => DeliveryType::Undefined,
            Hop::Mailbox(_) => DeliveryType::SmtpDeliveryToMailbox,
            Hop::SmartHost(_) => DeliveryType::SmartHostConnectorDelivery,
            Hop::Domain(..) => DeliveryType::DnsConnectorDelivery,
            Hop::Unreachable => DeliveryType::Unreachable,
        }
    }
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueStatus {
    /// Something is on its way.
    Active,
    /// It may deliver, and has nothing under way.
    Ready,
    /// The hop could not be reached; it is tried again later.
    Retry,
    /// An administrator holds it.
    Suspended,
}

/// How a message stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// It is being delivered.
    Active,
    /// It waits for its turn.
    Ready,
    /// It waits for another attempt.
    Retry,
    /// An administrator holds it.
    Suspended,
}

/// One queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueInfo {
    /// Its name on this server.
    pub identity: QueueIdentity,
    /// Where it leads.
    pub hop: Hop,
    /// How it stands.
    pub status: QueueStatus,
    /// Messages in it.
    pub message_count: usize,
    /// Of these, held by an administrator.
    pub suspended_count: usize,
    /// Of these, waiting for another attempt of their own.
    pub deferred_count: usize,
    /// Why the hop could not be reached last time.
    pub last_error: String,
    /// When it is tried again.
    pub next_retry: Option<Timestamp>,
    /// When it was tried last.
    pub last_retry: Option<Timestamp>,
    /// Failures in a row to reach the hop.
    pub retry_count: u32,
    /// Messages a second that came in lately.
    pub incoming_rate: f64,
    /// Messages a second that went out lately.
    pub outgoing_rate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_back() {
        for text in ["Submission", "Unreachable", "Poison", "17"] {
            assert_eq!(text.parse::<QueueIdentity>().unwrap().to_string(), text);
            assert_eq!(format!("EX01\\{text}").to_lowercase().parse::<QueueIdentity>(), text.parse());
        }
        assert!("EX01\\x".parse::<QueueIdentity>().is_err());
    }
}
