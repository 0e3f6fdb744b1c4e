//! What members of a group answer one another.

use bytes::Bytes;
use openraft::{
    Raft,
    raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest},
    storage::RaftStateMachine,
};

use super::{
    Group, GroupError,
    group::raft,
    message::{Answer, Ballot, Place, Request, decode, encode, id, place, records},
    network::Member,
    types::{Entry, Types},
};

impl Member for Group {
    async fn answer(&self, request: Bytes) -> Result<Vec<Bytes>, GroupError> {
        let (request, rest) = decode::<Request>(request)?;
        let answer = match request {
            Request::Vote { vote, last, transfer, pre } => {
                answer_vote(&self.raft, vote, last, transfer, pre).await
            }
            Request::Append { vote, previous, committed, lengths } => {
                let entries = records(&lengths, rest)?.into_iter().map(Entry::stored).collect();
                answer_append(&self.raft, vote, (previous, committed), entries).await
            }
            Request::Heads { .. } | Request::Skip { .. } => {
                return Err(raft("this is a copy and no witness"));
            }
            Request::Transfer { from, to, last } => {
                let rpc = TransferLeaderRequest::new(from.into(), to, last.map(id));
                let handed = self.raft.handle_transfer_leader(rpc).await.map_err(raft)?;
                Answer::Transfer(handed.is_ok())
            }
            Request::Borrow => return Ok(encode(&self.lend().await, &[])),
            Request::Return { ticket, lengths } => {
                return Ok(encode(&self.take_back(ticket, &records(&lengths, rest)?).await, &[]));
            }
        };
        Ok(encode(&answer, &[]))
    }
}

/// Answers a request for a vote.
pub(super) async fn answer_vote<SM>(
    raft: &Raft<Types, SM>,
    vote: Ballot,
    last: Option<Place>,
    transfer: bool,
    pre: bool,
) -> Answer
where
    SM: RaftStateMachine<Types>,
{
    let mut rpc = VoteRequest::new(vote.into(), last.map(id));
    rpc.leadership_transfer = transfer;
    let voted = if pre { raft.pre_vote(rpc).await } else { raft.vote(rpc).await };
    match voted {
        Ok(voted) => Answer::Vote {
            vote: (&voted.vote).into(),
            granted: voted.vote_granted,
            last: voted.last_log_id.as_ref().map(place),
        },
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// Answers a request to take entries behind the previous one, and to know what is committed.
pub(super) async fn answer_append<SM>(
    raft: &Raft<Types, SM>,
    vote: Ballot,
    (previous, committed): (Option<Place>, Option<Place>),
    entries: Vec<Entry>,
) -> Answer
where
    SM: RaftStateMachine<Types>,
{
    let rpc = AppendEntriesRequest {
        vote: vote.into(),
        prev_log_id: previous.map(id),
        entries,
        leader_commit: committed.map(id),
    };
    match raft.append_entries(rpc).await {
        Ok(AppendEntriesResponse::Success) => Answer::Appended,
        Ok(AppendEntriesResponse::PartialSuccess(last)) => Answer::AppendedUpTo(last.as_ref().map(place)),
        Ok(AppendEntriesResponse::Conflict) => Answer::Conflict,
        Ok(AppendEntriesResponse::HigherVote(vote)) => Answer::HigherVote((&vote).into()),
        Err(error) => Answer::Failed(error.to_string()),
    }
}
