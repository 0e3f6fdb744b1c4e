//! Whether an object fits a filter.

use std::cmp::Ordering;

use base::{ByteQuantifiedSize, Guid, Unlimited};

use super::{Filter, Node, Operand, Operator};
use crate::{object::Object, schema::parse_time, value::Value, view::View};

impl Filter {
    /// Whether the object fits. A property its class does not have counts as without value.
    pub fn matches(&self, view: &View, object: &Object) -> bool {
        let links = |guids: Vec<Guid>| guids.into_iter().map(Value::Link).collect::<Vec<_>>();
        self.fits(view, &|property| match property.to_ascii_lowercase().as_str() {
            "memberofgroup" => links(view.groups_of(object.guid).collect()),
            "members" => links(view.members_of(object.guid).collect()),
            _ => object.get(property).map_or_else(Vec::new, |value| value.each().to_vec()),
        })
    }

    /// Whether something with these values fits; none for a property without value.
    pub fn fits(&self, view: &View, values: &dyn Fn(&str) -> Vec<Value>) -> bool {
        holds(&self.0, view, values)
    }
}

fn holds(node: &Node, view: &View, values: &dyn Fn(&str) -> Vec<Value>) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| holds(node, view, values)),
        Node::Any(nodes) => nodes.iter().any(|node| holds(node, view, values)),
        Node::Not(node) => !holds(node, view, values),
        Node::Compare { property, operator, operand } => {
            let compare = |operator| compare(view, &values(property), operator, operand);
            match operator {
                Operator::NotEqual => !compare(Operator::Equal),
                Operator::NotLike => !compare(Operator::Like),
                operator => compare(*operator),
            }
        }
    }
}

fn compare(view: &View, values: &[Value], operator: Operator, operand: &Operand) -> bool {
    if *operand == Operand::Null {
        return operator == Operator::Equal && values.is_empty();
    }
    values.iter().any(|value| one(view, value, operator, operand))
}

fn one(view: &View, value: &Value, operator: Operator, operand: &Operand) -> bool {
    let text = match operand {
        Operand::Null => return false,
        Operand::Bool(b) => return operator == Operator::Equal && *value == Value::Bool(*b),
        Operand::Text(text) => text,
    };
    match (operator, value) {
        (Operator::Like, value) => texts(view, value).iter().any(|own| wildcard_matches(text, own)),
        (_, Value::Link(_) | Value::Proxy(_)) => {
            texts(view, value).iter().any(|own| ordering_fits(operator, caseless(own, text)))
        }
        _ => order(value, text).is_some_and(|ordering| ordering_fits(operator, ordering)),
    }
}

fn ordering_fits(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::NotEqual | Operator::Like | Operator::NotLike => false,
    }
}

fn caseless(a: &str, b: &str) -> Ordering {
    a.to_lowercase().cmp(&b.to_lowercase())
}

/// How a value stands to a text of its own kind; `None` where the text is not of that kind.
fn order(value: &Value, text: &str) -> Option<Ordering> {
    match value {
        Value::Bool(own) => Some(own.cmp(&text.trim_start_matches('$').to_lowercase().parse().ok()?)),
        Value::Int(own) => Some(own.cmp(&text.trim().parse().ok()?)),
        Value::Guid(own) => Some(own.cmp(&text.parse().ok()?)),
        Value::Time(own) => Some(own.cmp(&parse_time(text)?)),
        Value::Span(own) => Some(own.cmp(&text.parse().ok()?)),
        Value::Size(own) => Some(own.cmp(&text.parse().ok()?)),
        Value::Quota(own) => Some(own.cmp(&text.parse::<Unlimited<ByteQuantifiedSize>>().ok()?)),
        Value::Count(own) => Some(own.cmp(&text.parse().ok()?)),
        Value::Lasting(own) => Some(own.cmp(&text.parse().ok()?)),
        Value::Secret(_) => None,
        other => Some(caseless(&other.to_string(), text)),
    }
}

/// The texts a value is known by: a link by its target's names, a proxy with and without its type.
fn texts(view: &View, value: &Value) -> Vec<String> {
    match value {
        Value::Secret(_) => Vec::new(),
        Value::Proxy(proxy) => vec![proxy.to_string(), proxy.address().to_owned()],
        Value::Link(guid) => match view.get(*guid) {
            Some(target) => vec![
                target.dn().to_string(),
                target.identity(),
                target.name.to_string(),
                target.guid.to_string(),
            ],
            None => vec![guid.to_string()],
        },
        other => vec![other.to_string()],
    }
}

/// Whether `text` fits a pattern in which `*` stands for any characters; without case, in linear time per
/// piece between stars.
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("n*", "Nuno", true),
            ("*no", "nuno", true),
            ("*u*o", "nuno", true),
            ("nuno", "NUNO", true),
            ("nuno", "nunos", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("**", "x", true),
        ] {
            assert_eq!(wildcard_matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
