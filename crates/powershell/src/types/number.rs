//! Numbers as text: literals and strings read the same way.

use crate::value::Value;

const MULTIPLIERS: [(&str, i64); 5] =
    [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("tb", 1 << 40), ("pb", 1 << 50)];

/// Reads a PowerShell number: `42`, `-1.5e3`, `0xFF`, `10KB`, `5L`, `1.5d`; the smallest fitting type.
pub fn parse_number(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let (negative, body) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = body.to_ascii_lowercase();
    let (body, scale) = MULTIPLIERS
        .iter()
        .find_map(|(suffix, scale)| lower.strip_suffix(suffix).map(|rest| (rest, *scale)))
        .unwrap_or((&lower, 1));
    if let Some(digits) = body.strip_prefix("0x") {
        return hexadecimal(digits, negative, scale);
    }
    let (body, suffix) = match body.as_bytes().last()? {
        b'l' => (&body[..body.len() - 1], Some('l')),
        b'd' => (&body[..body.len() - 1], Some('d')),
        _ => (body, None),
    };
    if !body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'))
        || !body.bytes().any(|b| b.is_ascii_digit())
        || body.starts_with(['+', '-', 'e'])
    {
        return None;
    }
    let whole = body.parse::<i128>().ok().filter(|_| body.as_bytes()[0].is_ascii_digit());
    if let (Some(n), None | Some('l')) = (whole, suffix) {
        return integer(if negative { -n } else { n }, scale, suffix == Some('l'));
    }
    let n: f64 = body.parse().ok()?;
    let n = n * scale as f64;
    if suffix == Some('l') {
        return integer(round_half_even(if negative { -n } else { n }) as i128, 1, true);
    }
    Some(Value::Double(if negative { -n } else { n }))
}

fn integer(n: i128, scale: i64, long: bool) -> Option<Value> {
    let n = n.checked_mul(i128::from(scale))?;
    if let (Ok(small), false) = (i32::try_from(n), long) {
        return Some(Value::Int(small));
    }
    match i64::try_from(n) {
        Ok(n) => Some(Value::Long(n)),
        Err(_) if long => None,
        Err(_) => Some(Value::Double(n as f64)),
    }
}

/// `0xFFFFFFFF` is −1: eight digits fill an `Int32`, sixteen an `Int64`.
fn hexadecimal(digits: &str, negative: bool, scale: i64) -> Option<Value> {
    let digits = digits.strip_suffix('l').unwrap_or(digits);
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let n = match digits.len() {
        0..=8 => i64::from(u32::from_str_radix(digits, 16).ok()? as i32),
        _ => u64::from_str_radix(digits, 16).ok()? as i64,
    };
    integer(i128::from(if negative { n.checked_neg()? } else { n }), scale, false)
}

/// Rounds halves to the even neighbour, as .NET converts.
pub(crate) fn round_half_even(n: f64) -> f64 {
    n.round_ties_even()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        for (text, value) in [
            ("42", Value::Int(42)),
            ("-7", Value::Int(-7)),
            ("2147483648", Value::Long(2_147_483_648)),
            ("5L", Value::Long(5)),
            ("1KB", Value::Int(1024)),
            ("2GB", Value::Long(2 << 30)),
            ("1.5MB", Value::Double(1_572_864.0)),
            ("0xff", Value::Int(255)),
            ("0xFFFFFFFF", Value::Int(-1)),
            ("1e3", Value::Double(1000.0)),
            (".5", Value::Double(0.5)),
            ("1.5d", Value::Double(1.5)),
        ] {
            assert_eq!(parse_number(text), Some(value), "{text}");
        }
        for bad in ["", "x", "1x", "0x", "kb", "--1", "1.2.3", "e", "-", "0x-1"] {
            assert_eq!(parse_number(bad), None, "{bad}");
        }
    }
}
