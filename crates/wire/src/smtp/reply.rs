//! Replies (RFC 5321 section 4.2) with enhanced status codes (RFC 2034, RFC 3463): building and writing.

use std::{borrow::Cow, fmt};

use base::{Fault, FaultKind};
use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

/// Text of one reply line we write, bytes (RFC 5321 section 4.5.3.1.5 allows 512 with code and CRLF).
const LINE_TEXT_MAX: usize = 490;

/// `class.subject.detail` of RFC 3463.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedCode {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// Exactly what.
    pub detail: u16,
}

impl EnhancedCode {
    /// `class.subject.detail`
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// Reads a code at the start of `text`; the rest follows after one space. `None` if there is none.
    pub fn strip(text: &str) -> Option<(Self, &str)> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut numbers = code.split('.');
        let mut next = |digits: usize| {
            let number = numbers.next()?;
            let fits = (1..=digits).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            if fits { number.parse::<u16>().ok() } else { None }
        };
        let (class, subject, detail) = (next(1)?, next(3)?, next(3)?);
        if numbers.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return None;
        }
        Some((Self { class: class as u8, subject, detail }, rest))
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One reply, of one line or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// The enhanced code, absent in greetings, `EHLO` answers and 3xx.
    pub status: Option<EnhancedCode>,
    /// The text; `\n` separates lines.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// A fixed reply: `Reply::new(250, (2, 1, 0), "Sender OK")`.
    pub const fn new(code: u16, status: (u8, u16, u16), text: &'static str) -> Self {
        let status = Some(EnhancedCode::new(status.0, status.1, status.2));
        Self { code, status, text: Cow::Borrowed(text) }
    }

    /// A reply with text made for the occasion.
    pub fn said(code: u16, status: (u8, u16, u16), text: impl Into<String>) -> Self {
        Self { text: Cow::Owned(text.into()), ..Self::new(code, status, "") }
    }

    /// A reply without an enhanced code.
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, status: None, text: text.into() }
    }

    /// 2xx
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }
    /// 3xx
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }
    /// 4xx
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }
    /// 5xx
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Appends the reply as it goes on the wire. Whatever the text holds, no line of it can be forged:
    /// control characters and what is not ASCII become `?`, over-long lines are cut.
    pub fn write_to(&self, out: &mut BytesMut) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { b'-' } else { b' ' };
            out.put_slice(&digits(self.code));
            out.put_u8(separator);
            if let Some(status) = self.status {
                // Writing to a BytesMut cannot fail: it grows.
                let _ = fmt::Write::write_fmt(out, format_args!("{status} "));
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            let safe = |b: u8| if (b' '..=b'~').contains(&b) { b } else { b'?' };
            out.extend(line.bytes().take(LINE_TEXT_MAX).map(safe));
            out.put_slice(b"\r\n");
        }
    }
}

/// Three ASCII digits.
fn digits(code: u16) -> [u8; 3] {
    [code / 100 % 10, code / 10 % 10, code % 10].map(|digit| b'0' + digit as u8)
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code)?;
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        f.write_str(&self.text)
    }
}

/// How each kind of fault reads in SMTP. What is our own fault is transient, so that nothing is lost by it.
impl From<&Fault> for Reply {
    fn from(fault: &Fault) -> Self {
        let (code, status) = match fault.kind {
            FaultKind::NotFound => (550, (5, 1, 1)),
            FaultKind::Ambiguous => (550, (5, 1, 4)),
            FaultKind::Invalid | FaultKind::AlreadyExists => (550, (5, 6, 0)),
            FaultKind::AccessDenied => (550, (5, 7, 1)),
            FaultKind::Unauthenticated => (535, (5, 7, 3)),
            FaultKind::TooLarge => (552, (5, 3, 4)),
            FaultKind::NotImplemented => (502, (5, 3, 3)),
            FaultKind::Exhausted => (452, (4, 3, 1)),
            FaultKind::Unavailable => (451, (4, 3, 2)),
            FaultKind::Conflict | FaultKind::Internal => (451, (4, 3, 0)),
        };
        Reply::said(code, status, fault.public_text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = BytesMut::new();
        reply.write_to(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn writes_one_line_and_many() {
        assert_eq!(wire(&Reply::new(250, (2, 1, 0), "Sender OK")), "250 2.1.0 Sender OK\r\n");
        assert_eq!(wire(&Reply::plain(250, "host\nSIZE 1\nDSN")), "250-host\r\n250-SIZE 1\r\n250 DSN\r\n");
        assert_eq!(wire(&Reply::said(550, (5, 7, 1), "a\nb")), "550-5.7.1 a\r\n550 5.7.1 b\r\n");
    }

    #[test]
    fn text_cannot_forge_a_line() {
        assert_eq!(wire(&Reply::plain(550, "a\r250 b\0\u{85}é")), "550 a?250 b?????\r\n");
        assert!(wire(&Reply::plain(550, "x".repeat(9000))).len() <= 512);
    }

    #[test]
    fn enhanced_codes_read_back() {
        for (text, code, rest) in [
            ("5.7.1 Unable to relay", EnhancedCode::new(5, 7, 1), "Unable to relay"),
            ("4.4.316", EnhancedCode::new(4, 4, 316), ""),
        ] {
            assert_eq!(EnhancedCode::strip(text), Some((code, rest)));
        }
        for bad in ["", "3.1.1 x", "5.7 x", "5.7.1.2 x", "5.7.1234", "5..1", "5.+1.1", "hello"] {
            assert_eq!(EnhancedCode::strip(bad), None, "{bad}");
        }
    }
}
