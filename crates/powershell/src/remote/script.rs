//! Script blocks for servers. One pipeline of commands with constant arguments travels as commands, which every
//! server runs; anything else travels as a script, which sessions without a language refuse.

use std::sync::Arc;

use super::RemoteCommand;
use crate::{
    ast::{
        Call, Command, CommandArgument, Element, Expr, ExprKind, Part, ScriptBlock, StatementKind, UnaryOp,
        Variable,
    },
    eval::{Context, Interp, Run, Scope, ScopeKind},
    value::Value,
};

/// Variables every session has.
const CONSTANTS: [&str; 3] = ["true", "false", "null"];

/// A script block as a script; values for its parameters.
pub(crate) fn script_command(text: &str, arguments: &[Value]) -> RemoteCommand {
    RemoteCommand {
        text: text.to_owned(),
        is_script: true,
        parameters: arguments.iter().map(|value| (None, value.clone())).collect(),
    }
}

/// A script block as commands, where it is nothing else; values for its parameters.
pub(crate) fn constant_commands(
    cx: &mut Interp<'_>,
    block: &Arc<ScriptBlock>,
    arguments: &[Value],
) -> Run<Option<Vec<RemoteCommand>>> {
    let Some(elements) = single_pipeline(block) else { return Ok(None) };
    let parameters: Vec<&str> =
        block.params.iter().flat_map(|declared| &declared.params).map(|param| &*param.name).collect();
    if arguments.len() > parameters.len()
        || !elements.iter().all(|element| is_constant_call(element, &parameters))
    {
        return Ok(None);
    }
    let scope = Scope::child(&cx.at.scope, ScopeKind::Local);
    for (at, name) in parameters.iter().enumerate() {
        scope.set(name, arguments.get(at).cloned().unwrap_or_default());
    }
    let context = Context { scope, source: block.source.clone(), ..cx.at.clone() };
    cx.within(context, |cx| {
        let calls = elements.iter().filter_map(|element| match element {
            Element::Command(command) => Some(command),
            Element::Expression(..) => None,
        });
        calls.map(|command| lowered(cx, command)).collect::<Run<Vec<_>>>().map(Some)
    })
}

fn single_pipeline(block: &ScriptBlock) -> Option<&[Element]> {
    let (None, None, Some(body)) = (&block.begin, &block.process, &block.end) else { return None };
    match &body.statements[..] {
        [statement] => match &statement.kind {
            StatementKind::Pipeline(elements) => Some(elements),
            _ => None,
        },
        _ => None,
    }
}

fn is_constant_call(element: &Element, parameters: &[&str]) -> bool {
    let Element::Command(command) = element else { return false };
    let constant = |expr: &Expr| is_constant(expr, parameters);
    command.call == Call::Normal
        && command.redirections.is_empty()
        && matches!(&command.name.kind, ExprKind::Literal(Value::String(_)))
        && command.arguments.iter().all(|argument| match argument {
            CommandArgument::Parameter { value, .. } => value.as_ref().is_none_or(constant),
            CommandArgument::Value(expr) => constant(expr),
            CommandArgument::Splat(variable) => is_known(variable, parameters),
        })
}

/// Nothing but what is known here: literals, `$using:` variables and the block's own parameters. The parser
/// bounds how deep expressions are.
fn is_constant(expr: &Expr, parameters: &[&str]) -> bool {
    let constant = |expr: &Expr| is_constant(expr, parameters);
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Number(..) | ExprKind::ScriptBlock(_) => true,
        ExprKind::Variable(variable) => is_known(variable, parameters),
        ExprKind::List(items) => items.iter().all(constant),
        ExprKind::Unary(UnaryOp::Minus | UnaryOp::Plus | UnaryOp::Comma, inner) => constant(inner),
        ExprKind::Expandable(parts) => parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Variable(variable) => is_known(variable, parameters),
            Part::Quoted(inner) => constant(inner),
            Part::Sub(_) => false,
        }),
        ExprKind::Array(block) => {
            block.statements.iter().all(|statement| is_constant_value(&statement.kind, parameters))
        }
        ExprKind::Paren(statement) => is_constant_value(&statement.kind, parameters),
        ExprKind::Hash(entries) => {
            entries.iter().all(|(key, value)| constant(key) && is_constant_value(&value.kind, parameters))
        }
        _ => false,
    }
}

fn is_constant_value(statement: &StatementKind, parameters: &[&str]) -> bool {
    match statement {
        StatementKind::Pipeline(elements) => match &elements[..] {
            [Element::Expression(expr, redirections)] => {
                redirections.is_empty() && is_constant(expr, parameters)
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_known(variable: &Variable, parameters: &[&str]) -> bool {
    let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&variable.name));
    match &*variable.scope {
        "using" => true,
        "" => named(&CONSTANTS) || named(parameters),
        _ => false,
    }
}

/// A command with its arguments as they stand: the server pairs and binds them.
fn lowered(cx: &mut Interp<'_>, command: &Command) -> Run<RemoteCommand> {
    let mut parameters = Vec::with_capacity(command.arguments.len());
    for argument in &command.arguments {
        match argument {
            CommandArgument::Parameter { name, value: Some(value), .. } => {
                parameters.push((Some(format!("-{name}:")), cx.operand(value)?));
            }
            CommandArgument::Parameter { name, value: None, .. } => {
                parameters.push((Some(format!("-{name}")), Value::Null));
            }
            CommandArgument::Value(expr) => parameters.push((None, cx.operand(expr)?)),
            CommandArgument::Splat(variable) => match cx.variable(variable) {
                Value::Hashtable(table) => parameters.extend(
                    table.to_vec().into_iter().map(|(name, value)| (Some(format!("-{name}:")), value)),
                ),
                other => parameters.extend(other.into_items().into_iter().map(|value| (None, value))),
            },
        }
    }
    Ok(RemoteCommand { text: cx.operand(&command.name)?.to_string(), is_script: false, parameters })
}
