//! What servers say to each other about mail for mailboxes: a question as the head of a conversation, after a
//! letter its body and an end, and an answer and its end. Each begins with a version.

use base::{Guid, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Landed, Missed};

/// The first byte of a question and of an answer.
const VERSION: u8 = 1;
/// Mailboxes in one letter: as many as one commit delivers to, and as a head can hold.
pub(crate) const MAILBOXES_MAX: usize = 500;
/// The longest body: no log of a mailbox database takes a longer one.
pub(super) const BODY_MAX: u64 = crate::SEGMENT_BYTES;
/// The longest answer: each mailbox may say something.
pub(super) const ANSWER_MAX: u64 = 512 << 10;
/// The longest text of one mailbox, bytes.
const TEXT_MAX: usize = 500;

/// What a server asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// Deliver this; its body follows.
    Deliver(Letter),
    /// How long has the oldest message waited that you may yet ask to be delivered?
    Oldest,
}

/// A message for mailboxes of a database that the server asked is said to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) database: Guid,
    pub(super) network_id: Guid,
    pub(super) mailboxes: Vec<Guid>,
    pub(super) received: Timestamp,
    /// Length of the body, bytes.
    pub(super) size: u64,
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// What became of the message at each mailbox.
    Landed(Vec<Landed>),
    /// Nobody got it.
    Missed(Missed),
    /// Microseconds that the oldest message has waited; nothing where none waits.
    Oldest(Option<u64>),
}

/// Not something this server can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the other server speaks version {0} of mail delivery, which this one doesn't know")]
    Version(u8),
    #[error("what the other server said about mail delivery can't be read")]
    Malformed,
}

impl Question {
    pub(super) fn encode(&self) -> Result<Vec<u8>, Unreadable> {
        encode(self)
    }
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        decode(bytes)
    }
}

impl Answer {
    /// Texts are cut to what an answer may hold.
    pub(super) fn encode(mut self) -> Result<Vec<u8>, Unreadable> {
        match &mut self {
            Answer::Landed(landed) => landed.iter_mut().for_each(|landed| {
                if let Landed::Never(text) = landed {
                    cut(text);
                }
            }),
            Answer::Missed(Missed::NotNow(text) | Missed::Unknown(text) | Missed::Unfit(text)) => cut(text),
            _ => {}
        }
        encode(&self)
    }
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        decode(bytes)
    }
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_MAX));
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Unreadable> {
    postcard::to_extend(value, vec![VERSION]).map_err(|_| Unreadable::Malformed)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((&VERSION, value)) => match postcard::take_from_bytes(value) {
            Ok((value, [])) => Ok(value),
            _ => Err(Unreadable::Malformed),
        },
        Some((version, _)) => Err(Unreadable::Version(*version)),
        None => Err(Unreadable::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn landed() -> impl Strategy<Value = Landed> {
        prop_oneof![
            Just(Landed::Now),
            Just(Landed::Before),
            Just(Landed::Full),
            Just(Landed::Moving),
            Just(Landed::Nobody),
            ".{0,40}".prop_map(Landed::Never),
        ]
    }

    fn missed() -> impl Strategy<Value = Missed> {
        prop_oneof![
            "/[a-z]{0,9}".prop_map(|path| Missed::Full(path.into())),
            ".{0,40}".prop_map(Missed::NotNow),
            ".{0,40}".prop_map(Missed::Unknown),
            ".{0,40}".prop_map(Missed::Unfit),
        ]
    }

    fn answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            vec(landed(), 0..20).prop_map(Answer::Landed),
            missed().prop_map(Answer::Missed),
            option::of(any::<u64>()).prop_map(Answer::Oldest),
        ]
    }

    fn question() -> impl Strategy<Value = Question> {
        let guid = || any::<[u8; 16]>().prop_map(Guid);
        let letter = (guid(), guid(), vec(guid(), 0..20), any::<i64>(), any::<u64>());
        let letter = letter.prop_map(|(database, network_id, mailboxes, micros, size)| {
            let received = Timestamp { micros };
            Question::Deliver(Letter { database, network_id, mailboxes, received, size })
        });
        prop_oneof![letter, Just(Question::Oldest)]
    }

    proptest! {
        #[test]
        fn what_is_said_is_heard_whole_or_not_at_all(question in question(), answer in answer()) {
            let bytes = question.encode().unwrap();
            prop_assert_eq!(Question::decode(&bytes), Ok(question));
            let bytes = answer.clone().encode().unwrap();
            prop_assert_eq!(Answer::decode(&bytes), Ok(answer));
            // A lost link cuts an answer off: no part of one is an answer.
            for end in 0..bytes.len() {
                prop_assert!(Answer::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn anything_may_come(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Question::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }

    #[test]
    fn the_longest_of_both_fit() {
        let letter = Letter {
            database: Guid([255; 16]),
            network_id: Guid([255; 16]),
            mailboxes: vec![Guid([255; 16]); MAILBOXES_MAX],
            received: Timestamp { micros: i64::MIN },
            size: u64::MAX,
        };
        // The links take heads of 16 KiB.
        assert!(Question::Deliver(letter).encode().unwrap().len() <= 16 << 10);
        let landed = vec![Landed::Never("é".repeat(TEXT_MAX)); MAILBOXES_MAX];
        assert!(Answer::Landed(landed).encode().unwrap().len() as u64 <= ANSWER_MAX);
        assert_eq!(Answer::decode(&[9, 1]), Err(Unreadable::Version(9)));
    }
}
