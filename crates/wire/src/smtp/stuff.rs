//! A message on its way out through `DATA`: dots stuffed, every line ended by CRLF and nothing else.

use bytes::{BufMut, BytesMut};

/// Encodes the parts of one message, one after the other. What it writes never holds a bare CR or LF: one
/// in the input becomes CRLF, so that no server on the way can see an end where another sees none.
#[derive(Debug)]
pub struct Stuffer {
    at_line_start: bool,
    /// The last part ended in CR; whether LF follows is not known yet.
    pending_cr: bool,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self { at_line_start: true, pending_cr: false }
    }
}

impl Stuffer {
    /// Encodes `input` into `out`.
    pub fn push(&mut self, mut input: &[u8], out: &mut BytesMut) {
        out.reserve(input.len() + 16);
        if self.pending_cr && !input.is_empty() {
            input = input.strip_prefix(b"\n").unwrap_or(input);
            self.newline(out);
        }
        while !input.is_empty() {
            if self.at_line_start && input[0] == b'.' {
                out.put_u8(b'.');
            }
            self.at_line_start = false;
            let Some(end) = memchr::memchr2(b'\r', b'\n', input) else {
                out.put_slice(input);
                return;
            };
            out.put_slice(&input[..end]);
            match &input[end..] {
                [b'\r'] => {
                    self.pending_cr = true;
                    return;
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => input = rest,
                [] => return,
            }
            self.newline(out);
        }
    }

    fn newline(&mut self, out: &mut BytesMut) {
        out.put_slice(b"\r\n");
        self.pending_cr = false;
        self.at_line_start = true;
    }

    /// Ends the last line where it is not ended, and the message.
    pub fn finish(mut self, out: &mut BytesMut) {
        if self.pending_cr || !self.at_line_start {
            self.newline(out);
        }
        out.put_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffs_and_repairs() {
        for (parts, wire) in [
            (&["a\r\nb\r\n"][..], "a\r\nb\r\n.\r\n"),
            (&[], ".\r\n"),
            (&["."], "..\r\n.\r\n"),
            (&["a\r\n", ".b"], "a\r\n..b\r\n.\r\n"),
            (&["a\r", "\n.b\r\n"], "a\r\n..b\r\n.\r\n"),
            (&["a\r", ".\r", "b"], "a\r\n..\r\nb\r\n.\r\n"),
            (&["a\n.\nb"], "a\r\n..\r\nb\r\n.\r\n"),
            (&["a\r\r\n"], "a\r\n\r\n.\r\n"),
        ] {
            let (mut stuffer, mut out) = (Stuffer::default(), BytesMut::new());
            parts.iter().for_each(|part| stuffer.push(part.as_bytes(), &mut out));
            stuffer.finish(&mut out);
            assert_eq!(out, wire, "{parts:?}");
        }
    }
}
