//! Lengths of time as administrators write them: `d.hh:mm:ss`, the product's `EnhancedTimeSpan`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A signed length of time in microseconds. Prints `[-][d.]hh:mm:ss[.fffffff]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnhancedTimeSpan {
    /// Microseconds, negative for the past.
    pub micros: i64,
}

/// The text is not a time span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" isn't a valid time span. Use dd.hh:mm:ss, for example 30.00:00:00 or 00:15:00.")]
pub struct SpanError(String);

const SECOND: i64 = 1_000_000;

impl EnhancedTimeSpan {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self { micros: seconds * SECOND }
    }
    /// A span of whole days.
    pub const fn from_days(days: i64) -> Self {
        Self::from_secs(days * 86_400)
    }
    /// As a `Duration`; negative spans become zero.
    pub fn to_duration(self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros).unwrap_or(0))
    }
}

impl From<Duration> for EnhancedTimeSpan {
    fn from(duration: Duration) -> Self {
        Self { micros: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
    }
}

impl fmt::Display for EnhancedTimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.micros.unsigned_abs();
        let (seconds, fraction) = (total / SECOND as u64, total % SECOND as u64);
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        if self.micros < 0 {
            f.write_str("-")?;
        }
        if days > 0 {
            write!(f, "{days}.")?;
        }
        write!(f, "{:02}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60)?;
        if fraction > 0 {
            write!(f, ".{:07}", fraction * 10)?;
        }
        Ok(())
    }
}

impl FromStr for EnhancedTimeSpan {
    type Err = SpanError;
    /// Reads `d`, `d.hh:mm`, `hh:mm`, `hh:mm:ss`, `d.hh:mm:ss`, each with a fraction of a second of up
    /// to seven digits, as .NET's `TimeSpan.Parse` does.
    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse(text.trim()).ok_or_else(|| SpanError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<EnhancedTimeSpan> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let number = |s: &str, max: i64| -> Option<i64> {
        (!s.is_empty() && s.len() <= 8 && s.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
        s.parse().ok().filter(|n| *n <= max)
    };
    let (days, clock) = match (text.split_once('.'), text.contains(':')) {
        (_, false) => (number(text, 10_675_199)?, ""),
        (Some((days, clock)), true) if !days.contains(':') => (number(days, 10_675_199)?, clock),
        _ => (0, text),
    };
    let mut micros = days.checked_mul(86_400 * SECOND)?;
    if !clock.is_empty() {
        let mut parts = clock.split(':');
        let (hours, minutes) = (number(parts.next()?, 23)?, number(parts.next()?, 59)?);
        micros = micros.checked_add((hours * 3600 + minutes * 60) * SECOND)?;
        if let Some(seconds) = parts.next() {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            (fraction.len() <= 7).then_some(())?;
            let ticks = number(fraction, 9_999_999)? * 10i64.pow(7 - fraction.len() as u32);
            micros = micros.checked_add(number(whole, 59)? * SECOND + ticks / 10)?;
        }
        parts.next().is_none().then_some(())?;
    }
    Some(EnhancedTimeSpan { micros: if negative { -micros } else { micros } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, secs, printed) in [
            ("30.00:00:00", 30 * 86_400, "30.00:00:00"),
            ("14", 14 * 86_400, "14.00:00:00"),
            ("00:15:00", 900, "00:15:00"),
            ("3:0:0", 3 * 3600, "03:00:00"),
            ("-1.00:00:01", -86_401, "-1.00:00:01"),
        ] {
            let span: EnhancedTimeSpan = text.parse().unwrap();
            assert_eq!(span, EnhancedTimeSpan::from_secs(secs), "{text}");
            assert_eq!(span.to_string(), printed);
        }
        assert_eq!("00:00:01.5".parse::<EnhancedTimeSpan>().unwrap().to_string(), "00:00:01.5000000");
        for bad in ["", "24:00:00", "1:60", "1.2", "::", "1.-1:00", "x"] {
            assert!(bad.parse::<EnhancedTimeSpan>().is_err(), "{bad}");
        }
    }
}
