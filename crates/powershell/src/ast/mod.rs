//! What the parser makes of text. No node is deeper than the parser's nesting limit: operator chains,
//! member chains and clauses are flat lists, so walking and dropping a tree never needs a long stack.

mod expression;
mod source;
pub mod walk;

use std::sync::Arc;

pub(crate) use expression::RANGE_PRECEDENCE;
pub use expression::{
    BinaryOp, Expr, ExprKind, IncDec, MemberName, Operator, Part, Post, TypeName, UnaryOp, Variable,
};
pub use source::{Source, Span};

/// A script block: what stands between braces, or a whole script.
#[derive(Debug)]
pub struct ScriptBlock {
    /// The text it was cut from.
    pub source: Arc<Source>,
    /// Where it stands, braces excluded.
    pub span: Span,
    /// `param(…)`, if any.
    pub params: Option<ParamBlock>,
    /// `begin { }`.
    pub begin: Option<Block>,
    /// `process { }`, or the body of a filter.
    pub process: Option<Block>,
    /// `end { }`, or the plain body.
    pub end: Option<Block>,
}

impl ScriptBlock {
    /// The source between the braces.
    pub fn text(&self) -> &str {
        self.source.slice(self.span)
    }
}

impl PartialEq for ScriptBlock {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// `[CmdletBinding()] param(…)`.
#[derive(Debug, Default)]
pub struct ParamBlock {
    /// Attributes of the block itself.
    pub attributes: Vec<Attribute>,
    /// The parameters.
    pub params: Vec<Param>,
}

/// One declared parameter.
#[derive(Debug)]
pub struct Param {
    /// The name without `$`.
    pub name: Arc<str>,
    /// The type constraint.
    pub type_name: Option<TypeName>,
    /// Attributes: `[Parameter(…)]`, `[Alias(…)]`, `[ValidateSet(…)]` …
    pub attributes: Vec<Attribute>,
    /// The default value.
    pub default: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// `[Name(positional, Named = value, Flag)]`.
#[derive(Debug)]
pub struct Attribute {
    /// The attribute's name.
    pub name: Arc<str>,
    /// Positional arguments.
    pub positional: Vec<Expr>,
    /// Named arguments; without a value they mean `$true`.
    pub named: Vec<(Arc<str>, Option<Expr>)>,
}

/// Statements between braces.
#[derive(Debug, Default)]
pub struct Block {
    /// In order.
    pub statements: Vec<Statement>,
}

/// A statement and where it stands.
#[derive(Debug)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Where it stands.
    pub span: Span,
}

/// A loop's label.
pub type Label = Option<Arc<str>>;

/// The statements of the language.
#[derive(Debug)]
pub enum StatementKind {
    /// Commands and expressions joined by `|`.
    Pipeline(Vec<Element>),
    /// `$target op= value`.
    Assign {
        /// What is assigned to.
        target: Expr,
        /// The operator before `=`, if any.
        op: Option<BinaryOp>,
        /// Any statement: `$x = if (…) { … }`.
        value: Box<Statement>,
    },
    /// `if`, `elseif`s and `else`.
    If {
        /// Conditions and bodies in order.
        clauses: Vec<(Statement, Block)>,
        /// `else`.
        otherwise: Option<Block>,
    },
    /// `while (…) { … }`.
    While {
        /// The loop's label.
        label: Label,
        /// Tested before each round.
        condition: Box<Statement>,
        /// The body.
        body: Block,
    },
    /// `do { … } while (…)` and `do { … } until (…)`.
    Do {
        /// The loop's label.
        label: Label,
        /// The body.
        body: Block,
        /// Tested after each round.
        condition: Box<Statement>,
        /// `until`: ends where the condition is true.
        until: bool,
    },
    /// `for (init; condition; step) { … }`.
    For {
        /// The loop's label.
        label: Label,
        /// Once, before.
        init: Option<Box<Statement>>,
        /// Tested before each round.
        condition: Option<Box<Statement>>,
        /// After each round.
        step: Option<Box<Statement>>,
        /// The body.
        body: Block,
    },
    /// `foreach ($x in …) { … }`.
    ForEach {
        /// The loop's label.
        label: Label,
        /// The variable.
        variable: Variable,
        /// What is gone through.
        items: Box<Statement>,
        /// The body.
        body: Block,
    },
    /// `switch`.
    Switch(Box<Switch>),
    /// `try`, `catch`es, `finally`.
    Try {
        /// What is tried.
        body: Block,
        /// Types (all when empty) and bodies.
        catches: Vec<(Vec<TypeName>, Block)>,
        /// Runs in any case.
        finally: Option<Block>,
    },
    /// `throw`.
    Throw(Option<Box<Statement>>),
    /// `return`.
    Return(Option<Box<Statement>>),
    /// `exit`.
    Exit(Option<Box<Statement>>),
    /// `break`, with a label.
    Break(Label),
    /// `continue`, with a label.
    Continue(Label),
    /// `function` and `filter`.
    Function {
        /// The name.
        name: Arc<str>,
        /// Parameters and body.
        block: Arc<ScriptBlock>,
    },
}

/// `switch (…) { … }`.
#[derive(Debug)]
pub struct Switch {
    /// The loop's label.
    pub label: Label,
    /// `-regex`, `-wildcard` or neither.
    pub mode: SwitchMode,
    /// `-casesensitive`.
    pub case_sensitive: bool,
    /// What is tested, item by item.
    pub input: Statement,
    /// Tests and bodies.
    pub clauses: Vec<(Expr, Block)>,
    /// `default { … }`.
    pub default: Option<Block>,
}

/// How `switch` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchMode {
    /// By equality.
    Exact,
    /// By `-like`.
    Wildcard,
    /// By `-match`.
    Regex,
}

/// One stage of a pipeline.
#[derive(Debug)]
pub enum Element {
    /// An expression: its value is sent on.
    Expression(Expr, Vec<Redirection>),
    /// A command.
    Command(Command),
}

/// How a command is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// By its name, or with `&`.
    Normal,
    /// With `.`: in the caller's scope.
    DotSource,
}

/// A command and its arguments.
#[derive(Debug)]
pub struct Command {
    /// How it is called.
    pub call: Call,
    /// Its name: a literal where it was a bare word.
    pub name: Expr,
    /// Parameters and arguments, in order.
    pub arguments: Vec<CommandArgument>,
    /// Redirections, in order.
    pub redirections: Vec<Redirection>,
    /// Where it stands.
    pub span: Span,
}

/// An element of a command line after the name.
#[derive(Debug)]
pub enum CommandArgument {
    /// `-Name` or `-Name:value`.
    Parameter {
        /// The name as typed, without the dash.
        name: Arc<str>,
        /// What followed the colon.
        value: Option<Expr>,
        /// Where it stands.
        span: Span,
    },
    /// A value.
    Value(Expr),
    /// `@variable`.
    Splat(Variable),
}

/// `2>&1`, `> file`, `*> $null`.
#[derive(Debug)]
pub struct Redirection {
    /// The stream: 1 to 6, or 0 for all.
    pub stream: u8,
    /// Where to.
    pub to: RedirectTo,
}

/// Where a redirection goes.
#[derive(Debug)]
pub enum RedirectTo {
    /// Into the output stream.
    Output,
    /// Into a file (or `$null`).
    File {
        /// The path.
        path: Expr,
        /// `>>`.
        append: bool,
    },
}
