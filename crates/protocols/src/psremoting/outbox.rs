//! What waits for a client: messages, cut to fragments as the client fetches them. Whoever produces waits
//! while the client does not fetch: nothing grows.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use powershell::Flow;
use tokio::sync::Notify;
use wire::{
    psrp::Fragmenter,
    wsman::{FaultCode, room_for_data},
};

use super::share::Share;

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
    /// The request that waits, or waited last, and how often requests have begun to.
    waiting: (String, u64),
    /// What was handed out last, and to which request. Nobody says that it has arrived; the next request does.
    handed: Option<(String, Batch)>,
    /// What that takes of the memory for all.
    kept: Share,
}

/// One request to fetch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch<'a> {
    /// What it is called.
    pub(super) request: &'a str,
    /// It may have been sent before, over a connection that broke.
    pub(super) again: bool,
    /// The envelope's size, bytes.
    pub(super) max: usize,
    /// How long it waits.
    pub(super) patience: Duration,
}

/// What a client fetched.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    /// Fragments, each chunk for one stream element.
    pub(super) chunks: Vec<Bytes>,
    /// Nothing will follow.
    pub(super) ended: bool,
}

impl Outbox {
    /// An empty one; what it keeps of answers counts in `share`.
    pub(super) fn new(share: Share) -> Self {
        Outbox { state: Mutex::new(State { kept: share, ..State::default() }), ..Outbox::default() }
    }

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

    /// Hands out what waits, as soon as something does; to a request that was answered already, the same again.
    ///
    /// # Errors
    /// `TimedOut`, or why there is nothing to wait for.
    pub(super) async fn fetch(&self, asked: Fetch<'_>) -> Result<Batch, FaultCode> {
        let turn = self.turn(asked);
        let fetched = async {
            loop {
                let notified = self.ready.notified();
                tokio::pin!(notified);
                // From here on no wake-up is missed.
                notified.as_mut().enable();
                if let Some(outcome) = self.take(asked, turn) {
                    return outcome;
                }
                notified.await;
            }
        };
        tokio::time::timeout(asked.patience, fetched).await.unwrap_or(Err(FaultCode::TimedOut))
    }

    /// A request begins to wait; where the same one waits already, its connection is dead and it goes.
    fn turn(&self, asked: Fetch<'_>) -> Turn {
        let mut state = self.state.lock();
        let again = asked.again && state.waiting.0 == asked.request;
        state.waiting = (asked.request.to_owned(), state.waiting.1 + 1);
        let turn = Turn { epoch: state.interrupted.0, number: state.waiting.1 };
        drop(state);
        if again {
            self.ready.notify_waiters();
        }
        turn
    }

    /// What was handed out to a request, if it was the last one.
    pub(super) fn handed_to(&self, asked: Fetch<'_>) -> Option<Batch> {
        self.state.lock().handed_to(asked)
    }

    fn take(&self, asked: Fetch<'_>, turn: Turn) -> Option<Result<Batch, FaultCode>> {
        let Fetch { request, max, .. } = asked;
        let mut state = self.state.lock();
        if let Some(batch) = state.handed_to(asked) {
            return Some(Ok(batch));
        }
        if let Some(why) = state.closed {
            return Some(Err(why));
        }
        if state.interrupted.0 != turn.epoch {
            return state.interrupted.1.map(Err);
        }
        if asked.again && state.waiting.0 == request && state.waiting.1 != turn.number {
            return Some(Err(FaultCode::Aborted));
        }
        if state.fragments.is_empty() && !state.ended {
            return None;
        }
        let mut chunks: Vec<Bytes> = Vec::new();
        loop {
            let room = room_for_data(max, chunks.iter().map(Bytes::len)).min(CHUNK_MAX);
            let chunk = state.fragments.take(room);
            if chunk.is_empty() {
                break;
            }
            chunks.push(chunk.into());
        }
        let batch = Batch { chunks, ended: state.ended && state.fragments.is_empty() };
        state.kept.hold(batch.chunks.iter().map(Bytes::len).sum());
        state.handed = Some((request.to_owned(), batch.clone()));
        drop(state);
        self.room.notify_all();
        Some(Ok(batch))
    }
}

impl State {
    fn handed_to(&self, asked: Fetch<'_>) -> Option<Batch> {
        self.handed
            .as_ref()
            .filter(|(to, _)| asked.again && to == asked.request)
            .map(|(_, batch)| batch.clone())
    }
}

/// When a request began to wait.
#[derive(Clone, Copy)]
struct Turn {
    /// How often waiting requests had been sent away.
    epoch: u64,
    /// Which request it is.
    number: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn asked(request: &str) -> Fetch<'_> {
        Fetch { request, again: true, max: 20_000, patience: PATIENCE }
    }

    #[tokio::test]
    async fn who_asks_again_gets_the_same_again() {
        let outbox = Outbox::default();
        outbox.post(vec![1; 10]);
        let lost = outbox.fetch(asked("a")).await.unwrap();
        outbox.post(vec![2; 10]);
        assert_eq!(outbox.fetch(asked("a")).await, Ok(lost.clone()), "and nothing more");
        let next = outbox.fetch(asked("b")).await.unwrap();
        assert!(
            next != lost && outbox.handed_to(asked("a")).is_none(),
            "the next request says that it has arrived"
        );
        outbox.post(vec![4; 10]);
        let other = Fetch { again: false, ..asked("b") };
        assert!(outbox.fetch(other).await.unwrap() != next, "who says it is another is believed");
        outbox.end(vec![3; 10]);
        let last = outbox.fetch(asked("c")).await.unwrap();
        outbox.close(FaultCode::Aborted);
        assert_eq!(outbox.fetch(asked("c")).await, Ok(last), "the last, too");
        assert_eq!(outbox.fetch(asked("d")).await, Err(FaultCode::Aborted));
    }

    #[tokio::test]
    async fn what_is_kept_is_shared_with_the_answer_and_counted() {
        let total = Arc::default();
        let outbox = Outbox::new(Share::new(&total));
        outbox.post(vec![1; 50_000]);
        let first = outbox.fetch(asked("a")).await.unwrap();
        let again = outbox.fetch(asked("a")).await.unwrap();
        assert_eq!(first.chunks[0].as_ptr(), again.chunks[0].as_ptr(), "the same bytes, not a copy");
        let len = first.chunks.iter().map(Bytes::len).sum::<usize>();
        assert_eq!(total.load(Ordering::Relaxed), len);
        outbox.close(FaultCode::Aborted);
        assert!(outbox.fetch(asked("a")).await.is_ok() && outbox.fetch(asked("b")).await.is_err());
        drop(outbox);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_request_that_comes_again_takes_the_place_of_the_first() {
        let outbox = Outbox::default();
        let (first, again, ()) = tokio::join!(outbox.fetch(asked("a")), outbox.fetch(asked("a")), async {
            tokio::task::yield_now().await;
            outbox.post(vec![0; 10]);
        });
        assert_eq!(first, Err(FaultCode::Aborted), "nobody listens there");
        assert!(again.is_ok());
    }

    #[tokio::test]
    async fn who_waits_is_woken_and_the_end_comes_once() {
        let outbox = Arc::new(Outbox::default());
        let producer = outbox.clone();
        let fetching = tokio::spawn(async move {
            let mut seen = 0;
            for turn in 0.. {
                let batch = producer.fetch(asked(&turn.to_string())).await.unwrap();
                seen += batch.chunks.iter().map(Bytes::len).sum::<usize>();
                if batch.ended {
                    break;
                }
            }
            seen
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
        let brief = Fetch { patience: Duration::from_millis(5), ..asked("a") };
        assert_eq!(outbox.fetch(brief).await.err(), Some(FaultCode::TimedOut));
        let (fetched, ()) = tokio::join!(outbox.fetch(asked("b")), async {
            tokio::task::yield_now().await;
            outbox.interrupt(FaultCode::Disconnected);
        });
        assert_eq!(fetched.err(), Some(FaultCode::Disconnected));
        outbox.post(vec![0; 10]);
        assert_eq!(outbox.fetch(asked("c")).await.unwrap().chunks.len(), 1, "an interruption ends with it");
        outbox.close(FaultCode::Aborted);
        assert_eq!(outbox.fetch(asked("d")).await.err(), Some(FaultCode::Aborted));
    }
}
