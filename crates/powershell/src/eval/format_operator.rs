//! `-f` and the formats of `ToString("…")`: .NET composite formatting, invariant culture.

use base::Timestamp;

use super::{Interp, Run};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    value::{Value, local_zone},
};

/// More arguments than templates ask for.
const ARGUMENTS_MAX: usize = 1000;

/// The widest alignment and the most digits.
const WIDTH_MAX: usize = 10_000;

impl Interp<'_> {
    /// `"{0,-10:N2}" -f value, …`.
    pub(super) fn format(&mut self, left: &Value, right: &Value) -> Run<Value> {
        let arguments = match right {
            Value::Array(list) => list.to_vec(),
            one => vec![one.clone()],
        };
        let template = left.to_string();
        match compose(&template, &arguments) {
            Some(text) => self.new_string(text),
            None => {
                // With enough arguments it was the template's fault.
                let enough = vec![Value::Int(0); ARGUMENTS_MAX];
                let why = if compose(&template, &enough).is_some() {
                    "Index (zero based) must be greater than or equal to zero and less than the size of the argument \
                     list."
                } else {
                    "Input string was not in a correct format."
                };
                let text = format!("Error formatting a string: {why}.");
                Err(ErrorRecord::runtime("FormatError", ErrorCategory::InvalidOperation, text)
                    .on(template)
                    .into())
            }
        }
    }
}

/// Fills the braces of a template; nothing where it is malformed or an argument is missing.
pub(crate) fn compose(template: &str, arguments: &[Value]) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if out.len() > super::expressions::STRING_MAX {
            return Some(out);
        }
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{")?;
        let hole = &rest[..end];
        rest = &rest[end + 1..];
        let (hole, spec) = hole.split_once(':').unwrap_or((hole, ""));
        let (index, align) = hole.split_once(',').unwrap_or((hole, "0"));
        let value = arguments.get(index.trim().parse::<usize>().ok()?)?;
        let text = if spec.is_empty() { value.to_string() } else { formatted(value, spec)? };
        let align: i32 = align.trim().parse().ok()?;
        let width = (align.unsigned_abs() as usize).min(WIDTH_MAX);
        let pad = " ".repeat(width.saturating_sub(text.chars().count()));
        if align < 0 {
            out.push_str(&text);
            out.push_str(&pad);
        } else {
            out.push_str(&pad);
            out.push_str(&text);
        }
    }
    out.push_str(rest);
    Some(out)
}

/// `value.ToString(spec)`; nothing where the format does not fit.
pub(crate) fn formatted(value: &Value, spec: &str) -> Option<String> {
    match value {
        Value::DateTime(at) => Some(date(*at, spec)),
        Value::TimeSpan(span) => Some(time_span(span.micros, spec)),
        Value::Int(n) => number(f64::from(*n), Some(i64::from(*n)), spec),
        Value::Long(n) => number(*n as f64, Some(*n), spec),
        Value::Double(n) => number(*n, None, spec),
        other => Some(other.to_string()),
    }
}

/// Standard numeric formats (`N2`, `D5`, `X`, `P`, `F`, `C`, `E`, `G`) and simple custom ones (`0.00`, `#,##0`).
fn number(value: f64, whole: Option<i64>, spec: &str) -> Option<String> {
    let mut chars = spec.chars();
    let kind = chars.next()?;
    let digits = chars.as_str();
    if !kind.is_ascii_alphabetic() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(custom_number(value, spec));
    }
    let precision: Option<usize> =
        if digits.is_empty() { None } else { digits.parse().ok().filter(|p| *p <= 99) };
    Some(match kind.to_ascii_uppercase() {
        'N' => grouped(value, precision.unwrap_or(2)),
        'F' => format!("{:.*}", precision.unwrap_or(2), round(value, precision.unwrap_or(2))),
        'C' if value < 0.0 => format!("(${})", grouped(-value, precision.unwrap_or(2))),
        'C' => format!("${}", grouped(value, precision.unwrap_or(2))),
        'P' => format!("{} %", grouped(value * 100.0, precision.unwrap_or(2))),
        'D' => {
            let n = whole?;
            let sign = if n < 0 { "-" } else { "" };
            format!("{sign}{:0>width$}", n.unsigned_abs(), width = precision.unwrap_or(1))
        }
        'X' => {
            let n = whole?;
            let n = if let Ok(small) = i32::try_from(n) { u64::from(small as u32) } else { n as u64 };
            let width = precision.unwrap_or(1);
            if kind == 'x' { format!("{n:0>width$x}") } else { format!("{n:0>width$X}") }
        }
        'E' => {
            let text = format!("{value:.*e}", precision.unwrap_or(6));
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}{kind}{sign}{:03}", exponent.abs())
        }
        'G' | 'R' => Value::Double(value).to_string(),
        _ => return None,
    })
}

/// Halves away from zero, as .NET Framework formats.
fn round(value: f64, digits: usize) -> f64 {
    let scale = 10f64.powi(digits.min(15) as i32);
    let scaled = (value * scale).round();
    if scaled.is_finite() { scaled / scale } else { value }
}

/// Thousands separated by commas.
fn grouped(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", round(value.abs(), digits));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let nonzero = text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let sign = if value < 0.0 && nonzero { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{out}") } else { format!("{sign}{out}.{fraction}") }
}

/// `0`, `#`, `.`, `,` and `%`; anything else stands for itself.
fn custom_number(value: f64, spec: &str) -> String {
    let is_mark = |c: char| matches!(c, '0' | '#' | '.' | ',');
    let Some(start) = spec.find(is_mark) else { return spec.to_owned() };
    let end = spec.rfind(is_mark).map_or(spec.len(), |at| at + 1);
    let (prefix, pattern, suffix) = (&spec[..start], &spec[start..end], &spec[end..]);
    let value = if spec.contains('%') { value * 100.0 } else { value };
    let (whole_marks, fraction_marks) = pattern.split_once('.').unwrap_or((pattern, ""));
    let fraction_max = fraction_marks.chars().filter(|c| matches!(c, '0' | '#')).count();
    let fraction_min = fraction_marks.chars().filter(|c| *c == '0').count();
    let whole_min = whole_marks.chars().filter(|c| *c == '0').count();
    let text = if whole_marks.contains(',') {
        grouped(value, fraction_max)
    } else {
        format!("{:.*}", fraction_max, round(value, fraction_max))
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
    let whole = if whole_min == 0 && whole == "0" { "" } else { whole };
    let mut fraction = fraction.to_owned();
    while fraction.len() > fraction_min && fraction.ends_with('0') {
        fraction.pop();
    }
    let whole = format!("{whole:0>whole_min$}");
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{prefix}{sign}{whole}{dot}{fraction}{suffix}")
}

/// .NET date formats: one letter is a standard format, more are custom.
pub(crate) fn date(at: Timestamp, spec: &str) -> String {
    let zoned = at.to_jiff().to_zoned(local_zone());
    let standard = match spec {
        "d" => "M/d/yyyy",
        "D" => "dddd, MMMM d, yyyy",
        "f" => "dddd, MMMM d, yyyy h:mm tt",
        "F" => "dddd, MMMM d, yyyy h:mm:ss tt",
        "g" => "M/d/yyyy h:mm tt",
        "G" => "M/d/yyyy h:mm:ss tt",
        "t" => "h:mm tt",
        "T" => "h:mm:ss tt",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "m" | "M" => "MMMM d",
        "y" | "Y" => "MMMM yyyy",
        other => other,
    };
    let zoned =
        if matches!(spec, "u" | "r" | "R") { at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC) } else { zoned };
    let mut out = String::new();
    let chars: Vec<char> = standard.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        let run = chars[at..].iter().take_while(|n| *n == c).count();
        at += run;
        match c {
            '\'' | '"' => {
                while let Some(n) = chars.get(at) {
                    at += 1;
                    if n == c {
                        break;
                    }
                    out.push(*n);
                }
            }
            '\\' => {
                out.extend(chars.get(at));
                at += 1;
            }
            _ => date_part(&zoned, *c, run, &mut out),
        }
    }
    out
}

fn date_part(zoned: &jiff::Zoned, c: char, run: usize, out: &mut String) {
    let two = |n: i32| if run >= 2 { format!("{n:02}") } else { n.to_string() };
    let named = |spec: &str| zoned.strftime(spec).to_string();
    let piece = match (c, run) {
        ('y', 1..=2) => format!("{:02}", zoned.year() % 100),
        ('y', _) => format!("{:04}", zoned.year()),
        ('M', 1..=2) => two(i32::from(zoned.month())),
        ('M', 3) => named("%b"),
        ('M', _) => named("%B"),
        ('d', 1..=2) => two(i32::from(zoned.day())),
        ('d', 3) => named("%a"),
        ('d', _) => named("%A"),
        ('H', _) => two(i32::from(zoned.hour())),
        ('h', _) => two((i32::from(zoned.hour()) + 11) % 12 + 1),
        ('m', _) => two(i32::from(zoned.minute())),
        ('s', _) => two(i32::from(zoned.second())),
        ('f' | 'F', _) => {
            let nanos = format!("{:09}", zoned.subsec_nanosecond());
            nanos[..run.min(7)].to_owned()
        }
        ('t', 1) => named("%p").chars().take(1).collect(),
        ('t', _) => named("%p"),
        ('K', _) if zoned.offset().is_zero() => "Z".to_owned(),
        ('K', _) => named("%:z"),
        ('z', 1..=2) => named("%z").chars().take(3).collect(),
        ('z', _) => named("%:z"),
        (other, _) => other.to_string().repeat(run),
    };
    out.push_str(&piece);
}

/// Custom time span formats: `hh\:mm\:ss`, `d`, `fff`; `c`, `g` and others print as is.
fn time_span(micros: i64, spec: &str) -> String {
    if spec.len() == 1 {
        return Value::TimeSpan(base::EnhancedTimeSpan { micros }).to_string();
    }
    let total = micros.unsigned_abs();
    let seconds = total / 1_000_000;
    let mut out = String::new();
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        let run = chars[at..].iter().take_while(|n| *n == c).count();
        at += run;
        let field = match c {
            'd' => Some(seconds / 86_400),
            'h' => Some(seconds % 86_400 / 3600),
            'm' => Some(seconds % 3600 / 60),
            's' => Some(seconds % 60),
            _ => None,
        };
        match (c, field) {
            (_, Some(n)) => out.push_str(&format!("{n:0>run$}", run = run.min(20))),
            ('f', _) => out.push_str(&format!("{:07}", total % 1_000_000 * 10)[..run.min(7)]),
            ('\\', _) => {
                out.extend(chars.get(at));
                at += 1;
            }
            (other, _) => out.push(*other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composite_formats() {
        for (template, value, expected) in [
            ("{0}", Value::from(5), "5"),
            ("{0,5}|", Value::from(5), "    5|"),
            ("{0,-5}|", Value::from("ab"), "ab   |"),
            ("{0:N0}", Value::from(1_234_567), "1,234,567"),
            ("{0:N2}", Value::from(1234.565), "1,234.57"),
            ("{0:D5}", Value::from(42), "00042"),
            ("{0:X}", Value::from(255), "FF"),
            ("{0:x4}", Value::from(-1), "ffffffff"),
            ("{0:P1}", Value::from(0.256), "25.6 %"),
            ("{0:F1}", Value::from(2.25), "2.3"),
            ("{0:0.00}", Value::from(2.5), "2.50"),
            ("{0:#,##0.##}", Value::from(1234.5), "1,234.5"),
            ("{0:0.0%}", Value::from(0.5), "50.0%"),
            ("{{{0}}}", Value::from(1), "{1}"),
            ("{0:yyyy-MM-dd HH:mm}", Value::from(Timestamp::from_secs(1_795_412_281)), "2026-11-23 05:38"),
            ("{0:d}", Value::from(Timestamp::from_secs(1_795_412_281)), "11/23/2026"),
            ("{0:ddd h:mm tt}", Value::from(Timestamp::from_secs(1_795_412_281)), "Mon 5:38 AM"),
            ("{0:hh\\:mm}", Value::from(base::EnhancedTimeSpan::from_secs(3700)), "01:01"),
        ] {
            assert_eq!(compose(template, &[value]).as_deref(), Some(expected), "{template}");
        }
        for bad in ["{1}", "{", "}", "{x}", "{0"] {
            assert_eq!(compose(bad, &[Value::Int(1)]), None, "{bad}");
        }
    }
}
