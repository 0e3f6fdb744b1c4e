//! Dates: reading `Date` fields (RFC 5322 section 3.3 with the obsolete forms) and calendar arithmetic.

use base::Timestamp;

/// Month names as mail and IMAP write them.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY_SECS: i64 = 86_400;

/// Days from 1970-01-01 to a day of the Gregorian calendar.
pub const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days from 1970-01-01.
pub const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// A `Date` field's moment and the day it names in its own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentDate {
    /// The moment.
    pub at: Timestamp,
    /// The day as written, days from 1970-01-01, whatever its zone (IMAP SENTON compares this).
    pub local_day: i64,
}

/// Reads a raw `Date` value; `None` where it is none.
pub fn parse_sent_date(value: &[u8]) -> Option<SentDate> {
    let text = std::str::from_utf8(&value[..value.len().min(128)]).ok()?;
    let text = text.split('(').next().unwrap_or(text);
    let mut words = text.split([' ', '\t', '\r', '\n', ',']).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    let day: i64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = month_number(words.next()?)?;
    let year = full_year(words.next()?)?;
    let mut clock = words.next().unwrap_or("0:0").split(':');
    let mut unit = |max: i64| match clock.next() {
        Some(text) => text.parse().ok().filter(|n| (0..=max).contains(n)),
        None => Some(0),
    };
    let seconds = unit(23)? * 3_600 + unit(59)? * 60 + unit(60)?;
    let local_day = days_from_civil(year, month, day);
    let offset = words.next().map_or(0, zone_offset);
    Some(SentDate { at: Timestamp::from_secs(local_day * DAY_SECS + seconds - offset), local_day })
}

/// The number of a month by its English name, 1 to 12.
pub fn month_number(name: &str) -> Option<i64> {
    let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name.get(..3).unwrap_or(name)))?;
    i64::try_from(at + 1).ok()
}

/// Reads IMAP's `d-Mon-yyyy` as days from 1970-01-01.
pub fn parse_imap_day(text: &str) -> Option<i64> {
    let mut parts = text.trim_start().split('-');
    let day: i64 = parts.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = month_number(parts.next().filter(|name| name.len() == 3)?)?;
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    parts.next().is_none().then(|| days_from_civil(year, month, day))
}

/// Reads IMAP's `date-time`, such as ` 1-Nov-2026 05:38:01 +0100`.
pub fn parse_imap_date_time(text: &str) -> Option<Timestamp> {
    let mut words = text.trim_start().split(' ');
    let day = parse_imap_day(words.next()?)?;
    let mut clock =
        words.next()?.split(':').map(|unit| unit.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = words.next().filter(|zone| zone.len() == 5)?;
    let end = clock.next().is_none() && words.next().is_none() && hours < 24 && minutes < 60;
    let seconds = day * DAY_SECS + hours * 3_600 + minutes * 60 + seconds - zone_offset(zone);
    end.then(|| Timestamp::from_secs(seconds))
}

/// RFC 5322 section 4.3: two- and three-digit years.
fn full_year(text: &str) -> Option<i64> {
    let year: i64 = text.parse().ok().filter(|year| (0..=9_999).contains(year))?;
    Some(match (text.len(), year) {
        (2, 0..=49) => year + 2_000,
        (2 | 3, _) => year + 1_900,
        _ => year,
    })
}

/// Seconds east of UTC; unknown zones are UTC.
fn zone_offset(zone: &str) -> i64 {
    const NAMED: [(&str, i64); 8] = [
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
    ];
    if let Some((_, hours)) = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)) {
        return hours * 3_600;
    }
    let (sign, digits) = match zone.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return 0,
    };
    match digits.parse::<i64>() {
        Ok(number) if digits.len() == 4 => sign * (number / 100 * 3_600 + number % 100 * 60),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_dates() {
        for (text, rfc3339) in [
            ("Mon, 23 Nov 2026 05:38:01 +0000", "2026-11-23T05:38:01.000Z"),
            ("23 Nov 2026 05:38 -0130 (x)", "2026-11-23T07:08:00.000Z"),
            ("Mon,23 november 26 5:38:01 PST", "2026-11-23T13:38:01.000Z"),
            ("Tue, 1 Jan 1970", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(parse_sent_date(text.as_bytes()).unwrap().at.to_string(), rfc3339, "{text}");
        }
        assert_eq!(parse_sent_date(b"1 Jan 1970 00:30 +0100").unwrap().local_day, 0);
        for text in ["", "Mon", "32 Nov 2026", "1 Foo 2026", "1 Jan 2026 25:00", "1 Jan x"] {
            assert_eq!(parse_sent_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn imap_dates() {
        for (text, rfc3339) in [
            ("23-Nov-2026 05:38:01 +0000", Some("2026-11-23T05:38:01.000Z")),
            (" 1-jan-1970 01:00:00 +0130", Some("1969-12-31T23:30:00.000Z")),
            ("1-Jan-1970 24:00:00 +0000", None),
            ("1-Jan-1970 00:00 +0000", None),
            ("1-Jan-1970", None),
        ] {
            let read = parse_imap_date_time(text).map(|at| at.to_string());
            assert_eq!(read.as_deref(), rfc3339, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn civil_is_the_inverse(days in -1_000_000_i64..3_000_000) {
            let (year, month, day) = civil_from_days(days);
            proptest::prop_assert_eq!(days_from_civil(year, month, day), days);
            proptest::prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}", bytes: Vec<u8>) {
            parse_sent_date(text.as_bytes());
            parse_imap_date_time(&text);
            parse_sent_date(&bytes);
        }
    }
}
