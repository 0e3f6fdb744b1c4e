//! A window on a list of results: `1:100` from its beginning, `-1:-100` from its end (RFC 9394).

use crate::imap::scan::{ParseError, Parsed, Scanner};

/// Which results, counted from 1; `from` is never above `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: u32,
    to: u32,
    /// Counted from the last result.
    from_end: bool,
}

impl Window {
    /// Reads `a:b`, both of one sign.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let from_end = s.take(b'-');
        let a = s.number()?;
        s.expect(b':')?;
        if s.take(b'-') != from_end {
            return Err(ParseError("Both ends of PARTIAL have one sign"));
        }
        let b = s.number()?;
        if a == 0 || b == 0 {
            return Err(ParseError("PARTIAL counts from 1"));
        }
        Ok(Window { from: a.min(b), to: a.max(b), from_end })
    }

    /// The results in the window.
    pub fn of<T>(self, results: &[T]) -> &[T] {
        let at = |n: u32| usize::try_from(n).unwrap_or(usize::MAX).min(results.len());
        let (start, end) = (at(self.from - 1), at(self.to));
        if self.from_end {
            &results[results.len() - end..results.len() - start]
        } else {
            &results[start..end]
        }
    }

    /// As an answer repeats it.
    pub fn label(self) -> String {
        let sign = if self.from_end { "-" } else { "" };
        format!("{sign}{}:{sign}{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Parsed<Window> {
        Window::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn windows() {
        let results = [1, 2, 3, 4, 5];
        for (text, within, label) in [
            ("1:2", &[1, 2][..], "1:2"),
            ("4:2", &[2, 3, 4], "2:4"),
            ("-1:-2", &[4, 5], "-1:-2"),
            ("-2:-9", &[1, 2, 3, 4], "-2:-9"),
            ("6:9", &[], "6:9"),
            ("-6:-9", &[], "-6:-9"),
            ("1:4294967295", &results, "1:4294967295"),
        ] {
            let window = parse(text).unwrap();
            assert_eq!((window.of(&results), window.label().as_str()), (within, label), "{text}");
        }
        for bad in ["0:1", "1:-2", "-1:2", "1", ":", "1:0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
