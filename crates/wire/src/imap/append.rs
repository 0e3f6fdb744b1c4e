//! The messages that APPEND and REPLACE bring (RFC 3501 section 6.3.11, RFC 3502, RFC 4469, RFC 8508).

use base::Timestamp;
use bytes::Bytes;

use crate::{
    imap::{
        flags::FlagList,
        scan::{ParseError, Parsed, Scanner},
    },
    mime::date,
};

/// Messages one APPEND may bring.
const MESSAGES_MAX: usize = 512;
/// Pieces one message may be put together from.
const PIECES_MAX: usize = 256;

/// A message to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its flags.
    pub flags: FlagList,
    /// INTERNALDATE, where the client gives one.
    pub date: Option<Timestamp>,
    /// What it is made of, in order.
    pub pieces: Vec<Piece>,
}

/// A part of a message's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The bytes themselves, shared with the command.
    Text(Bytes),
    /// The bytes an IMAP URL names (RFC 5092).
    Url(String),
}

impl Appended {
    /// Reads `[flags] [date] data`.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut flags = FlagList::default();
        if s.peek() == Some(b'(') {
            flags = FlagList::parse(s)?;
            s.space()?;
        }
        let mut date = None;
        if s.peek() == Some(b'"') {
            let text = s.string()?;
            let read = std::str::from_utf8(&text).ok().and_then(date::parse_imap_date_time);
            date = Some(read.ok_or(ParseError("Invalid date-time"))?);
            s.space()?;
        }
        let pieces = if s.take_word("CATENATE ") {
            s.list(PIECES_MAX, false, piece)?
        } else if s.take_word("UTF8 (") {
            let message = s.binary_literal()?;
            s.expect(b')')?;
            vec![Piece::Text(message)]
        } else {
            vec![Piece::Text(s.binary_literal()?)]
        };
        Ok(Appended { flags, date, pieces })
    }

    /// Reads messages, each after a space, up to the end of the command.
    pub fn parse_all(s: &mut Scanner<'_>) -> Parsed<Vec<Self>> {
        let mut messages = Vec::new();
        loop {
            s.space()?;
            messages.push(Self::parse(s)?);
            if s.peek().is_none() {
                return Ok(messages);
            }
            if messages.len() == MESSAGES_MAX {
                return Err(ParseError("Too many messages in one APPEND"));
            }
        }
    }
}

fn piece(s: &mut Scanner<'_>) -> Parsed<Piece> {
    if s.take_word("URL ") {
        return s.text_string().map(Piece::Url);
    }
    if s.take_word("TEXT ") {
        s.binary_literal().map(Piece::Text)
    } else {
        Err(ParseError("URL or TEXT expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Parsed<Vec<Appended>> {
        Appended::parse_all(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn several_messages_and_pieces() {
        let two = parse(" (\\Seen) {2}\r\nab \" 1-Jan-1970 00:00:01 +0000\" ~{1}\r\nc").unwrap();
        assert_eq!((two.len(), two[0].flags.system, two[1].date), (2, 1, Some(Timestamp::from_secs(1))));
        let text = |text: &'static str| Piece::Text(Bytes::from_static(text.as_bytes()));
        assert_eq!(two[1].pieces, [text("c")]);
        let put = parse(" CATENATE (URL \"/INBOX/;UID=1\" TEXT {2}\r\nxy)").unwrap();
        assert_eq!(put[0].pieces, [Piece::Url("/INBOX/;UID=1".into()), text("xy")]);
        assert_eq!(parse(" UTF8 (~{1}\r\nz)").unwrap()[0].pieces, [text("z")]);
        for bad in ["", " ", " x", " CATENATE ()", " CATENATE (X {1}\r\na)", " {1}\r\na ", " UTF8 ({1}\r\na"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
