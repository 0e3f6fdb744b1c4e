//! What copies of one database say to one another, as bytes: a small head, then records as they are.
//!
//! The head is a postcard value behind its length (4 bytes, little endian); records follow one another, their
//! lengths named in the head. No record is copied to be sent, none is trusted when received.

use bytes::{Buf, Bytes};
use engine::{EntryId, Record};
use openraft::{
    impls::{Vote, leader_id_std::LeaderId},
    vote::RaftLeaderId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::types::{LogId, ServerId, entry_id, log_id};

/// A vote on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ballot {
    term: u64,
    voted_for: ServerId,
    committed: bool,
}

/// An entry's place on the wire: term and index.
pub(crate) type Place = (u64, u64);

pub(crate) fn place(id: &LogId) -> Place {
    let EntryId { term, index } = entry_id(id);
    (term, index)
}

pub(crate) fn id((term, index): Place) -> LogId {
    log_id(EntryId { term, index })
}

impl From<&Vote<LeaderId<u64, ServerId>>> for Ballot {
    fn from(vote: &Vote<LeaderId<u64, ServerId>>) -> Self {
        let Vote { leader_id: LeaderId { term, voted_for }, committed } = *vote;
        Self { term, voted_for, committed }
    }
}

impl From<Ballot> for Vote<LeaderId<u64, ServerId>> {
    fn from(Ballot { term, voted_for, committed }: Ballot) -> Self {
        Self { leader_id: LeaderId::new(term, voted_for), committed }
    }
}

/// What is asked; [`Request::Append`] and [`Request::Return`] are followed by their records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    Vote {
        vote: Ballot,
        last: Option<Place>,
        transfer: bool,
        pre: bool,
    },
    Append {
        vote: Ballot,
        previous: Option<Place>,
        committed: Option<Place>,
        lengths: Vec<u32>,
    },
    /// To a witness: which entries there are, and what those hold that name the members.
    Heads {
        vote: Ballot,
        previous: Option<Place>,
        committed: Option<Place>,
        entries: Vec<(Place, Option<Vec<u8>>)>,
    },
    /// To a witness: all entries up to this one are committed; the members, and the entry that named them.
    Skip {
        vote: Ballot,
        last: Option<Place>,
        members: (Option<Place>, Vec<u8>),
    },
    Transfer {
        from: Ballot,
        to: ServerId,
        last: Option<Place>,
    },
    /// A turn at proposing is wanted.
    Borrow,
    /// It is given back, with what is to be committed.
    Return {
        ticket: u64,
        lengths: Vec<u32>,
    },
}

/// Why records of a turn took no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Setback {
    Passive,
    Conflict,
    Unknown,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Vote {
        vote: Ballot,
        granted: bool,
        last: Option<Place>,
    },
    Appended,
    AppendedUpTo(Option<Place>),
    Conflict,
    HigherVote(Ballot),
    Transfer(bool),
    Skipped(Ballot),
    /// A turn: its ticket, and the entry after which its records go.
    Lent(u64, Place),
    /// How many of the records took effect, and why the others did not.
    Settled(usize, Option<Setback>),
    /// The copy cannot answer; the text says why.
    Failed(String),
}

/// The bytes are not a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the message of another copy cannot be read: {0}")]
pub struct Malformed(&'static str);

/// A head and records as bytes to be sent one after the other.
pub(crate) fn encode(head: &impl Serialize, records: &[Record]) -> Vec<Bytes> {
    // Heads are plain data: they always encode.
    let head = postcard::to_stdvec(head).unwrap_or_default();
    let mut first = Vec::with_capacity(4 + head.len());
    first.extend_from_slice(&(head.len() as u32).to_le_bytes());
    first.extend_from_slice(&head);
    let mut parts = vec![Bytes::from(first)];
    parts.extend(records.iter().flat_map(Record::encode));
    parts
}

/// Splits a message into its head and what follows.
pub(crate) fn decode<T: DeserializeOwned>(mut bytes: Bytes) -> Result<(T, Bytes), Malformed> {
    let len = bytes.try_get_u32_le().map_err(|_| Malformed("it is cut off"))? as usize;
    if len > bytes.len() {
        return Err(Malformed("its head is cut off"));
    }
    let head = bytes.split_to(len);
    Ok((postcard::from_bytes(&head).map_err(|_| Malformed("its head is of no known form"))?, bytes))
}

/// Reads the records behind a head.
pub(crate) fn records(lengths: &[u32], mut bytes: Bytes) -> Result<Vec<Record>, Malformed> {
    let mut records = Vec::with_capacity(lengths.len());
    for &len in lengths {
        if len as usize > bytes.len() {
            return Err(Malformed("a record is cut off"));
        }
        let record = Record::decode(bytes.split_to(len as usize));
        records.push(record.ok_or(Malformed("a record was damaged on its way"))?);
    }
    if bytes.is_empty() { Ok(records) } else { Err(Malformed("it is too long")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_travel(notes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..5)) {
            let mut position = 0;
            let sent: Vec<Record> = (1..).zip(&notes).map(|(index, note)| {
                let record = Record::note(position, EntryId { term: 2, index }, note);
                position = record.end();
                record
            }).collect();
            let vote = Ballot { term: 2, voted_for: ServerId::default(), committed: true };
            let lengths = sent.iter().map(|record| record.len() as u32).collect();
            let head = Request::Append { vote, previous: Some((1, 7)), committed: None, lengths };
            let bytes = Bytes::from(encode(&head, &sent).concat());
            let (read, rest) = decode::<Request>(bytes.clone()).unwrap();
            prop_assert_eq!(&read, &head);
            let Request::Append { lengths, .. } = read else { unreachable!() };
            let received = records(&lengths, rest.clone()).unwrap();
            prop_assert_eq!(received.len(), sent.len());
            for (received, sent) in received.iter().zip(&sent) {
                prop_assert_eq!(received.encode().concat(), sent.encode().concat());
            }
            if !rest.is_empty() {
                prop_assert!(records(&lengths, rest.slice(1..)).is_err());
            }
            prop_assert!(decode::<Request>(bytes.slice(..3)).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((Request::Append { lengths, .. }, rest)) = decode::<Request>(bytes.clone().into()) {
                let _ = records(&lengths, rest);
            }
            let _ = decode::<Answer>(bytes.into());
        }
    }
}
