//! Quoted strings and here-strings, with what is expanded in them.

use super::{Parsed, Parser};
use crate::{
    ast::{Expr, ExprKind, Part},
    lexer::{escape, is_double_quote, is_name_char, is_single_quote},
    value::Value,
};

/// Which quotes open and close a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteClass {
    Single,
    Double,
}

impl QuoteClass {
    pub(super) fn of(c: char) -> Self {
        if is_single_quote(c) { QuoteClass::Single } else { QuoteClass::Double }
    }
    fn has(self, c: char) -> bool {
        match self {
            QuoteClass::Single => is_single_quote(c),
            QuoteClass::Double => is_double_quote(c),
        }
    }
    fn symbol(self) -> char {
        match self {
            QuoteClass::Single => '\'',
            QuoteClass::Double => '"',
        }
    }
}

/// Gathers text and expansions.
#[derive(Default)]
pub(super) struct Pieces {
    parts: Vec<Part>,
    text: String,
}

impl Pieces {
    pub(super) fn push(&mut self, c: char) {
        self.text.push(c);
    }
    pub(super) fn part(&mut self, part: Part) {
        self.flush();
        self.parts.push(part);
    }
    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text).into()));
        }
    }
    /// The plain text, where nothing is expanded.
    pub(super) fn plain(&self) -> Option<&str> {
        self.parts.is_empty().then_some(&self.text)
    }
    pub(super) fn finish(mut self) -> ExprKind {
        if self.parts.is_empty() {
            return ExprKind::Literal(Value::string(self.text));
        }
        self.flush();
        ExprKind::Expandable(self.parts)
    }
}

impl Parser<'_> {
    /// `'…'` or `"…"` at the cursor; any quote of the class closes, two make one.
    pub(super) fn quoted(&mut self, class: QuoteClass) -> Parsed<Expr> {
        let start = self.cursor.at();
        self.cursor.bump();
        let mut pieces = Pieces::default();
        loop {
            let Some(c) = self.cursor.peek() else { return self.unterminated(class, start) };
            if class.has(c) {
                self.cursor.bump();
                if !self.cursor.peek().is_some_and(|next| class.has(next)) {
                    break;
                }
                self.cursor.bump();
                pieces.push(c);
            } else if class == QuoteClass::Double {
                self.expandable_char(&mut pieces)?;
            } else {
                self.cursor.bump();
                pieces.push(c);
            }
        }
        Ok(Expr { kind: pieces.finish(), span: self.cursor.span_from(start) })
    }

    fn unterminated<T>(&self, class: QuoteClass, start: u32) -> Parsed<T> {
        let text = format!("The string is missing the terminator: {}.", class.symbol());
        let mut failed = self.fail("TerminatorExpectedAtEndOfString", text);
        if let Err(error) = &mut failed {
            error.span = self.cursor.span_from(start);
        }
        failed
    }

    /// One character, escape, variable or sub-expression of an expandable text.
    pub(super) fn expandable_char(&mut self, pieces: &mut Pieces) -> Parsed<()> {
        let next = self.cursor.peek_at(1);
        match self.cursor.peek() {
            Some('`') => {
                self.cursor.bump();
                match self.cursor.bump() {
                    // A line end after a backtick is kept out, as is a lone backtick at the end.
                    Some('\r') if self.cursor.peek() == Some('\n') => {
                        self.cursor.bump();
                    }
                    Some('\n') | None => {}
                    Some(c) => pieces.push(escape(c)),
                }
            }
            Some('$') if next == Some('(') => {
                self.cursor.bump_n(2);
                let block = self.nested(|p| p.statements_until(Some(')')))?;
                self.expect(
                    ')',
                    "MissingEndParenthesisInSubexpression",
                    "Missing closing ')' in subexpression.",
                )?;
                pieces.part(Part::Sub(block));
            }
            Some('$') if next.is_some_and(|c| is_name_char(c) || matches!(c, '{' | '$' | '?' | '^')) => {
                let variable = self.variable()?;
                pieces.part(Part::Variable(variable));
            }
            Some(c) => {
                self.cursor.bump();
                pieces.push(c);
            }
            None => {}
        }
        Ok(())
    }

    /// `@"` … `"@`: the opener ends its line, the closer begins one.
    pub(super) fn here_string(&mut self, class: QuoteClass) -> Parsed<Expr> {
        let start = self.cursor.at();
        self.cursor.bump_n(2);
        self.cursor.take_while(|c| c == ' ' || c == '\t');
        self.cursor.eat('\r');
        if !self.cursor.eat('\n') {
            let text = "No characters are allowed after a here-string header but before the end of the line.";
            return self.fail("UnexpectedCharactersAfterHereStringHeader", text);
        }
        let mut pieces = Pieces::default();
        let mut first = true;
        loop {
            if self.closes_here_string(class, first) {
                break;
            }
            first = false;
            match self.cursor.peek() {
                None => {
                    let text = format!("The string is missing the terminator: {}@.", class.symbol());
                    return self.fail("TerminatorExpectedAtEndOfString", text);
                }
                Some(c) if class == QuoteClass::Single => {
                    self.cursor.bump();
                    pieces.push(c);
                }
                Some(_) => self.expandable_char(&mut pieces)?,
            }
        }
        Ok(Expr { kind: pieces.finish(), span: self.cursor.span_from(start) })
    }

    /// Takes the line end and closer of a here-string, if they are next.
    fn closes_here_string(&mut self, class: QuoteClass, first: bool) -> bool {
        let mut ahead = self.cursor;
        if !first {
            ahead.eat('\r');
            if !ahead.eat('\n') {
                return false;
            }
        }
        let closes = ahead.peek().is_some_and(|c| class.has(c)) && ahead.peek_at(1) == Some('@');
        if closes {
            ahead.bump_n(2);
            self.cursor = ahead;
        }
        closes
    }
}
