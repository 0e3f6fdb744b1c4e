//! Harnesses that take the server down in the middle of its work and count what it promised: nothing it
//! acknowledged may be lost, nothing may be there twice.

use std::time::{Duration, SystemTime};

pub mod crash;
pub mod diskfull;
mod load;
mod oracle;
pub mod powercut;
pub mod volume;

/// How long nothing may arrive while an accepted message is not in its mailbox, unless told otherwise.
pub const SETTLE: Duration = Duration::from_secs(30);

/// A repeatable source of delays (SplitMix64); its seed is printed, so that a failure can be run again.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, from: Duration, to: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let span = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(1).max(1);
        from + Duration::from_micros((z ^ (z >> 31)) % span)
    }
}

/// A seed that differs from run to run.
pub fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(1) & 0xffff_ffff
}
