//! Writing elements: prefixes are fixed, declared once on the envelope.

use crate::xml::escape;

/// An envelope being written.
pub(super) struct Writer(String);

impl Writer {
    /// With this much room, bytes.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Writer(String::with_capacity(capacity))
    }

    /// `<name attribute="…">…</name>`; an attribute whose value is empty is left out.
    pub(super) fn element(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.start(name, attributes);
        self.0.push('>');
        inner(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element that holds a text.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.element(name, attributes, |writer| escape(text, &mut writer.0));
    }

    /// An element that holds bytes, base64.
    pub(super) fn bytes(&mut self, name: &str, attributes: &[(&str, &str)], bytes: &[u8]) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        self.element(name, attributes, |writer| BASE64_STANDARD.encode_string(bytes, &mut writer.0));
    }

    /// An element that holds nothing.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.0.push_str("/>");
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }
}
