//! Operators: precedence, unary forms, casts, member access.

use super::{Parsed, Parser, strings::QuoteClass};
use crate::{
    ast::RANGE_PRECEDENCE,
    ast::{BinaryOp, Expr, ExprKind, IncDec, MemberName, Operator, Post, UnaryOp},
    lexer::{is_dash, is_double_quote, is_name_char, is_single_quote},
    types::parse_number,
    value::Value,
};

/// Unary operators with a dash.
const UNARY: &[(&str, UnaryOp)] = &[
    ("not", UnaryOp::Not),
    ("bnot", UnaryOp::BitNot),
    ("split", UnaryOp::Split),
    ("isplit", UnaryOp::Split),
    ("csplit", UnaryOp::Split),
    ("join", UnaryOp::Join),
];

impl Parser<'_> {
    /// True where an expression is next, not a command's name.
    pub(super) fn starts_expression(&self) -> bool {
        let (first, second) = (self.cursor.peek(), self.cursor.peek_at(1));
        match first {
            Some('$' | '(' | '[' | '{' | ',' | '!') => true,
            Some(c) if is_single_quote(c) || is_double_quote(c) => true,
            Some('@') => {
                matches!(second, Some('(' | '{'))
                    || second.is_some_and(|c| is_single_quote(c) || is_double_quote(c))
            }
            Some(c) if c.is_ascii_digit() => self.is_number(),
            Some('.') => second.is_some_and(|c| c.is_ascii_digit()) && self.is_number(),
            Some('+') => matches!(second, Some('+' | '$' | '(' | '0'..='9' | '.')),
            Some(c) if is_dash(c) => {
                matches!(second, Some('$' | '(' | '0'..='9' | '.' | ' ' | '[' | '"' | '\''))
                    || second.is_some_and(is_dash)
                    || self.unary_word().is_some()
            }
            _ => false,
        }
    }

    /// Whether the next word is a number, all of it.
    fn is_number(&self) -> bool {
        let rest = self.cursor.rest();
        let word = &rest[..number_length(rest)];
        let next = rest[word.len()..].chars().next();
        parse_number(word).is_some()
            && next.is_none_or(|c| c.is_whitespace() || "+-*/%;|)}],.[({=<>!&#".contains(c) || is_dash(c))
    }

    /// `-not`, `-split` … at the cursor, with its length in characters.
    fn unary_word(&self) -> Option<(UnaryOp, usize)> {
        let mut ahead = self.cursor;
        ahead.bump().filter(|c| is_dash(*c))?;
        let word = ahead.peek_word();
        let (_, op) = UNARY.iter().find(|(name, _)| word.eq_ignore_ascii_case(name))?;
        Some((*op, 1 + word.len()))
    }

    /// An expression of operators binding at least as tight as `least`; `commas` makes lists.
    pub(super) fn binary(&mut self, least: u8, commas: bool) -> Parsed<Expr> {
        let mut left = if commas { self.list()? } else { self.nested(Self::unary)? };
        let mut left_precedence = 0;
        loop {
            self.skip_blanks()?;
            let Some((op, precedence, length)) = self.operator() else { return Ok(left) };
            if precedence < least {
                return Ok(left);
            }
            self.cursor.bump_n(length);
            self.skip_lines()?;
            if matches!(self.cursor.peek(), None | Some(')' | '}' | ']' | ';' | '|' | ','))
                && !self.next_is_comma()
            {
                let text =
                    format!("You must provide a value expression following the '{}' operator.", op.op.text());
                return self.fail("ExpectedValueExpression", text);
            }
            let right = self.nested(|p| p.binary(precedence + 1, commas))?;
            let span = left.span.to(right.span);
            left = match left.kind {
                // Only chains built here at the same precedence grow; parenthesised ones are operands.
                ExprKind::Chain { first, mut rest } if left_precedence == precedence => {
                    rest.push((op, right));
                    Expr { kind: ExprKind::Chain { first, rest }, span }
                }
                kind => {
                    let first = Box::new(Expr { kind, span: left.span });
                    Expr { kind: ExprKind::Chain { first, rest: vec![(op, right)] }, span }
                }
            };
            left_precedence = precedence;
        }
    }

    fn next_is_comma(&self) -> bool {
        self.cursor.peek() == Some(',')
    }

    /// The binary operator at the cursor: itself, its precedence, its length in characters.
    fn operator(&self) -> Option<(BinaryOp, u8, usize)> {
        let (first, second) = (self.cursor.peek()?, self.cursor.peek_at(1));
        if first == '.' && second == Some('.') {
            return Some((Operator::Range.into(), RANGE_PRECEDENCE, 2));
        }
        if second == Some('=') && first != '=' {
            return None;
        }
        if is_dash(first) {
            let mut ahead = self.cursor;
            ahead.bump();
            let word = ahead.peek_word();
            if word.starts_with(|c: char| c.is_alphabetic()) {
                return BinaryOp::dashed(word).map(|(op, precedence)| (op, precedence, 1 + word.len()));
            }
            return BinaryOp::symbol('-').map(|(op, precedence)| (op, precedence, 1));
        }
        BinaryOp::symbol(first).map(|(op, precedence)| (op, precedence, 1))
    }

    /// `a, b, c`.
    fn list(&mut self) -> Parsed<Expr> {
        let first = self.nested(Self::unary)?;
        let mut items = Vec::new();
        loop {
            let before = self.cursor.at();
            self.skip_blanks()?;
            if !self.cursor.eat(',') {
                self.cursor.back_to(before);
                break;
            }
            self.skip_lines()?;
            if matches!(self.cursor.peek(), None | Some(')' | '}' | ']' | ';' | '|')) {
                return self.fail("MissingExpressionAfterToken", "Missing expression after ','.");
            }
            items.push(self.nested(Self::unary)?);
        }
        let Some(last) = items.last() else { return Ok(first) };
        let span = first.span.to(last.span);
        items.insert(0, first);
        Ok(Expr { kind: ExprKind::List(items), span })
    }

    pub(super) fn unary(&mut self) -> Parsed<Expr> {
        self.skip_blanks()?;
        let start = self.cursor.at();
        let (first, second) = (self.cursor.peek(), self.cursor.peek_at(1));
        match first {
            Some('!') => self.unary_of(UnaryOp::Not, 1, start),
            Some(',') => self.unary_of(UnaryOp::Comma, 1, start),
            Some('+') if second == Some('+') => self.inc_dec_prefix(false, start),
            Some('+') => self.unary_of(UnaryOp::Plus, 1, start),
            Some(c) if is_dash(c) => {
                if let Some((op, length)) = self.unary_word() {
                    return self.unary_of(op, length, start);
                }
                match second {
                    Some(c) if is_dash(c) => self.inc_dec_prefix(true, start),
                    Some('0'..='9' | '.') => self.negative_number(start),
                    _ => self.unary_of(UnaryOp::Minus, 1, start),
                }
            }
            Some('[') => self.bracket(start),
            _ => self.postfix(),
        }
    }

    fn unary_of(&mut self, op: UnaryOp, length: usize, start: u32) -> Parsed<Expr> {
        self.cursor.bump_n(length);
        self.skip_lines()?;
        let operand = if matches!(op, UnaryOp::Split | UnaryOp::Join) {
            self.nested(Self::list)?
        } else {
            self.nested(Self::unary)?
        };
        Ok(Expr { kind: ExprKind::Unary(op, Box::new(operand)), span: self.cursor.span_from(start) })
    }

    fn inc_dec_prefix(&mut self, down: bool, start: u32) -> Parsed<Expr> {
        self.cursor.bump_n(2);
        let target = Box::new(self.nested(Self::unary)?);
        let how = IncDec { down, prefix: true };
        Ok(Expr { kind: ExprKind::IncDec { target, how }, span: self.cursor.span_from(start) })
    }

    fn negative_number(&mut self, start: u32) -> Parsed<Expr> {
        self.cursor.bump();
        let digits = self.cursor.rest();
        let digits = &digits[..number_length(digits)];
        let Some(value) = parse_number(&format!("-{digits}")) else { return self.unexpected() };
        self.cursor.bump_n(digits.len());
        let base = Expr { kind: ExprKind::Literal(value), span: self.cursor.span_from(start) };
        self.accesses(base)
    }

    /// A number at the cursor.
    pub(super) fn number(&mut self) -> Parsed<Expr> {
        let start = self.cursor.at();
        let rest = self.cursor.rest();
        let word = &rest[..number_length(rest)];
        let Some(value) = parse_number(word) else { return self.unexpected() };
        self.cursor.bump_n(word.len());
        Ok(Expr { kind: ExprKind::Literal(value), span: self.cursor.span_from(start) })
    }

    /// `[type]::member`, `[type]operand` or `[type]`.
    fn bracket(&mut self, start: u32) -> Parsed<Expr> {
        let name = self.type_name()?;
        let literal = |name| Expr { kind: ExprKind::Type(name), span: self.cursor.span_from(start) };
        if self.cursor.rest().starts_with("::")
            || self.cursor.peek() == Some('.') && self.cursor.peek_at(1) != Some('.')
        {
            let base = literal(name);
            return self.accesses(base);
        }
        let before = self.cursor.at();
        self.skip_blanks()?;
        let operand = self.cursor.peek().is_some_and(|c| {
            matches!(c, '$' | '(' | '@' | '[' | '{' | '!' | '0'..='9')
                || is_single_quote(c)
                || is_double_quote(c)
        });
        let signed = self.cursor.previous() == Some(']')
            && self.cursor.peek().is_some_and(|c| is_dash(c) || c == '+')
            && self.unary_word().is_none()
            && self.cursor.peek_at(1).is_some_and(|c| c.is_ascii_digit() || c == '$' || c == '(');
        if !operand && !signed {
            self.cursor.back_to(before);
            return Ok(Expr { kind: ExprKind::Type(name), span: self.cursor.span_from(start) });
        }
        let inner = Box::new(self.nested(Self::unary)?);
        Ok(Expr { kind: ExprKind::Cast(name, inner), span: self.cursor.span_from(start) })
    }

    /// A value with its accesses and a trailing `++` or `--`.
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let base = self.nested(Self::primary)?;
        let expr = self.accesses(base)?;
        let rest = self.cursor.rest();
        let mut next = rest.chars();
        let (one, two) = (next.next(), next.next());
        let down = one.is_some_and(is_dash) && two.is_some_and(is_dash);
        let up = one == Some('+') && two == Some('+');
        if !(up || down) || !matches!(expr.kind, ExprKind::Variable(_) | ExprKind::Postfix { .. }) {
            return Ok(expr);
        }
        self.cursor.bump_n(2);
        let span = self.cursor.span_from(expr.span.start);
        Ok(Expr {
            kind: ExprKind::IncDec { target: Box::new(expr), how: IncDec { down, prefix: false } },
            span,
        })
    }

    /// `.member`, `::member`, `[index]` and calls, as long as they follow without a blank.
    pub(super) fn accesses(&mut self, base: Expr) -> Parsed<Expr> {
        let start = base.span.start;
        let mut rest = Vec::new();
        loop {
            let access = self.cursor.at();
            let is_static = self.cursor.eat_text("::");
            if is_static || self.is_member_dot() {
                if !is_static {
                    self.cursor.bump();
                }
                let name = self.member_name()?;
                rest.push(self.member(name, is_static, access)?);
            } else if self.cursor.peek() == Some('[') {
                self.cursor.bump();
                self.skip_lines()?;
                let index = self.nested(|p| p.binary(0, true))?;
                self.skip_lines()?;
                self.expect(']', "MissingEndSquareBracket", "Missing ']' after array index expression.")?;
                rest.push(Post::Index(index));
            } else {
                break;
            }
        }
        if rest.is_empty() {
            return Ok(base);
        }
        Ok(Expr {
            kind: ExprKind::Postfix { base: Box::new(base), rest },
            span: self.cursor.span_from(start),
        })
    }

    /// A dot that begins a member, not a range or the end of a sentence.
    fn is_member_dot(&self) -> bool {
        self.cursor.peek() == Some('.')
            && self.cursor.peek_at(1).is_some_and(|c| {
                is_name_char(c) || matches!(c, '$' | '(') || is_single_quote(c) || is_double_quote(c)
            })
    }

    fn member_name(&mut self) -> Parsed<MemberName> {
        Ok(match self.cursor.peek() {
            Some('$' | '(') => MemberName::Computed(self.nested(Self::primary)?),
            Some(c) if is_single_quote(c) || is_double_quote(c) => {
                MemberName::Computed(self.nested(|p| p.quoted(QuoteClass::of(c)))?)
            }
            _ => {
                let name = self.cursor.take_while(is_name_char);
                if name.is_empty() {
                    return self
                        .fail("MissingPropertyName", "Missing property name after reference operator.");
                }
                MemberName::Fixed(name.into())
            }
        })
    }

    fn member(&mut self, name: MemberName, is_static: bool, start: u32) -> Parsed<Post> {
        if !self.cursor.eat('(') {
            return Ok(Post::Member { name, is_static });
        }
        let mut arguments = Vec::new();
        loop {
            self.skip_lines()?;
            if self.cursor.eat(')') {
                break;
            }
            arguments.push(self.nested(|p| p.binary(0, false))?);
            self.skip_lines()?;
            if !self.cursor.eat(',') && self.cursor.peek() != Some(')') {
                return self.fail("MissingEndParenthesisInMethodCall", "Missing ')' in method call.");
            }
        }
        Ok(Post::Call { name, is_static, arguments, span: self.cursor.span_from(start) })
    }

    /// A literal at the cursor's start offset.
    pub(super) fn literal(&self, value: impl Into<Value>, start: u32) -> Expr {
        Expr { kind: ExprKind::Literal(value.into()), span: self.cursor.span_from(start) }
    }
}

/// How long the number at the start of `text` is, bytes: digits, one dot before a digit, exponent, suffix.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut dotted = false;
    while let Some(b) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match b {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => at += 1,
            b'.' if !dotted && next.is_some_and(u8::is_ascii_digit) => {
                dotted = true;
                at += 1;
            }
            // An exponent's sign.
            b'+' | b'-'
                if at > 0
                    && matches!(bytes[at - 1], b'e' | b'E')
                    && !text.starts_with("0x")
                    && next.is_some_and(u8::is_ascii_digit) =>
            {
                at += 1;
            }
            _ => break,
        }
    }
    at
}
