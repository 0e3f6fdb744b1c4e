//! Where text came from, and places in it.

use std::sync::Arc;

use crate::cmdlet::Position;

/// A script's text and name.
#[derive(Debug, Default)]
pub struct Source {
    /// The script's path; empty for what was typed.
    pub name: Arc<str>,
    /// The text.
    pub text: Box<str>,
}

/// A range of a source, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// Past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of this to the end of another.
    #[must_use]
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end.max(self.end) }
    }
}

impl Source {
    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Line, column and text of a span.
    pub fn position(&self, span: Span) -> Position {
        let start = (span.start as usize).min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count();
        let meant = self.slice(span).lines().next().unwrap_or_default().trim_end();
        Position {
            script: self.name.clone(),
            line: before.bytes().filter(|b| *b == b'\n').count() as u32 + 1,
            column: column as u32 + 1,
            text: line.into(),
            length: meant.chars().count().max(1) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let source = Source { name: "".into(), text: "one\n  é two\nthree".into() };
        let at = source.position(Span { start: 9, end: 12 });
        assert_eq!((at.line, at.column, at.length, &*at.text), (2, 5, 3, "  é two"));
    }
}
