//! Modified UTF-7, the mailbox names of IMAP4rev1 (RFC 3501 section 5.1.3).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Decodes a name; raw UTF-8, which careless clients send, is taken as it is. `None` where it is neither.
pub fn decode(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (encoded, after) = shifted.split_once('-')?;
        if encoded.is_empty() {
            out.push('&');
        } else {
            decode_shifted(&mut out, encoded.as_bytes())?;
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn decode_shifted(out: &mut String, encoded: &[u8]) -> Option<()> {
    let mut units = Vec::with_capacity(encoded.len() * 3 / 8 + 1);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in encoded {
        let value = ALPHABET.iter().position(|b| b == byte)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    if bits != 0 || count >= 6 {
        return None;
    }
    for unit in char::decode_utf16(units) {
        out.push(unit.ok()?);
    }
    Some(())
}

/// Appends the encoded name.
pub fn encode(out: &mut Vec<u8>, name: &str) {
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if matches!(first, ' '..='~') {
            out.extend_from_slice(if first == '&' { b"&-" } else { &rest.as_bytes()[..1] });
            rest = &rest[1..];
        } else {
            let end = rest.find(|c| matches!(c, ' '..='~')).unwrap_or(rest.len());
            encode_shifted(out, &rest[..end]);
            rest = &rest[end..];
        }
    }
}

fn encode_shifted(out: &mut Vec<u8>, text: &str) {
    out.push(b'&');
    let (mut bits, mut count) = (0_u32, 0);
    for unit in text.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            out.push(ALPHABET[(bits >> count & 0x3f) as usize]);
            bits &= (1 << count) - 1;
        }
    }
    if count > 0 {
        out.push(ALPHABET[(bits << (6 - count) & 0x3f) as usize]);
    }
    out.push(b'-');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &str) -> String {
        let mut out = Vec::new();
        encode(&mut out, name);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rfc_examples() {
        for (name, raw) in [
            ("INBOX", "INBOX"),
            ("A&B", "A&-B"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encoded(name), raw);
            assert_eq!(decode(raw.as_bytes()).as_deref(), Some(name));
        }
        assert_eq!(decode("Entwürfe".as_bytes()).as_deref(), Some("Entwürfe"));
        for bad in ["&", "&AGE", "&A-", "&!-", "&2D0-", "&AGF-"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn decode_of_encode_is_identity(name: String) {
            proptest::prop_assert_eq!(decode(encoded(&name).as_bytes()), Some(name));
        }
        #[test]
        fn never_panics(raw: Vec<u8>) {
            decode(&raw);
        }
    }
}
