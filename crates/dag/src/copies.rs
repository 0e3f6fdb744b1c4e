//! A copy of a database among servers: its group talks over the links, and new copies are seeded over them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base::{Guid, disk::SharedDisk};
use bytes::{Bytes, BytesMut};
use engine::{EngineError, Piece, Planting};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    link::{
        Audience, CALL_MAX, Endpoint, LinkError, Links, Peer, Refusal, Registration, Sink, Source, Status,
        service,
    },
    replica::{Answered, Group, Member, Peers, ServerId},
};

/// The longest request of a copy: a record fills a log segment at most, and one is always sent whole, bytes.
const LONG_MAX: usize = (1 << 30) + (16 << 20);
/// Refusals of a seed.
const CANNOT_SEED: u16 = 1;

/// Carries a database's group over the links.
pub struct Carrier {
    links: Links,
    database: Guid,
}

impl Carrier {
    /// The carrier of one database.
    pub fn new(links: Links, database: Guid) -> Arc<Self> {
        Arc::new(Self { links, database })
    }
}

impl Carrier {
    async fn call_long(
        &self,
        to: ServerId,
        endpoint: Endpoint,
        request: Vec<Bytes>,
    ) -> Result<Bytes, LinkError> {
        let (mut sink, source) = self.links.open_stream(to, endpoint, Bytes::new()).await?;
        for part in request {
            sink.send(part).await?;
        }
        sink.finish().await?;
        gather(source, CALL_MAX).await
    }
}

/// All that a stream brings, up to a limit.
async fn gather(mut source: Source, limit: usize) -> Result<Bytes, LinkError> {
    let mut all = BytesMut::new();
    while let Some(bytes) = source.next().await? {
        all.extend_from_slice(&bytes);
        if all.len() > limit {
            return Err(LinkError::TooLong { what: "a message between copies", bytes: all.len(), limit });
        }
    }
    Ok(all.freeze())
}

impl Peers for Carrier {
    fn call(&self, to: ServerId, request: Vec<Bytes>, within: Duration) -> Answered<'_> {
        let endpoint = |service| Endpoint::in_group(service, self.database);
        Box::pin(async move {
            let answer = if request.iter().map(Bytes::len).sum::<usize>() <= CALL_MAX {
                self.links.call(to, endpoint(service::REPLICATION), request, within).await
            } else {
                let long = self.call_long(to, endpoint(service::REPLICATION_LONG), request);
                tokio::time::timeout(within, long).await.unwrap_or(Err(LinkError::Deadline))
            };
            answer.map_err(std::io::Error::other)
        })
    }
}

/// A member of a group that other servers reach, for as long as this lives.
#[must_use = "dropped, the member answers no more"]
pub struct Reachable {
    _registrations: Vec<Registration>,
    watch: Option<JoinHandle<()>>,
}

impl Drop for Reachable {
    fn drop(&mut self) {
        self.watch.iter().for_each(JoinHandle::abort);
    }
}

/// Has a copy answer the other copies, seed new ones, and take over when the active one's server is gone.
pub fn reachable(links: &Links, database: Guid, group: &Arc<Group>) -> Reachable {
    let seeding = group.clone();
    let seed = Endpoint::in_group(service::SEED, database);
    let seeds = links.register_stream(Audience::Servers, seed, move |peer: Peer, _, sink, source| {
        let group = seeding.clone();
        async move {
            if let Err(error) = give_seed(&group, sink, source).await {
                tracing::warn!(server = %peer.server, %error, "the seed of a copy was cut off");
            }
        }
    });
    let mut reachable = attend(links, database, group);
    reachable._registrations.push(seeds);
    reachable.watch = Some(tokio::spawn(watch(links.clone(), group.clone())));
    reachable
}

/// A server whose process ends closes its links at once: that says more than its silence.
async fn watch(links: Links, group: Arc<Group>) {
    let mut changes = links.changes();
    while changes.changed().await.is_ok() {
        let active = group.standing().active.filter(|active| *active != group.me());
        let down = |active: &ServerId| links.state(*active).is_none_or(|state| state.status != Status::Up);
        if let Some(gone) = active.filter(down) {
            group.succeed(gone).await;
        }
    }
}

/// Has a member of a group, a copy or a witness, answer the copies.
pub fn attend<M: Member>(links: &Links, database: Guid, member: &Arc<M>) -> Reachable {
    let (asked, asked_at_length) = (member.clone(), member.clone());
    let replication = Endpoint::in_group(service::REPLICATION, database);
    let requests = links.register_call(Audience::Servers, replication, move |_: Peer, request| {
        let member = asked.clone();
        async move { member.answer(request).await.map_err(|error| Refusal::new(0, error.to_string())) }
    });
    let long = Endpoint::in_group(service::REPLICATION_LONG, database);
    let one = Arc::new(Semaphore::new(1));
    let long_requests = links.register_stream(Audience::Servers, long, move |peer: Peer, _, sink, source| {
        let (member, one) = (asked_at_length.clone(), one.clone());
        async move {
            // They are held in memory whole: one at a time.
            let _turn = one.acquire().await;
            if let Err(error) = answer_long(&*member, sink, source).await {
                tracing::debug!(server = %peer.server, %error, "a long request of a copy was cut off");
            }
        }
    });
    Reachable { _registrations: vec![requests, long_requests], watch: None }
}

async fn answer_long(member: &impl Member, mut sink: Sink, source: Source) -> Result<(), LinkError> {
    let request = gather(source, LONG_MAX).await?;
    match member.answer(request).await {
        Ok(answer) => {
            for part in answer {
                sink.send(part).await?;
            }
            sink.finish().await
        }
        Err(error) => {
            sink.refuse(0, error.to_string());
            Ok(())
        }
    }
}

/// Gives a seed of a copy, until the other side says that it is whole.
pub async fn give_seed(group: &Arc<Group>, mut sink: Sink, mut source: Source) -> Result<(), LinkError> {
    let from = group.clone();
    let mut seed = match blocking(move || from.seed()).await {
        Ok(seed) => seed,
        Err(error) => {
            sink.refuse(CANNOT_SEED, error.to_string());
            return Ok(());
        }
    };
    loop {
        let (piece, rest) = match blocking(move || seed.next().map(|piece| (piece, seed))).await {
            Ok(next) => next,
            Err(error) => {
                sink.refuse(CANNOT_SEED, error.to_string());
                return Ok(());
            }
        };
        seed = rest;
        let Some(piece) = piece else { break };
        // A piece is one message: its length goes before it.
        let parts = piece.encode();
        let len: usize = parts.iter().map(Bytes::len).sum();
        sink.send(Bytes::copy_from_slice(&(len as u32).to_le_bytes())).await?;
        for part in parts {
            sink.send(part).await?;
        }
    }
    sink.finish().await?;
    // The log that the new copy goes on with is kept until it says that it is whole.
    source.next().await.map(drop)
}

/// What can go wrong when a copy is made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// This server's disk or the seed itself.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The seed ended before it was whole.
    #[error("the seed ended before the copy was whole")]
    CutOff,
}

/// Makes a copy in an empty folder from the copy of another server. `progress` is told of every piece: bytes
/// received so far.
pub async fn take_seed(
    links: &Links,
    from: ServerId,
    database: Guid,
    disk: SharedDisk,
    dir: PathBuf,
    progress: impl Fn(u64) + Send,
) -> Result<(), SeedError> {
    let endpoint = Endpoint::in_group(service::SEED, database);
    let (sink, source) = links.open_stream(from, endpoint, Bytes::new()).await?;
    plant(source, BytesMut::new(), disk, dir, progress).await?;
    Ok(sink.finish().await?)
}

/// Makes a copy in an empty folder from what [`give_seed`] says; `buffer` holds what of it was read already. The
/// other side is to be told that it is whole.
pub async fn plant(
    mut source: Source,
    mut buffer: BytesMut,
    disk: SharedDisk,
    dir: PathBuf,
    progress: impl Fn(u64) + Send,
) -> Result<(), SeedError> {
    let mut planting = blocking(move || Planting::begin(disk, dir)).await?;
    let mut received = 0;
    loop {
        while let Some(piece) = cut_piece(&mut buffer)? {
            let (whole, rest) = blocking(move || planting.take(piece).map(|whole| (whole, planting))).await?;
            planting = rest;
            progress(received);
            if whole {
                return Ok(());
            }
        }
        let bytes = source.next().await?.ok_or(SeedError::CutOff)?;
        received += bytes.len() as u64;
        buffer.extend_from_slice(&bytes);
    }
}
/// The longest piece that is taken, bytes.
const PIECE_MAX: usize = 64 << 20;

fn cut_piece(buffer: &mut BytesMut) -> Result<Option<Piece>, EngineError> {
    let Some(len) = buffer.first_chunk::<4>().map(|len| u32::from_le_bytes(*len) as usize) else {
        return Ok(None);
    };
    let broken = || EngineError::Corrupt("the other server sent what is no seed".into());
    if len > PIECE_MAX {
        return Err(broken());
    }
    if buffer.len() < 4 + len {
        return Ok(None);
    }
    let _ = buffer.split_to(4);
    Piece::decode(buffer.split_to(len).freeze()).map(Some).ok_or_else(broken)
}

/// Runs what reads or writes the disk away from the network's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(EngineError::Dismounted(error.to_string())))
}
