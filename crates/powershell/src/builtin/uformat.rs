//! `Get-Date -UFormat`: the percent letters of Unix as Windows PowerShell reads them.

use base::Timestamp;

use crate::{
    eval::formatted,
    value::{Value, local},
};

/// Letters whose meaning is a .NET format.
const FORMATS: &[(char, &str)] = &[
    ('A', "dddd"),
    ('a', "ddd"),
    ('B', "MMMM"),
    ('b', "MMM"),
    ('c', "ddd MMM dd HH:mm:ss yyyy"),
    ('D', "MM/dd/yy"),
    ('d', "dd"),
    ('F', "yyyy-MM-dd"),
    ('G', "yyyy"),
    ('g', "yy"),
    ('H', "HH"),
    ('h', "MMM"),
    ('I', "hh"),
    ('k', "HH"),
    ('l', "hh"),
    ('M', "mm"),
    ('m', "MM"),
    ('p', "tt"),
    ('R', "HH:mm"),
    ('r', "hh:mm:ss tt"),
    ('S', "ss"),
    ('T', "HH:mm:ss"),
    ('X', "HH:mm:ss"),
    ('x', "MM/dd/yy"),
    ('Y', "yyyy"),
    ('y', "yy"),
    ('Z', "zz"),
];

/// The moment in a format; letters without a meaning stand for themselves.
pub(super) fn uformat(at: Timestamp, format: &str) -> String {
    // A leading plus is Unix's way to say that a format follows.
    let mut chars = format.strip_prefix('+').unwrap_or(format).chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            (_, Some(letter)) => out.push_str(&part(at, letter)),
            (c, None) => out.push(c),
        }
    }
    out
}

fn part(at: Timestamp, letter: char) -> String {
    if let Some((_, format)) = FORMATS.iter().find(|(l, _)| *l == letter) {
        return formatted(&Value::DateTime(at), format).unwrap_or_default();
    }
    let zoned = local(at);
    let weeks = zoned.day_of_year() / 7;
    match letter {
        'C' => (zoned.year() / 100).to_string(),
        'e' => format!("{:2}", zoned.day()),
        'j' => zoned.day_of_year().to_string(),
        'n' => "\n".into(),
        't' => "\t".into(),
        's' => at.micros.div_euclid(1_000_000).to_string(),
        'U' | 'W' => weeks.to_string(),
        'V' => (weeks + 1).to_string(),
        'u' => zoned.weekday().to_monday_one_offset().to_string(),
        'w' => zoned.weekday().to_sunday_zero_offset().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        let at = Timestamp::from_secs(1_795_412_281);
        for (format, text) in [
            ("%Y-%m-%dT%H:%M:%S", "2026-11-23T05:38:01"),
            ("+%d/%m/%y %p", "23/11/26 AM"),
            ("%A, %e %B (%j)%%", "Monday, 23 November (327)%"),
            ("%s %Q %", "1795412281 Q %"),
        ] {
            assert_eq!(uformat(at, format), text);
        }
    }
}
