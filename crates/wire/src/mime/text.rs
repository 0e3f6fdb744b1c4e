//! The text of a message as people read it, for searching: transfer encodings and charsets undone.

use crate::mime::{
    decode_words,
    header::{Field, fields},
    params::Parameterised,
    structure::{Kind, Part, Structure},
    transfer,
    words::decode_charset,
};

/// Calls `visit` with the decoded text of each text part, in order, until it returns true; says whether
/// it did.
pub fn any_text_part(message: &[u8], mut visit: impl FnMut(&str) -> bool) -> bool {
    let structure = Structure::parse(message);
    structure.parts().iter().any(|part| part_text(message, part).is_some_and(|text| visit(&text)))
}

/// The decoded text of a part; `None` where it is not text.
pub fn part_text(message: &[u8], part: &Part) -> Option<String> {
    if part.kind != Kind::Leaf {
        return None;
    }
    let header = &message[part.header.clone()];
    let (mut content_type, mut encoding): (Option<Field<'_>>, Option<Field<'_>>) = (None, None);
    for field in fields(header) {
        if field.is("Content-Type") {
            content_type = content_type.or(Some(field));
        } else if field.is("Content-Transfer-Encoding") {
            encoding = encoding.or(Some(field));
        }
    }
    let content_type = content_type.map(|field| Parameterised::parse(field.value)).unwrap_or_default();
    if content_type.media_type().is_some_and(|(kind, _)| !kind.eq_ignore_ascii_case(b"text")) {
        return None;
    }
    let charset = content_type.param("charset").unwrap_or(b"");
    let body = &message[part.body.clone()];
    let encoding = encoding.map(|field| field.value.trim_ascii()).unwrap_or_default();
    let text = if encoding.eq_ignore_ascii_case(b"base64") {
        decode_charset(charset, &transfer::base64(body)).into_owned()
    } else if encoding.eq_ignore_ascii_case(b"quoted-printable") {
        decode_charset(charset, &transfer::quoted_printable(body)).into_owned()
    } else {
        decode_charset(charset, body).into_owned()
    };
    Some(text)
}

/// Calls `visit` with each field of a header, decoded, as `Name: value`, until it returns true.
pub fn any_header_text(header: &[u8], mut visit: impl FnMut(&str) -> bool) -> bool {
    fields(header).any(|field| {
        let mut line = String::from_utf8_lossy(field.name).into_owned();
        line.push_str(": ");
        line.push_str(&decode_words(field.value));
        visit(&line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_texts() {
        let message = b"Subject: =?utf-8?q?=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
            --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n\
            --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6k=\r\n\
            --b\r\nContent-Type: image/png\r\n\r\nnever\r\n--b\r\n\r\nplain\r\n--b--\r\n";
        let mut texts = Vec::new();
        any_text_part(message, |text| {
            texts.push(text.to_owned());
            false
        });
        assert_eq!(texts, ["café", "é", "plain"]);
        assert!(any_header_text(message, |text| text == "Subject: é"));
        assert!(!any_header_text(message, |text| text.contains("plain;")));
    }
}
