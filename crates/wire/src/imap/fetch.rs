//! What FETCH asks for (RFC 3501 section 6.4.5, RFC 7162 section 3.1.4, RFC 3516, RFC 8474, RFC 8514, RFC 8970).

use crate::{
    imap::{
        scan::{ParseError, Parsed, Scanner},
        section::{Section, SectionText},
        window::Window,
    },
    mime::structure,
};

/// Items one FETCH may ask for.
const ITEMS_MAX: usize = 64;
/// Field names one section may list.
const FIELDS_MAX: usize = 256;

/// One thing asked of each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY` or, extended, `BODYSTRUCTURE`
    BodyStructure {
        /// With the extension data.
        extended: bool,
    },
    /// `MODSEQ`
    ModSeq,
    /// `BODY[…]` and its older spellings
    Body(BodyItem),
    /// `BINARY[…]`: without transfer encoding
    Binary(BodyItem),
    /// `BINARY.SIZE[…]`
    BinarySize(BodyItem),
    /// `EMAILID`
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `SAVEDATE`
    SaveDate,
    /// `PREVIEW`
    Preview,
}

/// Bytes of a message: which, and how the answer names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyItem {
    /// Which bytes.
    pub section: Section,
    /// Reading them leaves `\Seen` alone.
    pub peek: bool,
    /// First byte and count, where only a part is wanted.
    pub partial: Option<(u32, u32)>,
    /// The item's name in the answer, such as `BODY[1.MIME]<0>`.
    pub label: String,
}

/// FETCH's arguments after the set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// The items, in the order asked, none twice.
    pub items: Vec<FetchItem>,
    /// Only messages changed after this modification sequence.
    pub changed_since: Option<u64>,
    /// Tell which of the messages asked for are gone (RFC 7162 section 3.2.6).
    pub vanished: bool,
    /// Only these of the messages asked for (RFC 9394).
    pub window: Option<Window>,
}

const ALL: [FetchItem; 4] = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
/// What the macros stand for; `FULL` is `ALL` and `BODY`, `FAST` is `ALL` without `ENVELOPE`.
const MACROS: [(&str, usize, bool); 3] = [("ALL", 4, false), ("FULL", 4, true), ("FAST", 3, false)];

impl Fetch {
    /// Reads items and modifiers up to the end of the command.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut fetch = Fetch::default();
        if s.peek() == Some(b'(') {
            fetch = Self::parse_items(s)?;
        } else if let Some((_, count, body)) = MACROS.iter().find(|(name, ..)| s.take_word(name)) {
            fetch.items.extend_from_slice(&ALL[..*count]);
            fetch.items.extend(body.then_some(FetchItem::BodyStructure { extended: false }));
        } else {
            fetch.add(item(s)?);
        }
        if s.take(b' ') {
            s.list(4, false, |s| fetch.modifier(s))?;
            if fetch.vanished && fetch.changed_since.is_none() {
                return Err(ParseError("VANISHED needs CHANGEDSINCE"));
            }
        }
        s.end()?;
        Ok(fetch)
    }

    /// Reads `(item …)` alone.
    pub fn parse_items(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut fetch = Fetch::default();
        for item in s.list(ITEMS_MAX, false, item)? {
            fetch.add(item);
        }
        Ok(fetch)
    }

    fn modifier(&mut self, s: &mut Scanner<'_>) -> Parsed<()> {
        match s.word()?.to_ascii_uppercase().as_str() {
            "CHANGEDSINCE" => {
                s.space()?;
                self.changed_since = Some(s.number64()?);
                self.add(FetchItem::ModSeq);
            }
            "VANISHED" => self.vanished = true,
            "PARTIAL" => {
                s.space()?;
                self.window = Some(Window::parse(s)?);
            }
            _ => return Err(ParseError("Unknown FETCH modifier")),
        }
        Ok(())
    }

    /// Adds an item unless it is there.
    pub fn add(&mut self, item: FetchItem) {
        if !self.items.contains(&item) {
            self.items.push(item);
        }
    }
}

fn item(s: &mut Scanner<'_>) -> Parsed<FetchItem> {
    const PLAIN: [(&str, FetchItem); 10] = [
        ("UID", FetchItem::Uid),
        ("FLAGS", FetchItem::Flags),
        ("INTERNALDATE", FetchItem::InternalDate),
        ("RFC822.SIZE", FetchItem::Size),
        ("ENVELOPE", FetchItem::Envelope),
        ("BODYSTRUCTURE", FetchItem::BodyStructure { extended: true }),
        ("MODSEQ", FetchItem::ModSeq),
        ("EMAILID", FetchItem::EmailId),
        ("THREADID", FetchItem::ThreadId),
        ("SAVEDATE", FetchItem::SaveDate),
    ];
    const OLD: [(&str, SectionText, bool); 3] = [
        ("RFC822", SectionText::Whole, false),
        ("RFC822.HEADER", SectionText::Header, true),
        ("RFC822.TEXT", SectionText::Text, false),
    ];
    let word = s.word()?;
    if let Some((_, item)) = PLAIN.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Ok(item.clone());
    }
    if let Some((name, text, peek)) = OLD.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)) {
        let section = Section { part: Vec::new(), text: text.clone() };
        return Ok(FetchItem::Body(BodyItem { section, peek: *peek, partial: None, label: (*name).into() }));
    }
    match word.to_ascii_uppercase().as_str() {
        "BODY" if s.peek() != Some(b'[') => Ok(FetchItem::BodyStructure { extended: false }),
        "BODY" => bracketed(s, false).map(FetchItem::Body),
        "BODY.PEEK" => bracketed(s, true).map(FetchItem::Body),
        "BINARY" => binary(s, false, "BINARY").map(FetchItem::Binary),
        "BINARY.PEEK" => binary(s, true, "BINARY").map(FetchItem::Binary),
        "BINARY.SIZE" => binary(s, true, "BINARY.SIZE").map(FetchItem::BinarySize),
        "PREVIEW" => {
            // What is quick to tell and what is not is the same here.
            s.take_word(" (LAZY)");
            Ok(FetchItem::Preview)
        }
        _ => Err(ParseError("Unknown FETCH item")),
    }
}

/// `BODY[…]<…>` or `BODY.PEEK[…]<…>`, alone.
pub(crate) fn body_item(s: &mut Scanner<'_>) -> Parsed<BodyItem> {
    match item(s)? {
        FetchItem::Body(body) => Ok(body),
        _ => Err(ParseError("Section expected")),
    }
}

/// What follows `BODY`.
fn bracketed(s: &mut Scanner<'_>, peek: bool) -> Parsed<BodyItem> {
    s.expect(b'[')?;
    let section = section(s)?;
    s.expect(b']')?;
    let partial = partial(s)?;
    let label = label("BODY", &section, partial);
    Ok(BodyItem { section, peek, partial, label })
}

/// What follows `BINARY`: part numbers only (RFC 3516 section 4.2).
fn binary(s: &mut Scanner<'_>, peek: bool, name: &str) -> Parsed<BodyItem> {
    s.expect(b'[')?;
    let section = section(s)?;
    s.expect(b']')?;
    if section.text != SectionText::Whole {
        return Err(ParseError("BINARY takes part numbers only"));
    }
    let partial = if name == "BINARY" { partial(s)? } else { None };
    let label = label(name, &section, partial);
    Ok(BodyItem { section, peek, partial, label })
}

fn section(s: &mut Scanner<'_>) -> Parsed<Section> {
    let mut part = Vec::new();
    while s.peek().is_some_and(|b| b.is_ascii_digit()) {
        if part.len() == structure::DEPTH_MAX {
            return Err(ParseError("Section too deep"));
        }
        part.push(s.number()?);
        if part.last() == Some(&0) {
            return Err(ParseError("Section numbers start at 1"));
        }
        if !s.take(b'.') {
            return Ok(Section { part, text: SectionText::Whole });
        }
    }
    if part.is_empty() && s.peek() == Some(b']') {
        return Ok(Section { part, text: SectionText::Whole });
    }
    let text = match s.word()?.to_ascii_uppercase().as_str() {
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::Fields(field_names(s)?),
        "HEADER.FIELDS.NOT" => SectionText::FieldsNot(field_names(s)?),
        "TEXT" => SectionText::Text,
        "MIME" if !part.is_empty() => SectionText::Mime,
        _ => return Err(ParseError("Unknown section")),
    };
    Ok(Section { part, text })
}

fn field_names(s: &mut Scanner<'_>) -> Parsed<Vec<String>> {
    s.space()?;
    s.list(FIELDS_MAX, false, |s| {
        let name = s.text_string()?;
        let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if fits { Ok(name) } else { Err(ParseError("Invalid header field name")) }
    })
}

fn partial(s: &mut Scanner<'_>) -> Parsed<Option<(u32, u32)>> {
    if !s.take(b'<') {
        return Ok(None);
    }
    let start = s.number()?;
    s.expect(b'.')?;
    let count = s.number()?;
    s.expect(b'>')?;
    if count == 0 { Err(ParseError("A partial fetch needs a length")) } else { Ok(Some((start, count))) }
}

/// How the answer names the item: names are quoted where an atom will not do.
fn label(name: &str, section: &Section, partial: Option<(u32, u32)>) -> String {
    let mut label = format!("{name}[");
    label.push_str(&section.part.iter().map(u32::to_string).collect::<Vec<_>>().join("."));
    if !section.part.is_empty() && section.text != SectionText::Whole {
        label.push('.');
    }
    match &section.text {
        SectionText::Whole => {}
        SectionText::Header => label.push_str("HEADER"),
        SectionText::Text => label.push_str("TEXT"),
        SectionText::Mime => label.push_str("MIME"),
        SectionText::Fields(names) => push_names(&mut label, "HEADER.FIELDS", names),
        SectionText::FieldsNot(names) => push_names(&mut label, "HEADER.FIELDS.NOT", names),
    }
    label.push(']');
    if let Some((start, _)) = partial {
        label.push_str(&format!("<{start}>"));
    }
    label
}

fn push_names(label: &mut String, keyword: &str, names: &[String]) {
    label.push_str(keyword);
    label.push_str(" (");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            label.push(' ');
        }
        if name.bytes().any(|b| b"(){%*\"\\]".contains(&b)) {
            label.push('"');
            label.push_str(&name.replace('\\', "\\\\").replace('"', "\\\""));
            label.push('"');
        } else {
            label.push_str(name);
        }
    }
    label.push(')');
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Parsed<Fetch> {
        Fetch::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn items() {
        assert_eq!(parse("FAST").unwrap().items, ALL[..3]);
        assert_eq!(parse("full").unwrap().items.len(), 5);
        assert_eq!(parse("(UID uid FLAGS)").unwrap().items, [FetchItem::Uid, FetchItem::Flags]);
        assert_eq!(parse("BODY").unwrap().items, [FetchItem::BodyStructure { extended: false }]);
        let fetch = parse("(FLAGS) (CHANGEDSINCE 12)").unwrap();
        assert_eq!((fetch.items.len(), fetch.changed_since), (2, Some(12)));
        let fetch = parse("(PREVIEW (LAZY) EMAILID) (CHANGEDSINCE 1 VANISHED PARTIAL -1:-9)").unwrap();
        assert!(fetch.vanished && fetch.window.is_some());
        assert_eq!(fetch.items, [FetchItem::Preview, FetchItem::EmailId, FetchItem::ModSeq]);
    }

    #[test]
    fn sections_and_labels() {
        for (text, label, peek) in [
            ("BODY[]", "BODY[]", false),
            ("body.peek[]<5.10>", "BODY[]<5>", true),
            ("BODY[1.2.mime]", "BODY[1.2.MIME]", false),
            ("BODY[3]", "BODY[3]", false),
            ("BODY[header.fields (From \"TO\")]", "BODY[HEADER.FIELDS (From TO)]", false),
            ("BODY[2.HEADER.FIELDS.NOT (X]Y)]", "BODY[2.HEADER.FIELDS.NOT (\"X]Y\")]", false),
            ("RFC822.HEADER", "RFC822.HEADER", true),
            ("RFC822", "RFC822", false),
            ("binary[1.2]<0.4>", "BINARY[1.2]<0>", false),
            ("BINARY.PEEK[]", "BINARY[]", true),
            ("BINARY.SIZE[3]", "BINARY.SIZE[3]", true),
        ] {
            match parse(text).map(|fetch| fetch.items) {
                Ok(items) => match &items[..] {
                    [FetchItem::Body(item) | FetchItem::Binary(item) | FetchItem::BinarySize(item)] => {
                        assert_eq!((item.label.as_str(), item.peek), (label, peek))
                    }
                    other => panic!("{text}: {other:?}"),
                },
                Err(error) => panic!("{text}: {error}"),
            }
        }
        for bad in [
            "",
            "()",
            "NOPE",
            "BODY[",
            "BODY[MIME]",
            "BODY[0]",
            "BODY[1..2]",
            "BODY[]<1.0>",
            "BODY[]<1>",
            "BODY[HEADER.FIELDS ()]",
            "FLAGS x",
            "(FLAGS",
            "FLAGS (X 1)",
            "FLAGS (VANISHED)",
            "FLAGS (PARTIAL 1)",
            "BINARY[1.HEADER]",
            "BINARY.SIZE[1]<0.1>",
            "(PREVIEW (NOW))",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
