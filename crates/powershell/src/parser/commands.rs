//! Commands: names, parameters, arguments, redirections.

use super::{
    Parsed, Parser,
    strings::{Pieces, QuoteClass},
};
use crate::{
    ast::{Call, Command, CommandArgument, Expr, ExprKind, Part, RedirectTo, Redirection},
    lexer::{ends_word, is_dash, is_double_quote, is_name_char, is_single_quote},
    types::parse_number,
};

impl Parser<'_> {
    pub(super) fn command(&mut self) -> Parsed<Command> {
        self.nested(Self::command_here)
    }

    fn command_here(&mut self) -> Parsed<Command> {
        let start = self.cursor.at();
        let call = self.call_operator()?;
        let redirected = self.redirections()?;
        let name = match self.cursor.peek() {
            Some('$' | '(' | '{') => self.argument_value()?,
            Some('@') if self.cursor.peek_at(1).is_some_and(is_name_char) => return self.at_name(),
            Some(c) if is_single_quote(c) || is_double_quote(c) => self.quoted(QuoteClass::of(c))?,
            _ => self.word()?,
        };
        let mut command =
            Command { call, name, arguments: Vec::new(), redirections: redirected, span: Default::default() };
        self.arguments(&mut command)?;
        command.span = self.cursor.span_from(start);
        Ok(command)
    }

    fn at_name(&mut self) -> Parsed<Command> {
        // Gives the error for a splat where no command is.
        match self.primary() {
            Err(error) => Err(error),
            Ok(_) => self.unexpected(),
        }
    }

    /// `&`, `.` or neither.
    fn call_operator(&mut self) -> Parsed<Call> {
        let next = self.cursor.peek_at(1);
        let call = match self.cursor.peek() {
            Some('&') => Call::Normal,
            Some('.')
                if next.is_some_and(|c| {
                    c.is_whitespace()
                        || matches!(c, '$' | '(' | '{')
                        || is_single_quote(c)
                        || is_double_quote(c)
                }) =>
            {
                Call::DotSource
            }
            _ => return Ok(Call::Normal),
        };
        self.cursor.bump();
        self.skip_blanks()?;
        Ok(call)
    }

    fn arguments(&mut self, command: &mut Command) -> Parsed<()> {
        loop {
            self.skip_blanks()?;
            if let Some(redirection) = self.redirection()? {
                command.redirections.push(redirection);
                continue;
            }
            let next = self.cursor.peek_at(1);
            match self.cursor.peek() {
                None | Some('\n' | '\r' | ';' | '|' | ')' | '}' | '&') => return Ok(()),
                Some('@') if next.is_some_and(is_name_char) => {
                    let variable = self.variable()?;
                    command.arguments.push(CommandArgument::Splat(variable));
                }
                Some(c) if is_dash(c) && next.is_some_and(|n| n.is_alphabetic() || n == '_' || n == '?') => {
                    let parameter = self.parameter()?;
                    command.arguments.push(parameter);
                }
                // "--": what follows is not a parameter's name; nothing here needs it.
                Some(c)
                    if is_dash(c)
                        && self.cursor.peek_at(2).is_none_or(ends_word)
                        && next.is_some_and(is_dash) =>
                {
                    self.cursor.bump_n(2);
                }
                Some(_) => {
                    let value = self.nested(Self::argument)?;
                    command.arguments.push(CommandArgument::Value(value));
                }
            }
        }
    }

    /// `-Name` or `-Name:value`.
    fn parameter(&mut self) -> Parsed<CommandArgument> {
        let start = self.cursor.at();
        self.cursor.bump();
        let name = self.cursor.take_while(|c| is_name_char(c) || c == '-' || c == '?').into();
        let span = self.cursor.span_from(start);
        let mut value = None;
        if self.cursor.eat(':') {
            self.skip_blanks()?;
            if matches!(self.cursor.peek(), None | Some('\n' | '\r' | ';' | '|' | ')' | '}')) {
                let text = format!("Missing an argument for parameter '{name}'.");
                return self.fail("MissingArgument", text);
            }
            value = Some(self.nested(Self::argument)?);
        }
        Ok(CommandArgument::Parameter { name, value, span })
    }

    /// An argument: one value, or several joined by commas.
    fn argument(&mut self) -> Parsed<Expr> {
        let first = self.argument_value()?;
        let mut items = Vec::new();
        loop {
            let before = self.cursor.at();
            self.skip_blanks()?;
            if !self.cursor.eat(',') {
                self.cursor.back_to(before);
                break;
            }
            self.skip_lines()?;
            if matches!(self.cursor.peek(), None | Some(';' | '|' | ')' | '}')) {
                return self.fail("MissingArgument", "Missing an argument in parameter list.");
            }
            items.push(self.argument_value()?);
        }
        let Some(last) = items.last() else { return Ok(first) };
        let span = first.span.to(last.span);
        items.insert(0, first);
        Ok(Expr { kind: ExprKind::List(items), span })
    }

    /// One value in command mode.
    pub(super) fn argument_value(&mut self) -> Parsed<Expr> {
        let start = self.cursor.at();
        let second = self.cursor.peek_at(1);
        match self.cursor.peek() {
            Some('$') if second == Some('(') => {
                let base = self.primary()?;
                self.accesses(base)
            }
            Some('$') if second.is_some_and(|c| is_name_char(c) || matches!(c, '{' | '$' | '?' | '^')) => {
                let variable = self.variable()?;
                let joins = self.cursor.peek().is_some_and(|c| {
                    !ends_word(c)
                        && c != '['
                        && !self.cursor.rest().starts_with("::")
                        && !self.is_member_access()
                });
                if joins {
                    self.cursor.back_to(start);
                    return self.word();
                }
                let base = Expr { kind: ExprKind::Variable(variable), span: self.cursor.span_from(start) };
                self.accesses(base)
            }
            Some('(' | '{') => {
                let base = self.primary()?;
                self.accesses(base)
            }
            Some('@')
                if matches!(second, Some('(' | '{'))
                    || second.is_some_and(|c| is_single_quote(c) || is_double_quote(c)) =>
            {
                let base = self.primary()?;
                self.accesses(base)
            }
            Some(c) if is_single_quote(c) || is_double_quote(c) => {
                let base = self.quoted(QuoteClass::of(c))?;
                // "user":\Calendar is one argument: PowerShell proper would make two of it, and no command
                // could bind them.
                if matches!(self.cursor.peek(), Some(':' | '\\' | '/' | '@')) {
                    let mut pieces = Pieces::default();
                    pieces.part(Part::Quoted(base));
                    return self.word_from(pieces, start);
                }
                self.accesses(base)
            }
            _ => self.word(),
        }
    }

    fn is_member_access(&self) -> bool {
        self.cursor.peek() == Some('.')
            && self.cursor.peek_at(1).is_some_and(|c| {
                is_name_char(c) || matches!(c, '$' | '(') || is_single_quote(c) || is_double_quote(c)
            })
    }

    /// A bare word: text with escapes, quoted pieces and expansions; a number where all of it is one.
    pub(super) fn word(&mut self) -> Parsed<Expr> {
        self.word_from(Pieces::default(), self.cursor.at())
    }

    /// The rest of a word that began at `start`.
    fn word_from(&mut self, mut pieces: Pieces, start: u32) -> Parsed<Expr> {
        while let Some(c) = self.cursor.peek() {
            if ends_word(c) {
                break;
            }
            if is_single_quote(c) || is_double_quote(c) {
                let quoted = self.nested(|p| p.quoted(QuoteClass::of(c)))?;
                pieces.part(Part::Quoted(quoted));
            } else {
                self.expandable_char(&mut pieces)?;
            }
        }
        if self.cursor.at() == start {
            return match self.cursor.peek() {
                None => self.fail("ExpectedExpression", "An expression was expected."),
                Some('<') => {
                    self.fail("RedirectionNotSupported", "The '<' operator is reserved for future use.")
                }
                Some(_) => self.unexpected(),
            };
        }
        let span = self.cursor.span_from(start);
        let kind = match pieces.plain().and_then(|text| Some((parse_number(text)?, text))) {
            Some((number, text)) => ExprKind::Number(number, text.into()),
            None => pieces.finish(),
        };
        Ok(Expr { kind, span })
    }

    /// All redirections at the cursor.
    pub(super) fn redirections(&mut self) -> Parsed<Vec<Redirection>> {
        let mut all = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.redirection()? {
                Some(redirection) => all.push(redirection),
                None => return Ok(all),
            }
        }
    }

    /// `>`, `>>`, `2>`, `*>`, `2>&1` at the cursor.
    fn redirection(&mut self) -> Parsed<Option<Redirection>> {
        let (stream, skip) = match (self.cursor.peek(), self.cursor.peek_at(1)) {
            (Some('>'), _) => (1, 0),
            (Some('*'), Some('>')) => (0, 1),
            (Some(c @ '1'..='6'), Some('>')) => (c as u8 - b'0', 1),
            _ => return Ok(None),
        };
        self.cursor.bump_n(skip + 1);
        if self.cursor.eat_text("&1") {
            return Ok(Some(Redirection { stream, to: RedirectTo::Output }));
        }
        let append = self.cursor.eat('>');
        self.skip_blanks()?;
        if matches!(self.cursor.peek(), None | Some('\n' | '\r' | ';' | '|' | ')' | '}')) {
            let text = "Missing file specification after redirection operator.";
            return self.fail("MissingFileSpecification", text);
        }
        let path = self.nested(Self::argument_value)?;
        Ok(Some(Redirection { stream, to: RedirectTo::File { path, append } }))
    }
}
