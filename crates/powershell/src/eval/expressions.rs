//! Expressions.

use std::sync::Arc;

use super::{Interp, Run, errors, operators, runtime};
use crate::{
    ast::{Expr, ExprKind, IncDec, MemberName, Part, Post, TypeName, UnaryOp},
    cmdlet::{ErrorCategory, ErrorRecord},
    members,
    types::Type,
    value::{Hashtable, PsObject, Value},
};

/// The longest string a script may make, bytes.
pub(crate) const STRING_MAX: usize = 64 << 20;

impl Interp<'_> {
    /// The value of an expression; [`Value::Nothing`] where a command yielded nothing.
    pub(crate) fn eval(&mut self, expr: &Expr) -> Run<Value> {
        self.step()?;
        match &expr.kind {
            // The leaves need no depth.
            ExprKind::Literal(value) | ExprKind::Number(value, _) => Ok(value.clone()),
            ExprKind::Variable(variable) => Ok(self.variable(variable)),
            ExprKind::ScriptBlock(block) => Ok(Value::ScriptBlock(block.clone())),
            _ => self.nested(|cx| cx.eval_inner(expr)),
        }
    }

    /// The value of an operand: never [`Value::Nothing`].
    pub(crate) fn operand(&mut self, expr: &Expr) -> Run<Value> {
        self.eval(expr).map(Value::or_null)
    }

    fn eval_inner(&mut self, expr: &Expr) -> Run<Value> {
        match &expr.kind {
            ExprKind::Literal(value) | ExprKind::Number(value, _) => Ok(value.clone()),
            ExprKind::Variable(variable) => Ok(self.variable(variable)),
            ExprKind::ScriptBlock(block) => Ok(Value::ScriptBlock(block.clone())),
            ExprKind::Expandable(parts) => self.expand(parts),
            ExprKind::List(items) => {
                let items = items.iter().map(|item| self.operand(item)).collect::<Run<Vec<_>>>()?;
                self.new_array(items)
            }
            ExprKind::Array(block) => {
                let items = self.collect_block(block)?;
                self.new_array(items)
            }
            ExprKind::Sub(block) => self.collect_block(block).map(Value::from_items),
            ExprKind::Paren(statement) => self.statement_value(statement),
            ExprKind::Hash(entries) => {
                let table = Hashtable::new(false);
                self.fill_table(&table, entries)?;
                Ok(Value::Hashtable(table))
            }
            ExprKind::Unary(op, operand) => self.unary(*op, operand),
            ExprKind::Chain { first, rest } => self.chain(first, rest),
            ExprKind::Cast(name, operand) => self.cast(name, operand),
            ExprKind::Type(name) => self.find_type(name).map(|t| Value::Type(t.full_name().into())),
            ExprKind::Postfix { base, rest } => self.postfix(base, rest),
            ExprKind::IncDec { target, how } => self.inc_dec(target, *how),
        }
    }

    /// An array, counted.
    pub(crate) fn new_array(&mut self, items: Vec<Value>) -> Run<Value> {
        self.charge(items.len() * size_of::<Value>())?;
        Ok(Value::array(items))
    }

    /// A string, counted and bounded.
    pub(crate) fn new_string(&mut self, text: String) -> Run<Value> {
        if text.len() > STRING_MAX {
            return Err(runtime("OutOfMemory", ErrorCategory::LimitsExceeded, "The string is too long."));
        }
        self.charge(text.len())?;
        Ok(Value::string(text))
    }

    /// Adds to a text that is put together piece by piece, counted.
    pub(crate) fn append(&mut self, text: &mut String, piece: &str) -> Run<()> {
        self.charge(piece.len())?;
        text.push_str(piece);
        Ok(())
    }

    /// Counts what writing a value down to `depth` makes.
    pub(crate) fn charge_deep(&mut self, value: &Value, depth: usize) -> Run<()> {
        let left = self.state.limits.bytes.saturating_sub(self.bytes);
        let most = usize::try_from(left).unwrap_or(usize::MAX / 2).saturating_add(1);
        self.charge(value.weight(depth, most))
    }

    /// The texts of values with a separator between them.
    pub(crate) fn joined(&mut self, items: &[Value], separator: &str) -> Run<Value> {
        let mut text = String::new();
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push_str(separator);
            }
            match item {
                Value::String(item) => text.push_str(item),
                other => text.push_str(&other.to_string()),
            }
            if text.len() > STRING_MAX {
                break;
            }
        }
        self.new_string(text)
    }

    fn fill_table(&mut self, table: &Hashtable, entries: &[(Expr, crate::ast::Statement)]) -> Run<()> {
        for (key, value) in entries {
            let key = self.operand(key)?;
            if key.is_null() {
                let text = "A null key is not allowed in a hash literal.";
                return Err(runtime("InvalidNullKey", ErrorCategory::InvalidOperation, text));
            }
            let value = self.statement_value(value)?.or_null();
            if table.with(|t| t.get(&key).is_some()) {
                let text = format!(
                    "Item has already been added. Key in dictionary: '{key}'  Key being added: '{key}'"
                );
                return Err(runtime("DuplicateKeyInHashLiteral", ErrorCategory::InvalidOperation, text));
            }
            self.charge(2 * size_of::<Value>())?;
            table.edit(|t| t.set(key, value));
        }
        Ok(())
    }

    /// An expandable string.
    fn expand(&mut self, parts: &[Part]) -> Run<Value> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Variable(variable) => {
                    let value = self.variable(variable);
                    text.push_str(&self.to_text(&value));
                }
                Part::Sub(block) => {
                    let value = self.collect_block(block).map(Value::from_items)?;
                    text.push_str(&self.to_text(&value));
                }
                Part::Quoted(expr) => {
                    let value = self.operand(expr)?;
                    text.push_str(&self.to_text(&value));
                }
            }
            if text.len() > STRING_MAX {
                break;
            }
        }
        self.new_string(text)
    }

    /// A value as text, with `$OFS` between an array's elements.
    pub(crate) fn to_text(&self, value: &Value) -> String {
        match value {
            Value::Array(list) => match self.at.scope.get("OFS") {
                Some(separator) if !separator.is_null() => {
                    let (mut text, separator) = (String::new(), separator.to_string());
                    for (at, item) in list.to_vec().iter().enumerate() {
                        if at > 0 {
                            text.push_str(&separator);
                        }
                        text.push_str(&item.to_string());
                        if text.len() > STRING_MAX {
                            break;
                        }
                    }
                    text
                }
                _ => value.to_string(),
            },
            _ => value.to_string(),
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) -> Run<Value> {
        let value = self.operand(operand)?;
        match op {
            UnaryOp::Not => Ok(Value::Bool(!value.truth())),
            UnaryOp::Comma => self.new_array(vec![value]),
            UnaryOp::Minus => operators::negate(&value),
            UnaryOp::Plus => operators::number(&value).map_err(|_| operators::not_number(&value)),
            UnaryOp::BitNot => operators::bit_not(&value),
            UnaryOp::Split => self.split_blanks(&value),
            UnaryOp::Join => self.joined(&value.into_items(), ""),
        }
    }

    /// The type a name means.
    pub(crate) fn find_type(&self, name: &TypeName) -> Run<Type> {
        Type::find(&name.name).ok_or_else(|| {
            let text = format!("Unable to find type [{}].", name.name);
            let target = PsObject::new(&["System.Management.Automation.Language.TypeName"]);
            ErrorRecord::runtime("TypeNotFound", ErrorCategory::InvalidOperation, text)
                .on(target.with("Name", name.name.clone()))
                .at(self.at.source.position(name.span))
                .into()
        })
    }

    fn cast(&mut self, name: &TypeName, operand: &Expr) -> Run<Value> {
        let to = self.find_type(name)?;
        if let (Type::Ordered, ExprKind::Hash(entries)) = (&to, &operand.kind) {
            let table = Hashtable::new(true);
            self.fill_table(&table, entries)?;
            return Ok(Value::Hashtable(table));
        }
        let value = self.operand(operand)?;
        match to {
            Type::Void => Ok(Value::Nothing),
            Type::String => {
                let text = self.to_text(&value);
                self.new_string(text)
            }
            _ => self.convert(value, &to),
        }
    }

    fn postfix(&mut self, base: &Expr, rest: &[Post]) -> Run<Value> {
        let mut value = match (&base.kind, rest.first()) {
            // [type]::member needs the type itself.
            (
                ExprKind::Type(name),
                Some(Post::Member { is_static: true, .. } | Post::Call { is_static: true, .. }),
            ) => {
                let found = self.find_type(name)?;
                return self.static_access(&found, name, rest);
            }
            _ => self.operand(base)?,
        };
        for post in rest {
            value = self.access(value, post)?;
        }
        Ok(value)
    }

    fn static_access(&mut self, found: &Type, name: &TypeName, rest: &[Post]) -> Run<Value> {
        let mut value = match rest.first() {
            Some(Post::Member { name: member, .. }) => {
                let member = self.member_name(member)?;
                members::static_property(self, found, &name.name, &member)?
            }
            Some(Post::Call { name: member, arguments, .. }) => {
                let member = self.member_name(member)?;
                let arguments = self.arguments(arguments)?;
                members::static_method(self, found, &name.name, &member, arguments)?
            }
            _ => Value::Null,
        };
        for post in rest.iter().skip(1) {
            value = self.access(value.or_null(), post)?;
        }
        Ok(value)
    }

    fn arguments(&mut self, arguments: &[Expr]) -> Run<Vec<Value>> {
        arguments.iter().map(|argument| self.operand(argument)).collect()
    }

    pub(crate) fn member_name(&mut self, name: &MemberName) -> Run<Arc<str>> {
        match name {
            MemberName::Fixed(name) => Ok(name.clone()),
            MemberName::Computed(expr) => Ok(self.operand(expr)?.to_string().into()),
        }
    }

    /// One access after a value.
    pub(crate) fn access(&mut self, value: Value, post: &Post) -> Run<Value> {
        self.step()?;
        match post {
            Post::Member { name, is_static } => {
                let name = self.member_name(name)?;
                if let (true, Value::Type(type_name)) = (is_static, &value) {
                    let found = Type::find(type_name).unwrap_or(Type::Any);
                    return members::static_property(self, &found, type_name, &name);
                }
                Ok(members::property(&value, &name))
            }
            Post::Call { name, arguments, is_static, .. } => {
                let name = self.member_name(name)?;
                let arguments = self.arguments(arguments)?;
                if let (true, Value::Type(type_name)) = (is_static, &value) {
                    let found = Type::find(type_name).unwrap_or(Type::Any);
                    return members::static_method(self, &found, type_name, &name, arguments);
                }
                members::method(self, value, &name, arguments)
            }
            Post::Index(index) => {
                let index = self.operand(index)?;
                self.index(&value, &index)
            }
        }
    }

    /// `value[index]`.
    pub(crate) fn index(&mut self, value: &Value, index: &Value) -> Run<Value> {
        if let (Value::Array(indices), false) = (index, matches!(value, Value::Hashtable(_))) {
            let picked = indices
                .to_vec()
                .iter()
                .map(|i| self.index(value, i))
                .filter(|v| !matches!(v, Ok(Value::Null)))
                .collect::<Run<Vec<_>>>()?;
            return self.new_array(picked);
        }
        match value {
            Value::Null | Value::Nothing => {
                let text = "Cannot index into a null array.";
                Err(runtime("NullArray", ErrorCategory::InvalidOperation, text))
            }
            Value::Hashtable(table) => match index {
                Value::Array(keys) => {
                    let picked =
                        keys.to_vec().iter().filter_map(|k| table.with(|t| t.get(k).cloned())).collect();
                    self.new_array(picked)
                }
                Value::Int(n) if table.with(|t| t.is_ordered() && t.get(index).is_none()) => {
                    Ok(usize::try_from(*n)
                        .ok()
                        .and_then(|n| table.with(|t| t.get_index(n).cloned()))
                        .unwrap_or_default())
                }
                key => Ok(table.with(|t| t.get(key).cloned()).unwrap_or_default()),
            },
            // A collection of members is indexed by name.
            Value::Array(list) if is_name(index) => {
                let named = |item: &Value| super::equal(&members::property(item, "Name"), index, false);
                Ok(list.to_vec().into_iter().find(named).unwrap_or_default())
            }
            Value::Array(list) => {
                Ok(self.place(index, list.len())?.and_then(|at| list.get(at)).unwrap_or_default())
            }
            Value::Bytes(bytes) => Ok(self
                .place(index, bytes.len())?
                .and_then(|at| bytes.get(at))
                .map_or(Value::Null, |b| Value::Int(i32::from(*b)))),
            Value::String(text) => {
                // Texts are indexed by character, ASCII ones without walking.
                let length = members::text_length(text);
                Ok(self
                    .place(index, length)?
                    .and_then(|at| members::char_at(text, at))
                    .map_or(Value::Null, Value::Char))
            }
            Value::Object(_) if index.as_str().is_some() => Ok(members::property(value, &index.to_string())),
            _ => Ok(match self.place(index, 1)? {
                Some(0) => value.clone(),
                _ => Value::Null,
            }),
        }
    }

    /// Where an index points: negative ones count from the end.
    pub(crate) fn place(&self, index: &Value, length: usize) -> Run<Option<usize>> {
        let index = match self.convert(index.clone(), &Type::Int(crate::types::IntKind::Int64))? {
            Value::Long(n) => n,
            Value::Int(n) => i64::from(n),
            _ => return Ok(None),
        };
        let at = if index < 0 { index + length as i64 } else { index };
        Ok(usize::try_from(at).ok().filter(|at| *at < length))
    }

    fn inc_dec(&mut self, target: &Expr, how: IncDec) -> Run<Value> {
        let before = self.operand(target)?;
        if !matches!(before, Value::Null | Value::Int(_) | Value::Long(_) | Value::Double(_)) {
            let sign = if how.down { "--" } else { "++" };
            let text = format!(
                "The '{sign}' operator works only on numbers. The operand is a '{}'.",
                before.type_name()
            );
            return Err(runtime("OperatorRequiresNumber", ErrorCategory::InvalidOperation, text));
        }
        let one = Value::Int(if how.down { -1 } else { 1 });
        let after = self.add(before.clone(), one)?;
        self.assign_value(target, after.clone())?;
        Ok(match (how.prefix, before) {
            (true, _) => after,
            (false, Value::Null) => Value::Int(0),
            (false, before) => before,
        })
    }

    /// A null where a method is called on nothing.
    pub(crate) fn null_method(&self) -> super::Unwind {
        let text = "You cannot call a method on a null-valued expression.";
        runtime("InvokeMethodOnNull", ErrorCategory::InvalidOperation, text)
    }

    /// An error thrown by a method; `inner` is the short name of the exception it threw.
    pub(crate) fn method_failed(&self, name: &str, count: usize, inner: &str, why: &str) -> super::Unwind {
        let text = format!("Exception calling \"{name}\" with \"{count}\" argument(s): \"{why}\"");
        ErrorRecord::new(
            "System.Management.Automation.MethodInvocationException",
            inner,
            ErrorCategory::NotSpecified,
            text,
        )
        .into()
    }

    /// True where a value is an error record.
    pub(crate) fn is_error(value: &Value) -> bool {
        errors::is_record(value)
    }
}

/// A text that is no number.
fn is_name(index: &Value) -> bool {
    matches!(index, Value::String(name) if crate::types::parse_number(name).is_none())
}
