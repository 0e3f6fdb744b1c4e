//! openraft's network over whatever carries bytes between servers.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

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
    message::{Answer, Request, decode, encode, id, place},
    types::{Entry, Payload, ServerId, Types},
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

/// Makes connections to the other copies; shared with the group, which wants to know who lags behind.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) stranded: Arc<Stranded>,
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

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = ();

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let records: Vec<Record> = rpc.entries.into_iter().filter_map(stored).collect();
        let request = Request::Append {
            vote: (&rpc.vote).into(),
            previous: rpc.prev_log_id.as_ref().map(place),
            committed: rpc.leader_commit.as_ref().map(place),
            lengths: records.iter().map(|record| record.len() as u32).collect(),
        };
        let within = match records.iter().map(Record::len).sum::<u64>() {
            0 => option.hard_ttl(),
            bytes => CARRYING + Duration::from_micros(bytes),
        };
        let answer = self.ask(&request, &records, &RPCOption::new(within)).await?;
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
        _: openraft::alias::VoteOf<Types>,
        _: openraft::alias::SnapshotOf<Types, ()>,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
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
