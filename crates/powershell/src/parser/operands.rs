//! Operands: variables, parentheses, arrays, hashtables, script blocks.

use std::sync::Arc;

use super::{Parsed, Parser, strings::QuoteClass};
use crate::{
    ast::{Expr, ExprKind, Statement, Variable},
    lexer::{is_dash, is_double_quote, is_name_char, is_single_quote},
};

impl Parser<'_> {
    /// One operand, without accesses.
    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let start = self.cursor.at();
        let second = self.cursor.peek_at(1);
        match self.cursor.peek() {
            Some('$') if second == Some('(') => {
                self.cursor.bump_n(2);
                let block = self.nested(|p| p.statements_until(Some(')')))?;
                self.close_sub()?;
                Ok(Expr { kind: ExprKind::Sub(block), span: self.cursor.span_from(start) })
            }
            Some('$') => {
                let variable = self.variable()?;
                Ok(Expr { kind: ExprKind::Variable(variable), span: self.cursor.span_from(start) })
            }
            Some('@') => self.at_sign(start),
            Some('(') => self.parenthesis(start),
            Some('{') => {
                let block = self.braced_script()?;
                Ok(Expr { kind: ExprKind::ScriptBlock(block), span: self.cursor.span_from(start) })
            }
            Some(c) if is_single_quote(c) || is_double_quote(c) => self.quoted(QuoteClass::of(c)),
            Some(c) if c.is_ascii_digit() || c == '.' && second.is_some_and(|d| d.is_ascii_digit()) => {
                self.number()
            }
            None => self.fail("ExpectedExpression", "An expression was expected."),
            _ => self.unexpected(),
        }
    }

    fn close_sub(&mut self) -> Parsed<()> {
        self.expect(')', "MissingEndParenthesisInSubexpression", "Missing closing ')' in subexpression.")
    }

    fn at_sign(&mut self, start: u32) -> Parsed<Expr> {
        match self.cursor.peek_at(1) {
            Some('(') => {
                self.cursor.bump_n(2);
                let block = self.nested(|p| p.statements_until(Some(')')))?;
                self.close_sub()?;
                Ok(Expr { kind: ExprKind::Array(block), span: self.cursor.span_from(start) })
            }
            Some('{') => self.nested(|p| p.hash(start)),
            Some(c) if is_single_quote(c) || is_double_quote(c) => self.here_string(QuoteClass::of(c)),
            Some(c) if is_name_char(c) => {
                let name =
                    self.cursor.rest()[1..].chars().take_while(|c| is_name_char(*c)).collect::<String>();
                let text = format!(
                    "The splatting operator '@' cannot be used to reference variables in an expression. '@{name}' can \
                     be used only as an argument to a command. To reference variables in an expression use '${name}'."
                );
                self.fail("SplattingNotPermitted", text)
            }
            _ => self.fail("UnrecognizedToken", "Unrecognized token in source text."),
        }
    }

    fn parenthesis(&mut self, start: u32) -> Parsed<Expr> {
        self.cursor.bump();
        self.skip_lines()?;
        if matches!(self.cursor.peek(), Some(')')) {
            return self.fail("ExpectedExpression", "An expression was expected after '('.");
        }
        let statement = Box::new(self.nested(Self::pipeline_statement)?);
        self.close_paren()?;
        Ok(Expr { kind: ExprKind::Paren(statement), span: self.cursor.span_from(start) })
    }

    /// `@{ key = value; … }`.
    fn hash(&mut self, start: u32) -> Parsed<Expr> {
        self.cursor.bump_n(2);
        let mut entries = Vec::new();
        loop {
            self.skip_lines()?;
            if self.cursor.eat(';') {
                continue;
            }
            if self.cursor.eat('}') {
                break;
            }
            if self.cursor.is_done() {
                return self.fail("IncompleteHashLiteral", "The hash literal was incomplete.");
            }
            entries.push(self.hash_entry()?);
            self.skip_blanks()?;
            if !matches!(self.cursor.peek(), None | Some(';' | '}' | '\n' | '\r')) {
                return self.unexpected();
            }
        }
        Ok(Expr { kind: ExprKind::Hash(entries), span: self.cursor.span_from(start) })
    }

    fn hash_entry(&mut self) -> Parsed<(Expr, Statement)> {
        let start = self.cursor.at();
        let key = match self.cursor.peek() {
            Some(c) if is_name_char(c) && !c.is_ascii_digit() => {
                let name = self.cursor.take_while(|c| is_name_char(c) || is_dash(c) || c == '.');
                self.literal(name, start)
            }
            _ => self.nested(Self::unary)?,
        };
        self.skip_lines()?;
        self.expect('=', "MissingEqualsInHashLiteral", "Missing '=' operator after key in hash literal.")?;
        self.skip_lines()?;
        if matches!(self.cursor.peek(), None | Some('}' | ';')) {
            return self.fail("MissingStatementAfterEquals", "Missing statement after '=' in hash literal.");
        }
        Ok((key, self.statement_value()?))
    }

    /// `$name`, `$scope:name`, `${any name}`, `$_`, `$?`, `$$`, `$^`; the `$` (or `@`) is at the cursor.
    pub(super) fn variable(&mut self) -> Parsed<Variable> {
        self.cursor.bump();
        match self.cursor.peek() {
            Some('{') => self.braced_variable(),
            Some(c @ ('$' | '?' | '^'))
                if !self.cursor.peek_at(1).is_some_and(|n| c == '?' && is_name_char(n)) =>
            {
                self.cursor.bump();
                Ok(Variable { scope: "".into(), name: c.to_string().into() })
            }
            _ => {
                let name = self.cursor.take_while(|c| is_name_char(c) || c == '?');
                if name.is_empty() {
                    return self.fail(
                        "UnrecognizedToken",
                        "Variable reference is not valid. '$' was not followed by a valid variable name character.",
                    );
                }
                let qualified = self.cursor.peek() == Some(':')
                    && self.cursor.peek_at(1).is_some_and(is_name_char)
                    && !name.contains('?');
                if !qualified {
                    return Ok(Variable { scope: "".into(), name: name.into() });
                }
                self.cursor.bump();
                let scope: Arc<str> = name.to_lowercase().into();
                let name = self.cursor.take_while(|c| is_name_char(c) || c == '?');
                Ok(Variable { scope, name: name.into() })
            }
        }
    }

    fn braced_variable(&mut self) -> Parsed<Variable> {
        self.cursor.bump();
        let mut name = String::new();
        loop {
            match self.cursor.bump() {
                Some('}') => break,
                Some('`') => name.extend(self.cursor.bump()),
                Some(c) => name.push(c),
                None => {
                    let text = "Use `{ instead of { in variable names; the closing '}' is missing.";
                    return self.fail("IncompleteDollarBraceVariable", text);
                }
            }
        }
        let (scope, name) = name.split_once(':').unwrap_or(("", &name));
        Ok(Variable { scope: scope.to_lowercase().into(), name: name.into() })
    }
}
