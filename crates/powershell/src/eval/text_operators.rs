//! `-like`, `-match`, `-replace`, `-split`, `-join`, in time linear in the text (see [`super::pattern`]).

use regex::{Captures, Regex, RegexBuilder};

use super::{Interp, Run, Wildcard, pattern, runtime};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    value::{Hashtable, Value},
};

/// How many characters `-like` may compare with one another.
const LIKE_MAX: usize = 4 << 30;

/// So many comparisons of characters count as a step.
const COMPARISONS_PER_STEP: usize = 1 << 10;

/// How large a compiled pattern may be, bytes.
const PATTERN_MAX: usize = 1 << 20;

/// Compiles a .NET pattern.
pub(crate) fn regex(pattern: &str, case: bool) -> Run<Regex> {
    let refused = |why: &str| {
        let text = format!("The regular expression pattern {pattern} is not valid.{why}");
        ErrorRecord::runtime("InvalidRegularExpression", ErrorCategory::InvalidOperation, text)
            .on(pattern)
            .into()
    };
    let translated = pattern::translate(pattern)
        .map_err(|pattern::Unsupported(what)| refused(&format!(" It uses {what}, which is not built.")))?;
    let mut builder = RegexBuilder::new(&translated);
    builder.case_insensitive(!case).size_limit(PATTERN_MAX);
    builder.build().map_err(|_| refused(""))
}

/// What `$1`, `${name}`, `$&` and `$$` stand for in a .NET replacement.
pub(crate) fn substitute(template: &str, found: &Captures<'_>, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (text, used) = match after.chars().next() {
            Some('$') => ("$", 1),
            Some('&' | '0') => (found.get(0).map_or("", |m| m.as_str()), 1),
            Some('{') => match after.find('}') {
                Some(end) => {
                    let name = &after[1..end];
                    let group = name.parse().map_or_else(|_| found.name(name), |n: usize| found.get(n));
                    (group.map_or("", |m| m.as_str()), end + 1)
                }
                None => ("$", 0),
            },
            // The longest number that is a group.
            _ => (1..=digits)
                .rev()
                .find_map(|n| Some((n, after[..n].parse::<usize>().ok().filter(|g| *g < found.len())?)))
                .map_or(("$", 0), |(n, group)| (found.get(group).map_or("", |m| m.as_str()), n)),
        };
        out.push_str(text);
        rest = &after[used..];
    }
    out.push_str(rest);
}

impl Interp<'_> {
    pub(super) fn like(&mut self, left: Value, right: &Value, case: bool, positive: bool) -> Run<Value> {
        let pattern = Wildcard::new(&right.to_string(), case);
        let work = left.weight(1, usize::MAX).saturating_mul(pattern.cost());
        if work > LIKE_MAX {
            let text = "The pattern and the text are too long to be compared.";
            return Err(runtime("PatternTooLong", ErrorCategory::LimitsExceeded, text));
        }
        self.work(work / COMPARISONS_PER_STEP)?;
        self.filter(left, |item| Ok(pattern.matches(&item.to_string()) == positive))
    }

    pub(super) fn matches(&mut self, left: Value, right: &Value, case: bool, positive: bool) -> Run<Value> {
        let pattern = self.cached_regex(&right.to_string(), case)?;
        self.work(left.weight(1, usize::MAX) / COMPARISONS_PER_STEP)?;
        if let Value::Array(_) = left {
            return self.filter(left, |item| Ok(pattern.is_match(&item.to_string()) == positive));
        }
        let text = left.to_string();
        let found = pattern.captures(&text);
        if let Some(found) = &found {
            let groups = group_table(&pattern, found);
            let scope = self.at.scope.clone();
            self.set_in(&scope, "Matches", groups)?;
        }
        Ok(Value::Bool(found.is_some() == positive))
    }

    /// Compiled patterns are kept: a pipeline asks for the same one again and again.
    pub(crate) fn cached_regex(&mut self, pattern: &str, case: bool) -> Run<Regex> {
        if let Some(found) = self.state.patterns.get(pattern, case) {
            return Ok(found);
        }
        self.charge(pattern.len() * 100)?;
        let compiled = regex(pattern, case)?;
        self.state.patterns.keep(pattern, case, compiled.clone());
        Ok(compiled)
    }

    pub(super) fn replace(&mut self, left: Value, right: &Value, case: bool) -> Run<Value> {
        let (pattern, with) = match right {
            Value::Array(list) => (list.get(0).unwrap_or_default(), list.get(1).unwrap_or_default()),
            one => (one.clone(), Value::Null),
        };
        let pattern = self.cached_regex(&pattern.to_string(), case)?;
        let with = with.to_string();
        let one = |cx: &mut Self, item: &Value| -> Run<Value> {
            let text = item.to_string();
            let mut out = String::with_capacity(text.len());
            let mut last = 0;
            for found in pattern.captures_iter(&text) {
                let Some(whole) = found.get(0) else { continue };
                cx.step()?;
                out.push_str(&text[last..whole.start()]);
                substitute(&with, &found, &mut out);
                last = whole.end();
                if out.len() > super::expressions::STRING_MAX {
                    break;
                }
            }
            out.push_str(&text[last..]);
            cx.new_string(out)
        };
        match left {
            Value::Array(list) => {
                let items = list.to_vec().iter().map(|item| one(self, item)).collect::<Run<Vec<_>>>()?;
                self.new_array(items)
            }
            item => one(self, &item),
        }
    }

    pub(super) fn split(&mut self, left: &Value, right: &Value, case: bool) -> Run<Value> {
        let options = right.clone().into_items();
        let pattern = options.first().map(Value::to_string).unwrap_or_default();
        let max = match options.get(1) {
            Some(Value::Int(n)) if *n > 0 => usize::try_from(*n).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let simple = options.get(2).is_some_and(|o| o.to_string().to_lowercase().contains("simplematch"));
        let pattern = if simple { regex::escape(&pattern) } else { pattern };
        let pattern = self.cached_regex(&pattern, case)?;
        let mut pieces = Vec::new();
        for item in left.clone().into_items() {
            split_one(&pattern, &item.to_string(), max, &mut pieces);
            self.work(pieces.len())?;
        }
        self.new_array(pieces)
    }

    /// `-split "a b"`: at blanks, leading and trailing ones ignored.
    pub(super) fn split_blanks(&mut self, value: &Value) -> Run<Value> {
        let mut pieces = Vec::new();
        for item in value.clone().into_items() {
            pieces.extend(item.to_string().split_whitespace().map(Value::from));
        }
        self.new_array(pieces)
    }

    pub(super) fn join(&mut self, left: Value, right: &Value) -> Run<Value> {
        self.joined(&left.into_list(), &right.to_string())
    }
}

/// Splits at each match; what groups caught is kept, as .NET does.
fn split_one(pattern: &Regex, text: &str, max: usize, pieces: &mut Vec<Value>) {
    let (mut last, mut count) = (0, 1);
    for found in pattern.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        if count >= max {
            break;
        }
        // An empty match at the very ends splits nothing off but an empty piece, as .NET shows it.
        pieces.push(text[last..whole.start()].into());
        pieces.extend(found.iter().skip(1).flatten().map(|group| group.as_str().into()));
        last = whole.end();
        count += 1;
    }
    pieces.push(text[last..].into());
}

/// `$Matches`: by number, or by name where groups have one.
fn group_table(pattern: &Regex, found: &Captures<'_>) -> Value {
    let table = Hashtable::new(false);
    table.edit(|t| {
        for (at, name) in pattern.capture_names().enumerate() {
            if let Some(group) = found.get(at) {
                let key = name.map_or(Value::Int(at as i32), Value::from);
                t.set(key, group.as_str().into());
            }
        }
    });
    Value::Hashtable(table)
}

/// The latest compiled patterns.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Vec<(Box<str>, bool, Regex)>);

/// How many patterns are kept.
const PATTERNS_MAX: usize = 16;

impl Patterns {
    fn get(&self, pattern: &str, case: bool) -> Option<Regex> {
        self.0.iter().find(|(p, c, _)| **p == *pattern && *c == case).map(|(_, _, regex)| regex.clone())
    }
    fn keep(&mut self, pattern: &str, case: bool, compiled: Regex) {
        if self.0.len() >= PATTERNS_MAX {
            self.0.remove(0);
        }
        self.0.push((pattern.into(), case, compiled));
    }
}

/// A bad pattern or option, as an error.
pub(crate) fn invalid(text: impl Into<std::sync::Arc<str>>) -> super::Unwind {
    runtime("InvalidOperation", ErrorCategory::InvalidOperation, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_follow_dotnet() {
        let pattern = regex("(?<user>\\w+)@(\\w+)", false).unwrap();
        let found = pattern.captures("nuno@rialto").unwrap();
        for (template, expected) in [
            ("$2", "rialto"),
            ("${user}!", "nuno!"),
            ("$1a", "nunoa"),
            ("$$1", "$1"),
            ("$&", "nuno@rialto"),
            ("$9", "$9"),
            ("a$", "a$"),
        ] {
            let mut out = String::new();
            substitute(template, &found, &mut out);
            assert_eq!(out, expected, "{template}");
        }
    }
}
