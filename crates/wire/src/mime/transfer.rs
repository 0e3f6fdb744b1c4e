//! Content transfer encodings (RFC 2045 section 6), decoded the forgiving way: junk is passed over.

/// Decodes base64; characters outside the alphabet are passed over, padding ends nothing.
pub fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // The end of a run: some writers join several padded runs.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

/// Decodes a quoted-printable body.
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => rest = after,
            [high, low, after @ ..] => match hex(*high).zip(hex(*low)) {
                Some((high, low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                None => out.push(b'='),
            },
            _ => out.push(b'='),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Decodes the `Q` encoding of an encoded word (RFC 2047 section 4.2): as above, `_` is a space.
pub fn quoted_printable_word(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'_' { b' ' } else { b }).collect();
    quoted_printable(&spaced)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        assert_eq!(base64(b"SGVs\r\nbG8="), b"Hello");
        assert_eq!(base64(b"SGU=SGU="), b"HeHe");
        assert_eq!(base64(b"A"), b"");
        assert_eq!(quoted_printable(b"a=3Db=\r\nc=zz=4"), b"a=bc=zz=4");
        assert_eq!(quoted_printable_word(b"a_b=5F"), b"a b_");
    }
}
