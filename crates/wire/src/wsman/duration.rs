//! XML Schema's durations, as far as timeouts need them: days and clock parts.

use std::time::Duration;

/// Reads `PT20S`, `PT2147483.647S`, `P1DT2H`; nothing for years, months and nonsense.
pub fn read_duration(text: &str) -> Option<Duration> {
    let rest = text.trim().strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let mut millis = 0_u64;
    for (part, units) in
        [(days, &[('D', 86_400_000)][..]), (clock, &[('H', 3_600_000), ('M', 60_000), ('S', 1000)])]
    {
        let mut part = part;
        while let Some(at) = part.find(|c: char| c.is_ascii_alphabetic()) {
            let (number, unit) = part.split_at(at);
            let unit = units.iter().find(|(letter, _)| unit.starts_with(*letter))?.1;
            millis = millis.checked_add(scaled(number, unit)?)?;
            part = &part[at + 1..];
        }
        if !part.is_empty() {
            return None;
        }
    }
    (rest.len() > 1).then(|| Duration::from_millis(millis))
}

/// A decimal number of at most twelve places before the point, times a unit.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() > 12 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    whole.checked_mul(unit)?.checked_add(fraction * unit / 1000)
}

/// `PT20.000S`, as the product writes it.
pub fn write_duration(span: Duration) -> String {
    format!("PT{}.{:03}S", span.as_secs(), span.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (text, millis) in [
            ("PT20S", 20_000),
            ("PT0.5S", 500),
            ("P1DT2H3M4.0625S", 93_784_062),
            ("PT2147483.647S", 2_147_483_647),
        ] {
            assert_eq!(read_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "P", "PT", "20", "PT20", "PTS", "P1Y", "PT1X", "PT-1S", "PT99999999999999S", "PT1.xS"]
        {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
        assert_eq!(write_duration(Duration::from_millis(60_500)), "PT60.500S");
    }
}
