//! Byte counts as the product prints and reads them: `1.899 GB (2,039,480,320 bytes)`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number of bytes. Prints with four significant digits and the exact count in brackets; reads plain
/// numbers, `25MB`, `1.5 GB` and its own printed form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ByteQuantifiedSize(pub u64);

const UNITS: [(&str, u64); 5] =
    [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// The text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" isn't a valid size. Use a number of bytes, or a number followed by B, KB, MB, GB or TB.")]
pub struct SizeError(String);

impl ByteQuantifiedSize {
    /// `n` binary kilobytes.
    pub const fn from_kb(n: u64) -> Self {
        Self(n << 10)
    }
    /// `n` binary megabytes.
    pub const fn from_mb(n: u64) -> Self {
        Self(n << 20)
    }
    /// `n` binary gigabytes.
    pub const fn from_gb(n: u64) -> Self {
        Self(n << 30)
    }
    /// The exact count.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteQuantifiedSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) = UNITS.into_iter().find(|(_, scale)| self.0 >= *scale).unwrap_or(("B", 1));
        let text = format!("{} {unit} ({} bytes)", significant(self.0, scale), grouped(self.0));
        f.pad(&text)
    }
}

/// `value / scale` with four significant digits, trailing zeros dropped.
fn significant(value: u64, scale: u64) -> String {
    let whole = value / scale;
    let decimals = 3usize.saturating_sub(whole.max(1).ilog10() as usize);
    let power = 10u128.pow(decimals as u32);
    let rounded = (u128::from(value) * power + u128::from(scale) / 2) / u128::from(scale);
    let (int, frac) = (rounded / power, rounded % power);
    if frac == 0 {
        return int.to_string();
    }
    let frac = format!("{frac:0decimals$}");
    format!("{int}.{}", frac.trim_end_matches('0'))
}

/// Thousands separated by commas.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl FromStr for ByteQuantifiedSize {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let fail = || SizeError(text.to_owned());
        let trimmed = text.trim();
        if let Some((_, exact)) = trimmed.split_once('(') {
            let digits: String = exact.chars().filter(char::is_ascii_digit).collect();
            return digits.parse().map(Self).map_err(|_| fail());
        }
        let upper = trimmed.to_ascii_uppercase();
        let (number, scale) = UNITS
            .into_iter()
            .find_map(|(unit, scale)| upper.strip_suffix(unit).map(|number| (number.trim_end(), scale)))
            .unwrap_or((upper.as_str(), 1));
        scaled(number, scale).map(Self).ok_or_else(fail)
    }
}

/// A decimal number times a scale, exactly, or `None` when malformed or too large.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let number = number.replace(',', "");
    let (int, frac) = number.split_once('.').unwrap_or((&number, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !(all_digits(int) && all_digits(frac)) || (int.is_empty() && frac.is_empty()) || frac.len() > 15 {
        return None;
    }
    let int: u128 = if int.is_empty() { 0 } else { int.parse().ok()? };
    let frac_value: u128 = if frac.is_empty() { 0 } else { frac.parse().ok()? };
    let power = 10u128.pow(frac.len() as u32);
    let total = int.checked_mul(u128::from(scale))? + frac_value * u128::from(scale) / power;
    u64::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_the_product_does() {
        for (bytes, text) in [
            (0, "0 B (0 bytes)"),
            (1_610_612_736, "1.5 GB (1,610,612,736 bytes)"),
            (2_039_480_320, "1.899 GB (2,039,480,320 bytes)"),
            (37_748_736, "36 MB (37,748,736 bytes)"),
            (10_752, "10.5 KB (10,752 bytes)"),
        ] {
            assert_eq!(ByteQuantifiedSize(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(ByteQuantifiedSize(bytes)));
        }
    }

    #[test]
    fn reads_what_administrators_type() {
        for (text, bytes) in
            [("25MB", 26_214_400), ("1.5 gb", 1_610_612_736), ("1024", 1024), ("0", 0), ("2 B", 2)]
        {
            assert_eq!(text.parse(), Ok(ByteQuantifiedSize(bytes)), "{text}");
        }
        for bad in ["", "MB", "-1", "1.2.3KB", "99999999999 TB", "1e3", "ten"] {
            assert!(bad.parse::<ByteQuantifiedSize>().is_err(), "{bad}");
        }
    }
}
