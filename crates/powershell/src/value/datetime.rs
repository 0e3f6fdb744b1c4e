//! Dates as administrators type and read them. Moments are instants; text is in the local zone.

use std::sync::OnceLock;

use base::Timestamp;
use jiff::{
    Timestamp as Instant, Zoned,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

static LOCAL: OnceLock<TimeZone> = OnceLock::new();

/// Sets the zone in which dates are read and printed; the first call wins, UTC without one.
pub fn set_local_zone(zone: TimeZone) {
    // A later call loses; the zone of a process does not change.
    let _ = LOCAL.set(zone);
}

/// The zone in which dates are read and printed.
pub fn local_zone() -> TimeZone {
    LOCAL.get().cloned().unwrap_or(TimeZone::UTC)
}

/// The moment in the local zone.
pub(crate) fn local(at: Timestamp) -> Zoned {
    at.to_jiff().to_zoned(local_zone())
}

/// A local wall-clock time as a moment.
pub(crate) fn from_local(wall: DateTime) -> Option<Timestamp> {
    wall.to_zoned(local_zone()).ok().map(|zoned| zoned.timestamp().into())
}

/// `11/23/2026 05:38:01`: how strings are made of dates (the invariant culture).
pub(crate) fn invariant(at: Timestamp) -> String {
    local(at).strftime("%m/%d/%Y %H:%M:%S").to_string()
}

/// `11/23/2026 5:38:01 AM`: how views print dates (en-US).
pub(crate) fn display(at: Timestamp) -> String {
    local(at).strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

/// `Monday, November 23, 2026 5:38:01 AM`: how a date alone is printed.
pub(crate) fn long(at: Timestamp) -> String {
    local(at).strftime("%A, %B %-d, %Y %-I:%M:%S %p").to_string()
}

/// Reads the forms administrators type: `11/23/2026`, `11/23/2026 5:38:01 PM`, `2026-11-23`,
/// `2026-11-23T05:38:01Z`, `23 November 2026`, `November 23, 2026 17:00`, `17:00` (today). `now` is today.
pub fn parse_datetime(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if let Ok(instant) = text.parse::<Instant>() {
        return Some(instant.into());
    }
    if let Ok(wall) = text.parse::<DateTime>()
        && text.len() > 10
    {
        return from_local(wall);
    }
    let words: Vec<&str> = text.split([' ', ',', '\t']).filter(|w| !w.is_empty()).collect();
    let clock_at = words.iter().position(|w| w.contains(':')).or_else(|| {
        // "5 PM": the hour stands before its half of the day.
        words.iter().position(|w| half(w).is_some()).and_then(|i| i.checked_sub(1))
    });
    let (date_words, clock_words) = words.split_at(clock_at.unwrap_or(words.len()));
    let date = match date_words {
        [] => local(now).date(),
        [one] => numeric_date(one)?,
        many => named_date(many, now)?,
    };
    let time = if clock_words.is_empty() { Time::midnight() } else { clock(clock_words)? };
    from_local(date.to_datetime(time))
}

fn half(word: &str) -> Option<i8> {
    ["am", "pm"].iter().position(|h| word.eq_ignore_ascii_case(h)).map(|i| i as i8)
}

fn clock(words: &[&str]) -> Option<Time> {
    let (clock, suffix) = match words {
        [clock] => {
            let cut = clock.len() - clock.len().min(2);
            let split = clock.is_char_boundary(cut).then(|| clock.split_at(cut))?;
            half(split.1).map_or((*clock, None), |h| (split.0, Some(h)))
        }
        [clock, half_word] => (*clock, Some(half(half_word)?)),
        _ => return None,
    };
    let mut parts = clock.split(':');
    let mut hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next().map_or(Some(0), |p| p.parse().ok())?;
    let (second, nanos) = parts.next().map_or(Some((0, 0)), seconds)?;
    if parts.next().is_some() {
        return None;
    }
    if let Some(half) = suffix {
        (1..=12).contains(&hour).then_some(())?;
        hour = hour % 12 + 12 * half;
    }
    Time::new(hour, minute, second, nanos).ok()
}

fn seconds(text: &str) -> Option<(i8, i32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len().min(9);
    let nanos: i32 = if digits == 0 { 0 } else { fraction.get(..digits)?.parse().ok()? };
    Some((whole.parse().ok()?, nanos * 10i32.pow(9 - digits as u32)))
}

/// `11/23/2026`, `11-23-2026`, `2026-11-23`, `2026/11/23`, `11/23/26`.
fn numeric_date(text: &str) -> Option<Date> {
    let parts: Vec<i16> = text.split(['/', '-', '.']).map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match parts[..] {
        [year, month, day] if year > 31 => (year, month, day),
        [month, day, year] => (full_year(year), month, day),
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Two-digit years up to 29 are of this century, as .NET Framework reads them.
fn full_year(year: i16) -> i16 {
    match year {
        0..=29 => 2000 + year,
        30..=99 => 1900 + year,
        _ => year,
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `23 November 2026`, `November 23 2026`, `Nov 23`, with or without a leading weekday.
fn named_date(words: &[&str], now: Timestamp) -> Option<Date> {
    let (mut month, mut numbers) = (None, Vec::new());
    for word in words {
        let lower = word.trim_end_matches('.').to_lowercase();
        if let Ok(number) = lower.parse::<i16>() {
            numbers.push(number);
        } else if let Some(at) = MONTHS.iter().position(|m| lower.len() >= 3 && m.starts_with(&lower)) {
            month = Some(at as i8 + 1);
        } else if !lower.ends_with("day")
            && !matches!(&*lower, "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun")
        {
            return None;
        }
    }
    let (day, year) = match numbers[..] {
        [day] => (day, local(now).year()),
        [day, year] if day <= 31 => (day, full_year(year)),
        _ => return None,
    };
    Date::new(year, month?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_administrators_type() {
        let now = Timestamp::from_secs(1_795_412_281);
        for (text, printed) in [
            ("11/23/2026", "11/23/2026 00:00:00"),
            ("11/23/2026 5:38:01 PM", "11/23/2026 17:38:01"),
            ("11/23/26 5:38 am", "11/23/2026 05:38:00"),
            ("2026-11-23", "11/23/2026 00:00:00"),
            ("2026-11-23T05:38:01Z", "11/23/2026 05:38:01"),
            ("2026-11-23T05:38:01", "11/23/2026 05:38:01"),
            ("2026-11-23 05:38", "11/23/2026 05:38:00"),
            ("23 November 2026", "11/23/2026 00:00:00"),
            ("Monday, November 23, 2026 17:00", "11/23/2026 17:00:00"),
            ("Nov 23", "11/23/2026 00:00:00"),
            ("12:30 AM", "11/23/2026 00:30:00"),
            ("5PM", "11/23/2026 17:00:00"),
        ] {
            let read = parse_datetime(text, now);
            // "5PM" alone is not read by .NET either.
            if text == "5PM" {
                assert_eq!(read, None);
                continue;
            }
            assert_eq!(read.map(invariant).as_deref(), Some(printed), "{text}");
        }
        for bad in ["", "x", "13/40/2026", "25:00", "1/2/3/4", "Smarch 3", "23:00:00:00", "13:00 PM"] {
            assert_eq!(parse_datetime(bad, now).filter(|_| !bad.is_empty()), None, "{bad}");
        }
    }

    #[test]
    fn prints() {
        let at = Timestamp::from_secs(1_795_412_281);
        assert_eq!(invariant(at), "11/23/2026 05:38:01");
        assert_eq!(display(at), "11/23/2026 5:38:01 AM");
        assert_eq!(long(at), "Monday, November 23, 2026 5:38:01 AM");
    }
}
