//! Command lines: only CRLF ends one, and none is longer than the caller allows.

use bytes::{Buf, BytesMut};

/// The longest command line (RFC 5321 allows 512; parameters and long addresses need more), bytes.
pub const COMMAND_LINE_MAX: usize = 2048;
/// The longest line that carries AUTH data (RFC 4954 section 4), bytes.
pub const AUTH_LINE_MAX: usize = 12_288;

/// What stands at the head of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line of this many bytes, then CRLF. Still in the buffer: the caller reads it and advances.
    Complete(usize),
    /// A line that was too long; it is gone from the buffer.
    TooLong,
    /// A CR or LF on its own. Where the line ends is anyone's guess: the connection cannot go on.
    BareNewline,
}

/// Finds line ends without looking at a byte twice.
#[derive(Debug, Default)]
pub struct LineScanner {
    scanned: usize,
    overflow: bool,
}

impl LineScanner {
    /// The next line, or `None` until more bytes are there. Keeps at most `max` bytes of an unfinished one.
    pub fn find(&mut self, buffer: &mut BytesMut, max: usize) -> Option<Line> {
        let end = memchr::memchr2(b'\r', b'\n', &buffer[self.scanned..]).map(|i| self.scanned + i);
        let len = match end {
            Some(at) if buffer[at] == b'\n' => return Some(Line::BareNewline),
            Some(at) => match buffer.get(at + 1) {
                Some(b'\n') => at,
                Some(_) => return Some(Line::BareNewline),
                None => return self.wait(buffer, at, max),
            },
            None => return self.wait(buffer, buffer.len(), max),
        };
        self.scanned = 0;
        if std::mem::take(&mut self.overflow) || len > max {
            buffer.advance(len + 2);
            return Some(Line::TooLong);
        }
        Some(Line::Complete(len))
    }

    /// Remembers that the first `scanned` bytes hold no line end; drops them once they are too many.
    fn wait(&mut self, buffer: &mut BytesMut, scanned: usize, max: usize) -> Option<Line> {
        self.scanned = scanned;
        self.overflow |= scanned > max;
        if self.overflow {
            buffer.advance(scanned);
            self.scanned = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], step: usize, max: usize) -> Vec<Line> {
        let (mut scanner, mut buffer, mut found) = (LineScanner::default(), BytesMut::new(), Vec::new());
        for chunk in input.chunks(step) {
            buffer.extend_from_slice(chunk);
            while let Some(line) = scanner.find(&mut buffer, max) {
                found.push(line);
                match line {
                    Line::Complete(len) => buffer.advance(len + 2),
                    Line::TooLong => {}
                    Line::BareNewline => return found,
                }
            }
        }
        assert!(buffer.len() <= max + step, "unfinished lines are bounded");
        found
    }

    #[test]
    fn the_same_lines_however_they_arrive() {
        use Line::{BareNewline, Complete, TooLong};
        for (input, expected) in [
            (&b"NOOP\r\n\r\nQU"[..], &[Complete(4), Complete(0)][..]),
            (b"123456789\r\nab\r\n", &[TooLong, Complete(2)]),
            (b"12345678901234567890\r\n12345678\r\n", &[TooLong, Complete(8)]),
            (b"a\nb\r\n", &[BareNewline]),
            (b"a\rb\r\n", &[BareNewline]),
            (b"a\r\r\n", &[BareNewline]),
            (b"a\r\nb\n", &[Complete(1), BareNewline]),
            (b"1234567890\n", &[BareNewline]),
            (b"", &[]),
        ] {
            for step in 1..=input.len().max(1) {
                assert_eq!(lines(input, step, 8), expected, "{input:?} by {step}");
            }
        }
    }
}
