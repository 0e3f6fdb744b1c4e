//! The clock seam, and the one type for a point in time.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::EnhancedTimeSpan;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp {
    /// Microseconds since the epoch.
    pub micros: i64,
}

impl Timestamp {
    /// From whole seconds since the epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self { micros: seconds.saturating_mul(1_000_000) }
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.micros.div_euclid(1_000_000)
    }
    /// This moment plus a span (which may be negative).
    pub const fn plus(self, span: EnhancedTimeSpan) -> Self {
        Self { micros: self.micros.saturating_add(span.micros) }
    }
    /// The time since `earlier`; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros.saturating_sub(earlier.micros)).unwrap_or(0))
    }
    /// For calendar arithmetic and other formats; out-of-range moments become the epoch.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
    /// `Mon, 23 Nov 2026 05:38:01 +0000` (RFC 5322 section 3.3).
    pub fn to_rfc5322(self) -> String {
        self.to_jiff().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self { micros: time.as_microsecond() }
    }
}

/// RFC 3339 with milliseconds: `2026-11-23T05:38:01.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;
    /// Reads RFC 3339.
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

/// What time it is. Everything that waits or stamps asks this; simulations bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock; may jump.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start; never goes back. For timeouts and rates.
    fn monotonic(&self) -> Duration;
}

/// A shared clock, as most structures hold it.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
    fn monotonic(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
    }
}

/// A clock that stands still until told to move. For tests and simulations.
#[derive(Debug)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    /// Starts at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(start.micros.into())
    }
    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp { micros: self.0.load(std::sync::atomic::Ordering::SeqCst) }
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.now().micros.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let t = Timestamp::from_secs(1_795_412_281);
        assert_eq!(t.to_string(), "2026-11-23T05:38:01.000Z");
        assert_eq!(t.to_rfc5322(), "Mon, 23 Nov 2026 05:38:01 +0000");
        assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
    }
}
