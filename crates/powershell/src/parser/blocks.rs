//! Script blocks, parameter blocks and attributes.

use std::sync::Arc;

use super::{Parsed, Parser};
use crate::{
    ast::{Attribute, Block, Expr, ExprKind, Param, ParamBlock, ScriptBlock, Span, StatementKind, TypeName},
    lexer::is_name_char,
    value::Value,
};

impl Parser<'_> {
    /// A script block's inside, up to `closer` (not taken) or the end of the text.
    pub(super) fn script_block(&mut self, closer: Option<char>) -> Parsed<ScriptBlock> {
        self.nested(|p| {
            let start = p.cursor.at();
            let params = p.param_block()?;
            let mut block = ScriptBlock {
                source: p.source.clone(),
                span: Span::default(),
                params,
                begin: None,
                process: None,
                end: None,
            };
            if !p.named_blocks(&mut block, closer)? {
                block.end = Some(p.statements_until(closer)?);
            }
            block.span = p.cursor.span_from(start);
            Ok(block)
        })
    }

    /// `{ … }` at the cursor.
    pub(super) fn braced_script(&mut self) -> Parsed<Arc<ScriptBlock>> {
        self.cursor.bump();
        let block = self.script_block(Some('}'))?;
        self.close_brace()?;
        Ok(Arc::new(block))
    }

    /// `{ … }` of a statement such as `if`.
    pub(super) fn braced(&mut self, after: &str) -> Parsed<Block> {
        self.skip_lines()?;
        if self.cursor.peek() != Some('{') {
            return self.fail("MissingStatementBlock", format!("Missing statement block after '{after}'."));
        }
        self.cursor.bump();
        let block = self.nested(|p| p.statements_until(Some('}')))?;
        self.close_brace()?;
        Ok(block)
    }

    fn close_brace(&mut self) -> Parsed<()> {
        self.expect('}', "MissingEndCurlyBrace", "Missing closing '}' in statement block or type definition.")
    }

    /// Statements up to `closer` (not taken) or the end of the text.
    pub(super) fn statements_until(&mut self, closer: Option<char>) -> Parsed<Block> {
        let mut block = Block::default();
        loop {
            self.skip_lines()?;
            if self.cursor.eat(';') {
                continue;
            }
            match self.cursor.peek() {
                None => return Ok(block),
                c if c == closer => return Ok(block),
                Some(_) => {}
            }
            let statement = self.nested(Self::statement)?;
            let is_pipeline = matches!(
                statement.kind,
                StatementKind::Pipeline(_) | StatementKind::Assign { .. } | StatementKind::Return(_)
            );
            block.statements.push(statement);
            if is_pipeline {
                self.end_of_statement(closer)?;
            }
        }
    }

    fn end_of_statement(&mut self, closer: Option<char>) -> Parsed<()> {
        self.skip_blanks()?;
        match self.cursor.peek() {
            None | Some('\n' | '\r' | ';') => Ok(()),
            c if c == closer => Ok(()),
            Some('&') if self.cursor.peek_at(1) == Some('&') => self.not_a_separator("&&"),
            Some('|') => self.not_a_separator("||"),
            Some('&') => self.fail(
                "AmpersandNotAllowed",
                "The ampersand (&) character is not allowed. The & operator is reserved for future use; wrap an \
                 ampersand in double quotation marks (\"&\") to pass it as part of a string.",
            ),
            Some(_) => self.unexpected(),
        }
    }

    fn not_a_separator(&self, token: &str) -> Parsed<()> {
        let text = format!("The token '{token}' is not a valid statement separator in this version.");
        self.fail("InvalidEndOfLine", text)
    }

    /// `begin { } process { } end { }`; `false` where the body is plain.
    fn named_blocks(&mut self, block: &mut ScriptBlock, closer: Option<char>) -> Parsed<bool> {
        let mut found = false;
        loop {
            self.skip_lines()?;
            while self.cursor.eat(';') {
                self.skip_lines()?;
            }
            let word = self.cursor.peek_word().to_ascii_lowercase();
            let slot = match &*word {
                "begin" => &mut block.begin,
                "process" => &mut block.process,
                "end" => &mut block.end,
                _ => return self.no_more_named_blocks(found, closer),
            };
            let before = self.cursor.at();
            self.cursor.bump_n(word.len());
            self.skip_lines()?;
            if self.cursor.peek() != Some('{') {
                self.cursor.back_to(before);
                return self.no_more_named_blocks(found, closer);
            }
            *slot = Some(self.braced(&word)?);
            found = true;
        }
    }

    fn no_more_named_blocks(&self, found: bool, closer: Option<char>) -> Parsed<bool> {
        if found && self.cursor.peek().is_some() && self.cursor.peek() != closer {
            self.unexpected()
        } else {
            Ok(found)
        }
    }

    /// `[CmdletBinding()] param(…)`, if it is next.
    fn param_block(&mut self) -> Parsed<Option<ParamBlock>> {
        self.skip_lines()?;
        let before = self.cursor.at();
        let mut block = ParamBlock::default();
        while self.cursor.peek() == Some('[') {
            match self.bracketed() {
                Ok(Bracketed::Attribute(attribute)) => block.attributes.push(attribute),
                // A type or anything else: the block starts with an expression.
                _ => {
                    self.cursor.back_to(before);
                    return Ok(None);
                }
            }
            self.skip_lines()?;
        }
        if !self.cursor.peek_word().eq_ignore_ascii_case("param") {
            self.cursor.back_to(before);
            return Ok(None);
        }
        self.cursor.bump_n("param".len());
        self.skip_lines()?;
        if self.cursor.peek() != Some('(') {
            self.cursor.back_to(before);
            return Ok(None);
        }
        block.params = self.param_list()?;
        Ok(Some(block))
    }

    /// `( [type]$name = default, … )`.
    pub(super) fn param_list(&mut self) -> Parsed<Vec<Param>> {
        self.cursor.bump();
        let mut params = Vec::new();
        loop {
            self.skip_lines()?;
            if self.cursor.eat(')') {
                return Ok(params);
            }
            params.push(self.param()?);
            self.skip_lines()?;
            if !self.cursor.eat(',') {
                let text = "Missing ')' in function parameter list.";
                self.expect(')', "MissingEndParenthesisInFunctionParameterList", text)?;
                return Ok(params);
            }
        }
    }

    fn param(&mut self) -> Parsed<Param> {
        let start = self.cursor.at();
        let (mut type_name, mut attributes) = (None, Vec::new());
        while self.cursor.peek() == Some('[') {
            match self.bracketed()? {
                Bracketed::Attribute(attribute) => attributes.push(attribute),
                Bracketed::Type(name) => type_name = Some(name),
            }
            self.skip_lines()?;
        }
        if self.cursor.peek() != Some('$') {
            return self.fail("MissingExpressionAfterToken", "Missing parameter name.");
        }
        let name = self.variable()?.name;
        let span = self.cursor.span_from(start);
        self.skip_lines()?;
        let default = if self.cursor.eat('=') {
            self.skip_lines()?;
            Some(self.nested(|p| p.binary(0, false))?)
        } else {
            None
        };
        Ok(Param { name, type_name, attributes, default, span })
    }

    /// `[Name(…)]` or `[type]`.
    fn bracketed(&mut self) -> Parsed<Bracketed> {
        let start = self.cursor.at();
        self.cursor.bump();
        self.skip_lines()?;
        let name: Arc<str> = self.cursor.take_while(|c| is_name_char(c) || matches!(c, '.' | '+')).into();
        if self.cursor.peek() != Some('(') || name.is_empty() {
            self.cursor.back_to(start);
            return self.type_name().map(Bracketed::Type);
        }
        self.cursor.bump();
        let mut attribute = Attribute { name, positional: Vec::new(), named: Vec::new() };
        loop {
            self.skip_lines()?;
            if self.cursor.eat(')') {
                break;
            }
            self.attribute_argument(&mut attribute)?;
            self.skip_lines()?;
            if !self.cursor.eat(',') && self.cursor.peek() != Some(')') {
                return self.unexpected();
            }
        }
        self.skip_lines()?;
        self.expect(
            ']',
            "EndSquareBracketExpectedAtEndOfAttribute",
            "Missing ] at end of attribute or type literal.",
        )?;
        Ok(Bracketed::Attribute(attribute))
    }

    fn attribute_argument(&mut self, attribute: &mut Attribute) -> Parsed<()> {
        let word: Arc<str> = self.cursor.peek_word().into();
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            attribute.positional.push(self.nested(|p| p.binary(0, false))?);
            return Ok(());
        }
        self.cursor.bump_n(word.chars().count());
        self.skip_lines()?;
        let value = if self.cursor.eat('=') {
            self.skip_lines()?;
            Some(self.attribute_value()?)
        } else {
            None
        };
        attribute.named.push((word, value));
        Ok(())
    }

    /// An expression; a bare word stands for itself.
    fn attribute_value(&mut self) -> Parsed<Expr> {
        let word = self.cursor.peek_word();
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.nested(|p| p.binary(0, false));
        }
        let start = self.cursor.at();
        let value = Value::from(word);
        self.cursor.bump_n(word.chars().count());
        Ok(Expr { kind: ExprKind::Literal(value), span: self.cursor.span_from(start) })
    }

    /// `[name]`, nested brackets included.
    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        let start = self.cursor.at();
        self.cursor.bump();
        let name_start = self.cursor.at();
        let mut open = 1u32;
        while let Some(c) = self.cursor.peek() {
            match c {
                '[' => open += 1,
                ']' => open -= 1,
                _ if is_name_char(c) || matches!(c, '.' | ',' | '+' | '`' | ' ') => {}
                _ => break,
            }
            if open == 0 {
                let name = self.cursor.text_from(name_start).trim().into();
                self.cursor.bump();
                return Ok(TypeName { name, span: self.cursor.span_from(start) });
            }
            self.cursor.bump();
        }
        self.fail("EndSquareBracketExpectedAtEndOfType", "Missing ] at end of type token.")
    }
}

enum Bracketed {
    Attribute(Attribute),
    Type(TypeName),
}
