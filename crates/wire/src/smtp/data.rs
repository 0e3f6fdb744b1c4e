//! The end of `DATA` and the undoing of dot-stuffing (RFC 5321 sections 4.1.1.4 and 4.5.2). Only CRLF ends
//! a line and only CRLF.CRLF ends a message, whatever else the bytes try.

use std::sync::LazyLock;

use bytes::BytesMut;
use memchr::memmem::Finder;

/// Looks for the end of a message in a buffer that grows, each byte once.
#[derive(Debug)]
pub struct DataScanner {
    /// What stands before this is decided.
    position: usize,
    /// `position` is the start of a line: the `DATA` command's CRLF or one of the message's own precedes it.
    at_line_start: bool,
    findings: Findings,
}

/// What a message holds besides clean lines of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// A line starts with a dot: [`unstuff`] is needed.
    pub dots: bool,
    /// A CR or LF on its own: a message made to be read differently by the next server. To be refused.
    pub bare_newline: bool,
    /// A NUL, which no text may hold (RFC 5322 section 2.2) and IMAP cannot return.
    pub nul: bool,
}

/// Where a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Bytes of the message, dots still stuffed.
    pub message: usize,
    /// The same with the final dot's line: where the next command starts.
    pub total: usize,
    /// What was seen on the way.
    pub findings: Findings,
}

impl Default for DataScanner {
    fn default() -> Self {
        Self { position: 0, at_line_start: true, findings: Findings::default() }
    }
}

impl DataScanner {
    /// Continues in `buffer`, which holds the message from its first byte (less what [`Self::forget`] took).
    /// `None` until more bytes are there.
    pub fn scan(&mut self, buffer: &[u8]) -> Option<End> {
        loop {
            if self.at_line_start {
                match &buffer[self.position..] {
                    [b'.', b'\r', b'\n', ..] => {
                        let (message, total) = (self.position, self.position + 3);
                        return Some(End { message, total, findings: self.findings });
                    }
                    [] | [b'.'] | [b'.', b'\r'] => return None,
                    [b'.', ..] => {
                        self.findings.dots = true;
                        self.position += 1;
                    }
                    _ => {}
                }
                self.at_line_start = false;
            }
            let Some(at) = memchr::memchr3(b'\r', b'\n', 0, &buffer[self.position..]) else {
                self.position = buffer.len();
                return None;
            };
            self.position += at;
            match &buffer[self.position..] {
                [b'\r'] => return None,
                [b'\r', b'\n', ..] => {
                    self.position += 2;
                    self.at_line_start = true;
                }
                [0, ..] => {
                    self.findings.nul = true;
                    self.position += 1;
                }
                _ => {
                    self.findings.bare_newline = true;
                    self.position += 1;
                }
            }
        }
    }

    /// How many bytes at the head of the buffer are decided; the message has at least that many.
    pub fn decided(&self) -> usize {
        self.position
    }

    /// Tells that the caller has dropped the decided bytes from the buffer: how a message that is too
    /// large already is read to its end without being kept.
    pub fn forget(&mut self) {
        self.position = 0;
    }
}

/// What [`DataScanner`] would find in a message that is not framed by dots (`BDAT`).
pub fn examine(message: &[u8]) -> Findings {
    let mut findings = Findings::default();
    let mut position = 0;
    while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, &message[position..]) {
        position += at;
        match &message[position..] {
            [b'\r', b'\n', ..] => position += 2,
            [0, ..] => {
                findings.nul = true;
                position += 1;
            }
            _ => {
                findings.bare_newline = true;
                position += 1;
            }
        }
    }
    findings
}

static LINE_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Takes away the first dot of every line that starts with one, in place.
pub fn unstuff(message: &mut BytesMut) {
    let mut read = usize::from(message.starts_with(b"."));
    let mut written = 0;
    loop {
        let found = LINE_DOT.find(&message[read..]).map(|at| read + at + 2);
        let until = found.unwrap_or(message.len());
        message.copy_within(read..until, written);
        written += until - read;
        match found {
            Some(dot) => read = dot + 1,
            None => break,
        }
    }
    message.truncate(written);
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
