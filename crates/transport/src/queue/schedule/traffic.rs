//! How fast a queue fills and drains, as administrators see it.

use std::{collections::VecDeque, time::Duration};

use base::Timestamp;

/// Between two notes.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Notes kept: rates are those of the last minute.
const NOTES: usize = 12;

/// Whether it is time for the next note. The clock may have been set back.
pub(super) fn is_due(noted: Timestamp, now: Timestamp) -> bool {
    now < noted || now.since(noted) >= NOTE_EVERY
}

/// Totals at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Note {
    at: Timestamp,
    came: u64,
    went: u64,
}

/// What came into a queue and went out of it.
#[derive(Debug)]
pub(super) struct Traffic {
    came: u64,
    went: u64,
    /// Oldest first; never empty.
    notes: VecDeque<Note>,
}

impl Traffic {
    /// Of a queue that begins; `at` is when traffic was noted last.
    pub(super) fn new(at: Timestamp) -> Self {
        Self { came: 0, went: 0, notes: VecDeque::from([Note { at, ..Note::default() }]) }
    }

    /// A message came in.
    pub(super) fn came(&mut self, is_new: bool) {
        self.came += u64::from(is_new);
    }

    /// Messages went out.
    pub(super) fn went(&mut self, count: u64) {
        self.went += count;
    }

    /// Notes the totals.
    pub(super) fn note(&mut self, at: Timestamp) {
        // A queue that was there before anybody said what time it is begins now.
        if let Some(first) = self.notes.front_mut().filter(|first| first.at == Timestamp::default()) {
            first.at = at;
        }
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(Note { at, came: self.came, went: self.went });
    }

    /// Messages a second that came in and went out within the last minute.
    pub(super) fn rates(&self, now: Timestamp) -> (f64, f64) {
        let since = self.notes.front().copied().unwrap_or_default();
        let began = if since.at == Timestamp::default() { now } else { since.at };
        let seconds = now.since(began).max(NOTE_EVERY).as_secs_f64();
        let rate = |count: u64| (count as f64 / seconds * 100.0).round() / 100.0;
        (rate(self.came - since.came), rate(self.went - since.went))
    }
}

#[cfg(test)]
mod tests {
    use base::EnhancedTimeSpan;

    use super::*;

    #[test]
    fn rates_are_those_of_the_last_minute() {
        let at = |secs| Timestamp::from_secs(1_000).plus(EnhancedTimeSpan::from_secs(secs));
        let mut traffic = Traffic::new(at(0));
        assert_eq!(traffic.rates(at(0)), (0.0, 0.0));
        for second in 1..=300 {
            traffic.came(true);
            traffic.came(false);
            traffic.went(2 * u64::from(second > 200));
            if second % 5 == 0 {
                traffic.note(at(second));
            }
        }
        assert_eq!(traffic.rates(at(300)), (1.0, 2.0));
        assert!(is_due(at(0), at(5)) && !is_due(at(0), at(4)) && is_due(at(9), at(8)));
        for minute in 301..=360 {
            if minute % 5 == 0 {
                traffic.note(at(minute));
            }
        }
        assert_eq!(traffic.rates(at(360)), (0.0, 0.0));
    }
}
