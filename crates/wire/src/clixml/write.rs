//! Trees into text.

use std::{collections::HashMap, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Body, Node, ObjectNode};

/// A document of these values: `<Objs …>…</Objs>`.
pub fn write(nodes: &[Node]) -> String {
    let mut writer = Writer::default();
    writer
        .out
        .push_str("<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">");
    for node in nodes {
        writer.node(None, node);
    }
    writer.out.push_str("</Objs>");
    writer.out
}

/// One value without a document around it, as messages carry it.
pub fn write_one(node: &Node) -> String {
    let mut writer = Writer::default();
    writer.node(None, node);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The next `RefId` of an object.
    objects: u32,
    /// Type names written before, by their `RefId`.
    types: HashMap<Vec<String>, usize>,
}

impl Writer {
    fn node(&mut self, name: Option<&str>, node: &Node) {
        match node {
            Node::Nil => self.empty("Nil", name),
            Node::Bool(b) => self.element("B", name, &b.to_string()),
            Node::Char(c) => self.element("C", name, &u32::from(*c).to_string()),
            Node::Int(n) => self.element("I32", name, &n.to_string()),
            Node::Uint(n) => self.element("U32", name, &n.to_string()),
            Node::Long(n) => self.element("I64", name, &n.to_string()),
            Node::Double(n) => self.element("Db", name, &double(*n)),
            Node::Text(text) => self.element("S", name, text),
            Node::DateTime(text) => self.element("DT", name, text),
            Node::Duration(text) => self.element("TS", name, text),
            Node::Guid(text) => self.element("G", name, text),
            Node::Version(text) => self.element("Version", name, text),
            Node::Uri(text) => self.element("URI", name, text),
            Node::ScriptBlock(text) => self.element("SBK", name, text),
            Node::Secure(text) => self.element("SS", name, text),
            Node::Bytes(bytes) => self.element("BA", name, &STANDARD.encode(bytes)),
            Node::Object(object) => self.object(name, object),
        }
    }

    fn open(&mut self, tag: &str, name: Option<&str>) {
        self.out.push('<');
        self.out.push_str(tag);
        if let Some(name) = name {
            self.out.push_str(" N=\"");
            escape(name, &mut self.out);
            self.out.push('"');
        }
    }

    fn empty(&mut self, tag: &str, name: Option<&str>) {
        self.open(tag, name);
        self.out.push_str(" />");
    }

    fn element(&mut self, tag: &str, name: Option<&str>, text: &str) {
        self.open(tag, name);
        self.out.push('>');
        escape(text, &mut self.out);
        self.close(tag);
    }

    fn close(&mut self, tag: &str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    fn object(&mut self, name: Option<&str>, object: &ObjectNode) {
        self.open("Obj", name);
        let id = self.objects;
        self.objects += 1;
        // Writing into a string cannot fail.
        let _ = write!(self.out, " RefId=\"{id}\">");
        self.types(&object.types);
        if let Some(text) = &object.text {
            self.element("ToString", None, text);
        }
        match &object.body {
            Body::None => {}
            Body::Value(value) => self.node(None, value),
            Body::List(items) => {
                self.out.push_str("<LST>");
                items.iter().for_each(|item| self.node(None, item));
                self.out.push_str("</LST>");
            }
            Body::Dictionary(entries) => {
                self.out.push_str("<DCT>");
                for (key, value) in entries {
                    self.out.push_str("<En>");
                    self.node(Some("Key"), key);
                    self.node(Some("Value"), value);
                    self.out.push_str("</En>");
                }
                self.out.push_str("</DCT>");
            }
        }
        self.members("Props", &object.properties);
        self.members("MS", &object.extended);
        self.close("Obj");
    }

    fn types(&mut self, types: &[String]) {
        if types.is_empty() {
            return;
        }
        if let Some(id) = self.types.get(types) {
            let _ = write!(self.out, "<TNRef RefId=\"{id}\" />");
            return;
        }
        let id = self.types.len();
        self.types.insert(types.to_vec(), id);
        let _ = write!(self.out, "<TN RefId=\"{id}\">");
        for name in types {
            self.element("T", None, name);
        }
        self.out.push_str("</TN>");
    }

    fn members(&mut self, tag: &str, members: &[(String, Node)]) {
        if members.is_empty() {
            return;
        }
        self.open(tag, None);
        self.out.push('>');
        for (name, value) in members {
            self.node(Some(name), value);
        }
        self.close(tag);
    }
}

fn double(n: f64) -> String {
    match n {
        n if n.is_nan() => "NaN".into(),
        n if n == f64::INFINITY => "INF".into(),
        n if n == f64::NEG_INFINITY => "-INF".into(),
        n => n.to_string(),
    }
}

/// Escapes XML's own characters, and as `_xHHHH_` what XML cannot hold, surrogate halves and an underscore
/// that would read as such an escape (MS-PSRP section 2.2.5.3.2).
fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '_' if rest[1..].starts_with(['x', 'X']) => out.push_str("_x005F_"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') || u32::from(c) > 0xffff => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "_x{unit:04X}_");
                }
            }
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
}
