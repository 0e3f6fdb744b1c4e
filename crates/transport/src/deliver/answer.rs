//! What other servers hand over for mailboxes that this one has.

use std::{sync::atomic::Ordering, time::Duration};

use base::Guid;
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{
    Missed, ToMailboxes,
    letter::{Answer, BODY_MAX, Letter, MAILBOXES_MAX, Question},
};
use crate::{Transport, core::Core, inspect::Inspection};

/// Conversations at a time, with all servers.
const AT_A_TIME: usize = 1024;
/// Memory for the bodies of all of them, KiB.
const ROOM: u32 = 96 << 10;
/// How long a message may take to come, and to wait for room.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what still comes of a refused message is listened to, so that the refusal is heard.
const DRAIN: Duration = Duration::from_secs(10);

/// What other servers may take of this one.
pub(crate) struct Guests {
    conversations: Semaphore,
    /// KiB.
    room: Semaphore,
}

impl Default for Guests {
    fn default() -> Self {
        Self { conversations: Semaphore::new(AT_A_TIME), room: Semaphore::new(ROOM as usize) }
    }
}

/// What came of a body.
enum Body {
    Whole(Bytes),
    /// The link was lost, or the other server did not go on: there is nobody to answer.
    Broken,
}

impl Transport {
    /// Takes part in a conversation that another server has begun with `head`. What it asked to be delivered is
    /// durable when the answer is written.
    pub async fn answer(
        &self,
        peer: Guid,
        head: &[u8],
        mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    ) {
        let answer = match Question::decode(head) {
            Ok(Question::Deliver(letter)) => self.core.take_over(&letter, &mut stream).await,
            Ok(Question::Oldest) => match self.core.longest_wait() {
                Ok(wait) => Some(Answer::Oldest(wait)),
                Err(error) => Some(Answer::Missed(Missed::NotNow(error.to_string()))),
            },
            Err(error) => Some(Answer::Missed(Missed::NotNow(error.to_string()))),
        };
        let Some(bytes) = answer.and_then(|answer| answer.encode().ok()) else {
            tracing::debug!(%peer, "a message from another server broke off");
            return;
        };
        if stream.write_all(&bytes).await.is_ok() && stream.shutdown().await.is_ok() {
            let _ = timeout(DRAIN, tokio::io::copy(&mut stream.take(BODY_MAX), &mut sink())).await;
        }
    }
}

impl Core {
    /// Reads a message and delivers it; nothing where it did not come whole.
    async fn take_over(
        &self,
        letter: &Letter,
        stream: &mut (impl AsyncRead + Unpin + Send),
    ) -> Option<Answer> {
        let (_turn, _room) = match self.admit(letter).await {
            Ok(permits) => permits,
            Err(missed) => return Some(Answer::Missed(missed)),
        };
        let body = match timeout(PATIENCE, read(stream, letter.size)).await {
            Ok(Body::Whole(body)) => body,
            Ok(Body::Broken) | Err(_) => return None,
        };
        let parts = vec![body];
        let summary = Inspection::new(&parts).summary.encode();
        let view = self.view();
        let delivery = ToMailboxes {
            database: letter.database,
            network_id: letter.network_id,
            mailboxes: letter.mailboxes.clone(),
            parts,
            summary,
            received: letter.received,
            view: &view,
        };
        Some(match delivery.deliver_here(&self.stores).await {
            Ok(landed) => Answer::Landed(landed),
            Err(missed) => Answer::Missed(missed),
        })
    }

    /// Whether a message may come, before any of it is read: there is room for it until the permits are dropped.
    async fn admit(&self, letter: &Letter) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), Missed> {
        let not_now = |text: &str| Missed::NotNow(text.into());
        if self.stopping.load(Ordering::Relaxed) {
            return Err(not_now("the other server is stopping"));
        }
        if letter.size > BODY_MAX || letter.mailboxes.len() > MAILBOXES_MAX {
            return Err(Missed::Unfit("the message is too large to be delivered in one piece".into()));
        }
        if let Err(error) = self.stores.get(letter.database) {
            return Err(Missed::NotNow(error.to_string()));
        }
        let busy = || not_now("the other server is asked too much at a time");
        let turn = self.guests.conversations.try_acquire().map_err(|_| busy())?;
        // A body is at most `BODY_MAX`, which is less than `ROOM`.
        let size = u32::try_from(letter.size >> 10).unwrap_or(ROOM).saturating_add(1).min(ROOM);
        let room = timeout(PATIENCE, self.guests.room.acquire_many(size)).await;
        let room = room.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok((turn, room))
    }

    /// Microseconds that the oldest message of the queue has waited.
    fn longest_wait(&self) -> Result<Option<u64>, crate::TransportError> {
        let oldest = self.spool.oldest()?;
        let wait = |oldest: base::Timestamp| self.now().micros.saturating_sub(oldest.micros).max(0);
        Ok(oldest.map(|oldest| wait(oldest).unsigned_abs()))
    }
}

/// Reads a body of exactly this length, and its end.
async fn read(stream: &mut (impl AsyncRead + Unpin + Send), size: u64) -> Body {
    let mut body = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    match stream.take(size.saturating_add(1)).read_to_end(&mut body).await {
        Ok(read) if read as u64 == size => Body::Whole(body.into()),
        _ => Body::Broken,
    }
}
