//! A message as a multi-line answer: CRLF line ends, leading dots doubled (RFC 1939 section 3).

/// Stuffs a message that comes in pieces.
#[derive(Debug)]
pub struct Stuffer {
    at_line_start: bool,
    after_cr: bool,
}

impl Default for Stuffer {
    fn default() -> Self {
        Stuffer { at_line_start: true, after_cr: false }
    }
}

impl Stuffer {
    /// Appends a piece. A bare LF becomes CRLF, since nothing else ends a line here.
    pub fn push(&mut self, out: &mut Vec<u8>, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.at_line_start && rest[0] == b'.' {
                out.push(b'.');
            }
            let (line, ends) = match memchr::memchr(b'\n', rest) {
                Some(end) => (&rest[..end], true),
                None => (rest, false),
            };
            rest = &rest[line.len() + usize::from(ends)..];
            out.extend_from_slice(line);
            self.after_cr = line.last().map_or(self.after_cr, |byte| *byte == b'\r');
            if ends {
                out.extend_from_slice(if self.after_cr { b"\n" } else { b"\r\n" });
                self.after_cr = false;
            }
            self.at_line_start = ends;
        }
    }

    /// Appends the end of the answer.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.at_line_start {
            out.extend_from_slice(if self.after_cr { b"\n" } else { b"\r\n" });
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(pieces: &[&[u8]]) -> String {
        let (mut stuffer, mut out) = (Stuffer::default(), Vec::new());
        pieces.iter().for_each(|piece| stuffer.push(&mut out, piece));
        stuffer.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn stuffs() {
        for (pieces, expected) in [
            (&[&b""[..]][..], ".\r\n"),
            (&[b"a\r\n.\r\n..b\r\n"], "a\r\n..\r\n...b\r\n.\r\n"),
            (&[b"a\r", b"\n.", b"b"], "a\r\n..b\r\n.\r\n"),
            (&[b"a\nb\n"], "a\r\nb\r\n.\r\n"),
            (&[b"\r", b"\n"], "\r\n.\r\n"),
            (&[b"a\r"], "a\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(pieces), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn unstuffing_gives_the_lines_back(text in "[.ab]{0,3}(\r\n[.ab]{0,3}){0,6}\r\n", cut in 0..40_usize) {
            let cut = cut.min(text.len());
            let whole = stuffed(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]);
            let body = whole.strip_suffix(".\r\n").unwrap();
            let back: String = body.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            proptest::prop_assert_eq!(back, text);
            proptest::prop_assert!(!body.contains("\r\n.\r\n"));
        }
    }
}
