//! OPATH filters: `-Filter "City -eq 'Porto' -and Alias -like 'n*'"` and the filters of dynamic groups.
//!
//! `-not` binds closest, then `-and`, then `-or`; comparisons ignore case; properties compare by any of
//! their values. A property without a value equals `$null`, and is `-ne` to every value.

mod eval;
mod lexer;
mod parser;

use std::fmt;

pub use eval::wildcard_matches;

use crate::error::DirectoryError;

/// The longest filter, bytes.
pub const FILTER_MAX: usize = 32_768;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { property: Box<str>, operator: Operator, operand: Operand },
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Like,
    NotLike,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The operators as written; the longest names first matter not, they are whole words.
const OPERATORS: &[(&str, Operator)] = &[
    ("eq", Operator::Equal),
    ("ge", Operator::GreaterOrEqual),
    ("gt", Operator::Greater),
    ("le", Operator::LessOrEqual),
    ("like", Operator::Like),
    ("lt", Operator::Less),
    ("ne", Operator::NotEqual),
    ("notlike", Operator::NotLike),
];

/// What a property is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Null,
    Bool(bool),
    Text(Box<str>),
}

impl Filter {
    /// Parses and checks property names.
    pub fn parse(text: &str) -> Result<Self, DirectoryError> {
        Self::parse_over(text, &parser::is_property)
    }

    /// Parses a filter over rows that are no objects of the directory: `known` names their properties.
    pub fn parse_over(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Self, DirectoryError> {
        if text.len() > FILTER_MAX {
            return Err(DirectoryError::Filter(format!("The filter is longer than {FILTER_MAX} bytes.")));
        }
        parser::parse(text, known).map(Filter)
    }
}

/// The filter as the product writes it back: every comparison and group in brackets, values in quotes.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, word) = match self {
            Node::All(nodes) => (nodes, " -and "),
            Node::Any(nodes) => (nodes, " -or "),
            Node::Not(node) => return write!(f, "(-not{node})"),
            Node::Compare { property, operator, operand } => {
                let name = OPERATORS.iter().find(|(_, o)| o == operator).map_or("", |(name, _)| name);
                return write!(f, "({property} -{name} {operand})");
            }
        };
        f.write_str("(")?;
        for (i, node) in nodes.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { word })?;
            node.fmt(f)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Null => f.write_str("$null"),
            Operand::Bool(true) => f.write_str("$true"),
            Operand::Bool(false) => f.write_str("$false"),
            Operand::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_and_prints() {
        for (text, printed) in [
            ("City -eq 'Porto'", "(City -eq 'Porto')"),
            ("city –EQ “Porto”", "(city -eq 'Porto')"),
            (
                "Alias -like 'a*' -and City -eq 'x' -or Title -ne $null",
                "(((Alias -like 'a*') -and (City -eq 'x')) -or (Title -ne $null))",
            ),
            ("-not (City -eq 'O''Brien')", "(-not(City -eq 'O''Brien'))"),
            ("!(HiddenFromAddressListsEnabled -eq $true)", "(-not(HiddenFromAddressListsEnabled -eq $true))"),
            ("{City -eq 'a'}", "(City -eq 'a')"),
            ("WhenCreated -gt '2026-01-01'", "(WhenCreated -gt '2026-01-01')"),
            ("ResourceCapacity -ge 10", "(ResourceCapacity -ge '10')"),
            ("DisplayName -eq \"say `\"hi`\"\"", "(DisplayName -eq 'say \"hi\"')"),
        ] {
            let filter = Filter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(filter.to_string(), printed);
            assert_eq!(Filter::parse(printed).unwrap(), filter);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("", "empty"),
            ("Foo -eq 'x'", "\"Foo\" is not a recognized filterable property"),
            ("City 'x'", "operator"),
            ("City -eq", "value"),
            ("City -eq 'x", "quote"),
            ("(City -eq 'x'", "\")\""),
            ("City -eq 'x')", "position 13"),
            ("City -contains 'x'", "-contains"),
            ("City -eq 'x' City -eq 'y'", "position 14"),
            ("City -gt '*'", ""),
        ] {
            match Filter::parse(text) {
                Err(error) => assert!(error.to_string().contains(part), "{text}: {error}"),
                Ok(_) => assert_eq!(part, "", "{text} parsed"),
            }
        }
        let deep = format!("{}City -eq 'x'{}", "(".repeat(5000), ")".repeat(5000));
        assert!(Filter::parse(&deep).unwrap_err().to_string().contains("deep"));
        assert!(Filter::parse(&format!("{}City -eq 'x'", "-not ".repeat(5000))).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}|([(){}!'\"`$ –-]|-and |-or |-not |City |-eq |-like |'x' |\\$null ){0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
            }
        }
    }
}
