//! One value inside a table or a list.

use crate::value::{Value, display_date};

/// The text of a property's value; lists show up to `limit` elements.
pub(crate) fn cell(value: &Value, limit: usize) -> String {
    let mut text = whole(value, limit);
    if text.len() > CELL_MAX {
        let cut = (0..=CELL_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

/// The longest text of one property, bytes.
const CELL_MAX: usize = 1 << 20;

fn whole(value: &Value, limit: usize) -> String {
    match value {
        Value::Array(list) => list.with(|items| enumerate(items.iter().map(flat), items.len(), limit)),
        Value::Bytes(bytes) => enumerate(bytes.iter().map(u8::to_string), bytes.len(), limit),
        Value::Hashtable(table) => {
            let keys: Vec<String> = table.to_vec().iter().map(|(key, _)| key.to_string()).collect();
            enumerate(keys.into_iter(), table.with(|t| t.len()), limit)
        }
        other => flat(other),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::DateTime(at) => display_date(*at),
        Value::Array(list) => {
            let items = list.to_vec();
            let texts: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("{{{}}}", texts.join(", "))
        }
        other => other.to_string(),
    }
}

fn enumerate(items: impl Iterator<Item = String>, count: usize, limit: usize) -> String {
    let shown: Vec<String> = items.take(limit).collect();
    let more = if count > limit { "..." } else { "" };
    format!("{{{}{more}}}", shown.join(", "))
}

/// Cuts a text to `width` characters, `...` at its end; line ends are cut too.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let whole = line.len() == text.len();
    if whole && line.chars().count() <= width {
        return line.to_owned();
    }
    if width <= 3 {
        return line.chars().take(width).collect();
    }
    let room = if whole { width - 3 } else { (width - 3).min(line.chars().count()) };
    let mut cut: String = line.chars().take(room).collect();
    cut.push_str("...");
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_cuts() {
        let five = Value::from(vec![1, 2, 3, 4, 5]);
        assert_eq!(cell(&five, 4), "{1, 2, 3, 4...}");
        assert_eq!(cell(&five, 16), "{1, 2, 3, 4, 5}");
        assert_eq!(cell(&Value::array(Vec::new()), 4), "{}");
        assert_eq!(fit("abcdefgh", 6), "abc...");
        assert_eq!(fit("abcdefgh", 8), "abcdefgh");
        assert_eq!(fit("ab\ncd", 8), "ab...");
        assert_eq!(fit("abc", 2), "ab");
    }
}
