//! Comma-separated lines (RFC 4180) that nothing from a message can break: a value never holds a line end.

/// Appends a value, quoted where it must be. Control characters and Unicode line ends become spaces.
pub(super) fn push(out: &mut Vec<u8>, value: &str) {
    let plain = |b: u8| !b.is_ascii_control() && b != b'"' && b != b',' && b != 0xe2 && b != 0xc2;
    if value.bytes().all(plain) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for c in value.chars() {
        match c {
            '"' => out.extend_from_slice(b"\"\""),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.push(b' '),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Splits a line (without its end) into values; quotes are undone. A quote that is never closed runs to
/// the end of the line.
pub(super) fn split(line: &[u8]) -> Vec<String> {
    let mut values = Vec::with_capacity(super::Column::COUNT);
    let mut rest = line;
    loop {
        let (value, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted),
            None => {
                let end = rest.iter().position(|b| *b == b',').unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        values.push(String::from_utf8_lossy(&value).into_owned());
        match after.strip_prefix(b",") {
            Some(next) => rest = next,
            None => return values,
        }
    }
}

/// The value up to the closing quote, and what follows the next comma's place.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte != b'"' {
            value.push(byte);
        } else if text.get(at) == Some(&b'"') {
            value.push(b'"');
            at += 1;
        } else {
            break;
        }
    }
    let skip = text[at..].iter().position(|b| *b == b',').unwrap_or(text.len() - at);
    (value, &text[at + skip..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        for (value, written) in [
            ("", ""),
            ("a b;c", "a b;c"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\r\nb\u{2028}c", "\"a  b c\""),
            ("é", "é"),
        ] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
        assert_eq!(split(b"a,\"b,\"\"\",,\"open"), ["a", "b,\"", "", "open"]);
    }

    proptest! {
        #[test]
        fn lines_read_back(values in proptest::collection::vec("[^\\p{Cc}\u{2028}\u{2029}]*", 1..8)) {
            let mut line = Vec::new();
            for (i, value) in values.iter().enumerate() {
                if i > 0 { line.push(b','); }
                push(&mut line, value);
            }
            prop_assert_eq!(split(&line), values);
        }
        #[test]
        fn no_value_makes_a_line(value in "\\PC*|(?s).*") {
            let mut line = Vec::new();
            push(&mut line, &value);
            prop_assert!(!line.iter().any(|b| matches!(b, b'\r' | b'\n')));
        }
    }
}
