//! The tree of a message's parts, each addressed to the byte in the received message (RFC 2046).
//!
//! One pass, no recursion, no copies. Beyond [`DEPTH_MAX`] a part is opaque; beyond [`PARTS_MAX`] the
//! rest of the message belongs to the last part: every reader of a message sees the same parts.

use std::{borrow::Cow, ops::Range};

use memchr::{memchr, memchr_iter, memmem};

use crate::mime::{
    header::{fields, header_len},
    params::Parameterised,
};

/// How deep parts may nest.
pub const DEPTH_MAX: usize = 100;
/// How many parts one message may have.
pub const PARTS_MAX: usize = 10_000;
/// The longest boundary honoured; RFC 2046 allows 70, writers exceed it.
const BOUNDARY_MAX: usize = 256;

/// What a part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Content.
    Leaf,
    /// Other parts: at least one.
    Multipart,
    /// One message (message/rfc822): exactly one part below, its root.
    Message,
}

/// One part. Ranges are byte offsets in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is made of.
    pub kind: Kind,
    /// Its header, with the empty line.
    pub header: Range<usize>,
    /// Its body, still encoded for transfer, without the line end that belongs to the boundary.
    pub body: Range<usize>,
    /// Line ends in the body.
    pub lines: usize,
    /// Index after its last descendant in [`Structure::parts`].
    end: usize,
}

/// The parts of a message, parents before children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    parts: Vec<Part>,
}

impl Structure {
    /// Finds the parts of a message.
    pub fn parse(message: &[u8]) -> Self {
        Walk { message, parts: Vec::new(), open: Vec::new(), counted: 0, lines: 0 }.run()
    }

    /// All parts; the first is the message's root.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Indexes of the parts directly below `part`.
    pub fn children(&self, part: usize) -> impl Iterator<Item = usize> {
        let end = self.parts[part].end;
        std::iter::successors(Some(part + 1), |&child| Some(self.parts.get(child)?.end))
            .take_while(move |&child| child < end)
    }

    /// The part an IMAP section number names (RFC 3501 section 6.4.5), such as `1.2`.
    pub fn find(&self, path: &[u32]) -> Option<usize> {
        let mut entity = 0;
        let mut found: Option<usize> = None;
        for &number in path {
            entity = match found {
                None => entity,
                Some(part) => match self.parts[part].kind {
                    Kind::Leaf => return None,
                    Kind::Multipart => part,
                    Kind::Message => part + 1,
                },
            };
            let nth = usize::try_from(number).ok()?.checked_sub(1)?;
            found = Some(match self.parts[entity].kind {
                Kind::Multipart => self.children(entity).nth(nth)?,
                _ if nth == 0 => entity,
                _ => return None,
            });
        }
        found
    }
}

/// A part not yet closed; `boundary` while it is a multipart whose closing delimiter has not come.
struct Open<'a> {
    part: usize,
    boundary: Option<Cow<'a, [u8]>>,
    digest: bool,
}

/// A delimiter line of the multipart at `level` of the open parts.
struct Delimiter {
    level: usize,
    line: Range<usize>,
    closing: bool,
}

struct Walk<'a> {
    message: &'a [u8],
    parts: Vec<Part>,
    open: Vec<Open<'a>>,
    /// Line ends are counted up to here; only ever forward.
    counted: usize,
    lines: usize,
}

impl Walk<'_> {
    fn run(mut self) -> Structure {
        let mut at = 0;
        loop {
            at = self.begin(at);
            if self.parts.len() >= PARTS_MAX {
                break;
            }
            if self.parts.last().is_some_and(|part| part.kind == Kind::Message) {
                continue;
            }
            let Some(next) = self.next_part(at) else { break };
            at = next;
        }
        self.close(0, self.message.len());
        Structure { parts: self.parts }
    }

    /// Opens the part whose header starts at `at`; returns where its body starts.
    fn begin(&mut self, at: usize) -> usize {
        let body = self.header_end(at);
        let depth = self.open.len();
        let in_digest = self.open.last().is_some_and(|open| open.digest);
        let message = self.message;
        let header = &message[at..body];
        let (kind, boundary, digest) = classify(header, in_digest, depth + 1 < DEPTH_MAX);
        let lines = self.lines_up_to(body);
        self.open.push(Open { part: self.parts.len(), boundary, digest });
        self.parts.push(Part { kind, header: at..body, body: body..body, lines, end: 0 });
        body
    }

    /// Closes what the next delimiter lines end; returns where the next part starts.
    fn next_part(&mut self, mut from: usize) -> Option<usize> {
        loop {
            let found = self.next_delimiter(from)?;
            let before = self.message[..found.line.start].strip_suffix(b"\n");
            let before = before.map(|text| text.strip_suffix(b"\r").unwrap_or(text));
            self.close(found.level + 1, before.map_or(found.line.start, <[u8]>::len));
            from = found.line.end;
            if !found.closing {
                return Some(from);
            }
            self.open[found.level].boundary = None;
        }
    }

    /// Closes the open parts from `level` on; their bodies end at `end`.
    fn close(&mut self, level: usize, end: usize) {
        let lines = self.lines_up_to(end);
        for open in self.open.drain(level..).rev() {
            if self.parts[open.part].kind != Kind::Leaf && open.part + 1 == self.parts.len() {
                // The grammar wants a part below: an empty one.
                let at = end.max(self.parts[open.part].body.start);
                let next = self.parts.len() + 1;
                self.parts.push(Part { kind: Kind::Leaf, header: at..at, body: at..at, lines: 0, end: next });
            }
            let next = self.parts.len();
            let part = &mut self.parts[open.part];
            part.end = next;
            // The empty line before a delimiter may be the header's own.
            part.body.end = end.max(part.body.start);
            part.lines = lines.saturating_sub(part.lines);
        }
    }

    fn lines_up_to(&mut self, end: usize) -> usize {
        if end > self.counted {
            self.lines += memchr_iter(b'\n', &self.message[self.counted..end]).count();
            self.counted = end;
        }
        self.lines
    }

    /// Where the header starting at `at` ends: after its empty line, or before a delimiter line.
    fn header_end(&self, at: usize) -> usize {
        if self.open.is_empty() {
            return header_len(self.message);
        }
        let mut line = at;
        while line < self.message.len() {
            match &self.message[line..] {
                [b'\n', ..] => return line + 1,
                [b'\r', b'\n', ..] => return line + 2,
                _ if self.delimiter_at(line).is_some() => return line,
                rest => line += memchr(b'\n', rest).map_or(rest.len(), |end| end + 1),
            }
        }
        line
    }

    /// The first delimiter line at or after `from`, which is the start of a line.
    fn next_delimiter(&self, from: usize) -> Option<Delimiter> {
        if let Some(found) = self.delimiter_at(from) {
            return Some(found);
        }
        let rest = &self.message[from..];
        memmem::find_iter(rest, b"\n--").find_map(|at| self.delimiter_at(from + at + 1))
    }

    /// The delimiter standing on the line that starts at `line`, innermost multipart first.
    fn delimiter_at(&self, line: usize) -> Option<Delimiter> {
        let rest = self.message[line..].strip_prefix(b"--")?;
        let window = &rest[..rest.len().min(BOUNDARY_MAX + 1_024)];
        let len =
            memchr(b'\n', window).map(|end| end + 1).or((window.len() == rest.len()).then_some(rest.len()))?;
        let text = rest[..len].trim_ascii_end();
        let found = self.open.iter().enumerate().rev().find_map(|(level, open)| {
            let boundary = open.boundary.as_deref()?;
            match text.strip_prefix(boundary)? {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        });
        found.map(|(level, closing)| Delimiter { level, line: line..line + 2 + len, closing })
    }
}

/// What a part with this header is; `nests` is whether it may hold others.
fn classify(header: &[u8], in_digest: bool, nests: bool) -> (Kind, Option<Cow<'_, [u8]>>, bool) {
    let leaf = (Kind::Leaf, None, false);
    let (mut content_type, mut encoding) = (None, None);
    for field in fields(header) {
        if field.is("Content-Type") {
            content_type = content_type.or(Some(field.value));
        } else if field.is("Content-Transfer-Encoding") {
            encoding = encoding.or(Some(field.value));
        }
    }
    let identity = encoding.is_none_or(|encoding| {
        let encoding = encoding.trim_ascii();
        ["7bit", "8bit", "binary", ""].iter().any(|e| encoding.eq_ignore_ascii_case(e.as_bytes()))
    });
    let Some(content_type) = content_type.map(Parameterised::parse) else {
        return if in_digest && nests && identity { (Kind::Message, None, false) } else { leaf };
    };
    if !nests {
        return leaf;
    }
    let Some((kind, subtype)) = content_type.media_type() else { return leaf };
    if kind.eq_ignore_ascii_case(b"message") && subtype.eq_ignore_ascii_case(b"rfc822") && identity {
        return (Kind::Message, None, false);
    }
    let digest = subtype.eq_ignore_ascii_case(b"digest");
    if !kind.eq_ignore_ascii_case(b"multipart") {
        return leaf;
    }
    let boundary = content_type.params.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
    match boundary {
        Some((_, text)) if !text.trim_ascii_end().is_empty() && text.len() <= BOUNDARY_MAX => {
            (Kind::Multipart, Some(text), digest)
        }
        _ => leaf,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(message: &str) -> String {
        fn node(s: &Structure, message: &str, part: usize, out: &mut String) {
            let p = &s.parts()[part];
            match p.kind {
                Kind::Leaf => out.push_str(&format!("{:?}", &message[p.body.clone()])),
                Kind::Multipart => out.push('['),
                Kind::Message => out.push('<'),
            }
            s.children(part).for_each(|child| node(s, message, child, out));
            match p.kind {
                Kind::Leaf => {}
                Kind::Multipart => out.push(']'),
                Kind::Message => out.push('>'),
            }
        }
        let mut out = String::new();
        node(&Structure::parse(message.as_bytes()), message, 0, &mut out);
        out
    }

    #[test]
    fn trees() {
        let mixed = "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n";
        let inner = "Content-Type: multipart/alternative; boundary=c\r\n\r\n";
        let rfc822 = "Content-Type: message/rfc822\r\n\r\n";
        for (message, tree) in [
            (String::new(), "\"\""),
            ("A: b\r\n\r\nhi\r\n".into(), "\"hi\\r\\n\""),
            (
                format!("{mixed}pre\r\n--b\r\n\r\none\r\n--b \r\nX: y\r\n\r\ntwo\r\n\r\n--b--\r\npost"),
                "[\"one\"\"two\\r\\n\"]",
            ),
            (
                format!("{mixed}--b\r\n{inner}--c\r\n\r\n1\r\n--c\r\n\r\n2\r\n--c--\r\n--b\r\n\r\n3"),
                "[[\"1\"\"2\"]\"3\"]",
            ),
            (format!("{mixed}--b\r\n{inner}--c\r\n\r\n1\r\n--b\r\n\r\n3\r\n--b--"), "[[\"1\"]\"3\"]"),
            (format!("{mixed}--b\r\n{rfc822}Subject: s\r\n\r\nbody\r\n--b--\r\n"), "[<\"body\">]"),
            (
                format!("{mixed}--b\r\n{rfc822}{inner}--c\r\n\r\n1\r\n--c--\r\n\r\n--b\r\n\r\n2\r\n--b--"),
                "[<[\"1\"]>\"2\"]",
            ),
            (format!("{mixed}nothing"), "[\"\"]"),
            (format!("{mixed}--b\r\n--b\r\n\r\n--b--"), "[\"\"\"\"]"),
            (format!("{mixed}--b\r\nX: y\r\n--b--"), "[\"\"]"),
            (format!("{mixed}--bb\r\n--b\r\n\r\n--b-\r\nx\r\n--b--"), "[\"--b-\\r\\nx\"]"),
            ("Content-Type: multipart/mixed\r\n\r\nno boundary".into(), "\"no boundary\""),
            (
                "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\nx\n--b--\n".into(),
                "[<\"x\">]",
            ),
        ] {
            assert_eq!(show(&message), tree, "{message}");
        }
    }

    #[test]
    fn section_numbers() {
        let message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nA\r\nA\r\n--b\r\n\
            Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nB\r\n--c\r\n\r\nC\r\n--c--\r\n\
            --b\r\nContent-Type: message/rfc822\r\n\r\nS: x\r\n\r\nD\r\n--b--\r\n";
        let s = Structure::parse(message);
        let body = |path: &[u32]| s.find(path).map(|part| &message[s.parts()[part].body.clone()]);
        assert_eq!(body(&[1]), Some(&b"A\r\nA"[..]));
        assert_eq!(s.parts()[1].lines, 1);
        assert_eq!(body(&[2, 1]), Some(&b"B"[..]));
        assert_eq!(body(&[2, 2]), Some(&b"C"[..]));
        assert_eq!(body(&[3]), Some(&b"S: x\r\n\r\nD"[..]));
        assert_eq!(body(&[3, 1]), Some(&b"D"[..]));
        for path in [&[4][..], &[0], &[1, 1], &[2, 3], &[3, 2], &[3, 1, 1]] {
            assert_eq!(body(path), None, "{path:?}");
        }
        let plain = Structure::parse(b"A: b\r\n\r\nx");
        assert_eq!((plain.find(&[1]), plain.find(&[2]), plain.find(&[])), (Some(0), None, None));
    }

    #[test]
    fn bombs_are_bounded() {
        let nested: String = (0..20_000)
            .map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"))
            .collect();
        assert_eq!(Structure::parse(nested.as_bytes()).parts().len(), DEPTH_MAX);
        let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
        assert_eq!(Structure::parse(messages.as_bytes()).parts().len(), DEPTH_MAX);
        let wide =
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned() + &"--b\r\n\r\n".repeat(500_000);
        assert_eq!(Structure::parse(wide.as_bytes()).parts().len(), PARTS_MAX);
    }

    proptest::proptest! {
        #[test]
        fn ranges_nest(picks in proptest::collection::vec(0..9_usize, 0..40)) {
            const LINES: [&str; 9] = ["\r\n", "--b\r\n", "--c\r\n", "--b--\r\n", "--c--\r\n", "text\r\n",
                "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: message/rfc822\r\n",
                "Content-Type: multipart/digest; boundary=c\r\n"];
            let message: String = picks.iter().map(|&pick| LINES[pick]).collect();
            let s = Structure::parse(message.as_bytes());
            for (index, part) in s.parts().iter().enumerate() {
                proptest::prop_assert!(part.header.end <= part.body.start && part.body.end <= message.len());
                proptest::prop_assert!(part.kind == Kind::Leaf || s.children(index).count() > 0);
                for child in s.children(index) {
                    let child = &s.parts()[child];
                    proptest::prop_assert!(child.header.start >= part.body.start && child.body.end <= part.body.end.max(child.body.start));
                }
            }
        }
    }
}
