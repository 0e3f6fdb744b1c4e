//! Expressions and operators.

use std::sync::Arc;

use super::{Block, ScriptBlock, Span, Statement};
use crate::value::Value;

/// An expression and where it stands.
#[derive(Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The expressions of the language.
#[derive(Debug)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// A number typed as an argument: its text counts where a text is wanted (`-Phone 0123`).
    Number(Value, Arc<str>),
    /// A string with variables and sub-expressions in it.
    Expandable(Vec<Part>),
    /// `$name`.
    Variable(Variable),
    /// `a, b, c`.
    List(Vec<Expr>),
    /// `@(…)`.
    Array(Block),
    /// `$(…)`.
    Sub(Block),
    /// `(…)`.
    Paren(Box<Statement>),
    /// `@{ key = value }`.
    Hash(Vec<(Expr, Statement)>),
    /// `{ … }`.
    ScriptBlock(Arc<ScriptBlock>),
    /// `-x`, `!x`, `-not x`.
    Unary(UnaryOp, Box<Expr>),
    /// Operators of one precedence, from left to right.
    Chain {
        /// The leftmost operand.
        first: Box<Expr>,
        /// Operators with their right operands.
        rest: Vec<(BinaryOp, Expr)>,
    },
    /// `[type]x`.
    Cast(TypeName, Box<Expr>),
    /// `[type]`.
    Type(TypeName),
    /// `x.member[0].Method()`.
    Postfix {
        /// What the accesses start from.
        base: Box<Expr>,
        /// The accesses, from left to right.
        rest: Vec<Post>,
    },
    /// `++$x`, `$x--`.
    IncDec {
        /// What is changed.
        target: Box<Expr>,
        /// Which way and when.
        how: IncDec,
    },
}

/// A piece of an expandable string.
#[derive(Debug)]
pub enum Part {
    /// As it stands.
    Text(Arc<str>),
    /// `$name`.
    Variable(Variable),
    /// `$(…)`.
    Sub(Block),
    /// A quoted piece inside a bare word.
    Quoted(Expr),
}

/// `$scope:name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `global`, `script`, `local`, `private`, `env`, `variable` …, lower case; empty without one.
    pub scope: Arc<str>,
    /// The name as typed.
    pub name: Arc<str>,
}

/// A type's name as written, without the outer brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    /// `string[]`.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// An access after a value.
#[derive(Debug)]
pub enum Post {
    /// `.name` or `::name`.
    Member {
        /// Which.
        name: MemberName,
        /// `::`.
        is_static: bool,
    },
    /// `.name(…)` or `::name(…)`.
    Call {
        /// Which.
        name: MemberName,
        /// `::`.
        is_static: bool,
        /// Arguments.
        arguments: Vec<Expr>,
        /// Where the access stands.
        span: Span,
    },
    /// `[index]`.
    Index(Expr),
}

/// A member's name: fixed, or computed (`$x.$name`).
#[derive(Debug)]
pub enum MemberName {
    /// As written.
    Fixed(Arc<str>),
    /// Computed.
    Computed(Expr),
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-x`.
    Minus,
    /// `+x`.
    Plus,
    /// `!x`, `-not x`.
    Not,
    /// `-bnot x`.
    BitNot,
    /// `,x`.
    Comma,
    /// `-split x`.
    Split,
    /// `-join x`.
    Join,
}

/// `++` and `--`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncDec {
    /// `--`.
    pub down: bool,
    /// Before the operand: the new value is the result.
    pub prefix: bool,
}

/// A binary operator with its case rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinaryOp {
    /// Which.
    pub op: Operator,
    /// A `c` variant.
    pub case_sensitive: bool,
}

impl From<Operator> for BinaryOp {
    fn from(op: Operator) -> Self {
        BinaryOp { op, case_sensitive: false }
    }
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the operators'")]
pub enum Operator {
    And,
    Or,
    Xor,
    BitAnd,
    BitOr,
    BitXor,
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Like,
    NotLike,
    Match,
    NotMatch,
    Replace,
    Split,
    Join,
    Contains,
    NotContains,
    In,
    NotIn,
    Is,
    IsNot,
    As,
    Shl,
    Shr,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Format,
    Range,
}

/// Dash operators: name, operator, precedence, whether `c` and `i` variants exist. Sorted by name.
const DASHED: &[(&str, Operator, u8, bool)] = &[
    ("and", Operator::And, 1, false),
    ("as", Operator::As, 3, false),
    ("band", Operator::BitAnd, 2, false),
    ("bor", Operator::BitOr, 2, false),
    ("bxor", Operator::BitXor, 2, false),
    ("contains", Operator::Contains, 3, true),
    ("eq", Operator::Eq, 3, true),
    ("f", Operator::Format, 6, false),
    ("ge", Operator::Ge, 3, true),
    ("gt", Operator::Gt, 3, true),
    ("in", Operator::In, 3, true),
    ("is", Operator::Is, 3, false),
    ("isnot", Operator::IsNot, 3, false),
    ("join", Operator::Join, 3, false),
    ("le", Operator::Le, 3, true),
    ("like", Operator::Like, 3, true),
    ("lt", Operator::Lt, 3, true),
    ("match", Operator::Match, 3, true),
    ("ne", Operator::Ne, 3, true),
    ("notcontains", Operator::NotContains, 3, true),
    ("notin", Operator::NotIn, 3, true),
    ("notlike", Operator::NotLike, 3, true),
    ("notmatch", Operator::NotMatch, 3, true),
    ("or", Operator::Or, 1, false),
    ("replace", Operator::Replace, 3, true),
    ("shl", Operator::Shl, 3, false),
    ("shr", Operator::Shr, 3, false),
    ("split", Operator::Split, 3, true),
    ("xor", Operator::Xor, 1, false),
];

/// Symbol operators: text, operator, precedence.
const SYMBOLS: &[(char, Operator, u8)] = &[
    ('+', Operator::Add, 4),
    ('-', Operator::Subtract, 4),
    ('*', Operator::Multiply, 5),
    ('/', Operator::Divide, 5),
    ('%', Operator::Remainder, 5),
];

/// The precedence of `..`.
pub(crate) const RANGE_PRECEDENCE: u8 = 7;

impl BinaryOp {
    /// The operator behind `-name`, and its precedence (higher binds tighter).
    pub(crate) fn dashed(name: &str) -> Option<(BinaryOp, u8)> {
        let name = name.to_ascii_lowercase();
        let find = |name: &str| DASHED.binary_search_by(|row| row.0.cmp(name)).ok().map(|at| &DASHED[at]);
        if let Some((_, op, precedence, _)) = find(&name) {
            return Some(((*op).into(), *precedence));
        }
        let case_sensitive = name.starts_with('c');
        let plain = name.strip_prefix(['c', 'i'])?;
        let (_, op, precedence, _) = find(plain).filter(|row| row.3)?;
        Some((BinaryOp { op: *op, case_sensitive }, *precedence))
    }

    /// The operator behind a symbol, and its precedence.
    pub(crate) fn symbol(symbol: char) -> Option<(BinaryOp, u8)> {
        SYMBOLS.iter().find(|row| row.0 == symbol).map(|(_, op, precedence)| ((*op).into(), *precedence))
    }
}

impl Operator {
    /// How it is written, for messages.
    pub(crate) fn text(self) -> String {
        if self == Operator::Range {
            return "..".into();
        }
        let symbol = SYMBOLS.iter().find(|row| row.1 == self).map(|row| row.0.to_string());
        let dashed = DASHED.iter().find(|row| row.1 == self).map(|row| format!("-{}", row.0));
        symbol.or(dashed).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_by_name() {
        assert!(DASHED.is_sorted_by(|a, b| a.0 < b.0));
        for (name, op, case_sensitive) in [
            ("EQ", Operator::Eq, false),
            ("ceq", Operator::Eq, true),
            ("ine", Operator::Ne, false),
            ("in", Operator::In, false),
            ("is", Operator::Is, false),
            ("cin", Operator::In, true),
            ("cnotlike", Operator::NotLike, true),
            ("isplit", Operator::Split, false),
        ] {
            assert_eq!(BinaryOp::dashed(name).map(|o| o.0), Some(BinaryOp { op, case_sensitive }), "{name}");
        }
        assert_eq!(BinaryOp::dashed("cand"), None);
        assert_eq!(BinaryOp::dashed("foo"), None);
    }
}
