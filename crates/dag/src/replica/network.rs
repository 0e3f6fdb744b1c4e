//! openraft's network over whatever carries bytes between servers.

use std::{collections::BTreeSet, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use engine::Record;
use openraft::{
    AnyError,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable},
    impls::EmptyNode,
    network::{RPCOption, RaftNetworkFactory, v2::RaftNetworkV2},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, VoteRequest,
        VoteResponse,
    },
};
use parking_lot::Mutex;

use super::{
    group::GroupError,
    message::{Answer, Request, decode, encode, id, place},
    pace::Pace,
    types::{Entry, Payload, ServerId, Types, encode_members},
};

/// How long records may take to a copy and onto its disk, and a microsecond more for each byte of them. openraft would
/// give them no longer than a heartbeat and send them again: over a slow line, for ever.
const CARRYING: Duration = Duration::from_secs(1);

/// A future answer of another server.
pub type Answered<'a> = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send + 'a>>;

/// Carries one group's requests to its other copies.
pub trait Peers: Send + Sync + 'static {
    /// Sends a request (parts to be joined) to a server and waits for the answer.
    fn call(&self, to: ServerId, request: Vec<Bytes>, within: Duration) -> Answered<'_>;
}

/// Answers a group's requests: a copy, or a witness.
pub trait Member: Send + Sync + 'static {
    /// Answers a request of another copy.
    ///
    /// # Errors
    /// The request cannot be read, or is none for this member.
    fn answer(&self, request: Bytes) -> impl Future<Output = Result<Vec<Bytes>, GroupError>> + Send;
}

/// Makes connections to the other copies; shared with the group, which wants to know who lags behind.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) stranded: Arc<Stranded>,
    pub(crate) witnesses: Arc<Mutex<BTreeSet<ServerId>>>,
    pub(crate) pace: Arc<Pace>,
}

/// Copies that need entries which are no longer in the log: they must be seeded anew.
#[derive(Default)]
pub(crate) struct Stranded(Mutex<Vec<ServerId>>);

impl Stranded {
    pub(crate) fn list(&self) -> Vec<ServerId> {
        self.0.lock().clone()
    }
    fn add(&self, server: ServerId) {
        let mut list = self.0.lock();
        if !list.contains(&server) {
            list.push(server);
        }
    }
    pub(crate) fn remove(&self, server: ServerId) {
        self.0.lock().retain(|stranded| *stranded != server);
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: ServerId, _: &EmptyNode) -> Peer {
        Peer { network: self.clone(), target }
    }
}

/// One other copy.
pub(crate) struct Peer {
    network: Network,
    target: ServerId,
}

fn unexpected() -> RPCError<Types> {
    RPCError::Network(NetworkError::new(&AnyError::error("the other copy answered something else")))
}

/// Asks another copy.
pub(crate) async fn ask(
    peers: &dyn Peers,
    to: ServerId,
    request: &Request,
    records: &[Record],
    within: Duration,
) -> io::Result<Answer> {
    let bytes = peers.call(to, encode(request, records), within).await?;
    match decode::<Answer>(bytes) {
        Ok((Answer::Failed(why), _)) => Err(io::Error::other(why)),
        Ok((answer, _)) => Ok(answer),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

impl Peer {
    async fn ask(
        &self,
        request: &Request,
        records: &[Record],
        option: &RPCOption,
    ) -> Result<Answer, RPCError<Types>> {
        let answer = ask(&*self.network.peers, self.target, request, records, option.hard_ttl()).await;
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => RPCError::Network(NetworkError::new(&error)),
            _ => RPCError::Unreachable(Unreachable::new(&error)),
        })
    }

    async fn elect(
        &self,
        rpc: VoteRequest<Types>,
        pre: bool,
        option: &RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let request = Request::Vote {
            vote: (&rpc.vote).into(),
            last: rpc.last_log_id.as_ref().map(place),
            transfer: rpc.leadership_transfer,
            pre,
        };
        match self.ask(&request, &[], option).await? {
            Answer::Vote { vote, granted, last } => {
                let vote: openraft::alias::VoteOf<Types> = vote.into();
                Ok(VoteResponse::new(vote, last.map(id), granted))
            }
            _ => Err(unexpected()),
        }
    }
}

impl Peer {
    fn is_witness(&self) -> bool {
        self.network.witnesses.lock().contains(&self.target)
    }

    /// A witness needs nothing of what the entries held that are gone.
    async fn skip(
        &self,
        vote: &openraft::alias::VoteOf<Types>,
        meta: &openraft::alias::SnapshotMetaOf<Types>,
        option: &RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let members = &meta.last_membership;
        let request = Request::Skip {
            vote: vote.into(),
            last: meta.last_log_id.as_ref().map(place),
            members: (members.log_id().as_ref().map(place), encode_members(members.membership()).to_vec()),
        };
        let failed = |why: String| StreamingError::Unreachable(Unreachable::new(&AnyError::error(why)));
        match self.ask(&request, &[], option).await {
            Ok(Answer::Skipped(vote)) => Ok(SnapshotResponse::new(vote.into())),
            Ok(_) => Err(failed("the witness answered something else".into())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = ();

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let (vote, term) = ((&rpc.vote).into(), rpc.vote.leader_id.term);
        let last = rpc.entries.last().map_or_else(|| rpc.prev_log_id.as_ref(), |entry| Some(&entry.id));
        let last = last.map_or(0, |last| last.index);
        let previous = rpc.prev_log_id.as_ref().map(place);
        let committed = rpc.leader_commit.as_ref().map(place);
        let is_empty = rpc.entries.is_empty();
        let (request, records) = if self.is_witness() {
            if !is_empty {
                self.network.pace.wait(term, last).await;
            }
            let entries = rpc.entries.iter().map(|entry| (place(&entry.id), entry.note())).collect();
            (Request::Heads { vote, previous, committed, entries }, Vec::new())
        } else {
            let records: Vec<Record> = rpc.entries.into_iter().filter_map(stored).collect();
            let lengths = records.iter().map(|record| record.len() as u32).collect();
            (Request::Append { vote, previous, committed, lengths }, records)
        };
        let within = match records.iter().map(Record::len).sum::<u64>() {
            0 if is_empty => option.hard_ttl(),
            bytes => CARRYING + Duration::from_micros(bytes),
        };
        let answer = self.ask(&request, &records, &RPCOption::new(within)).await;
        match &answer {
            Ok(Answer::Appended) if self.is_witness() => self.network.pace.witness_has(term, last),
            Ok(Answer::Appended) => self.network.pace.copy_has(term, self.target, last),
            Ok(_) => {}
            Err(_) if self.is_witness() => {}
            Err(_) => self.network.pace.copy_is_lost(term, self.target),
        }
        let answer = answer?;
        self.network.stranded.remove(self.target);
        match answer {
            Answer::Appended => Ok(AppendEntriesResponse::Success),
            Answer::AppendedUpTo(last) => Ok(AppendEntriesResponse::PartialSuccess(last.map(id))),
            Answer::Conflict => Ok(AppendEntriesResponse::Conflict),
            Answer::HigherVote(vote) => Ok(AppendEntriesResponse::HigherVote(vote.into())),
            _ => Err(unexpected()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.elect(rpc, false, &option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.elect(rpc, true, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: openraft::alias::VoteOf<Types>,
        snapshot: openraft::alias::SnapshotOf<Types, ()>,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        if self.is_witness() {
            return self.skip(&vote, &snapshot.meta, &option).await;
        }
        self.network.stranded.add(self.target);
        let why = AnyError::error("the copy needs log that is gone: it must be seeded anew");
        Err(StreamingError::Unreachable(Unreachable::new(&why)))
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<openraft::raft::TransferLeaderResponse<Types>, RPCError<Types>> {
        let (from, to) = (req.from_leader().into(), *req.to_node_id());
        let request = Request::Transfer { from, to, last: req.last_log_id().map(place) };
        match self.ask(&request, &[], &option).await? {
            Answer::Transfer(true) => Ok(Ok(())),
            Answer::Transfer(false) => {
                Err(RPCError::Unreachable(Unreachable::new(&AnyError::error("it is not up to date"))))
            }
            _ => Err(unexpected()),
        }
    }
}

fn stored(entry: Entry) -> Option<Record> {
    match entry.payload {
        Payload::Stored(record, _) => Some(record),
        // Only entries read from the log are sent.
        _ => None,
    }
}
