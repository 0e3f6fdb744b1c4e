//! From tokens to a filter, with a limit on depth.

use super::{
    Node, OPERATORS, Operand,
    lexer::{Token, TokenKind, tokens},
};
use crate::{error::DirectoryError, object::Object, schema::CLASSES};

/// How deep brackets and `-not` may nest.
const DEPTH_MAX: usize = 64;

/// Properties that are no attributes: computed from several objects.
pub(super) const VIRTUAL: &[&str] = &["MemberOfGroup", "Members"];

struct Parser<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    known: &'a dyn Fn(&str) -> bool,
}

pub(super) fn parse(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Node, DirectoryError> {
    let mut parser = Parser { text, tokens: tokens(text)?.into_iter().peekable(), known };
    if parser.tokens.peek().is_none() {
        return Err(DirectoryError::Filter("The filter is empty.".into()));
    }
    let node = parser.any(0)?;
    match parser.tokens.next() {
        Some(extra) => Err(parser.error("Unexpected text", &extra)),
        None => Ok(node),
    }
}

impl Parser<'_> {
    fn error(&self, what: &str, at: &Token) -> DirectoryError {
        let shown: String = self.text.chars().take(200).collect();
        DirectoryError::Filter(format!("{what}. \"{shown}\" at position {}.", at.position))
    }

    fn missing(&self, what: &str) -> DirectoryError {
        let shown: String = self.text.chars().take(200).collect();
        DirectoryError::Filter(format!("{what} is missing at the end of \"{shown}\"."))
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = |t: &Token| matches!(&t.kind, TokenKind::Operator(name) if name == word);
        self.tokens.next_if(is).is_some()
    }

    fn any(&mut self, depth: usize) -> Result<Node, DirectoryError> {
        let mut nodes = vec![self.all(depth)?];
        while self.next_is("or") {
            nodes.push(self.all(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, DirectoryError> {
        let mut nodes = vec![self.single(depth)?];
        while self.next_is("and") {
            nodes.push(self.single(depth)?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn single(&mut self, depth: usize) -> Result<Node, DirectoryError> {
        if depth > DEPTH_MAX {
            return Err(DirectoryError::Filter(format!("The filter nests more than {DEPTH_MAX} deep.")));
        }
        if self.next_is("not") {
            return self.single(depth + 1).map(|node| Node::Not(Box::new(node)));
        }
        if self.tokens.next_if(|t| t.kind == TokenKind::Open).is_none() {
            return self.comparison();
        }
        let node = self.any(depth + 1)?;
        match self.tokens.next() {
            Some(Token { kind: TokenKind::Close, .. }) => Ok(node),
            Some(other) => Err(self.error("\")\" expected", &other)),
            None => Err(self.missing("\")\"")),
        }
    }

    fn comparison(&mut self) -> Result<Node, DirectoryError> {
        let token = self.tokens.next().ok_or_else(|| self.missing("A property"))?;
        let property = match &token.kind {
            TokenKind::Word(name) if (self.known)(name) => name.as_str().into(),
            TokenKind::Word(name) => {
                let name: String = name.chars().take(64).collect();
                return Err(self.error(
                    &format!(
                        "\"{name}\" is not a recognized filterable property. For a complete list of filterable \
                         properties see the command help"
                    ),
                    &token,
                ));
            }
            _ => return Err(self.error("A property name expected", &token)),
        };
        let token = self.tokens.next().ok_or_else(|| self.missing("An operator"))?;
        let operator = match &token.kind {
            TokenKind::Operator(name) => match OPERATORS.iter().find(|(own, _)| own == name) {
                Some((_, operator)) => *operator,
                None => return Err(self.error(&format!("\"-{name}\" isn't a valid operator"), &token)),
            },
            _ => return Err(self.error("A comparison operator expected", &token)),
        };
        let token = self.tokens.next().ok_or_else(|| self.missing("A value"))?;
        let operand = match token.kind {
            TokenKind::Quoted(text) => Operand::Text(text.into()),
            TokenKind::Word(word) => bare(&word),
            _ => return Err(self.error("A value expected", &token)),
        };
        Ok(Node::Compare { property, operator, operand })
    }
}

fn bare(word: &str) -> Operand {
    match word.to_ascii_lowercase().as_str() {
        "$null" => Operand::Null,
        "$true" => Operand::Bool(true),
        "$false" => Operand::Bool(false),
        _ => Operand::Text(word.into()),
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(one), true) => one,
        (Some(last), false) => {
            nodes.push(last);
            many(nodes)
        }
        (None, _) => many(nodes),
    }
}

/// Whether some object of the directory has a property of that name.
pub(super) fn is_property(name: &str) -> bool {
    let known = |list: &[&str]| list.iter().any(|own| own.eq_ignore_ascii_case(name));
    known(Object::BUILT_IN)
        || known(VIRTUAL)
        || CLASSES.iter().any(|class| class.attribute(name).is_some())
        || matches!(name.to_ascii_lowercase().as_str(), "cn" | "objectguid")
}
