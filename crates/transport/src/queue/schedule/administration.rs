//! The schedule as administrators see and change it: list, find, retry, suspend, resume, claim.

use base::Timestamp;

use super::{
    super::{
        Hop,
        status::{MessageStatus, QueueIdentity, QueueInfo, QueueStatus},
    },
    Item, Job, JobKind, Next, Queue, Schedule, State,
};

impl Schedule {
    /// Every queue, Submission first, then by number.
    pub fn list(&self, now: Timestamp) -> Vec<QueueInfo> {
        let info = |(number, queue): (&u32, &Queue)| queue.info(queue.identity(*number), now);
        let mut list: Vec<_> = self.queues.iter().map(info).collect();
        let submission = list.iter().position(|info| info.identity == QueueIdentity::Submission);
        match submission {
            Some(at) => list[..=at].rotate_right(1),
            None => list.insert(0, QueueInfo::empty_submission()),
        }
        list
    }

    /// The hop and number behind an identity.
    pub fn find(&self, identity: &QueueIdentity) -> Option<(u32, Hop)> {
        let mut queues = self.queues.iter().map(|(number, queue)| (*number, queue));
        let found = queues.find(|(number, queue)| queue.identity(*number) == *identity);
        found.map(|(number, queue)| (number, queue.hop.clone()))
    }

    /// The messages of a queue with how each stands and when it is tried next.
    pub fn messages(&self, number: u32) -> Vec<(u64, MessageStatus, Option<Timestamp>)> {
        let Some(queue) = self.queues.get(&number) else { return Vec::new() };
        let message = |(id, item): (&u64, &Item)| match item.state {
            State::Ready => (*id, MessageStatus::Ready, None),
            State::Active => (*id, MessageStatus::Active, None),
            State::Suspended => (*id, MessageStatus::Suspended, None),
            State::Waiting(due) => (*id, MessageStatus::Retry, Some(due)),
        };
        queue.items.iter().map(message).collect()
    }

    /// The queues a message is in.
    pub fn queues_of(&self, id: u64) -> Vec<u32> {
        let has = |(number, queue): (&u32, &Queue)| queue.items.contains_key(&id).then_some(*number);
        self.queues.iter().filter_map(has).collect()
    }

    /// `Retry-Queue`: everything that waits may be tried at once.
    pub fn retry(&mut self, number: u32) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        if let Some(at) = queue.retry_at.take() {
            self.timers.remove(&(at, number, 0));
        }
        let waits = |(id, item): (&u64, &Item)| {
            matches!(item.state, State::Waiting(_)).then_some((*id, item.deadline))
        };
        let waiting: Vec<_> = queue.items.iter().filter_map(waits).collect();
        for (id, deadline) in waiting {
            self.place(number, id, Next::Ready { deadline });
        }
        self.line_up(number);
    }

    /// Where a hop leads has changed: what waits for it is tried at once, as if it had never failed.
    pub fn hop_changed(&mut self, hop: &Hop) {
        let Some(&number) = self.numbers.get(hop) else { return };
        if let Some(queue) = self.queues.get_mut(&number) {
            queue.failures = 0;
        }
        self.retry(number);
    }

    /// `Suspend-Queue` and `Resume-Queue`: what is under way is finished, nothing new begins. The queue is
    /// there from then on, though it may be empty.
    pub fn suspend_queue(&mut self, hop: &Hop, suspended: bool) {
        let number = self.number(hop);
        if let Some(queue) = self.queues.get_mut(&number) {
            queue.suspended = suspended;
        }
        self.line_up(number);
        self.drop_if_empty(number);
    }

    /// `Suspend-Message`: in every queue it is in.
    pub fn suspend_message(&mut self, id: u64) {
        for number in self.queues_of(id) {
            let Some(hop) = self.queues.get(&number).map(|queue| queue.hop.clone()) else { continue };
            self.insert_suspended(&hop, id);
        }
    }

    /// `Resume-Message`, and the end of an administrator's or the poison queue's hold.
    pub fn resume_message(&mut self, number: u32, id: u64, deadline: Timestamp) {
        let Some(item) = self.queues.get_mut(&number).and_then(|queue| queue.items.get_mut(&id)) else {
            return;
        };
        match item.state {
            State::Suspended => self.place(number, id, Next::Ready { deadline }),
            _ => item.hold = false,
        }
    }

    /// Takes a message out of a queue for an administrator's own work on it; `None` while it is active.
    pub fn claim(&mut self, number: u32, id: u64) -> Option<Job> {
        let item = self.queues.get_mut(&number)?.items.get_mut(&id)?;
        if item.state == State::Suspended {
            item.state = State::Ready;
        }
        self.begin(number, vec![id], JobKind::Review)
    }
}

impl Queue {
    fn identity(&self, number: u32) -> QueueIdentity {
        match self.hop {
            Hop::Submission => QueueIdentity::Submission,
            Hop::Unreachable => QueueIdentity::Unreachable,
            Hop::Poison => QueueIdentity::Poison,
            _ => QueueIdentity::Number(number),
        }
    }

    fn info(&self, identity: QueueIdentity, now: Timestamp) -> QueueInfo {
        let (incoming_rate, outgoing_rate) = self.traffic.rates(now);
        let status = match self {
            Queue { suspended: true, .. } => QueueStatus::Suspended,
            Queue { active: 1.., .. } => QueueStatus::Active,
            Queue { retry_at: Some(_), .. } => QueueStatus::Retry,
            _ => QueueStatus::Ready,
        };
        let count = |is: fn(State) -> bool| self.items.values().filter(|item| is(item.state)).count();
        QueueInfo {
            identity,
            hop: self.hop.clone(),
            status,
            message_count: self.items.len(),
            suspended_count: count(|state| state == State::Suspended),
            deferred_count: count(|state| matches!(state, State::Waiting(_))),
            last_error: self.last_error.clone(),
            next_retry: self.retry_at,
            last_retry: self.last_retry,
            retry_count: self.failures,
            incoming_rate,
            outgoing_rate,
        }
    }
}

impl QueueInfo {
    fn empty_submission() -> Self {
        Self {
            identity: QueueIdentity::Submission,
            hop: Hop::Submission,
            status: QueueStatus::Ready,
            message_count: 0,
            suspended_count: 0,
            deferred_count: 0,
            last_error: String::new(),
            next_retry: None,
            last_retry: None,
            retry_count: 0,
            incoming_rate: 0.0,
            outgoing_rate: 0.0,
        }
    }
}
