//! Statements.

use std::sync::Arc;

use super::{Parsed, Parser};
use crate::{
    ast::{
        BinaryOp, Block, Element, Expr, ExprKind, Label, ScriptBlock, Statement, StatementKind, Switch,
        SwitchMode, TypeName,
    },
    lexer::{is_dash, is_name_char},
};

/// Words that begin a statement.
const KEYWORDS: &[&str] = &[
    "break", "continue", "do", "exit", "filter", "for", "foreach", "function", "if", "return", "switch",
    "throw", "try", "while",
];

/// Words that begin a statement this language does not build.
const NOT_BUILT: &[&str] =
    &["class", "configuration", "data", "dynamicparam", "enum", "trap", "using", "workflow"];

/// Words that only continue a statement.
const STRAY: &[&str] = &["catch", "else", "elseif", "finally", "until"];

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        let start = self.cursor.at();
        let label = self.label()?;
        let word = self.cursor.peek_word().to_ascii_lowercase();
        let after = self.cursor.peek_at(word.len());
        let is_word = after.is_none_or(|c| c.is_whitespace() || "({;}|#$'\"@".contains(c) || c == ')');
        if !is_word || word.is_empty() {
            return self.pipeline_statement();
        }
        if NOT_BUILT.contains(&&*word) && matches!(after, Some(c) if c.is_whitespace()) && word != "data" {
            let text = format!("The keyword '{word}' is not supported.");
            return self.fail("ReservedKeywordNotAllowed", text);
        }
        if STRAY.contains(&&*word) {
            return self.unexpected();
        }
        if !KEYWORDS.contains(&&*word) {
            return self.pipeline_statement();
        }
        self.cursor.bump_n(word.len());
        let kind = match &*word {
            "if" => self.if_statement()?,
            "while" => self.while_statement(label)?,
            "do" => self.do_statement(label)?,
            "for" => self.for_statement(label)?,
            "foreach" => self.foreach_statement(label)?,
            "switch" => self.switch_statement(label)?,
            "try" => self.try_statement()?,
            "throw" => StatementKind::Throw(self.optional_pipeline()?),
            "return" => StatementKind::Return(self.optional_pipeline()?),
            "exit" => StatementKind::Exit(self.optional_pipeline()?),
            "break" => StatementKind::Break(self.target_label()?),
            "continue" => StatementKind::Continue(self.target_label()?),
            _ => self.function_statement(&word)?,
        };
        Ok(Statement { kind, span: self.cursor.span_from(start) })
    }

    /// `:name` before a loop.
    fn label(&mut self) -> Parsed<Label> {
        if self.cursor.peek() != Some(':') || !self.cursor.peek_at(1).is_some_and(is_name_char) {
            return Ok(None);
        }
        self.cursor.bump();
        let name = self.cursor.take_while(is_name_char).into();
        self.skip_lines()?;
        Ok(Some(name))
    }

    fn target_label(&mut self) -> Parsed<Label> {
        self.skip_blanks()?;
        let name = self.cursor.take_while(is_name_char);
        Ok((!name.is_empty()).then(|| name.into()))
    }

    fn optional_pipeline(&mut self) -> Parsed<Option<Box<Statement>>> {
        self.skip_blanks()?;
        match self.cursor.peek() {
            None | Some('\n' | '\r' | ';' | '}' | ')' | '|') => Ok(None),
            Some(_) => self.nested(Self::pipeline_statement).map(|s| Some(Box::new(s))),
        }
    }

    /// `( pipeline )`.
    fn condition(&mut self, keyword: &str) -> Parsed<Statement> {
        self.skip_lines()?;
        if !self.cursor.eat('(') {
            let text = format!("Missing '(' after '{keyword}' in {keyword} statement.");
            return self.fail("MissingOpenParenthesisInIfStatement", text);
        }
        self.skip_lines()?;
        let condition = self.nested(Self::pipeline_statement)?;
        self.close_paren()?;
        Ok(condition)
    }

    pub(super) fn close_paren(&mut self) -> Parsed<()> {
        self.skip_lines()?;
        self.expect(')', "MissingEndParenthesisInExpression", "Missing closing ')' in expression.")
    }

    /// Takes the word if it comes next, on this line or a later one.
    fn eat_word(&mut self, word: &str) -> Parsed<bool> {
        let before = self.cursor.at();
        self.skip_lines()?;
        let found = self.cursor.peek_word().eq_ignore_ascii_case(word);
        if found {
            self.cursor.bump_n(word.len());
        } else {
            self.cursor.back_to(before);
        }
        Ok(found)
    }

    fn if_statement(&mut self) -> Parsed<StatementKind> {
        let mut clauses = vec![(self.condition("if")?, self.braced("if")?)];
        while self.eat_word("elseif")? {
            clauses.push((self.condition("elseif")?, self.braced("elseif")?));
        }
        let otherwise = if self.eat_word("else")? { Some(self.braced("else")?) } else { None };
        Ok(StatementKind::If { clauses, otherwise })
    }

    fn while_statement(&mut self, label: Label) -> Parsed<StatementKind> {
        let condition = Box::new(self.condition("while")?);
        Ok(StatementKind::While { label, condition, body: self.braced("while")? })
    }

    fn do_statement(&mut self, label: Label) -> Parsed<StatementKind> {
        let body = self.braced("do")?;
        let until = self.eat_word("until")?;
        if !until && !self.eat_word("while")? {
            let text = "The while or until keyword was expected.";
            return self.fail("MissingWhileOrUntilInDoWhile", text);
        }
        let condition = Box::new(self.condition(if until { "until" } else { "while" })?);
        Ok(StatementKind::Do { label, body, condition, until })
    }

    fn for_statement(&mut self, label: Label) -> Parsed<StatementKind> {
        self.skip_lines()?;
        self.expect('(', "MissingOpenParenthesisAfterKeyword", "Missing opening '(' after keyword 'for'.")?;
        let init = self.for_part(';')?;
        let condition = self.for_part(';')?;
        let step = self.for_part(')')?;
        self.close_paren()?;
        Ok(StatementKind::For { label, init, condition, step, body: self.braced("for")? })
    }

    /// One part of `for (…; …; …)`, with its `;`.
    fn for_part(&mut self, end: char) -> Parsed<Option<Box<Statement>>> {
        self.skip_lines()?;
        let part = match self.cursor.peek() {
            Some(';' | ')') => None,
            _ => Some(Box::new(self.nested(Self::pipeline_statement)?)),
        };
        self.skip_lines()?;
        if end == ';' {
            self.cursor.eat(';');
        }
        Ok(part)
    }

    fn foreach_statement(&mut self, label: Label) -> Parsed<StatementKind> {
        self.skip_lines()?;
        self.expect(
            '(',
            "MissingOpenParenthesisAfterKeyword",
            "Missing opening '(' after keyword 'foreach'.",
        )?;
        self.skip_lines()?;
        if self.cursor.peek() != Some('$') {
            return self.fail("MissingVariableNameAfterForeach", "Missing variable name after foreach.");
        }
        let variable = self.variable()?;
        if !self.eat_word("in")? {
            return self.fail("MissingInInForeach", "Missing 'in' after variable in foreach loop.");
        }
        self.skip_lines()?;
        let items = Box::new(self.nested(Self::pipeline_statement)?);
        self.close_paren()?;
        Ok(StatementKind::ForEach { label, variable, items, body: self.braced("foreach")? })
    }

    fn switch_statement(&mut self, label: Label) -> Parsed<StatementKind> {
        let (mut mode, mut case_sensitive) = (SwitchMode::Exact, false);
        self.skip_blanks()?;
        while self.cursor.peek().is_some_and(is_dash) {
            self.cursor.bump();
            let flag = self.cursor.take_while(is_name_char).to_ascii_lowercase();
            match &*flag {
                "regex" => mode = SwitchMode::Regex,
                "wildcard" => mode = SwitchMode::Wildcard,
                "exact" => mode = SwitchMode::Exact,
                "casesensitive" => case_sensitive = true,
                _ => {
                    return self
                        .fail("InvalidSwitchFlag", format!("The flag '-{flag}' is not supported here."));
                }
            }
            self.skip_lines()?;
        }
        let input = self.condition("switch")?;
        self.skip_lines()?;
        self.expect('{', "MissingCurlyBraceInSwitchStatement", "Missing '{' in switch statement.")?;
        let (mut clauses, mut default) = (Vec::new(), None);
        loop {
            self.skip_lines()?;
            if self.cursor.eat(';') {
                continue;
            }
            if self.cursor.eat('}') {
                break;
            }
            match self.switch_clause()? {
                (Some(test), body) => clauses.push((test, body)),
                (None, body) => default = Some(body),
            }
        }
        Ok(StatementKind::Switch(Box::new(Switch { label, mode, case_sensitive, input, clauses, default })))
    }

    fn switch_clause(&mut self) -> Parsed<(Option<Expr>, Block)> {
        if self.cursor.peek_word().eq_ignore_ascii_case("default") {
            self.cursor.bump_n("default".len());
            return Ok((None, self.braced("default")?));
        }
        if self.cursor.is_done() {
            let text = "Missing condition in switch statement clause.";
            return self.fail("MissingSwitchConditionExpression", text);
        }
        let test = self.nested(Self::argument_value)?;
        Ok((Some(test), self.braced("switch")?))
    }

    fn try_statement(&mut self) -> Parsed<StatementKind> {
        let body = self.braced("try")?;
        let mut catches = Vec::new();
        while self.eat_word("catch")? {
            let mut types: Vec<TypeName> = Vec::new();
            self.skip_lines()?;
            while self.cursor.peek() == Some('[') {
                types.push(self.type_name()?);
                self.skip_lines()?;
                if self.cursor.eat(',') {
                    self.skip_lines()?;
                }
            }
            catches.push((types, self.braced("catch")?));
        }
        let finally = if self.eat_word("finally")? { Some(self.braced("finally")?) } else { None };
        if catches.is_empty() && finally.is_none() {
            let text = "The Try statement is missing its Catch or Finally block.";
            return self.fail("MissingCatchOrFinally", text);
        }
        Ok(StatementKind::Try { body, catches, finally })
    }

    fn function_statement(&mut self, keyword: &str) -> Parsed<StatementKind> {
        self.skip_blanks()?;
        let name: Arc<str> =
            self.cursor.take_while(|c| !c.is_whitespace() && !"(){};,|&'\"".contains(c)).into();
        if name.is_empty() {
            return self.fail("MissingNameAfterKeyword", format!("Missing name after {keyword} keyword."));
        }
        self.skip_lines()?;
        let params = if self.cursor.peek() == Some('(') { Some(self.param_list()?) } else { None };
        self.skip_lines()?;
        if self.cursor.peek() != Some('{') {
            return self.fail("MissingFunctionBody", "Missing function body in function declaration.");
        }
        let mut block = Arc::into_inner(self.braced_script()?).unwrap_or_else(|| self.empty_script());
        if let Some(params) = params {
            block.params.get_or_insert_default().params = params;
        }
        if keyword == "filter" && block.process.is_none() {
            block.process = block.end.take();
        }
        Ok(StatementKind::Function { name, block: Arc::new(block) })
    }

    fn empty_script(&self) -> ScriptBlock {
        let span = self.cursor.span_from(self.cursor.at());
        ScriptBlock { source: self.source.clone(), span, params: None, begin: None, process: None, end: None }
    }

    /// What may stand right of `=`: any statement that yields values.
    pub(super) fn statement_value(&mut self) -> Parsed<Statement> {
        let word = self.cursor.peek_word().to_ascii_lowercase();
        let after = self.cursor.peek_at(word.len());
        let opens = after.is_some_and(|c| c.is_whitespace() || c == '(' || c == '{');
        match &*word {
            "if" | "switch" | "foreach" | "for" | "while" | "do" | "try" if opens => {
                self.nested(Self::statement)
            }
            _ => self.nested(Self::pipeline_statement),
        }
    }

    /// A pipeline, or an assignment.
    pub(super) fn pipeline_statement(&mut self) -> Parsed<Statement> {
        self.skip_blanks()?;
        let start = self.cursor.at();
        let mut elements = Vec::new();
        if self.starts_expression() {
            let expr = self.nested(|p| p.binary(0, true))?;
            self.skip_blanks()?;
            if let Some(op) = self.assignment_operator() {
                return self.assignment(expr, op, start);
            }
            elements.push(Element::Expression(expr, self.redirections()?));
        } else {
            elements.push(Element::Command(self.command()?));
        }
        loop {
            self.skip_blanks()?;
            if self.cursor.peek() != Some('|') || self.cursor.peek_at(1) == Some('|') {
                break;
            }
            self.cursor.bump();
            self.skip_lines()?;
            if matches!(self.cursor.peek(), None | Some('|' | ')' | '}' | ';')) {
                return self.fail("EmptyPipeElement", "An empty pipe element is not allowed.");
            }
            if self.starts_expression() {
                let text = "Expressions are only allowed as the first element of a pipeline.";
                return self.fail("ExpressionsMustBeFirstInPipeline", text);
            }
            elements.push(Element::Command(self.command()?));
        }
        Ok(Statement { kind: StatementKind::Pipeline(elements), span: self.cursor.span_from(start) })
    }

    /// `=`, `+=` … if one is next.
    fn assignment_operator(&mut self) -> Option<Option<BinaryOp>> {
        let first = self.cursor.peek()?;
        if first == '=' {
            self.cursor.bump();
            return Some(None);
        }
        let symbol = if is_dash(first) { '-' } else { first };
        let (op, _) = BinaryOp::symbol(symbol)?;
        (self.cursor.peek_at(1) == Some('=')).then(|| self.cursor.bump_n(2))?;
        Some(Some(op))
    }

    fn assignment(&mut self, target: Expr, op: Option<BinaryOp>, start: u32) -> Parsed<Statement> {
        if !is_assignable(&target) {
            let text = "The assignment expression is not valid. The input to an assignment operator must be an \
                        object that is able to accept assignments, such as a variable or a property.";
            return self.fail("InvalidLeftHandSide", text);
        }
        self.skip_lines()?;
        if matches!(self.cursor.peek(), None | Some(')' | '}' | ';' | '|')) {
            let text = "You must provide a value expression following the '=' operator.";
            return self.fail("ExpectedValueExpression", text);
        }
        let value = Box::new(self.statement_value()?);
        Ok(Statement {
            kind: StatementKind::Assign { target, op, value },
            span: self.cursor.span_from(start),
        })
    }
}

fn is_assignable(target: &Expr) -> bool {
    match &target.kind {
        ExprKind::Variable(_) | ExprKind::Postfix { .. } => true,
        ExprKind::Cast(_, inner) => matches!(inner.kind, ExprKind::Variable(_) | ExprKind::Postfix { .. }),
        ExprKind::List(items) => items.iter().all(|item| {
            matches!(&item.kind, ExprKind::Variable(_) | ExprKind::Postfix { .. } | ExprKind::Cast(..))
        }),
        _ => false,
    }
}
