//! Cuts the bytes of a connection into commands: lines joined by literals (RFC 3501 section 4.3,
//! RFC 7888). Nothing is read past what the session has agreed to.

use memchr::memchr;

/// What the input holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Not enough yet: read more.
    Incomplete,
    /// The command announces a literal. [`Framer::accept`] it, or refuse the command.
    Literal {
        /// Its length, bytes; saturated.
        size: u64,
        /// The client waits for `+` before it sends the literal.
        waits: bool,
    },
    /// A whole command, this many bytes long, its line end included.
    Command(usize),
    /// The lines of the command, literals not counted, pass the limit.
    TooLong,
}

/// The state of the cut; one per connection.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    /// Bytes of the command already looked at.
    seen: usize,
    /// Bytes of accepted literals among them or still to come.
    in_literals: usize,
}

impl Framer {
    /// Looks at the input, which starts with the current command. `line_max` limits its lines' total.
    pub fn next(&mut self, input: &[u8], line_max: usize) -> Frame {
        let Some(rest) = input.get(self.seen..) else { return Frame::Incomplete };
        let lines = self.seen.saturating_sub(self.in_literals);
        let Some(end) = memchr(b'\n', rest) else {
            return if lines + rest.len() > line_max { Frame::TooLong } else { Frame::Incomplete };
        };
        if lines + end > line_max {
            return Frame::TooLong;
        }
        let line = &rest[..end];
        self.seen += end + 1;
        match announced_literal(line.strip_suffix(b"\r").unwrap_or(line)) {
            Some((size, waits)) => Frame::Literal { size, waits },
            None => Frame::Command(std::mem::take(self).seen),
        }
    }

    /// How many bytes of the input the command takes so far, its literals announced included.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Literals accepted so far in this command, bytes.
    pub fn in_literals(&self) -> usize {
        self.in_literals
    }

    /// Agrees to a literal just announced.
    pub fn accept(&mut self, size: usize) {
        self.seen = self.seen.saturating_add(size);
        self.in_literals = self.in_literals.saturating_add(size);
    }

    /// Gives the command up; returns how many bytes of the input belong to it.
    pub fn abandon(&mut self) -> usize {
        std::mem::take(self).seen
    }
}

/// `{n}` or `{n+}` at the end of a line.
fn announced_literal(line: &[u8]) -> Option<(u64, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let start = inner.iter().rposition(|b| *b == b'{')?;
    let digits = &inner[start + 1..];
    let (digits, waits) = digits.strip_suffix(b"+").map_or((digits, true), |digits| (digits, false));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0_u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    Some((size, waits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lines_and_literals() {
        let input = b"a LOGIN {3}\r\njoe {2+}\r\npw\r\nb NOOP\r\n";
        let mut framer = Framer::default();
        assert_eq!(framer.next(&input[..5], 100), Frame::Incomplete);
        assert_eq!(framer.next(input, 100), Frame::Literal { size: 3, waits: true });
        framer.accept(3);
        assert_eq!(framer.next(&input[..14], 100), Frame::Incomplete);
        assert_eq!(framer.next(input, 100), Frame::Literal { size: 2, waits: false });
        framer.accept(2);
        assert_eq!(framer.next(input, 100), Frame::Command(27));
        assert_eq!(framer.next(&input[27..], 100), Frame::Command(8));
    }

    #[test]
    fn limits() {
        let mut framer = Framer::default();
        assert_eq!(framer.next(&[b'x'; 101], 100), Frame::TooLong);
        assert_eq!(
            framer.next(b"a X {99999999999999999999999}\r\n", 100),
            Frame::Literal { size: u64::MAX, waits: true }
        );
        assert_eq!(framer.abandon(), 31);
        for line in ["a X {}\r\n", "a X {-1}\r\n", "a X {1 }\r\n", "a X 1}\r\n", "a X {+}\r\n", "\r\n"] {
            assert_eq!(framer.next(line.as_bytes(), 100), Frame::Command(line.len()), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn commands_end_where_they_end_however_they_arrive(texts in proptest::collection::vec("[a-z{}+0-9 ]{0,20}", 1..4), cut in 0..80_usize) {
            let mut input = Vec::new();
            let mut expected = 0;
            for (index, text) in texts.iter().enumerate() {
                input.extend_from_slice(b"x ");
                let last = index + 1 == texts.len();
                let tail = if last { "x\r\n".into() } else { format!("{{{}}}\r\n{text}", text.len()) };
                input.extend_from_slice(tail.as_bytes());
                expected = input.len();
            }
            input.extend_from_slice(b"y NOOP\r\n");
            let mut framer = Framer::default();
            let mut have = cut.min(input.len());
            loop {
                match framer.next(&input[..have], 1_000) {
                    Frame::Incomplete => have = (have + 7).min(input.len()),
                    Frame::Literal { size, .. } => framer.accept(size as usize),
                    Frame::Command(len) => { proptest::prop_assert_eq!(len, expected); break }
                    Frame::TooLong => proptest::prop_assert!(false),
                }
            }
        }
    }
}
