//! The first words of a message (RFC 8970): of its text, or of its HTML without the markup.

use crate::mime::{
    Parameterised, Structure, field,
    structure::{Kind, Part},
    text::part_text,
};

/// Length of a preview, characters: the most RFC 8970 section 3.1 allows to be sent unasked.
pub const PREVIEW_MAX: usize = 200;
/// Text looked at, characters: markup takes room.
const LOOKED_AT: usize = 64 << 10;

/// The preview of a message: of its first text that is not empty; empty where it has none.
pub fn preview(message: &[u8]) -> String {
    let structure = Structure::parse(message);
    let shown = structure.parts().iter().filter_map(|part| {
        let subtype = subtype(message, part).to_ascii_lowercase();
        let text = match subtype.as_slice() {
            b"plain" => part_text(message, part)?,
            b"html" => without_markup(&part_text(message, part)?),
            _ => return None,
        };
        Some(shortened(text.chars())).filter(|text| !text.is_empty())
    });
    shown.take(1).collect()
}

/// The subtype of a text part, empty for others.
fn subtype<'m>(message: &'m [u8], part: &Part) -> &'m [u8] {
    if part.kind != Kind::Leaf {
        return b"";
    }
    let content_type = field(&message[part.header.clone()], "Content-Type").map(Parameterised::parse);
    match content_type.and_then(|content_type| content_type.media_type()) {
        Some((kind, subtype)) if kind.eq_ignore_ascii_case(b"text") => subtype,
        Some(_) => b"",
        None => b"plain",
    }
}

/// The first characters, runs of white space made one space, nothing that cannot be seen.
fn shortened(text: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let (mut space, mut count) = (false, 0);
    for c in text.take(LOOKED_AT) {
        if c.is_whitespace() || c.is_control() {
            space = count > 0;
            continue;
        }
        if count + usize::from(space) >= PREVIEW_MAX {
            break;
        }
        if space {
            out.push(' ');
        }
        out.push(c);
        count += 1 + usize::from(space);
        space = false;
    }
    out
}

/// The text between the tags; what `style`, `script` and `head` hold is no text.
fn without_markup(html: &str) -> String {
    let mut out = String::new();
    let mut rest = &html[..html.floor_char_boundary(LOOKED_AT)];
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (text, after) = entity(rest);
            out.push_str(text);
            rest = after;
            continue;
        }
        let end = if rest.starts_with("<!--") { rest.find("-->").map(|at| at + 2) } else { rest.find('>') };
        let Some(end) = end else { return out };
        let (tag, after) = (&rest[1..end], &rest[end + 1..]);
        out.push(' ');
        let name =
            tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        rest = match name.as_str() {
            "style" | "script" | "head" | "title" => after_closing(after, &name),
            _ => after,
        };
    }
    out.push_str(rest);
    out
}

/// What follows `</name`, up to its `>`.
fn after_closing<'h>(html: &'h str, name: &str) -> &'h str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|next| next.eq_ignore_ascii_case(name)) {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

/// The commonest entities; others stand as they are.
fn entity(text: &str) -> (&str, &str) {
    const ENTITIES: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&nbsp;", " "),
        ("&#39;", "'"),
        ("&#160;", " "),
        ("&apos;", "'"),
    ];
    let known =
        ENTITIES.iter().find_map(|(name, shown)| text.strip_prefix(name).map(|after| (*shown, after)));
    known.unwrap_or_else(|| text.split_at(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews() {
        for (message, expected) in [
            ("Subject: s\r\n\r\nHello\r\n\r\n  world\t!\r\n", "Hello world !"),
            (
                "Content-Type: text/html\r\n\r\n<html><head><title>t</title><style>p {}</style></head><p>a&amp;b<br>c <!-- > --> d</p>",
                "a&b c d",
            ),
            (
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b\r\n\r\nplain\r\n--b--",
                "plain",
            ),
            ("Content-Type: image/png\r\n\r\nx", ""),
            ("Content-Type: text/html\r\n\r\n<p", ""),
            ("", ""),
        ] {
            assert_eq!(preview(message.as_bytes()), expected, "{message}");
        }
        let long = format!("\r\n{}", "wörd ".repeat(100));
        assert_eq!(preview(long.as_bytes()).chars().count(), 199);
    }

    proptest::proptest! {
        #[test]
        fn never_too_long(text in "[<>&;a-z!/ \r\n-]{0,400}") {
            for kind in ["plain", "html"] {
                let message = format!("Content-Type: text/{kind}\r\n\r\n{text}");
                proptest::prop_assert!(preview(message.as_bytes()).chars().count() <= PREVIEW_MAX);
            }
        }
    }
}
