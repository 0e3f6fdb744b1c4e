//! .NET's regular expressions in the words of a linear-time engine. What needs backtracking (look-around,
//! back-references, atomic groups) is refused by name.

/// A pattern that cannot be said without backtracking; the text says what is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) &'static str);

/// Rewrites a .NET pattern; `$` means the end of the text only, without a line end before it.
pub(crate) fn translate(pattern: &str) -> Result<String, Unsupported> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    // How many character classes are open, one inside the other.
    let mut classes = 0u32;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, classes > 0, &mut out)?,
            _ if classes > 0 => in_class(c, after, &mut classes, &mut out),
            '[' => {
                classes = 1;
                open_class(after, &mut out)
            }
            '(' => group(after, &mut out)?,
            '{' if quantifier(after).is_none() => {
                out.push_str("\\{");
                after
            }
            '}' if !closes_quantifier(&out) => {
                out.push_str("\\}");
                after
            }
            _ => {
                out.push(c);
                after
            }
        };
    }
    Ok(out)
}

/// `n}`, `n,}` or `n,m}`: its length.
fn quantifier(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (least, most) = text[..end].split_once(',').unwrap_or((&text[..end], ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then_some(end)
}

/// Whether what was written ends in an open quantifier.
fn closes_quantifier(out: &str) -> bool {
    out.rfind('{').is_some_and(|at| {
        !out[..at].ends_with('\\') && out[at + 1..].bytes().all(|b| b.is_ascii_digit() || b == b',')
    })
}

/// After `[`: a negation and a first bracket belong to the opening.
fn open_class<'p>(after: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    let mut rest = after;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = after;
    }
    rest
}

fn in_class<'p>(c: char, after: &'p str, classes: &mut u32, out: &mut String) -> &'p str {
    match c {
        // [a-z-[aeiou]]
        '-' if after.starts_with('[') && !out.ends_with('[') => {
            out.push_str("--");
            *classes += 1;
            return open_class(&after[1..], out);
        }
        ']' => {
            *classes -= 1;
            out.push(']');
        }
        '[' | '&' | '~' => out.extend(['\\', c]),
        '-' if out.ends_with('-') => out.push_str("\\-"),
        _ => out.push(c),
    }
    after
}

fn group<'p>(after: &'p str, out: &mut String) -> Result<&'p str, Unsupported> {
    const REFUSED: [(&str, &str); 5] = [
        ("?=", "look-ahead"),
        ("?!", "look-ahead"),
        ("?<=", "look-behind"),
        ("?<!", "look-behind"),
        ("?>", "atomic groups"),
    ];
    if let Some((_, what)) = REFUSED.iter().find(|(start, _)| after.starts_with(start)) {
        return Err(Unsupported(what));
    }
    if after.starts_with("?#") {
        return Ok(after.find(')').map_or("", |end| &after[end + 1..]));
    }
    if let Some(named) = after.strip_prefix("?'")
        && let Some(end) = named.find('\'')
    {
        out.push_str("(?<");
        out.push_str(&named[..end]);
        out.push('>');
        return Ok(&named[end + 1..]);
    }
    out.push('(');
    Ok(after)
}

fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> Result<&'p str, Unsupported> {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return Ok(after);
    };
    let rest = &after[c.len_utf8()..];
    match c {
        '1'..='9' if !in_class => return Err(Unsupported("back-references")),
        'k' if rest.starts_with(['<', '\'']) => return Err(Unsupported("back-references")),
        'G' if !in_class => return Err(Unsupported("\\G")),
        '0' => {
            let digits = rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let code = u8::from_str_radix(&rest[..digits], 8).unwrap_or_default();
            out.push_str(&format!("\\x{code:02x}"));
            return Ok(&rest[digits..]);
        }
        'e' => out.push_str("\\x1b"),
        'b' if in_class => out.push_str("\\x08"),
        'Z' if !in_class => out.push_str("\\z"),
        'c' => {
            let letter = rest.chars().next().filter(char::is_ascii_alphabetic).unwrap_or('@');
            out.push_str(&format!("\\x{:02x}", letter.to_ascii_uppercase() as u8 & 0x1f));
            return Ok(rest.get(1..).unwrap_or_default());
        }
        _ if c.is_ascii_alphanumeric() => out.extend(['\\', c]),
        '<' | '>' => out.push(c),
        ' ' => out.push_str(if in_class { " " } else { "[ ]" }),
        _ if c.is_ascii_punctuation() => out.extend(['\\', c]),
        _ => out.push(c),
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dotnet_patterns_match_what_they_match_there() {
        for (pattern, text, fits) in [
            ("^a{2}$", "aa", true),
            ("a{", "a{", true),
            ("{x}", "{x}", true),
            ("^x{1,}$", "xxx", true),
            ("\\<tag\\>", "<tag>", true),
            ("^[a-z-[aeiou]]+$", "bcd", true),
            ("^[a-z-[aeiou]]+$", "bad", false),
            ("[[]", "[", true),
            ("^[]a]+$", "a]", true),
            ("[a&&b]", "&", true),
            ("^[+--]$", ",", true),
            ("(?'user'\\w+)@", "nuno@x", true),
            ("a(?#comment)b", "ab", true),
            ("\\x41\\u0042\\e", "AB\u{1b}", true),
            ("\\cA\\0", "\u{1}\0", true),
            ("a\\ b\\Z", "a b", true),
            ("[\\b]", "\u{8}", true),
            ("\\/\\-\\'\\é", "/-'é", true),
        ] {
            let translated = translate(pattern).unwrap();
            let compiled = regex::Regex::new(&translated).unwrap();
            assert_eq!(compiled.is_match(text), fits, "{pattern} {translated}");
        }
    }

    #[test]
    fn backtracking_is_refused_by_name() {
        for pattern in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(a)\\1", "(?<x>a)\\k<x>"] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
        assert_eq!(translate("(?<x>a)"), Ok("(?<x>a)".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_taken(pattern in "\\PC{0,40}|[\\\\\\[\\](){}?<>'&~^a-c0-9-]{0,20}") {
            if let Ok(translated) = translate(&pattern) {
                let _ = regex::RegexBuilder::new(&translated).size_limit(1 << 16).build();
            }
        }
    }
}
