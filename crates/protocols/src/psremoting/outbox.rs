//! What waits for a client: messages, cut to fragments as the client fetches them. Whoever produces waits
//! while the client does not fetch: nothing grows.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use powershell::Flow;
use tokio::sync::Notify;
use wire::{
    psrp::Fragmenter,
    wsman::{FaultCode, room_for_data},
};

/// A producer waits while so much is not fetched, bytes.
const FULL: usize = 1 << 20;
/// The largest chunk of a reply, bytes.
const CHUNK_MAX: usize = 32 << 10;
/// How often a producer that waits looks whether it is to stop, should it not be told.
const LOOK: Duration = Duration::from_secs(1);

/// Messages that wait for a client.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Something was fetched, or the end has come.
    room: Condvar,
    /// Something is to be fetched, or the end has come.
    ready: Notify,
}

#[derive(Default)]
struct State {
    fragments: Fragmenter,
    /// The last message is in.
    ended: bool,
    /// The producer is to stop.
    stopping: bool,
    /// Nobody will fetch any more.
    closed: Option<FaultCode>,
    /// How often those who wait were sent away, and why the last time.
    interrupted: (u64, Option<FaultCode>),
}

/// What a client fetched.
pub(super) struct Batch {
    /// Fragments, each chunk for one stream element.
    pub(super) chunks: Vec<Vec<u8>>,
    /// Nothing will follow.
    pub(super) ended: bool,
}

impl Outbox {
    /// Adds a message as soon as there is room; blocks the thread until then.
    pub(super) fn push(&self, message: Vec<u8>) -> Flow {
        let mut state = self.state.lock();
        while state.fragments.bytes() >= FULL && !state.stopping && state.closed.is_none() {
            self.room.wait_for(&mut state, LOOK);
        }
        if state.stopping || state.closed.is_some() {
            return Flow::Stop;
        }
        state.fragments.push(message);
        drop(state);
        self.ready.notify_waiters();
        Flow::Continue
    }

    /// Adds a message without waiting: for those few that somebody asked for.
    pub(super) fn post(&self, message: Vec<u8>) {
        self.state.lock().fragments.push(message);
        self.ready.notify_waiters();
    }

    /// Adds the last message.
    pub(super) fn end(&self, message: Vec<u8>) {
        let mut state = self.state.lock();
        state.fragments.push(message);
        state.ended = true;
        drop(state);
        self.ready.notify_waiters();
    }

    /// The producer is to stop: it waits no more.
    pub(super) fn stop(&self) {
        self.state.lock().stopping = true;
        self.room.notify_all();
    }

    /// Nobody will fetch any more: what waits is dropped, who waits is told why.
    pub(super) fn close(&self, why: FaultCode) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(why);
        state.fragments.clear();
        drop(state);
        self.room.notify_all();
        self.ready.notify_waiters();
    }

    /// Sends those away who wait; what waits for them stays.
    pub(super) fn interrupt(&self, why: FaultCode) {
        let mut state = self.state.lock();
        state.interrupted = (state.interrupted.0 + 1, Some(why));
        drop(state);
        self.ready.notify_waiters();
    }

    /// Whether so much waits that nothing more should be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.state.lock().fragments.bytes() >= FULL
    }

    /// Whether the last message is in.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    ///
    /// # Errors
    /// `TimedOut`, or why there is nothing to wait for.
    pub(super) async fn fetch(&self, max: usize, patience: Duration) -> Result<Batch, FaultCode> {
        let epoch = self.state.lock().interrupted.0;
        let fetched = async {
            loop {
                let notified = self.ready.notified();
                tokio::pin!(notified);
                // From here on no wake-up is missed.
                notified.as_mut().enable();
                if let Some(outcome) = self.take(max, epoch) {
                    return outcome;
                }
                notified.await;
            }
        };
        tokio::time::timeout(patience, fetched).await.unwrap_or(Err(FaultCode::TimedOut))
    }

    fn take(&self, max: usize, epoch: u64) -> Option<Result<Batch, FaultCode>> {
        let mut state = self.state.lock();
        if let Some(why) = state.closed {
            return Some(Err(why));
        }
        if state.interrupted.0 != epoch {
            return state.interrupted.1.map(Err);
        }
        if state.fragments.is_empty() && !state.ended {
            return None;
        }
        let mut chunks: Vec<Vec<u8>> = Vec::new();
        loop {
            let room = room_for_data(max, chunks.iter().map(Vec::len)).min(CHUNK_MAX);
            let chunk = state.fragments.take(room);
            if chunk.is_empty() {
                break;
            }
            chunks.push(chunk);
        }
        let ended = state.ended && state.fragments.is_empty();
        drop(state);
        self.room.notify_all();
        Some(Ok(Batch { chunks, ended }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn who_waits_is_woken_and_the_end_comes_once() {
        let outbox = Arc::new(Outbox::default());
        let producer = outbox.clone();
        let fetching = tokio::spawn(async move {
            let mut seen = 0;
            loop {
                let batch = producer.fetch(20_000, PATIENCE).await.unwrap();
                seen += batch.chunks.iter().map(Vec::len).sum::<usize>();
                if batch.ended {
                    return seen;
                }
            }
        });
        let pushing = outbox.clone();
        tokio::task::spawn_blocking(move || {
            for _ in 0..100 {
                assert_eq!(pushing.push(vec![1; 50_000]), Flow::Continue);
            }
            pushing.end(vec![2; 50]);
        });
        assert!(fetching.await.unwrap() > 5_000_050);
    }

    #[tokio::test]
    async fn nothing_grows_while_nobody_fetches() {
        let outbox = Arc::new(Outbox::default());
        let pushing = outbox.clone();
        let pushed =
            tokio::task::spawn_blocking(move || (0..).find(|_| pushing.push(vec![0; 100_000]) == Flow::Stop));
        tokio::time::sleep(Duration::from_millis(50)).await;
        outbox.stop();
        assert_eq!(pushed.await.unwrap(), Some(FULL.div_ceil(100_000)));
    }

    #[tokio::test]
    async fn waits_end_in_time_or_with_a_reason() {
        let outbox = Outbox::default();
        assert_eq!(outbox.fetch(20_000, Duration::from_millis(5)).await.err(), Some(FaultCode::TimedOut));
        let (fetched, ()) = tokio::join!(outbox.fetch(20_000, PATIENCE), async {
            tokio::task::yield_now().await;
            outbox.interrupt(FaultCode::Disconnected);
        });
        assert_eq!(fetched.err(), Some(FaultCode::Disconnected));
        outbox.post(vec![0; 10]);
        assert_eq!(
            outbox.fetch(20_000, PATIENCE).await.unwrap().chunks.len(),
            1,
            "an interruption ends with it"
        );
        outbox.close(FaultCode::Aborted);
        assert_eq!(outbox.fetch(20_000, PATIENCE).await.err(), Some(FaultCode::Aborted));
    }
}
