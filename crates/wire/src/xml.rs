//! Small XML documents as trees, for protocols that wrap everything in it: no document types, no entities but
//! the five, bounded in depth, elements and attributes; a name is a namespace and a local part.

use std::{borrow::Cow, sync::Arc};

use quick_xml::{
    Reader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesStart, Event},
};

/// How deep elements may nest.
pub const DEPTH_MAX: usize = 64;
/// How many elements a document may have.
const ELEMENTS_MAX: usize = 20_000;
/// How many attributes an element may have, namespaces included.
const ATTRIBUTES_MAX: usize = 64;
/// How many namespaces may be bound at a time.
const NAMESPACES_MAX: usize = 128;
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The text is no such document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not well-formed, or in an encoding we do not read.
    #[error("the XML is malformed")]
    Malformed,
    /// A document type: nothing here needs one.
    #[error("the XML has a document type")]
    DocType,
    /// Nested too deeply or too large.
    #[error("the XML is nested too deeply or too large")]
    TooLarge,
}

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The namespace; empty for none.
    pub namespace: Arc<str>,
    /// The local name.
    pub name: String,
    /// Attributes by their local names, without namespace declarations.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// Its own text, joined.
    pub text: String,
}

impl Element {
    /// The first child of this name.
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    /// Whether it is called so.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && &*self.namespace == namespace
    }

    /// The text of the first child of this name, without blanks around it.
    pub fn text_of(&self, namespace: &str, name: &str) -> Option<&str> {
        self.child(namespace, name).map(|child| child.text.trim())
    }

    /// An attribute, by its local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| &**value)
    }
}

/// Reads a document in UTF-8 or UTF-16.
///
/// # Errors
/// Where it is malformed, has a document type, or passes a bound.
pub fn read(bytes: &[u8]) -> Result<Element, XmlError> {
    let text = decoded(bytes)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree::default();
    loop {
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(start) => tree.open(&start)?,
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let named = resolve_predefined_entity(&reference).and_then(|text| text.chars().next());
                let numbered = || reference.resolve_char_ref().ok().flatten();
                let c = named.or_else(numbered).ok_or(XmlError::Malformed)?;
                tree.text(c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return tree.root.filter(|_| tree.open.is_empty()).ok_or(XmlError::Malformed),
        }
    }
}

/// The text of a document: by its byte order mark, or by what its first characters must be.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let utf16 = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((encoding_rs::UTF_16LE, rest)),
        [0xfe, 0xff, rest @ ..] => Some((encoding_rs::UTF_16BE, rest)),
        [b'<', 0, ..] => Some((encoding_rs::UTF_16LE, bytes)),
        [0, b'<', ..] => Some((encoding_rs::UTF_16BE, bytes)),
        _ => None,
    };
    match utf16 {
        Some((encoding, rest)) => encoding.decode_without_bom_handling_and_without_replacement(rest),
        None => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
    }
    .ok_or(XmlError::Malformed)
}

/// A document as far as it has come.
#[derive(Default)]
struct Tree {
    root: Option<Element>,
    open: Vec<Element>,
    /// Prefixes bound, with the depth of the element that binds them.
    bound: Vec<(usize, String, Arc<str>)>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(XmlError::TooLarge);
        }
        if self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        let mut element = Element::default();
        // The reader's own check for doubles compares each with each.
        for (at, attribute) in start.attributes().with_checks(false).enumerate() {
            let attribute = attribute.map_err(|_| XmlError::Malformed)?;
            if at >= ATTRIBUTES_MAX || self.bound.len() >= NAMESPACES_MAX {
                return Err(XmlError::TooLarge);
            }
            let value = unescape(&attribute.value).map_err(|_| XmlError::Malformed)?.into_owned();
            let (local, prefix) = attribute.key.decompose();
            let local = local.into_inner();
            match prefix.map(|prefix| prefix.into_inner()) {
                Some("xmlns") => self.bind(local, value),
                None if local == "xmlns" => self.bind("", value),
                _ => element.attributes.push((local.to_owned(), value)),
            }
        }
        let (local, prefix) = start.name().decompose();
        element.namespace = self.resolve(prefix.map_or("", |prefix| prefix.into_inner()))?;
        element.name = local.into_inner().to_owned();
        self.open.push(element);
        Ok(())
    }

    fn bind(&mut self, prefix: &str, namespace: String) {
        self.bound.push((self.open.len(), prefix.to_owned(), namespace.into()));
    }

    fn resolve(&self, prefix: &str) -> Result<Arc<str>, XmlError> {
        match self.bound.iter().rev().find(|(_, own, _)| own == prefix) {
            Some((_, _, namespace)) => Ok(namespace.clone()),
            None if prefix.is_empty() => Ok("".into()),
            None if prefix == "xml" => Ok(XML.into()),
            None => Err(XmlError::Malformed),
        }
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let element = self.open.pop().ok_or(XmlError::Malformed)?;
        let depth = self.open.len();
        while self.bound.pop_if(|(own, ..)| *own >= depth).is_some() {}
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }
}

/// Escapes text for an element or an attribute; controls that XML cannot hold become U+FFFD.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_namespaces() {
        let text = "<?xml version=\"1.0\"?><a:r xmlns:a=\"urn:a\" xmlns=\"urn:d\"><!-- x --><b c='1&amp;2' a:d=\"3\">\
                    x&lt;<![CDATA[<y>]]>&#x41;</b><e xmlns=\"\"/><f/></a:r>";
        let root = read(text.as_bytes()).unwrap();
        assert!(root.is("urn:a", "r"));
        let b = root.child("urn:d", "b").unwrap();
        assert_eq!((b.attribute("c"), b.attribute("d"), &*b.text), (Some("1&2"), Some("3"), "x<<y>A"));
        assert!(root.child("", "e").is_some() && root.child("urn:d", "f").is_some());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16).as_ref(), Ok(&root));
        let marked =
            [&[0xfe, 0xff][..], &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()].concat();
        assert_eq!(read(&marked), Ok(root));
    }

    #[test]
    fn bombs_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(1_000_000), "</a>".repeat(1_000_000));
        assert_eq!(read(deep.as_bytes()), Err(XmlError::TooLarge));
        let wide = format!("<a>{}</a>", "<b/>".repeat(1_000_000));
        assert_eq!(read(wide.as_bytes()), Err(XmlError::TooLarge));
        let attributes: String = (0..100_000).map(|n| format!(" a{n}=''")).collect();
        assert_eq!(read(format!("<a{attributes}/>").as_bytes()), Err(XmlError::TooLarge));
        let entities = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
        assert_eq!(read(entities.as_bytes()), Err(XmlError::DocType));
        for bad in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a>&b;</a>", "<p:a/>", "<a b='&c;'/>", "\u{0}"] {
            assert_eq!(read(bad.as_bytes()), Err(XmlError::Malformed), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn text_survives(text in "[^\\p{C}]{0,40}") {
            let mut document = String::from("<a b=\"");
            escape(&text, &mut document);
            document.push_str("\">");
            escape(&text, &mut document);
            document.push_str("</a>");
            let root = read(document.as_bytes()).unwrap();
            prop_assert_eq!((root.attribute("b"), &*root.text), (Some(&*text), &*text));
        }
    }
}
