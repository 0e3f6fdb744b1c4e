//! Text into trees: recursive descent with positions, bounded in depth and size.

mod blocks;
mod commands;
mod expressions;
mod operands;
mod statements;
mod strings;

use std::sync::Arc;

use crate::{
    ast::{ScriptBlock, Source, Span},
    cmdlet::{ErrorCategory, ErrorRecord},
    lexer::Cursor,
};

/// The longest script, bytes.
pub const SOURCE_MAX: usize = 8 << 20;
/// How deep statements and expressions may nest.
pub const NESTING_MAX: u32 = 100;

/// Text that is not PowerShell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// PowerShell's text.
    pub message: String,
    /// PowerShell's identifier.
    pub id: &'static str,
    /// Where.
    pub span: Span,
    /// More lines could make it right: a prompt asks for them.
    pub incomplete: bool,
}

impl ParseError {
    /// As an error record.
    pub fn record(&self, source: &Source) -> ErrorRecord {
        ErrorRecord::new(
            "System.Management.Automation.ParentContainsErrorRecordException",
            self.id,
            ErrorCategory::ParserError,
            self.message.as_str(),
        )
        .at(source.position(self.span))
    }
}

type Parsed<T> = Result<T, ParseError>;

/// Parses a whole script.
///
/// # Errors
/// The first thing that is not PowerShell.
pub fn parse(source: Source) -> Result<Arc<ScriptBlock>, (ParseError, Arc<Source>)> {
    let source = Arc::new(source);
    if source.text.len() > SOURCE_MAX {
        let message = "The script is too long.".to_owned();
        let error = ParseError { message, id: "ScriptTooLong", span: Span::default(), incomplete: false };
        return Err((error, source));
    }
    let mut parser = Parser { source: source.clone(), cursor: Cursor::new(&source.text), depth: 0 };
    match parser.script_block(None) {
        Ok(block) => Ok(Arc::new(block)),
        Err(error) => Err((error, source)),
    }
}

struct Parser<'t> {
    source: Arc<Source>,
    cursor: Cursor<'t>,
    depth: u32,
}

impl Parser<'_> {
    /// Runs one level deeper, or fails where that is too deep.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            return self.fail("TooDeeplyNested", "The script is nested too deeply.");
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// An error at the cursor.
    fn fail<T>(&self, id: &'static str, message: impl Into<String>) -> Parsed<T> {
        let at = self.cursor.at();
        let span = Span { start: at, end: at + self.cursor.peek().map_or(0, |c| c.len_utf8() as u32) };
        Err(ParseError { message: message.into(), id, span, incomplete: self.cursor.is_done() })
    }

    /// The next token does not belong here.
    fn unexpected<T>(&self) -> Parsed<T> {
        let rest = self.cursor.rest();
        let end = rest
            .char_indices()
            .find(|(at, c)| *at > 0 && (c.is_whitespace() || "(){};|,".contains(*c)))
            .map_or(rest.len(), |(at, _)| at);
        let token = &rest[..end];
        let message = format!("Unexpected token '{token}' in expression or statement.");
        let span = Span { start: self.cursor.at(), end: self.cursor.at() + end as u32 };
        Err(ParseError { message, id: "UnexpectedToken", span, incomplete: false })
    }

    /// Takes `c` or fails with this error.
    fn expect(&mut self, c: char, id: &'static str, message: &str) -> Parsed<()> {
        if self.cursor.eat(c) { Ok(()) } else { self.fail(id, message) }
    }

    fn skip_blanks(&mut self) -> Parsed<()> {
        if self.cursor.skip_blanks() { Ok(()) } else { self.open_comment() }
    }

    fn skip_lines(&mut self) -> Parsed<()> {
        if self.cursor.skip_lines() { Ok(()) } else { self.open_comment() }
    }

    fn open_comment(&self) -> Parsed<()> {
        self.fail(
            "MissingTerminatorMultiLineComment",
            "The terminator '#>' is missing from the multiline comment.",
        )
    }
}

#[cfg(test)]
mod tests;
