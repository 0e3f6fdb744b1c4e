//! Templates and patterns: `{name}` is a variable, `{*}` any text, `{name=*}` any text kept under a name,
//! `{{` a brace. A brace that opens none of these stands for itself, so `{310}` and `@{Add=…}` need no escape.

use std::collections::BTreeMap;

/// The variables of one session: names to values.
pub(crate) type Variables = BTreeMap<String, String>;

/// One piece of a parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
    Any(Option<String>),
}

/// A line of a session with its variables and wildcards recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    source: String,
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Reads a line; every text is a pattern.
    pub(crate) fn parse(source: &str) -> Self {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some((piece, len)) = braced(rest) {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(piece);
                rest = &rest[len..];
            } else {
                text.push('{');
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Self { source: source.to_owned(), pieces }
    }

    /// The pattern that matches exactly `text`.
    pub(crate) fn literal(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            out.push(c);
            if c == '{' && (text[at + 1..].starts_with('{') || braced(&text[at..]).is_some()) {
                out.push('{');
            }
        }
        out
    }

    /// As it stands in the file.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The text with every variable replaced. Errors: a variable without a value, a wildcard.
    pub(crate) fn expand(&self, variables: &Variables) -> Result<String, String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(name) => out.push_str(lookup(variables, name)?),
                Piece::Any(_) => return Err(format!("a wildcard has no value to send: {}", self.source)),
            }
        }
        Ok(out)
    }

    /// Whether the whole of `line` matches; what its captures hold. Errors: a variable without a value.
    pub(crate) fn matches(&self, line: &str, variables: &Variables) -> Result<Option<Variables>, String> {
        // Runs of text between wildcards; each but the first follows the wildcard of the same index.
        let mut runs = vec![String::new()];
        let mut wildcards = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Any(name) => {
                    wildcards.push(name.as_deref());
                    runs.push(String::new());
                }
                Piece::Text(text) => push_last(&mut runs, text),
                Piece::Variable(name) => push_last(&mut runs, lookup(variables, name)?),
            }
        }
        Ok(glob(line, &runs, &wildcards))
    }
}

fn push_last(runs: &mut [String], text: &str) {
    if let Some(last) = runs.last_mut() {
        last.push_str(text);
    }
}

/// Leftmost matching: the first run is a prefix, the last a suffix, each other the first found.
fn glob(line: &str, runs: &[String], wildcards: &[Option<&str>]) -> Option<Variables> {
    let (first, others) = runs.split_first()?;
    let mut rest = line.strip_prefix(first.as_str())?;
    let mut captured = Variables::new();
    for (index, (run, name)) in others.iter().zip(wildcards).enumerate() {
        let at = if index + 1 == others.len() {
            rest.len().checked_sub(run.len()).filter(|_| rest.ends_with(run.as_str()))?
        } else {
            rest.find(run.as_str())?
        };
        if let Some(name) = name {
            captured.insert((*name).to_owned(), rest[..at].to_owned());
        }
        rest = &rest[at + run.len()..];
    }
    rest.is_empty().then_some(captured)
}

fn lookup<'a>(variables: &'a Variables, name: &str) -> Result<&'a str, String> {
    variables.get(name).map(String::as_str).ok_or_else(|| format!("no variable {{{name}}} is set"))
}

/// `{*}`, `{name}` or `{name=*}` at the start of `text`, with its length.
fn braced(text: &str) -> Option<(Piece, usize)> {
    let inner = text.strip_prefix('{')?;
    let inner = &inner[..inner.find('}')?];
    let piece = match inner.strip_suffix("=*") {
        _ if inner == "*" => Piece::Any(None),
        Some(name) if is_name(name) => Piece::Any(Some(name.to_owned())),
        None if is_name(inner) => Piece::Variable(inner.to_owned()),
        _ => return None,
    };
    Some((piece, inner.len() + 2))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("user1".to_owned(), "nuno@rialto.test".to_owned()), ("sink.port".to_owned(), "2600".to_owned())]
            .into()
    }

    fn matched(pattern: &str, line: &str) -> Option<Variables> {
        Pattern::parse(pattern).matches(line, &variables()).unwrap()
    }

    #[test]
    fn patterns_match_whole_lines() {
        for (pattern, line, fits) in [
            ("250 OK", "250 OK", true),
            ("250 OK", "250 OK.", false),
            ("250{*}", "250-SIZE", true),
            ("{*}SIZE", "250-SIZE 10", false),
            ("* {*} EXISTS{*}", "* 3 EXISTS", true),
            ("{*}a{*}a", "a", false),
            ("To: {user1}", "To: nuno@rialto.test", true),
            ("{310}", "{310}", true),
            ("{{user1}", "{user1}", true),
            ("@{Add={user1}}", "@{Add=nuno@rialto.test}", true),
            ("", "", true),
            ("{*}", "", true),
        ] {
            assert_eq!(matched(pattern, line).is_some(), fits, "{pattern} / {line}");
        }
    }

    #[test]
    fn captures_are_kept() {
        let got = matched("* OK [UIDVALIDITY {v=*}] {*}", "* OK [UIDVALIDITY 17] fine").unwrap();
        assert_eq!(got.get("v").map(String::as_str), Some("17"));
    }

    #[test]
    fn templates_expand() {
        let text = Pattern::parse("A {user1} {sink.port} {{user1} {5+}").expand(&variables()).unwrap();
        assert_eq!(text, "A nuno@rialto.test 2600 {user1} {5+}");
        assert!(Pattern::parse("{nobody}").expand(&variables()).is_err());
        assert!(Pattern::parse("{*}").expand(&variables()).is_err());
    }

    #[test]
    fn a_literal_matches_itself_only() {
        for text in ["{user1}", "{*}", "{{", "a {b=*} c", "{310}", "x { y }", "{{*}"] {
            let pattern = Pattern::literal(text);
            assert!(matched(&pattern, text).is_some(), "{pattern} should match {text}");
        }
        assert!(matched(&Pattern::literal("{*}"), "anything").is_none());
    }
}
