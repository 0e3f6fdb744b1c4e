//! The two ends of a stream, as those who use one hold them.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use super::{connection::Core, error::LinkError, frame::ResetReason, mux::WINDOW};

/// What this side says in a stream. Dropped without [`Sink::finish`], it ends the stream in both directions and
/// the other side is told so.
pub struct Sink {
    core: Arc<Core>,
    stream: u32,
}

/// What the other side says in a stream. Dropped early, what still comes is let go; where this side has finished
/// too, the stream is given up: so read to the end where the other side's "I have it all" matters.
pub struct Source {
    core: Arc<Core>,
    stream: u32,
}

/// Both ends of a stream that has been opened.
pub(crate) fn ends(core: Arc<Core>, stream: u32) -> (Sink, Source) {
    (Sink { core: core.clone(), stream }, Source { core, stream })
}

impl Sink {
    /// Sends; waits while the other side has no room. Pieces keep their order but not their boundaries.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_room(cx)).await?;
        self.queue(bytes);
        Ok(())
    }

    /// Ready when the stream takes more.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.core.mux.lock().poll_room(self.stream, cx)
    }

    /// Says that this was all, and waits until it is on its way (not until it was read).
    pub async fn finish(mut self) -> Result<(), LinkError> {
        self.end();
        poll_fn(|cx| self.poll_sent(cx)).await
    }

    /// Says that this was all.
    pub(crate) fn end(&mut self) {
        self.core.with(|mux| mux.finish(self.stream));
    }

    /// Ready when all, the end included, is on its way.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.core.mux.lock().poll_sent(self.stream, cx)
    }

    /// Ends the stream in both directions with a reason for the other side.
    pub fn refuse(self, code: u16, text: impl Into<String>) {
        self.reset(ResetReason::Refused(code, text.into()));
    }

    pub(crate) fn reset(self, reason: ResetReason) {
        self.core.with(|mux| mux.reset(self.stream, cut(reason)));
    }

    /// Queues without waiting: what is queued is held already.
    pub(crate) fn queue(&mut self, bytes: Bytes) {
        self.core.with(|mux| mux.queue(self.stream, bytes));
    }

    /// Says all of it; sent without anybody waiting for it.
    pub(crate) fn say(mut self, pieces: Vec<Bytes>) {
        pieces.into_iter().for_each(|piece| self.queue(piece));
        self.end();
    }
}

/// Texts of peers' handlers are for people and short.
const TEXT_MAX: usize = 4096;

fn cut(reason: ResetReason) -> ResetReason {
    match reason {
        ResetReason::Refused(code, text) => ResetReason::Refused(code, text.chars().take(TEXT_MAX).collect()),
        other => other,
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.core.with(|mux| mux.abandon(self.stream));
    }
}

impl Source {
    /// The next piece; nothing after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Ready with the next piece; nothing after the last.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, LinkError>> {
        let (next, work) = {
            let mut mux = self.core.mux.lock();
            (mux.poll_next(self.stream, cx), mux.has_work())
        };
        // What was taken may have become credit.
        if work {
            self.core.work.notify_one();
        }
        next
    }

    /// All of it, in one piece, at most `limit` bytes. Only a few long ones at a time are gathered, by the permits
    /// of `long`: others wait in their windows.
    pub(crate) async fn collect(&mut self, limit: usize, long: &Semaphore) -> Result<Bytes, LinkError> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity(first.len() + second.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        let mut permit = None;
        loop {
            if all.len() > limit {
                return Err(LinkError::TooLong { what: "a request or an answer", bytes: all.len(), limit });
            }
            if all.len() >= WINDOW / 4 && permit.is_none() {
                permit = Some(long.acquire().await.map_err(|_| LinkError::Closed)?);
            }
            match self.next().await? {
                Some(piece) => all.extend_from_slice(&piece),
                None => return Ok(all.freeze()),
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.core.with(|mux| mux.leave(self.stream));
    }
}
