//! `Name : value`, one property a line.

use super::wrap::wrap;

/// Writes objects as lists.
#[derive(Debug)]
pub(crate) struct ListWriter {
    width: usize,
    begun: bool,
}

impl ListWriter {
    pub(crate) fn new(width: usize) -> Self {
        ListWriter { width, begun: false }
    }

    /// One object: labels and values.
    pub(crate) fn object(&mut self, fields: &[(String, String)]) -> String {
        let mut text = if self.begun { String::new() } else { "\n\n".to_owned() };
        self.begun = true;
        let label_width = fields.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
        let room = self.width.saturating_sub(label_width + 4).max(1);
        for (label, value) in fields {
            let pad = label_width - label.chars().count();
            text.push_str(label);
            text.push_str(&" ".repeat(pad));
            text.push_str(" : ");
            for (at, line) in wrap(value, room).iter().enumerate() {
                if at > 0 {
                    text.push_str(&" ".repeat(label_width + 3));
                }
                text.push_str(line);
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
            }
        }
        text.push('\n');
        text
    }

    /// After the last object.
    pub(crate) fn close(&self) -> String {
        if self.begun { "\n\n".to_owned() } else { String::new() }
    }
}
