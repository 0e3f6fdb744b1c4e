//! Encoded words (RFC 2047) and charsets: from raw header text to text for people.

use std::borrow::Cow;

use crate::mime::transfer;

/// The longest encoded word taken as one; RFC 2047 allows 75, writers exceed it.
const WORD_MAX: usize = 1_024;

/// Decodes a raw header value for display: encoded words are decoded, folds removed, invalid bytes replaced.
pub fn decode_words(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.trim_ascii();
    // White space between two adjacent encoded words is not shown.
    let mut after_word = false;
    while !rest.is_empty() {
        let next = memchr::memmem::find(rest, b"=?").unwrap_or(rest.len());
        let (plain, word) = rest.split_at(next);
        if !(after_word && !word.is_empty() && plain.trim_ascii().is_empty() && split_word(word).is_some()) {
            push_plain(&mut out, plain);
        }
        match split_word(word) {
            Some((encoded, len)) => {
                out.push_str(&encoded.decode());
                rest = &word[len..];
                after_word = true;
            }
            None => {
                let taken = word.len().min(2);
                push_plain(&mut out, &word[..taken]);
                rest = &word[taken..];
                after_word = false;
            }
        }
    }
    out
}

fn push_plain(out: &mut String, plain: &[u8]) {
    out.extend(String::from_utf8_lossy(plain).chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')));
}

/// The pieces of `=?charset?encoding?text?=`.
struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
}

impl Word<'_> {
    fn decode(&self) -> String {
        let bytes = if self.base64 {
            transfer::base64(self.text)
        } else {
            transfer::quoted_printable_word(self.text)
        };
        decode_charset(self.charset, &bytes).into_owned()
    }
}

/// Splits an encoded word standing at the start of `bytes` and says how long it is.
fn split_word(bytes: &[u8]) -> Option<(Word<'_>, usize)> {
    let window = &bytes[..bytes.len().min(WORD_MAX)];
    let inner = window.strip_prefix(b"=?")?;
    let charset_end = memchr::memchr(b'?', inner)?;
    let (charset, rest) = inner.split_at(charset_end);
    let [b'?', encoding, b'?', text @ ..] = rest else { return None };
    let end = memchr::memmem::find(text, b"?=")?;
    let base64 = match encoding.to_ascii_lowercase() {
        b'b' => true,
        b'q' => false,
        _ => return None,
    };
    if !charset.iter().chain(&text[..end]).all(|b| b.is_ascii_graphic() || *b == b' ') {
        return None;
    }
    // RFC 2231 section 5: a language may follow the charset.
    let charset = charset.split(|b| *b == b'*').next().unwrap_or(charset);
    Some((Word { charset, base64, text: &text[..end] }, 2 + charset_end + 3 + end + 2))
}

/// Text in a named charset, as UTF-8. Unknown names are read as UTF-8, else as Windows-1252.
pub fn decode_charset<'a>(charset: &[u8], bytes: &'a [u8]) -> Cow<'a, str> {
    let encoding = encoding_rs::Encoding::for_label(charset);
    match encoding {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc2047_examples() {
        for (raw, text) in [
            ("plain", "plain"),
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=\r\n  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?utf-8*de?b?w6TDtsO8?=!", "äöü!"),
            ("x =?utf-8?x?y?= z", "x =?utf-8?x?y?= z"),
            ("=?utf-8?q?open", "=?utf-8?q?open"),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
            ("=?nonsense?q?=C3=A4?=", "ä"),
            ("ä", "ä"),
            ("=?", "=?"),
        ] {
            assert_eq!(decode_words(raw.as_bytes()), text, "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(raw: Vec<u8>, words in "(=\\?utf-8\\?[qb]\\?[=a-zA-Z0-9]{0,8}(\\?=)?[ \r\n]*){0,4}") {
            decode_words(&raw);
            decode_words(words.as_bytes());
        }
    }
}
