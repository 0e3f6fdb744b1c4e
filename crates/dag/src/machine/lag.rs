//! Lagged copies: what one may replay at a time, and when it must catch up ("play down").

use std::{collections::VecDeque, time::Duration};

use base::Timestamp;

use super::generation::Position;

/// The longest that either lag may be.
pub const LAG_MAX: Duration = Duration::from_secs(14 * 86_400);
/// How closely [`Marks`] keep time.
const GRAIN: Duration = Duration::from_secs(60);
/// A disk that takes longer to read is busy, and a play-down may wait (`ReplayLagMaxDelay`).
pub const BUSY_DISK: Duration = Duration::from_millis(25);

/// When records came, to the minute, so that a lag can be turned into a position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Sorted by both; (time, everything below was here by then).
    marks: VecDeque<(Timestamp, Position)>,
}

impl Marks {
    /// Notes that everything below `end` is here at `now`. A clock that has gone back counts as standing still.
    pub fn note(&mut self, now: Timestamp, end: Position) {
        let (time, position) = self.marks.back().copied().unwrap_or((now, 0));
        if end <= position {
            return;
        }
        let now = now.max(time);
        // Within a minute the newest mark moves on: records then count as younger than they are, never older.
        let before = self.marks.len().checked_sub(2).and_then(|at| self.marks.get(at));
        if before.is_some_and(|before| now.since(before.0) < GRAIN) {
            self.marks.pop_back();
        }
        self.marks.push_back((now, end));
    }

    /// Up to where everything was here at `time`.
    pub fn by(&self, time: Timestamp) -> Position {
        let later = self.marks.partition_point(|mark| mark.0 <= time);
        later.checked_sub(1).and_then(|at| self.marks.get(at)).map_or(0, |mark| mark.1)
    }

    /// Everything below this is older than `age`.
    pub fn older_than(&self, age: Duration, now: Timestamp) -> Position {
        let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        self.by(Timestamp { micros: now.micros.saturating_sub(micros) })
    }

    /// Forgets what lies below a position that has been cut.
    pub fn forget(&mut self, below: Position) {
        // One mark at or below it stays: it says how old that is.
        while self.marks.get(1).is_some_and(|mark| mark.1 <= below) {
            self.marks.pop_front();
        }
    }
}

/// Why a lagged copy replays all it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PlayDown {
    /// An administrator disabled the lag.
    Disabled,
    /// The free space of its volume is short.
    LowDiskSpace,
    /// A damaged record is to be replaced, for which the copy must be up to date.
    Corruption,
    /// Too few other copies have been available for too long.
    NotEnoughCopies,
}

/// How lags are managed in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manager {
    /// `ReplayLagManagerEnabled`: whether copies play down by themselves.
    pub enabled: bool,
    /// Play down when fewer copies than this, lagged ones not counted, are available
    /// (`ReplayLagManagerNumAvailableCopies`)
    pub available_copies: usize,
    /// for this long.
    pub patience: Duration,
    /// Play down when less is free (`ReplayLagLowSpacePlaydownThresholdInMB`); `None`: never for that.
    pub free_space_mb: Option<u64>,
}

impl Default for Manager {
    /// The product's: off; three copies, a day.
    fn default() -> Self {
        Self {
            enabled: false,
            available_copies: 3,
            patience: Duration::from_secs(86_400),
            free_space_mb: None,
        }
    }
}

/// What is seen of a lagged copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged {
    /// `ReplayLagTime`.
    pub replay_lag: Duration,
    /// `ReplayLagMaxDelay`: how long a play-down may wait for a busy disk; zero, not at all.
    pub max_delay: Duration,
    /// `Resume-MailboxDatabaseCopy -DisableReplayLag`.
    pub disabled: bool,
    /// Free bytes of its volume.
    pub free_bytes: u64,
    /// A record of it is damaged.
    pub corrupt: bool,
    /// Since when fewer copies than wanted have been available; `None` while enough are.
    pub few_copies_since: Option<Timestamp>,
    /// How long its disk takes to read.
    pub read_latency: Duration,
}

/// Whether and why a lagged copy must catch up. Short space does not wait for a busy disk.
pub fn play_down(manager: &Manager, copy: &Lagged, now: Timestamp) -> Option<PlayDown> {
    if copy.disabled {
        return Some(PlayDown::Disabled);
    }
    if !manager.enabled {
        return None;
    }
    if manager.free_space_mb.is_some_and(|least| copy.free_bytes >> 20 < least) {
        return Some(PlayDown::LowDiskSpace);
    }
    if copy.corrupt {
        return Some(PlayDown::Corruption);
    }
    let short_for = now.since(copy.few_copies_since?);
    let busy = copy.read_latency > BUSY_DISK;
    let patience = if busy { manager.patience.saturating_add(copy.max_delay) } else { manager.patience };
    (short_for >= patience).then_some(PlayDown::NotEnoughCopies)
}

/// Up to where a copy may replay at `now`, of what it has received.
pub fn replay_up_to(
    manager: &Manager,
    copy: &Lagged,
    marks: &Marks,
    received: Position,
    now: Timestamp,
) -> Position {
    if copy.replay_lag.is_zero() || play_down(manager, copy, now).is_some() {
        return received;
    }
    marks.older_than(copy.replay_lag, now).min(received)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn lagged() -> Lagged {
        Lagged {
            replay_lag: HOUR,
            max_delay: Duration::ZERO,
            disabled: false,
            free_bytes: 500 << 20,
            corrupt: false,
            few_copies_since: None,
            read_latency: Duration::ZERO,
        }
    }

    #[test]
    fn a_lagged_copy_replays_what_is_older_than_its_lag() {
        let mut marks = Marks::default();
        for minute in 0..180 {
            marks.note(at(minute * 60), u64::try_from(minute + 1).unwrap() * 1000);
        }
        let manager = Manager::default();
        for (now, up_to) in [(0, 0), (3599, 0), (3600, 1000), (3660, 2000), (3719, 2000), (3600 * 9, 180_000)]
        {
            assert_eq!(replay_up_to(&manager, &lagged(), &marks, 180_000, at(now)), up_to, "{now}");
        }
        let none = Lagged { replay_lag: Duration::ZERO, ..lagged() };
        assert_eq!(replay_up_to(&manager, &none, &marks, 180_000, at(0)), 180_000);
    }

    /// The product's page "Changes to high availability", section on lagged copies; `ReplayLagMaxDelay` as the
    /// page of Set-MailboxDatabaseCopy says.
    #[test]
    fn a_lagged_copy_plays_down_when_it_must() {
        let on = Manager { enabled: true, free_space_mb: Some(1000), ..Manager::default() };
        let off = Manager { enabled: false, ..on };
        let plenty = Lagged { free_bytes: 2000 << 20, ..lagged() };
        let few = Lagged { few_copies_since: Some(at(0)), ..plenty };
        let busy = Lagged { read_latency: Duration::from_millis(26), max_delay: 24 * HOUR, ..few };
        let day = 86_400;
        let rows = [
            (off, lagged(), 0, None),
            (off, Lagged { disabled: true, ..lagged() }, 0, Some(PlayDown::Disabled)),
            (on, plenty, 0, None),
            (on, lagged(), 0, Some(PlayDown::LowDiskSpace)),
            (on, Lagged { free_bytes: 500 << 20, ..busy }, 0, Some(PlayDown::LowDiskSpace)),
            (Manager { free_space_mb: None, ..on }, lagged(), 0, None),
            (on, Lagged { corrupt: true, ..plenty }, 0, Some(PlayDown::Corruption)),
            (on, few, day - 1, None),
            (on, few, day, Some(PlayDown::NotEnoughCopies)),
            (on, busy, day, None),
            (on, busy, 2 * day, Some(PlayDown::NotEnoughCopies)),
            (on, Lagged { max_delay: Duration::ZERO, ..busy }, day, Some(PlayDown::NotEnoughCopies)),
        ];
        for (manager, copy, now, expected) in rows {
            assert_eq!(play_down(&manager, &copy, at(now)), expected, "{copy:?} at {now}");
        }
    }

    #[test]
    fn marks_that_were_cut_are_forgotten_but_ages_stay_known() {
        let mut marks = Marks::default();
        for minute in 0..10 {
            marks.note(at(minute * 60), u64::try_from(minute + 1).unwrap() * 10);
        }
        marks.forget(55);
        assert_eq!(marks.marks.front(), Some(&(at(240), 50)));
        assert_eq!(marks.by(at(299)), 50);
    }

    proptest! {
        /// Nothing counts as older than it is, whatever the clock does, and the marks stay few.
        #[test]
        fn nothing_is_taken_for_older_than_it_is(
            steps in prop::collection::vec((-100i64..1000, 0u64..5000), 1..200),
            asked in -100i64..200_000,
        ) {
            let (mut marks, mut now, mut end) = (Marks::default(), 0i64, 0u64);
            let mut log = Vec::new();
            let mut highest = i64::MIN;
            for (later, more) in steps {
                now += later;
                highest = highest.max(now);
                marks.note(at(now), end + more);
                if more > 0 {
                    // Everything from `end` on came then, or after a clock that ran ahead.
                    log.push((highest, end));
                }
                end += more;
            }
            let by = marks.by(at(asked));
            prop_assert!(by <= end);
            for (came, start) in log {
                prop_assert!(came <= asked || start >= by, "what came at {came} counts as old at {asked}");
            }
            let span = marks.marks.back().map_or(0, |last| last.0.secs()) - marks.marks[0].0.secs();
            prop_assert!(i64::try_from(marks.marks.len()).unwrap() <= span / 30 + 3);
        }
    }
}
