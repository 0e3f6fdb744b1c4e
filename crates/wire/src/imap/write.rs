//! Response data written straight into an output buffer (RFC 3501 section 9): nothing is allocated per field.

use std::ops::RangeInclusive;

use base::Timestamp;

use crate::{
    imap::utf7,
    mime::{Address, Summary, SummaryField, date, summary::Addresses},
};

/// Strings longer than this are sent as literals.
const QUOTED_MAX: usize = 1_024;

/// A decimal number.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A quoted string where the bytes allow it, else a literal.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > QUOTED_MAX || !bytes.iter().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return literal(out, bytes);
    }
    quoted(out, bytes);
}

fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend([b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// A string, or `NIL`.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A literal. NUL, which IMAP cannot carry, is sent as `0x80` as other servers do (RFC 3501 `CHAR8`).
pub fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    literal_head(out, bytes.len());
    octets(out, bytes);
}

/// A string whose NULs are kept: a binary literal (RFC 3516) where it has any.
pub fn binary_string(out: &mut Vec<u8>, bytes: &[u8]) {
    if memchr::memchr(0, bytes).is_none() {
        return string(out, bytes);
    }
    out.push(b'~');
    literal_head(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// `{n}` and its line end; [`octets`] follow.
pub fn literal_head(out: &mut Vec<u8>, len: usize) {
    out.push(b'{');
    number(out, len as u64);
    out.extend_from_slice(b"}\r\n");
}

/// A literal's content, or a slice of it.
pub fn octets(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.extend_from_slice(bytes);
    if memchr::memchr(0, bytes).is_some() {
        for byte in &mut out[start..] {
            *byte = if *byte == 0 { 0x80 } else { *byte };
        }
    }
}

/// A mailbox name, quoted: in UTF-8 for clients that take it (RFC 6855), else encoded.
pub fn mailbox(out: &mut Vec<u8>, name: &str, utf8: bool) {
    if utf8 {
        return quoted(out, name.as_bytes());
    }
    let mut raw = Vec::with_capacity(name.len());
    utf7::encode(&mut raw, name);
    string(out, &raw);
}

/// `"23-Nov-2026 05:38:01 +0000"`
pub fn date_time(out: &mut Vec<u8>, at: Timestamp) {
    let secs = at.secs();
    // Four digits is all the grammar has; what is outside is shown as its nearest year.
    let (year, month, day) = date::civil_from_days(secs.div_euclid(86_400));
    let in_day = secs.rem_euclid(86_400);
    let year = year.clamp(0, 9_999);
    let two = |n: i64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
    out.push(b'"');
    out.extend(two(day));
    out.push(b'-');
    out.extend_from_slice(date::MONTHS[(month - 1) as usize % 12].as_bytes());
    out.push(b'-');
    out.extend(two(year / 100));
    out.extend(two(year % 100));
    for (before, n) in [(b' ', in_day / 3_600), (b':', in_day / 60 % 60), (b':', in_day % 60)] {
        out.push(before);
        out.extend(two(n));
    }
    out.extend_from_slice(b" +0000\"");
}

/// A set of numbers, such as `1:3,7`.
pub fn set(out: &mut Vec<u8>, ranges: &[RangeInclusive<u32>]) {
    for (index, range) in ranges.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        number(out, u64::from(*range.start()));
        if range.start() != range.end() {
            out.push(b':');
            number(out, u64::from(*range.end()));
        }
    }
}

/// ENVELOPE's content (RFC 3501 section 7.4.2).
pub fn envelope(out: &mut Vec<u8>, summary: &Summary) {
    use SummaryField as F;
    out.push(b'(');
    nstring(out, summary.text(F::Date));
    out.push(b' ');
    nstring(out, summary.text(F::Subject));
    let from = summary.addresses(F::From);
    for field in [F::From, F::Sender, F::ReplyTo, F::To, F::Cc, F::Bcc] {
        out.push(b' ');
        let list = summary.addresses(field);
        let defaults_to_from = matches!(field, F::Sender | F::ReplyTo) && list.clone().next().is_none();
        addresses(out, if defaults_to_from { from.clone() } else { list });
    }
    out.push(b' ');
    nstring(out, summary.text(F::InReplyTo));
    out.push(b' ');
    nstring(out, summary.text(F::MessageId));
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, list: Addresses<'_>) {
    let start = out.len();
    out.push(b'(');
    for address in list {
        match address {
            Address::Mailbox { name, local, host } => {
                out.push(b'(');
                nstring(out, name);
                out.extend_from_slice(b" NIL ");
                string(out, local);
                out.push(b' ');
                string(out, host);
                out.push(b')');
            }
            Address::Group(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(out, name);
                out.extend_from_slice(b" NIL)");
            }
            Address::EndOfGroup => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    if out.len() == start + 1 {
        out.truncate(start);
        out.extend_from_slice(b"NIL");
    } else {
        out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn scalars() {
        assert_eq!(written(|o| number(o, 0)), "0");
        assert_eq!(written(|o| number(o, u64::MAX)), u64::MAX.to_string());
        assert_eq!(written(|o| string(o, b"a \"b\\")), "\"a \\\"b\\\\\"");
        assert_eq!(written(|o| string(o, "é".as_bytes())), "{2}\r\né");
        assert_eq!(written(|o| nstring(o, None)), "NIL");
        assert_eq!(written(|o| mailbox(o, "Entwürfe", false)), "\"Entw&APw-rfe\"");
        assert_eq!(written(|o| mailbox(o, "Entwürfe & \"", true)), "\"Entwürfe & \\\"\"");
        assert_eq!(written(|o| set(o, &[1..=3, 7..=7])), "1:3,7");
        assert_eq!(
            written(|o| date_time(o, Timestamp::from_secs(1_795_412_281))),
            "\"23-Nov-2026 05:38:01 +0000\""
        );
        let mut out = Vec::new();
        literal(&mut out, b"a\0b");
        assert_eq!(out, b"{3}\r\na\x80b");
    }

    #[test]
    fn envelopes() {
        let summary = Summary::parse(
            b"Date: d\r\nSubject: s \"q\"\r\nFrom: A <a@x>\r\nTo: G: b@y;, c\r\nMessage-ID: <1>\r\n\r\n",
        );
        assert_eq!(
            written(|o| envelope(o, &summary)),
            "(\"d\" \"s \\\"q\\\"\" ((\"A\" NIL \"a\" \"x\")) ((\"A\" NIL \"a\" \"x\")) ((\"A\" NIL \"a\" \"x\")) \
             ((NIL NIL \"G\" NIL)(NIL NIL \"b\" \"y\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"\")) NIL NIL NIL \"<1>\")"
        );
        let empty = Summary::parse(b"");
        assert_eq!(written(|o| envelope(o, &empty)), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    }

    proptest::proptest! {
        #[test]
        fn a_written_string_reads_back(bytes in proptest::collection::vec(1..=255_u8, 0..40)) {
            let mut out = Vec::new();
            string(&mut out, &bytes);
            let command = bytes::Bytes::from(out);
            let mut scanner = crate::imap::Scanner::new(&command);
            proptest::prop_assert_eq!(scanner.string().unwrap().into_owned(), bytes);
            proptest::prop_assert!(scanner.end().is_ok());
        }
    }
}
