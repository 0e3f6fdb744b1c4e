//! Goes through a tree in the order of its text and shows a visitor what it holds. The parser bounds how deep
//! trees are, so this recursion is bounded too.

use std::sync::Arc;

use super::{
    Block, Command, CommandArgument, Element, Expr, ExprKind, MemberName, ParamBlock, Part, Post, RedirectTo,
    Redirection, ScriptBlock, Statement, StatementKind, TypeName,
};

/// What a visitor may look at; by default at nothing.
pub trait Visit {
    /// A command, before its arguments; `fed` where a pipeline feeds it.
    fn command(&mut self, command: &Command, fed: bool) {
        let _ = (command, fed);
    }
    /// `function name { … }`, before its body.
    fn function(&mut self, name: &Arc<str>, block: &Arc<ScriptBlock>) {
        let _ = (name, block);
    }
    /// An assignment to a target, with or without an operator (`+=`), before its value.
    fn assignment(&mut self, target: &Expr, compound: bool, value: &Statement) {
        let _ = (target, compound, value);
    }
    /// Member and index accesses after a value, before the value.
    fn accesses(&mut self, base: &Expr, rest: &[Post]) {
        let _ = (base, rest);
    }
    /// A type in a cast, a test or before `::`; parameters and `catch` take any name.
    fn type_name(&mut self, name: &TypeName) {
        let _ = name;
    }
}

/// Goes through a script block: parameters and bodies.
pub fn script_block(block: &ScriptBlock, visit: &mut dyn Visit) {
    if let Some(params) = &block.params {
        param_block(params, visit);
    }
    for part in [&block.begin, &block.process, &block.end].into_iter().flatten() {
        statements(part, visit);
    }
}

fn param_block(params: &ParamBlock, visit: &mut dyn Visit) {
    for default in params.params.iter().filter_map(|param| param.default.as_ref()) {
        expression(default, visit);
    }
}

fn statements(block: &Block, visit: &mut dyn Visit) {
    block.statements.iter().for_each(|statement| self::statement(statement, visit));
}

fn maybe(statement: &Option<Box<Statement>>, visit: &mut dyn Visit) {
    if let Some(statement) = statement {
        self::statement(statement, visit);
    }
}

fn statement(statement: &Statement, visit: &mut dyn Visit) {
    match &statement.kind {
        StatementKind::Pipeline(elements) => pipeline(elements, visit),
        StatementKind::Assign { target, op, value } => {
            visit.assignment(target, op.is_some(), value);
            expression(target, visit);
            self::statement(value, visit);
        }
        StatementKind::If { clauses, otherwise } => {
            for (condition, body) in clauses {
                self::statement(condition, visit);
                statements(body, visit);
            }
            if let Some(otherwise) = otherwise {
                statements(otherwise, visit);
            }
        }
        StatementKind::While { condition, body, .. } => {
            self::statement(condition, visit);
            statements(body, visit);
        }
        StatementKind::Do { body, condition, .. } => {
            statements(body, visit);
            self::statement(condition, visit);
        }
        StatementKind::For { init, condition, step, body, .. } => {
            maybe(init, visit);
            maybe(condition, visit);
            maybe(step, visit);
            statements(body, visit);
        }
        StatementKind::ForEach { items, body, .. } => {
            self::statement(items, visit);
            statements(body, visit);
        }
        StatementKind::Switch(switch) => {
            self::statement(&switch.input, visit);
            for (test, body) in &switch.clauses {
                expression(test, visit);
                statements(body, visit);
            }
            if let Some(default) = &switch.default {
                statements(default, visit);
            }
        }
        StatementKind::Try { body, catches, finally } => {
            statements(body, visit);
            catches.iter().for_each(|(_, body)| statements(body, visit));
            if let Some(finally) = finally {
                statements(finally, visit);
            }
        }
        StatementKind::Throw(value) | StatementKind::Return(value) | StatementKind::Exit(value) => {
            maybe(value, visit);
        }
        StatementKind::Break(_) | StatementKind::Continue(_) => {}
        StatementKind::Function { name, block } => {
            visit.function(name, block);
            script_block(block, visit);
        }
    }
}

fn pipeline(elements: &[Element], visit: &mut dyn Visit) {
    for (place, element) in elements.iter().enumerate() {
        match element {
            Element::Expression(value, redirections) => {
                expression(value, visit);
                self::redirections(redirections, visit);
            }
            Element::Command(command) => {
                visit.command(command, place > 0);
                expression(&command.name, visit);
                for argument in &command.arguments {
                    match argument {
                        CommandArgument::Parameter { value: Some(value), .. }
                        | CommandArgument::Value(value) => expression(value, visit),
                        CommandArgument::Parameter { value: None, .. } | CommandArgument::Splat(_) => {}
                    }
                }
                redirections(&command.redirections, visit);
            }
        }
    }
}

fn redirections(all: &[Redirection], visit: &mut dyn Visit) {
    for redirection in all {
        if let RedirectTo::File { path, .. } = &redirection.to {
            expression(path, visit);
        }
    }
}

fn expression(value: &Expr, visit: &mut dyn Visit) {
    match &value.kind {
        ExprKind::Literal(_) | ExprKind::Number(..) | ExprKind::Variable(_) => {}
        ExprKind::Expandable(parts) => {
            for part in parts {
                match part {
                    Part::Text(_) | Part::Variable(_) => {}
                    Part::Sub(block) => statements(block, visit),
                    Part::Quoted(inner) => expression(inner, visit),
                }
            }
        }
        ExprKind::List(items) => items.iter().for_each(|item| expression(item, visit)),
        ExprKind::Array(block) | ExprKind::Sub(block) => statements(block, visit),
        ExprKind::Paren(inner) => statement(inner, visit),
        ExprKind::Hash(entries) => {
            for (key, entry) in entries {
                expression(key, visit);
                statement(entry, visit);
            }
        }
        ExprKind::ScriptBlock(block) => script_block(block, visit),
        ExprKind::Unary(_, inner) => expression(inner, visit),
        ExprKind::Chain { first, rest } => {
            expression(first, visit);
            rest.iter().for_each(|(_, operand)| expression(operand, visit));
        }
        ExprKind::Cast(name, inner) => {
            visit.type_name(name);
            expression(inner, visit);
        }
        ExprKind::Type(name) => visit.type_name(name),
        ExprKind::Postfix { base, rest } => {
            visit.accesses(base, rest);
            expression(base, visit);
            rest.iter().for_each(|access| post(access, visit));
        }
        ExprKind::IncDec { target, .. } => expression(target, visit),
    }
}

fn post(access: &Post, visit: &mut dyn Visit) {
    match access {
        Post::Member { name: MemberName::Computed(name), .. } => expression(name, visit),
        Post::Member { name: MemberName::Fixed(_), .. } => {}
        Post::Call { name, arguments, .. } => {
            if let MemberName::Computed(name) = name {
                expression(name, visit);
            }
            arguments.iter().for_each(|argument| expression(argument, visit));
        }
        Post::Index(index) => expression(index, visit),
    }
}
