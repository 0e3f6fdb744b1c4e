//! xtext (RFC 3461 section 4): printable ASCII with `+XX` escapes, as DSN and AUTH parameters carry it.

/// Whether `text` is well-formed xtext of at least one character.
pub fn is_valid(text: &str) -> bool {
    !text.is_empty() && decode(text).is_some()
}

/// The bytes an xtext stands for; `None` where it is malformed.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?),
            b'=' => return None,
            b'!'..=b'~' => out.push(byte),
            _ => return None,
        }
    }
    Some(out)
}

/// Upper-case hexadecimal only, as the grammar has it; lower case is read too.
fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Writes any bytes as xtext.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'+' | b'=' => push_escaped(&mut out, byte),
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => push_escaped(&mut out, byte),
        }
    }
    out
}

fn push_escaped(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('+');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_not_xtext() {
        for bad in ["a b", "a=b", "+", "+4", "+4G", "é", "a\r"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        assert!(!is_valid(""));
        assert_eq!(decode("a+2Bb+3D").unwrap(), b"a+b=");
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
