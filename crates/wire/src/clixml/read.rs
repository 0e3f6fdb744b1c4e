//! Text into trees: a pull reader for the XML subset CLIXML uses. No document types, no entities but the
//! five, no processing instructions after the first; references resolve to copies within the size bound.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Body, DEPTH_MAX, Node, ObjectNode};

/// How many elements a document may have, copies of referenced objects included.
const ELEMENTS_MAX: usize = 1 << 20;

/// The text is not CLIXML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not well-formed.
    #[error("the CLIXML is malformed at byte {0}")]
    Malformed(usize),
    /// Nested too deeply or too large.
    #[error("the CLIXML is nested too deeply or too large")]
    TooLarge,
}

type Read<T> = Result<T, ReadError>;

/// Reads a document, or a bare element: its values.
///
/// # Errors
/// Where it is malformed or passes a bound.
pub fn read(text: &str) -> Read<Vec<Node>> {
    let mut reader = Reader {
        text: text.strip_prefix('\u{feff}').unwrap_or(text),
        at: 0,
        depth: 0,
        deepest: 0,
        elements: 0,
        types: HashMap::new(),
        objects: HashMap::new(),
    };
    reader.document()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// The deepest element since an object began.
    deepest: usize,
    elements: usize,
    types: HashMap<String, Vec<String>>,
    /// Objects read, with how many elements they have and how deep they go.
    objects: HashMap<String, (Node, usize, usize)>,
}

/// A start tag.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    closed: bool,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| &**value)
    }
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Vec<Node>> {
        self.blanks();
        if self.rest().starts_with("<?") {
            let end = self.rest().find("?>").ok_or(ReadError::Malformed(self.at))?;
            self.at += end + 2;
            self.blanks();
        }
        let tag = self.start()?;
        let nodes = if tag.name == "Objs" {
            self.children(&tag, |reader, tag| reader.node(tag))?
        } else {
            vec![self.node(&tag)?]
        };
        self.blanks();
        if self.rest().is_empty() { Ok(nodes) } else { self.malformed() }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed<T>(&self) -> Read<T> {
        Err(ReadError::Malformed(self.at))
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take_until(&mut self, mark: impl Fn(char) -> bool) -> Read<String> {
        let rest = self.rest();
        let end = rest.find(mark).ok_or(ReadError::Malformed(self.at))?;
        let taken = rest[..end].to_owned();
        self.at += end;
        Ok(taken)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn start(&mut self) -> Read<Tag> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(ReadError::TooLarge);
        }
        if !self.eat("<") || self.rest().starts_with(['!', '?', '/']) {
            return self.malformed();
        }
        let name = self.take_until(|c| c.is_whitespace() || c == '>' || c == '/')?;
        let mut attributes = Vec::new();
        loop {
            self.blanks();
            if self.eat("/>") {
                return Ok(Tag { name, attributes, closed: true });
            }
            if self.eat(">") {
                return Ok(Tag { name, attributes, closed: false });
            }
            let key = self.take_until(|c| c == '=' || c.is_whitespace() || c == '>')?;
            self.blanks();
            if key.is_empty() || !self.eat("=") {
                return self.malformed();
            }
            self.blanks();
            let quote = if self.eat("\"") {
                '"'
            } else if self.eat("'") {
                '\''
            } else {
                return self.malformed();
            };
            let value = self.take_until(|c| c == quote)?;
            self.at += 1;
            attributes.push((key, self.decoded(&value)?));
        }
    }

    fn end(&mut self, name: &str) -> Read<()> {
        if !(self.eat("</") && self.eat(name)) {
            return self.malformed();
        }
        self.blanks();
        if self.eat(">") { Ok(()) } else { self.malformed() }
    }

    /// Each child element, read by `read`.
    fn children<T>(&mut self, tag: &Tag, mut read: impl FnMut(&mut Self, &Tag) -> Read<T>) -> Read<Vec<T>> {
        let mut all = Vec::new();
        if tag.closed {
            return Ok(all);
        }
        if self.depth >= DEPTH_MAX {
            return Err(ReadError::TooLarge);
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        loop {
            self.blanks();
            if self.rest().starts_with("</") {
                break;
            }
            let child = self.start()?;
            all.push(read(self, &child)?);
        }
        self.depth -= 1;
        self.end(&tag.name)?;
        Ok(all)
    }

    /// The text of a leaf element.
    fn leaf(&mut self, tag: &Tag) -> Read<String> {
        if tag.closed {
            return Ok(String::new());
        }
        let raw = self.take_until(|c| c == '<')?;
        let text = self.decoded(&raw)?;
        self.end(&tag.name)?;
        Ok(text)
    }

    /// XML entities, then `_xHHHH_`.
    fn decoded(&self, raw: &str) -> Read<String> {
        let mut plain = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('&') {
            plain.push_str(&rest[..at]);
            let end = rest[at..].find(';').ok_or(ReadError::Malformed(self.at))? + at;
            plain.push(entity(&rest[at + 1..end]).ok_or(ReadError::Malformed(self.at))?);
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        Ok(unescaped(&plain))
    }

    fn node(&mut self, tag: &Tag) -> Read<Node> {
        match &*tag.name {
            "Obj" => return self.object(tag),
            "Ref" => return self.reference(tag),
            _ => {}
        }
        let place = self.at;
        let text = self.leaf(tag)?;
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| ReadError::Malformed(place));
        Ok(match &*tag.name {
            "Nil" => Node::Nil,
            "S" | "XD" | "SBKText" => Node::Text(text),
            "B" => Node::Bool(text.trim() == "true"),
            "C" => {
                let code = u32::try_from(number(&text)?).ok().and_then(char::from_u32);
                Node::Char(code.ok_or(ReadError::Malformed(place))?)
            }
            "I32" | "I16" | "SB" | "By" | "U16" => {
                Node::Int(i32::try_from(number(&text)?).map_err(|_| ReadError::Malformed(place))?)
            }
            "U32" => Node::Uint(u32::try_from(number(&text)?).map_err(|_| ReadError::Malformed(place))?),
            "I64" => Node::Long(number(&text)?),
            "U64" => match text.trim().parse::<u64>() {
                Ok(n) => i64::try_from(n).map_or(Node::Double(n as f64), Node::Long),
                Err(_) => return Err(ReadError::Malformed(place)),
            },
            "Db" | "Sg" | "D" => Node::Double(match text.trim() {
                "INF" => f64::INFINITY,
                "-INF" => f64::NEG_INFINITY,
                text => text.parse().map_err(|_| ReadError::Malformed(place))?,
            }),
            "DT" => Node::DateTime(text),
            "TS" => Node::Duration(text),
            "G" => Node::Guid(text),
            "Version" => Node::Version(text),
            "URI" => Node::Uri(text),
            "SBK" => Node::ScriptBlock(text),
            "SS" => Node::Secure(text),
            "BA" => Node::Bytes(STANDARD.decode(text.trim()).map_err(|_| ReadError::Malformed(place))?),
            // Progress records and the like hold texts.
            _ => Node::Text(text),
        })
    }

    fn reference(&mut self, tag: &Tag) -> Read<Node> {
        let id = tag.attribute("RefId").unwrap_or_default().to_owned();
        self.leaf(tag)?;
        let Some((node, size, height)) = self.objects.get(&id).cloned() else { return self.malformed() };
        self.elements += size;
        self.deepest = self.deepest.max(self.depth + height);
        if self.elements > ELEMENTS_MAX || self.deepest > DEPTH_MAX {
            return Err(ReadError::TooLarge);
        }
        Ok(node)
    }

    fn object(&mut self, tag: &Tag) -> Read<Node> {
        let (before, outer) = (self.elements, self.deepest);
        self.deepest = self.depth;
        let mut object = ObjectNode::default();
        self.children(tag, |reader, child| reader.part(child, &mut object))?;
        let node = Node::Object(Box::new(object));
        if let Some(id) = tag.attribute("RefId") {
            let size = self.elements - before + 1;
            self.objects.insert(id.to_owned(), (node.clone(), size, self.deepest - self.depth));
        }
        self.deepest = self.deepest.max(outer);
        Ok(node)
    }

    /// One child element of an object.
    fn part(&mut self, tag: &Tag, object: &mut ObjectNode) -> Read<()> {
        match &*tag.name {
            "TN" => {
                object.types = self.children(tag, |reader, t| reader.leaf(t))?;
                if let Some(id) = tag.attribute("RefId") {
                    self.types.insert(id.to_owned(), object.types.clone());
                }
            }
            "TNRef" => {
                self.leaf(tag)?;
                let id = tag.attribute("RefId").unwrap_or_default();
                object.types = self.types.get(id).cloned().unwrap_or_default();
            }
            "ToString" => object.text = Some(self.leaf(tag)?),
            "LST" | "IE" | "QUE" | "STK" => object.body = Body::List(self.children(tag, |r, t| r.node(t))?),
            "DCT" => object.body = Body::Dictionary(self.children(tag, Self::entry)?),
            "Props" => object.properties = self.members(tag)?,
            "MS" => object.extended = self.members(tag)?,
            _ => object.body = Body::Value(self.node(tag)?),
        }
        Ok(())
    }

    fn members(&mut self, tag: &Tag) -> Read<Vec<(String, Node)>> {
        self.children(tag, |reader, child| {
            let name = child.attribute("N").unwrap_or_default().to_owned();
            Ok((name, reader.node(child)?))
        })
    }

    fn entry(&mut self, tag: &Tag) -> Read<(Node, Node)> {
        let mut parts = self.children(tag, |reader, child| reader.node(child))?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(key), Some(value), None) => Ok((key, value)),
            _ => self.malformed(),
        }
    }
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

/// Undoes `_xHHHH_`, pairs of surrogate halves included; lone halves become the replacement character.
fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(unit) = escape_at(rest) {
            units.push(unit);
            rest = &rest[7..];
            continue;
        }
        out.push_str(&String::from_utf16_lossy(&units));
        units.clear();
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let next = rest[first..].find('_').map_or(rest.len(), |at| at + first);
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    out + &String::from_utf16_lossy(&units)
}

/// The code unit of an escape at the start of `text`.
fn escape_at(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 7 && bytes[0] == b'_' && matches!(bytes[1], b'x' | b'X') && bytes[6] == b'_';
    let digits = text.get(2..6).filter(|d| shaped && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}
