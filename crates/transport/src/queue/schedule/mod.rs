//! What may be tried when: the queues in memory, one for each next hop. No clock, no disk: the caller says
//! what time it is and does what it is told.

mod administration;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use base::{EnhancedTimeSpan, Timestamp};

use super::{Hop, QueueSettings};
use traffic::Traffic;

/// Messages one connection to another server carries before its turn ends.
pub(super) const BATCH: usize = 20;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Take the messages one hop further.
    Deliver,
    /// Look whether recipients have expired or their delay is to be reported.
    Review,
}

/// One piece of work. Until it is ended with [`Schedule::end`], its messages are nobody else's at this hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What to do.
    pub kind: JobKind,
    /// The number of the queue.
    pub queue: u32,
    /// Its hop.
    pub hop: Hop,
    /// The messages.
    pub ids: Vec<u64>,
}

/// What becomes of a message after a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has left this queue.
    Done,
    /// It may be tried again at once; `deadline` is when to look after it at the latest.
    Ready {
        /// When its first recipient expires or is to be reported.
        deadline: Timestamp,
    },
    /// It may be tried again at `due`.
    At {
        /// When.
        due: Timestamp,
        /// When its first recipient expires or is to be reported.
        deadline: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Waiting(Timestamp),
    Active,
    Suspended,
}

#[derive(Debug)]
struct Item {
    state: State,
    deadline: Timestamp,
    /// More recipients came while it was active: what was said of them.
    again: Option<Next>,
    /// Suspended while it was active.
    hold: bool,
    timer: Option<Timestamp>,
}

#[derive(Debug)]
struct Queue {
    hop: Hop,
    items: BTreeMap<u64, Item>,
    ready: BTreeSet<u64>,
    /// Jobs under way.
    active: usize,
    /// Not before this moment, after a failure to reach the hop.
    retry_at: Option<Timestamp>,
    failures: u32,
    last_error: String,
    last_retry: Option<Timestamp>,
    suspended: bool,
    /// It stands in line for its turn.
    in_line: bool,
    traffic: Traffic,
}

/// The queues of one server.
#[derive(Debug, Default)]
pub struct Schedule {
    settings: QueueSettings,
    numbers: HashMap<Hop, u32>,
    queues: BTreeMap<u32, Queue>,
    last_number: u32,
    /// Queues that may have something to do, in turn.
    line: VecDeque<u32>,
    reviews: VecDeque<(u32, u64)>,
    /// When a message (or, with number 0, a whole queue) wants attention.
    timers: BTreeSet<(Timestamp, u32, u64)>,
    /// Jobs under way to other servers.
    active_remote: usize,
    /// Messages that were under way when a process died, or whose step broke down: each is tried alone.
    suspects: BTreeSet<u64>,
    /// The one that is.
    on_trial: Option<u64>,
    /// When the traffic of all queues was noted last.
    noted: Timestamp,
}

impl Schedule {
    /// An empty schedule.
    pub fn new(settings: QueueSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The settings in force.
    pub fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// Takes new settings; what is planned already stays.
    pub fn set(&mut self, settings: QueueSettings) {
        self.settings = settings;
    }

    /// Messages in all queues; one that waits for several hops counts for each.
    pub fn len(&self) -> usize {
        self.queues.values().map(|queue| queue.items.len()).sum()
    }

    /// True where no message waits.
    pub fn is_empty(&self) -> bool {
        self.queues.values().all(|queue| queue.items.is_empty())
    }

    /// Puts a message into the queue of a hop. Where it is there already, it is tried once more.
    pub fn insert(&mut self, hop: &Hop, id: u64, next: Next) {
        let number = self.number(hop);
        let Some(queue) = self.queues.get_mut(&number) else { return };
        if let Some(item) = queue.items.get_mut(&id)
            && item.state == State::Active
        {
            item.again = Some(next);
            return;
        }
        queue.traffic.came(!queue.items.contains_key(&id));
        self.place(number, id, next);
    }

    /// Puts a message into the queue of a hop, held by an administrator.
    pub fn insert_suspended(&mut self, hop: &Hop, id: u64) {
        let number = self.number(hop);
        let item = self.queues.get_mut(&number).and_then(|queue| queue.items.get_mut(&id));
        match item.filter(|item| item.state == State::Active) {
            Some(item) => item.hold = true,
            None => self.place_suspended(number, id),
        }
    }

    /// The messages in all queues.
    pub fn ids(&self) -> BTreeSet<u64> {
        self.queues.values().flat_map(|queue| queue.items.keys().copied()).collect()
    }

    /// Takes messages out of all queues but where they are being worked on, which finds out by itself.
    pub fn forget(&mut self, ids: &BTreeSet<u64>) {
        let numbers: Vec<u32> = self.queues.keys().copied().collect();
        for number in numbers {
            let Some(queue) = self.queues.get(&number) else { continue };
            let idle = |id: &&u64| queue.items.get(*id).is_some_and(|item| item.state != State::Active);
            let gone: Vec<u64> = ids.iter().filter(idle).copied().collect();
            gone.iter().for_each(|id| self.unplace(number, *id));
            self.drop_if_empty(number);
        }
    }

    fn place_suspended(&mut self, number: u32, id: u64) {
        self.unplace(number, id);
        if let Some(queue) = self.queues.get_mut(&number) {
            let state = State::Suspended;
            let item = Item { state, deadline: Timestamp::default(), again: None, hold: false, timer: None };
            queue.items.insert(id, item);
        }
    }

    /// The next piece of work at this moment, if there is one.
    pub fn take(&mut self, now: Timestamp) -> Option<Job> {
        self.note_traffic(now);
        self.fire(now);
        while let Some((number, id)) = self.reviews.pop_front() {
            if let Some(job) = self.begin(number, vec![id], JobKind::Review) {
                return Some(job);
            }
        }
        for _ in 0..self.line.len() {
            let number = self.line.pop_front()?;
            let Some(queue) = self.queues.get_mut(&number) else { continue };
            queue.in_line = false;
            if queue.suspended || queue.ready.is_empty() || queue.retry_at.is_some_and(|at| at > now) {
                continue;
            }
            if queue.active >= self.settings.concurrency(&queue.hop, queue.failures) {
                continue;
            }
            if queue.hop.is_remote() && self.active_remote >= self.settings.max_outbound_connections {
                // It goes to the end of the line; somebody's end brings the next look.
                queue.in_line = true;
                self.line.push_back(number);
                continue;
            }
            if queue.retry_at.take().is_some() {
                queue.last_retry = Some(now);
            }
            let batch = if queue.hop.is_remote() { BATCH } else { 1 };
            let ids = pick(&queue.ready, batch, &self.suspects, self.on_trial.is_some());
            if let Some(job) = self.begin(number, ids, JobKind::Deliver) {
                return Some(job);
            }
        }
        None
    }

    /// Ends a job: what becomes of each of its messages.
    pub fn end(&mut self, job: &Job, outcomes: impl IntoIterator<Item = (u64, Next)>) {
        if job.hop.is_remote() {
            self.active_remote = self.active_remote.saturating_sub(1);
        }
        if let Some(queue) = self.queues.get_mut(&job.queue) {
            queue.active = queue.active.saturating_sub(1);
        }
        if self.on_trial.is_some_and(|id| job.kind == JobKind::Deliver && job.ids.contains(&id)) {
            self.on_trial = None;
            // Others may wait for theirs.
            let queues: Vec<u32> = self.queues.keys().copied().collect();
            queues.into_iter().for_each(|number| self.line_up(number));
        }
        let mut gone = 0;
        for (id, next) in outcomes {
            let Some(item) = self.queues.get_mut(&job.queue).and_then(|queue| queue.items.get_mut(&id))
            else {
                continue;
            };
            let (again, hold) = (item.again.take(), std::mem::take(&mut item.hold));
            match (next, again) {
                (Next::Done, None) => {
                    self.unplace(job.queue, id);
                    gone += 1;
                }
                _ if hold => self.place_suspended(job.queue, id),
                (_, Some(again)) => self.place(job.queue, id, again),
                (next, None) => self.place(job.queue, id, next),
            }
        }
        if let Some(queue) = self.queues.get_mut(&job.queue) {
            queue.traffic.went(gone);
        }
        self.line_up(job.queue);
        self.drop_if_empty(job.queue);
    }

    /// The hop answered.
    pub fn hop_answered(&mut self, number: u32) {
        if let Some(queue) = self.queues.get_mut(&number) {
            queue.failures = 0;
            queue.last_error.clear();
            self.line_up(number);
        }
    }

    /// The hop could not be reached: its queue rests. Says until when.
    pub fn hop_failed(&mut self, number: u32, now: Timestamp, error: &str) -> Option<Timestamp> {
        let queue = self.queues.get(&number)?;
        let pause = match queue.hop {
            Hop::Mailbox(_) => self.settings.mailbox_retry(queue.failures.saturating_add(1)),
            _ => self.settings.hop_retry(queue.failures.saturating_add(1)),
        };
        self.rest(number, now, pause, error)
    }

    /// This server could not do its part: the queue rests for a short time. Says until when.
    pub fn own_failure(&mut self, number: u32, now: Timestamp, error: &str) -> Option<Timestamp> {
        self.rest(number, now, self.settings.database_retry_interval, error)
    }

    fn rest(
        &mut self,
        number: u32,
        now: Timestamp,
        pause: EnhancedTimeSpan,
        error: &str,
    ) -> Option<Timestamp> {
        let queue = self.queues.get_mut(&number)?;
        error.clone_into(&mut queue.last_error);
        // Several jobs under way meet one failure: it counts once.
        if let Some(at) = queue.retry_at.filter(|at| *at > now) {
            return Some(at);
        }
        queue.failures = queue.failures.saturating_add(1);
        queue.last_retry = Some(now);
        let at = now.plus(pause);
        if let Some(old) = queue.retry_at.replace(at) {
            self.timers.remove(&(old, number, 0));
        }
        self.timers.insert((at, number, 0));
        Some(at)
    }

    /// A message that may have brought a process or a step down.
    pub fn suspect(&mut self, id: u64) {
        self.suspects.insert(id);
    }

    /// A message that has come through a step alone; says whether it was suspected.
    pub fn trust(&mut self, id: u64) -> bool {
        self.suspects.remove(&id)
    }

    /// Why the hop could not be reached last time; empty where it could.
    pub fn last_error(&self, number: u32) -> String {
        self.queues.get(&number).map_or_else(String::new, |queue| queue.last_error.clone())
    }

    /// When the next piece of work comes up, as far as time alone decides.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(time, ..)| *time)
    }

    /// Notes now and then how much has come and gone.
    fn note_traffic(&mut self, now: Timestamp) {
        if traffic::is_due(self.noted, now) {
            self.noted = now;
            self.queues.values_mut().for_each(|queue| queue.traffic.note(now));
        }
    }

    /// Lets what is due come up.
    fn fire(&mut self, now: Timestamp) {
        while let Some(&(time, number, id)) = self.timers.first() {
            if time > now {
                return;
            }
            self.timers.pop_first();
            let Some(queue) = self.queues.get_mut(&number) else { continue };
            if id == 0 {
                self.line_up(number);
                continue;
            }
            let Some(item) = queue.items.get_mut(&id) else { continue };
            item.timer = None;
            match item.state {
                State::Active | State::Suspended => {}
                State::Ready | State::Waiting(_) if item.deadline <= now => {
                    self.reviews.push_back((number, id));
                }
                State::Waiting(_) => {
                    let deadline = item.deadline;
                    self.place(number, id, Next::Ready { deadline });
                }
                State::Ready => {}
            }
        }
    }

    /// Marks messages as being worked on.
    fn begin(&mut self, number: u32, mut ids: Vec<u64>, kind: JobKind) -> Option<Job> {
        let queue = self.queues.get_mut(&number)?;
        ids.retain(|id| {
            let Some(item) = queue.items.get_mut(id) else { return false };
            if !matches!(item.state, State::Ready | State::Waiting(_)) {
                return false;
            }
            item.state = State::Active;
            if let Some(timer) = item.timer.take() {
                self.timers.remove(&(timer, number, *id));
            }
            queue.ready.remove(id);
            true
        });
        if ids.is_empty() {
            return None;
        }
        queue.active += 1;
        if queue.hop.is_remote() {
            self.active_remote += 1;
        }
        if kind == JobKind::Deliver {
            self.on_trial =
                self.on_trial.or_else(|| ids.iter().copied().find(|id| self.suspects.contains(id)));
        }
        let job = Job { kind, queue: number, hop: queue.hop.clone(), ids };
        self.line_up(number);
        Some(job)
    }

    /// Puts a message where `next` says, whatever it was before.
    fn place(&mut self, number: u32, id: u64, next: Next) {
        let (state, deadline, timer) = match next {
            Next::Done => return self.unplace(number, id),
            Next::Ready { deadline } => (State::Ready, deadline, deadline),
            Next::At { due, deadline } => (State::Waiting(due), deadline, due.min(deadline)),
        };
        self.unplace(number, id);
        let Some(queue) = self.queues.get_mut(&number) else { return };
        if state == State::Ready {
            queue.ready.insert(id);
        }
        self.timers.insert((timer, number, id));
        queue.items.insert(id, Item { state, deadline, again: None, hold: false, timer: Some(timer) });
        self.line_up(number);
    }

    fn unplace(&mut self, number: u32, id: u64) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        queue.ready.remove(&id);
        if let Some(timer) = queue.items.remove(&id).and_then(|item| item.timer) {
            self.timers.remove(&(timer, number, id));
        }
    }

    /// Gives a queue a place in the line, unless it has one or nothing to do.
    fn line_up(&mut self, number: u32) {
        if let Some(queue) = self.queues.get_mut(&number)
            && !queue.in_line
            && !queue.ready.is_empty()
            && !queue.suspended
        {
            queue.in_line = true;
            self.line.push_back(number);
        }
    }

    /// The number of a hop's queue, which is made when missing.
    fn number(&mut self, hop: &Hop) -> u32 {
        if let Some(&number) = self.numbers.get(hop) {
            return number;
        }
        self.last_number += 1;
        let queue = Queue {
            hop: hop.clone(),
            items: BTreeMap::new(),
            ready: BTreeSet::new(),
            active: 0,
            retry_at: None,
            failures: 0,
            last_error: String::new(),
            last_retry: None,
            suspended: false,
            in_line: false,
            traffic: Traffic::new(self.noted),
        };
        self.numbers.insert(hop.clone(), self.last_number);
        self.queues.insert(self.last_number, queue);
        self.last_number
    }

    /// A queue to a hop vanishes with its last message; one that an administrator holds stays.
    fn drop_if_empty(&mut self, number: u32) {
        let idle = |queue: &Queue| {
            queue.items.is_empty() && queue.active == 0 && !queue.suspended && queue.hop != Hop::Submission
        };
        if self.queues.get(&number).is_some_and(idle)
            && let Some(queue) = self.queues.remove(&number)
        {
            self.numbers.remove(&queue.hop);
            if let Some(at) = queue.retry_at {
                self.timers.remove(&(at, number, 0));
            }
        }
    }
}

/// The messages of the next job: as many as go together, but a suspect alone and one at a time.
fn pick(ready: &BTreeSet<u64>, batch: usize, suspects: &BTreeSet<u64>, on_trial: bool) -> Vec<u64> {
    match ready.first() {
        Some(first) if !on_trial && suspects.contains(first) => vec![*first],
        _ => ready.iter().copied().filter(|id| !suspects.contains(id)).take(batch).collect(),
    }
}

impl Hop {
    /// It leads to another server.
    pub fn is_remote(&self) -> bool {
        matches!(self, Hop::SmartHost(_) | Hop::Domain(..))
    }
}

impl QueueSettings {
    /// Jobs at once for a hop. One that failed last time is first tried with one connection.
    fn concurrency(&self, hop: &Hop, failures: u32) -> usize {
        match hop {
            Hop::Submission => self.max_concurrent_categorizations,
            Hop::Mailbox(_) => self.max_concurrent_mailbox_deliveries,
            Hop::Unreachable => 1,
            Hop::Poison => 0,
            Hop::SmartHost(_) | Hop::Domain(..) if failures > 0 => 1,
            Hop::SmartHost(_) | Hop::Domain(..) => self.max_per_domain_outbound_connections,
        }
    }
}

#[cfg(test)]
mod tests;
