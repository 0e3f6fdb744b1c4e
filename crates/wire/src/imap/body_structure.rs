//! BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2), written from a message's parts without recursion.

use crate::{
    imap::{
        section::Message,
        write::{envelope, nstring, number, string},
    },
    mime::{Kind, Parameterised, Part, Summary, fields, header::unfold_into},
};

/// What is still to be written.
enum Step {
    Part(usize),
    EndMultipart(usize),
    EndMessage(usize),
}

/// Appends the structure of a message; `extended` with the extension data of BODYSTRUCTURE.
pub fn write(out: &mut Vec<u8>, message: &Message<'_>, extended: bool) {
    let structure = message.structure();
    let mut steps = vec![Step::Part(0)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Part(index) => {
                let part = &structure.parts()[index];
                out.push(b'(');
                match part.kind {
                    Kind::Leaf => {
                        leaf(out, message, part, extended);
                        out.push(b')');
                    }
                    Kind::Multipart => {
                        steps.push(Step::EndMultipart(index));
                        let from = steps.len();
                        steps.extend(structure.children(index).map(Step::Part));
                        steps[from..].reverse();
                    }
                    Kind::Message => {
                        let header = Fields::read(&message.bytes()[part.header.clone()]);
                        out.extend_from_slice(b"\"message\" \"rfc822\" ");
                        basic(out, &header, part);
                        out.push(b' ');
                        let inner =
                            structure.parts().get(index + 1).map_or(0..0, |inner| inner.header.clone());
                        envelope(out, &Summary::parse(&message.bytes()[inner]));
                        out.push(b' ');
                        steps.push(Step::EndMessage(index));
                        steps.push(Step::Part(index + 1));
                    }
                }
            }
            Step::EndMultipart(index) => {
                let header = Fields::read(&message.bytes()[structure.parts()[index].header.clone()]);
                let (_, subtype) = header.media_type();
                out.push(b' ');
                string(out, subtype);
                if extended {
                    out.push(b' ');
                    params(out, header.content_type.as_ref());
                    disposition_language_location(out, &header);
                }
                out.push(b')');
            }
            Step::EndMessage(index) => {
                let part = &structure.parts()[index];
                out.push(b' ');
                number(out, part.lines as u64);
                if extended {
                    extension(out, &Fields::read(&message.bytes()[part.header.clone()]));
                }
                out.push(b')');
            }
        }
    }
}

fn leaf(out: &mut Vec<u8>, message: &Message<'_>, part: &Part, extended: bool) {
    let header = Fields::read(&message.bytes()[part.header.clone()]);
    let (kind, subtype) = header.media_type();
    // A container that is not one here (too deep, no boundary, encoded) is shown as opaque bytes: its
    // own grammar would promise parts that do not exist.
    let opaque = kind.eq_ignore_ascii_case(b"multipart")
        || (kind.eq_ignore_ascii_case(b"message") && subtype.eq_ignore_ascii_case(b"rfc822"));
    let (kind, subtype) = if opaque { (&b"application"[..], &b"octet-stream"[..]) } else { (kind, subtype) };
    string(out, kind);
    out.push(b' ');
    string(out, subtype);
    out.push(b' ');
    basic(out, &header, part);
    if kind.eq_ignore_ascii_case(b"text") {
        out.push(b' ');
        number(out, part.lines as u64);
    }
    if extended {
        extension(out, &header);
    }
}

/// Parameters, id, description, encoding, octets.
fn basic(out: &mut Vec<u8>, header: &Fields<'_>, part: &Part) {
    params(out, header.content_type.as_ref());
    for value in [header.id, header.description] {
        out.push(b' ');
        unfolded(out, value);
    }
    out.push(b' ');
    let encoding = header.encoding.map(<[u8]>::trim_ascii).filter(|encoding| !encoding.is_empty());
    string(out, encoding.unwrap_or(b"7bit"));
    out.push(b' ');
    number(out, part.body.len() as u64);
}

/// MD5 and what multiparts have too.
fn extension(out: &mut Vec<u8>, header: &Fields<'_>) {
    out.push(b' ');
    unfolded(out, header.md5);
    disposition_language_location(out, header);
}

fn disposition_language_location(out: &mut Vec<u8>, header: &Fields<'_>) {
    out.push(b' ');
    match header.disposition.map(Parameterised::parse) {
        Some(disposition) if !disposition.main.is_empty() => {
            out.push(b'(');
            string(out, disposition.main);
            out.push(b' ');
            write_params(out, &disposition);
            out.push(b')');
        }
        _ => out.extend_from_slice(b"NIL"),
    }
    for value in [header.language, header.location] {
        out.push(b' ');
        unfolded(out, value);
    }
}

fn params(out: &mut Vec<u8>, content_type: Option<&Parameterised<'_>>) {
    match content_type {
        Some(content_type) => write_params(out, content_type),
        None => out.extend_from_slice(b"(\"charset\" \"us-ascii\")"),
    }
}

fn write_params(out: &mut Vec<u8>, value: &Parameterised<'_>) {
    if value.params.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    for (index, (name, param)) in value.params.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        string(out, name);
        out.push(b' ');
        string(out, param);
    }
    out.push(b')');
}

fn unfolded(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            let mut text = Vec::with_capacity(value.len());
            unfold_into(&mut text, value, usize::MAX);
            string(out, &text);
        }
        None => nstring(out, None),
    }
}

/// The fields a body structure tells of, raw.
#[derive(Default)]
struct Fields<'m> {
    content_type: Option<Parameterised<'m>>,
    encoding: Option<&'m [u8]>,
    id: Option<&'m [u8]>,
    description: Option<&'m [u8]>,
    md5: Option<&'m [u8]>,
    disposition: Option<&'m [u8]>,
    language: Option<&'m [u8]>,
    location: Option<&'m [u8]>,
}

impl<'m> Fields<'m> {
    fn read(header: &'m [u8]) -> Self {
        let mut found = Fields::default();
        let mut content_type = None;
        for field in fields(header) {
            let Some(rest) = field.name.get(..8).filter(|start| start.eq_ignore_ascii_case(b"Content-"))
            else {
                continue;
            };
            let place = match field.name[rest.len()..].to_ascii_lowercase().as_slice() {
                b"type" => &mut content_type,
                b"transfer-encoding" => &mut found.encoding,
                b"id" => &mut found.id,
                b"description" => &mut found.description,
                b"md5" => &mut found.md5,
                b"disposition" => &mut found.disposition,
                b"language" => &mut found.language,
                b"location" => &mut found.location,
                _ => continue,
            };
            place.get_or_insert(field.value);
        }
        // A type that cannot be read is no type: text/plain (RFC 2045 section 5.2).
        found.content_type = content_type.map(Parameterised::parse).filter(|ct| ct.media_type().is_some());
        found
    }

    fn media_type(&self) -> (&'m [u8], &'m [u8]) {
        self.content_type.as_ref().and_then(Parameterised::media_type).unwrap_or((b"text", b"plain"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(message: &str, extended: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, &Message::new(message.as_bytes()), extended);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn structures() {
        let plain = "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1";
        assert_eq!(show("\r\nhi\r\n", false), format!("{plain})"));
        assert_eq!(show("\r\nhi\r\n", true), format!("{plain} NIL NIL NIL NIL)"));
        let message = "Content-Type: Multipart/Mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n\r\n--b\r\n\
            Content-Type: image/png; name=\"a b\"\r\nContent-ID: <i>\r\nContent-Disposition: attachment; filename=x\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nhi\r\n\r\n--b--\r\n";
        assert_eq!(
            show(message, true),
            format!(
                "({plain} NIL NIL NIL NIL)(\"image\" \"png\" (\"name\" \"a b\") \"<i>\" NIL \"base64\" 4 NIL \
                 (\"attachment\" (\"filename\" \"x\")) NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 \
                 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) {plain} NIL NIL NIL NIL) 3 NIL NIL NIL NIL) \
                 \"Mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
            )
        );
    }

    #[test]
    fn opaque_containers() {
        assert!(
            show("Content-Type: multipart/mixed\r\n\r\nx", false)
                .starts_with("(\"application\" \"octet-stream\" ")
        );
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(5_000);
        assert!(show(&nested, true).contains("octet-stream"));
    }
}
