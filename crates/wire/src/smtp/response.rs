//! Replies as a client reads them (RFC 5321 section 4.2), from servers that may be broken or hostile.

use std::borrow::Cow;

use super::{EnhancedCode, Reply};

/// The longest reply, all its lines together, bytes.
pub const RESPONSE_MAX: usize = 16 << 10;
/// The most lines of one reply.
const LINES_MAX: usize = 256;

/// What came is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// A line without a three-digit code, or with another code than the line before.
    #[error("the server's reply is malformed")]
    Malformed,
    /// Longer than anyone needs.
    #[error("the server's reply is too long")]
    TooLong,
}

/// Reads one reply at the head of `buffer`, with the number of bytes it took; `None` until it is complete.
/// A line may end in LF alone, as some servers' do.
pub fn parse_response(buffer: &[u8]) -> Result<Option<(Reply, usize)>, ResponseError> {
    let mut reply: Option<Reply> = None;
    let mut position = 0;
    for _ in 0..LINES_MAX {
        let Some(end) = memchr::memchr(b'\n', &buffer[position..]) else {
            let endless = buffer.len() > RESPONSE_MAX;
            return if endless { Err(ResponseError::TooLong) } else { Ok(None) };
        };
        let line = &buffer[position..position + end];
        position += end + 1;
        if position > RESPONSE_MAX {
            return Err(ResponseError::TooLong);
        }
        let last = add_line(&mut reply, line.strip_suffix(b"\r").unwrap_or(line))?;
        if last {
            return Ok(reply.map(|reply| (reply, position)));
        }
    }
    Err(ResponseError::TooLong)
}

/// Adds one line; true where it is the last.
fn add_line(reply: &mut Option<Reply>, line: &[u8]) -> Result<bool, ResponseError> {
    let (code, rest) = line.split_at_checked(3).ok_or(ResponseError::Malformed)?;
    if !(matches!(code[0], b'2'..=b'5') && code.iter().all(u8::is_ascii_digit)) {
        return Err(ResponseError::Malformed);
    }
    let code = code.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return Err(ResponseError::Malformed),
    };
    let text = printable(text);
    let (status, text) = match EnhancedCode::strip(&text) {
        Some((status, rest)) if u16::from(status.class) == code / 100 => (Some(status), rest),
        _ => (None, text.as_ref()),
    };
    match reply {
        None => *reply = Some(Reply { code, status, text: Cow::Owned(text.to_owned()) }),
        Some(reply) if reply.code == code => {
            let whole = reply.text.to_mut();
            whole.push('\n');
            whole.push_str(text);
        }
        Some(_) => return Err(ResponseError::Malformed),
    }
    Ok(last)
}

/// Text without control characters, so that it can stand in a report or a log.
fn printable(text: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(text);
    if text.contains(char::is_control) {
        return Cow::Owned(text.replace(char::is_control, " "));
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_and_many() {
        let (reply, used) = parse_response(b"250 2.1.0 Sender OK\r\n354 go").unwrap().unwrap();
        assert_eq!((reply.code, reply.status, used), (250, Some(EnhancedCode::new(2, 1, 0)), 21));
        assert_eq!(reply.text, "Sender OK");
        let (reply, _) = parse_response(b"550-5.7.1 a\r\n550-5.7.1 b\n550\r\n").unwrap().unwrap();
        assert_eq!((reply.text.as_ref(), reply.status), ("a\nb\n", Some(EnhancedCode::new(5, 7, 1))));
        let (reply, _) = parse_response(b"250 5.7.1 is not of class 2\x07\r\n").unwrap().unwrap();
        assert_eq!((reply.status, reply.text.as_ref()), (None, "5.7.1 is not of class 2 "));
    }

    #[test]
    fn waits_refuses_and_bounds() {
        for partial in [&b""[..], b"250", b"250-a\r\n", b"250-a\r\n250 b"] {
            assert_eq!(parse_response(partial), Ok(None), "{partial:?}");
        }
        for bad in [&b"\r\n"[..], b"25\r\n", b"2500\r\n", b"abc d\r\n", b"150 x\r\n", b"250-a\r\n251 b\r\n"] {
            assert_eq!(parse_response(bad), Err(ResponseError::Malformed), "{bad:?}");
        }
        assert_eq!(parse_response(&b"250-x\r\n".repeat(300)), Err(ResponseError::TooLong));
        assert_eq!(parse_response(&b"x".repeat(RESPONSE_MAX + 1)), Err(ResponseError::TooLong));
        let long = [b"250 ".as_slice(), &b"x".repeat(RESPONSE_MAX), b"\r\n"].concat();
        assert_eq!(parse_response(&long), Err(ResponseError::TooLong));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = parse_response(&bytes);
        }

        #[test]
        fn reads_what_we_write(code in 200u16..600, lines in prop::collection::vec("[a-zA-Z ]{0,40}", 1..5)) {
            let mut out = BytesMut::new();
            let reply = Reply::plain(code, lines.join("\n"));
            reply.write_to(&mut out);
            prop_assert_eq!(parse_response(&out), Ok(Some((reply, out.len()))));
        }
    }
}
