//! Messages that are encrypted although their connection is not (MS-WSMV section 2.2.9.1): a body of two parts, one
//! that says what is encrypted, one that is it.

use std::ops::Range;

use crate::kerberos::gss::Sealed;

/// Between the parts; every implementation uses this one.
const BOUNDARY: &[u8] = b"Encrypted Boundary";
const OCTETS: &[u8] = b"Content-Type: application/octet-stream";

/// What was negotiated, as the parts name it. An answer names what its request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Kerberos inside SPNEGO, or as the client calls it.
    Spnego,
    /// Kerberos alone.
    Kerberos,
}

const NAMES: [(Protection, &str); 2] = [
    (Protection::Spnego, "application/HTTP-SPNEGO-session-encrypted"),
    (Protection::Kerberos, "application/HTTP-Kerberos-session-encrypted"),
];

impl Protection {
    /// What a `Content-Type` names; none for those of messages that are not encrypted, or otherwise.
    pub fn of(content_type: &str) -> Option<Self> {
        let mut fields = content_type.split(';').map(str::trim);
        if !fields.next()?.eq_ignore_ascii_case("multipart/encrypted") {
            return None;
        }
        let protocol = fields.find_map(|field| {
            let (name, value) = field.split_once('=')?;
            name.trim().eq_ignore_ascii_case("protocol").then(|| value.trim().trim_matches('"'))
        })?;
        NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(protocol)).map(|(protection, _)| *protection)
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(protection, _)| *protection == self).map_or("", |(_, name)| name)
    }

    /// The `Content-Type` of such a body.
    pub fn content_type(self) -> String {
        format!("multipart/encrypted;protocol=\"{}\";boundary=\"Encrypted Boundary\"", self.name())
    }

    /// The body that holds an encrypted message, once as long as said.
    pub fn write(self, sealed: &Sealed, length: usize) -> Vec<u8> {
        let mut body = format!(
            "--Encrypted Boundary\r\n\tContent-Type: {}\r\n\tOriginalContent: \
             type=application/soap+xml;charset=UTF-8;Length={length}\r\n--Encrypted Boundary\r\n\
             \tContent-Type: application/octet-stream\r\n",
            self.name()
        )
        .into_bytes();
        body.extend_from_slice(&(sealed.header.len() as u32).to_le_bytes());
        body.extend_from_slice(&sealed.header);
        body.extend_from_slice(&sealed.data);
        body.extend_from_slice(b"--Encrypted Boundary--\r\n");
        body
    }
}

/// An encrypted message as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted<'a> {
    /// How long the message is, once decrypted.
    pub length: usize,
    /// The token that holds it: its header and its data, which follow one another.
    pub token: &'a [u8],
}

/// Reads a body of two parts; nothing where it is another.
pub fn read(body: &[u8]) -> Option<Encrypted<'_>> {
    let rest = after_boundary(body)?;
    let (about, rest) = lines_before_boundary(rest)?;
    let rest = after_line(rest, OCTETS)?;
    let (length, rest) = rest.split_first_chunk()?;
    let header = u32::from_le_bytes(*length) as usize;
    let token = without_end(rest)?;
    if header > token.len() {
        return None;
    }
    let (kind, length) = about.rsplit_once(";Length=").or_else(|| about.rsplit_once(";length="))?;
    let kind = kind.split_once("type=")?.1.to_ascii_lowercase();
    let length = length.parse().ok().filter(|_| kind.starts_with("application/soap+xml"))?;
    Some(Encrypted { length, token })
}

/// What follows a boundary and its line's end. Some put a space before the boundary.
fn after_boundary(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(b"--")?.trim_ascii_start().strip_prefix(BOUNDARY)?.strip_prefix(b"\r\n")
}

/// The text of the line `OriginalContent` of the lines before the next boundary, and what follows that.
fn lines_before_boundary(mut bytes: &[u8]) -> Option<(&str, &[u8])> {
    let mut original = None;
    // A part has a handful of lines.
    for _ in 0..8 {
        if let Some(rest) = after_boundary(bytes) {
            return Some((original?, rest));
        }
        let Range { start, end } = line_end(bytes)?;
        let line = bytes[..start].trim_ascii();
        if let Some(value) = line.strip_prefix(b"OriginalContent:") {
            original = Some(std::str::from_utf8(value.trim_ascii()).ok()?);
        }
        bytes = &bytes[end..];
    }
    None
}

/// What follows the line that says this.
fn after_line<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let Range { start, end } = line_end(bytes)?;
    bytes[..start].trim_ascii().eq_ignore_ascii_case(wanted).then(|| &bytes[end..])
}

/// Where the first line's end is.
fn line_end(bytes: &[u8]) -> Option<Range<usize>> {
    memchr::memmem::find(bytes, b"\r\n").map(|at| at..at + 2)
}

/// All but the last boundary.
fn without_end(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"--")?.strip_suffix(BOUNDARY)?;
    bytes.strip_suffix(b"-- ").or_else(|| bytes.strip_suffix(b"--"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_negotiated() {
        for (protection, _) in NAMES {
            assert_eq!(Protection::of(&protection.content_type()), Some(protection));
        }
        let spaced =
            "Multipart/Encrypted; boundary=\"x\"; Protocol=application/http-spnego-session-encrypted";
        assert_eq!(Protection::of(spaced), Some(Protection::Spnego));
        for other in ["application/soap+xml", "multipart/encrypted", "multipart/encrypted;protocol=\"x\""] {
            assert_eq!(Protection::of(other), None, "{other}");
        }
    }

    #[test]
    fn as_others_write_it() {
        let windows =
            b"-- Encrypted Boundary\r\nContent-Type: application/HTTP-Kerberos-session-encrypted\r\n\
            OriginalContent: type=application/soap+xml;charset=UTF-16;Length=7\r\n-- Encrypted Boundary\r\n\
            Content-Type: application/octet-stream\r\n\x02\0\0\0hhdata-- Encrypted Boundary--\r\n";
        assert_eq!(read(windows), Some(Encrypted { length: 7, token: b"hhdata" }));
        for bad in [&windows[2..], &windows[..windows.len() - 5], b"--Encrypted Boundary\r\n"] {
            assert_eq!(read(bad), None);
        }
        let text = String::from_utf8(windows.to_vec()).unwrap();
        for (good, bad) in [("soap+xml", "json"), ("Length=7", "Length=-7"), ("\x02\0", "\x09\0")] {
            assert_eq!(read(text.replace(good, bad).as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(header: Vec<u8>, data: Vec<u8>, length in 0usize..1 << 20) {
            let sealed = Sealed { header, data };
            let body = Protection::Spnego.write(&sealed, length);
            let token = [&*sealed.header, &*sealed.data].concat();
            prop_assert_eq!(read(&body), Some(Encrypted { length, token: &token }));
        }

        #[test]
        fn anything_is_read_or_refused(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = read(&bytes);
            let mut near = Protection::Kerberos.write(&Sealed { header: bytes, data: vec![] }, 5);
            let at = at.index(near.len());
            near[at] = byte;
            let _ = read(&near);
        }
    }
}
