//! What openraft is told about a replicated database: servers, entries, answers.

use std::{collections::BTreeSet, fmt};

use base::Guid;
use bytes::Bytes;
use engine::{EntryId, Record};
use openraft::{
    Membership, RaftTypeConfig,
    entry::{RaftEntry, RaftPayload},
    impls::{BoxedErrorSource, EmptyNode, InlineBatch, ProgressResponder, Vote, leader_id_std::LeaderId},
    vote::RaftLeaderId,
};

use super::runtime::Runtime;

/// A server, by the GUID of its object in the directory.
pub type ServerId = Guid;
/// An entry's place as openraft names it.
pub(crate) type LogId = openraft::LogId<<LeaderId<u64, ServerId> as RaftLeaderId>::Committed>;
/// Who belongs to a group.
pub(crate) type Members = Membership<ServerId, EmptyNode>;

/// The types of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

impl RaftTypeConfig for Types {
    type D = Proposal;
    type R = Outcome;
    type NodeId = ServerId;
    type Node = EmptyNode;
    type Term = u64;
    type LeaderId = LeaderId<u64, ServerId>;
    type Vote = Vote<Self::LeaderId>;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = ProgressResponder<Self, T>
    where
        T: Send + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = BoxedErrorSource;
}

/// Names an entry as openraft does.
pub(crate) fn log_id(entry: EntryId) -> LogId {
    LogId::new(LeaderId::<u64, ServerId>::new(entry.term, ServerId::default()).to_committed(), entry.index)
}

/// Names an entry as the engine does.
pub(crate) fn entry_id(id: &LogId) -> EntryId {
    EntryId { term: id.leader_id.term, index: id.index }
}

/// A record that a transaction made, and the term in which its maker believed to be active.
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    /// The term.
    pub term: u64,
    /// Proposals of one turn build on one another: none takes effect behind one that did not.
    pub turn: u64,
    /// The record, made for the position it names.
    pub record: Record,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {}", self.record.len(), self.record.position())
    }
}

/// What became of a proposal that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It took effect.
    Applied,
    /// It found the log elsewhere than it was made for, and nothing of it took effect.
    Conflict,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What an entry holds, before and after it has its place in the log.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Nothing: a new active copy begins with it.
    Blank,
    /// A transaction's record.
    Proposal(Proposal),
    /// The group's members.
    Members(Members),
    /// The record as the log has it, and the members if it holds them.
    Stored(Record, Option<Members>),
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("blank"),
            Self::Proposal(proposal) => proposal.fmt(f),
            Self::Members(members) | Self::Stored(_, Some(members)) => members.fmt(f),
            Self::Stored(record, None) => write!(f, "{} bytes at {}", record.len(), record.position()),
        }
    }
}

impl RaftPayload for Payload {
    type D = Proposal;
    type NodeId = ServerId;
    type Node = EmptyNode;

    fn blank() -> Self {
        Self::Blank
    }
    fn with_normal(self, data: Proposal) -> Self {
        Self::Proposal(data)
    }
    fn with_membership(self, membership: Members) -> Self {
        Self::Members(membership)
    }
    fn get_membership(&self) -> Option<Members> {
        match self {
            Self::Members(members) | Self::Stored(_, Some(members)) => Some(members.clone()),
            _ => None,
        }
    }
}

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its place.
    pub id: LogId,
    /// What it holds.
    pub payload: Payload,
}

impl Entry {
    /// The entry a stored record is.
    pub(crate) fn stored(record: Record) -> Self {
        let members = record.as_note().and_then(|note| decode_members(&note));
        Self { id: log_id(record.entry()), payload: Payload::Stored(record, members) }
    }

    /// The record this entry becomes in a log that ends at `end`. A proposal that was made for another place
    /// or another term becomes a blank, and so do those behind it in its turn, which is kept in `void`; only
    /// the active copy meets such.
    pub(crate) fn into_record(self, end: u64, void: &mut Option<(u64, u64)>) -> Record {
        let entry = entry_id(&self.id);
        match self.payload {
            Payload::Stored(record, _) => record,
            Payload::Members(members) => Record::note(end, entry, &encode_members(&members)),
            Payload::Proposal(Proposal { term, turn, record }) => {
                if term == entry.term && record.position() == end && *void != Some((term, turn)) {
                    return record.with_entry(entry);
                }
                *void = Some((term, turn));
                Record::blank(end, entry)
            }
            Payload::Blank => Record::blank(end, entry),
        }
    }
}

impl Entry {
    /// An entry of which only its place is known, and the members it names.
    pub(crate) fn head(id: LogId, note: Option<&[u8]>) -> Self {
        let payload = note.and_then(decode_members).map_or(Payload::Blank, Payload::Members);
        Self { id, payload }
    }

    /// The members it names, as [`encode_members`] writes them.
    pub(crate) fn note(&self) -> Option<Vec<u8>> {
        self.payload.get_membership().map(|members| encode_members(&members).to_vec())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.payload)
    }
}

impl RaftEntry for Entry {
    type CommittedLeaderId = <LeaderId<u64, ServerId> as RaftLeaderId>::Committed;
    type Payload = Payload;

    fn new(id: LogId, payload: Payload) -> Self {
        Self { id, payload }
    }
    fn log_id_parts(&self) -> (&Self::CommittedLeaderId, u64) {
        (&self.id.leader_id, self.id.index)
    }
    fn set_log_id(&mut self, new: LogId) {
        self.id = new;
    }
    fn get_membership(&self) -> Option<Members> {
        self.payload.get_membership()
    }
}

/// Members in a note: the voters of each configuration, and all servers.
pub(crate) fn encode_members(members: &Members) -> Bytes {
    let nodes: BTreeSet<ServerId> = members.nodes().map(|(id, _)| *id).collect();
    // Sets of GUIDs always encode.
    postcard::to_stdvec(&(members.get_joint_config(), nodes)).unwrap_or_default().into()
}

/// Reads [`encode_members`].
pub(crate) fn decode_members(bytes: &[u8]) -> Option<Members> {
    let (configs, nodes): (Vec<BTreeSet<ServerId>>, BTreeSet<ServerId>) = postcard::from_bytes(bytes).ok()?;
    Some(members(configs, nodes))
}

/// Members of these voters, and learners beside them.
pub(crate) fn members(voters: Vec<BTreeSet<ServerId>>, all: BTreeSet<ServerId>) -> Members {
    Membership::new_with_defaults(voters, all)
}
