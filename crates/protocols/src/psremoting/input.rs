//! What a client feeds a pipeline with: objects that wait until the pipeline takes them, and answers to what
//! the pipeline asked.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use wire::psrp::HostResponse;

use super::share::Share;

/// Most bytes of objects that wait: clients may send all input before they fetch any output.
const BYTES_MAX: usize = 32 << 20;
/// How long a person may think about a question.
const ANSWER_PATIENCE: Duration = Duration::from_mins(10);

/// What a pipeline is fed with.
#[derive(Default)]
pub(super) struct Input {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    /// Messages, not read yet.
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The same, of what all pipelines may have waiting.
    share: Share,
    ended: bool,
    stopped: bool,
    calls: i64,
    answers: HashMap<i64, HostResponse>,
}

impl State {
    /// Holds no more than what waits.
    fn shrink(&mut self) {
        let bytes = self.bytes;
        // Less always fits.
        let _ = self.share.set(bytes);
    }
}

impl Input {
    /// Nothing yet; what waits counts in `share`.
    pub(super) fn new(share: Share) -> Self {
        Input { state: Mutex::new(State { share, ..State::default() }), more: Condvar::new() }
    }

    /// Adds an object's message; false where too much waits already.
    pub(super) fn push(&self, message: Vec<u8>) -> bool {
        let mut state = self.state.lock();
        if state.ended || state.stopped {
            return true;
        }
        let bytes = state.bytes + message.len();
        if bytes > BYTES_MAX || !state.share.set(bytes) {
            return false;
        }
        state.bytes = bytes;
        state.waiting.push_back(message);
        drop(state);
        self.more.notify_all();
        true
    }

    /// There is no more.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.more.notify_all();
    }

    /// The pipeline stops: nobody waits any longer.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.waiting.clear();
        state.bytes = 0;
        state.shrink();
        drop(state);
        self.more.notify_all();
    }

    /// The next object's message; blocks until there is one, or will be none.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        loop {
            if let Some(message) = state.waiting.pop_front() {
                state.bytes -= message.len();
                state.shrink();
                return Some(message);
            }
            if state.ended || state.stopped {
                return None;
            }
            self.more.wait(&mut state);
        }
    }

    /// A number for a call to the client's host.
    pub(super) fn call(&self) -> i64 {
        let mut state = self.state.lock();
        state.calls += 1;
        state.calls
    }

    /// An answer has come; one that nobody waits for is dropped.
    pub(super) fn answer(&self, answer: HostResponse) {
        let mut state = self.state.lock();
        if (1..=state.calls).contains(&answer.ci) && state.answers.len() < 16 {
            state.answers.insert(answer.ci, answer);
        }
        drop(state);
        self.more.notify_all();
    }

    /// Waits for the answer to a call; nothing where none comes.
    pub(super) fn await_answer(&self, ci: i64) -> Option<HostResponse> {
        let mut state = self.state.lock();
        loop {
            if let Some(answer) = state.answers.remove(&ci) {
                return Some(answer);
            }
            if state.stopped || self.more.wait_for(&mut state, ANSWER_PATIENCE).timed_out() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wire::{clixml::Node, psrp::HostMethod};

    use super::*;

    #[test]
    fn objects_come_in_order_and_are_bounded() {
        let input = Arc::new(Input::default());
        let feeding = input.clone();
        let fed = std::thread::spawn(move || {
            (0..100_u8).for_each(|n| assert!(feeding.push(vec![n])));
            feeding.end();
        });
        let all: Vec<u8> = std::iter::from_fn(|| input.next()).flatten().collect();
        fed.join().unwrap();
        assert_eq!(all, (0..100).collect::<Vec<u8>>());
        let full = Input::default();
        assert!(full.push(vec![0; BYTES_MAX]) && !full.push(vec![0]));
        full.stop();
        assert_eq!(full.next(), None);
    }

    #[test]
    fn only_answers_to_questions_are_kept() {
        let input = Input::default();
        let ci = input.call();
        let answer = |ci| HostResponse {
            ci,
            method: HostMethod::PROMPT_FOR_CHOICE,
            result: Node::Int(1),
            error: None,
        };
        (0..1000).for_each(|n| input.answer(answer(ci + n)));
        assert_eq!(input.await_answer(ci), Some(answer(ci)));
        input.stop();
        assert_eq!(input.await_answer(ci), None);
    }
}
