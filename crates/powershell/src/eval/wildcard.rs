//! `*`, `?` and `[a-z]` patterns, matched in linear memory and without backtracking beyond the last star.

/// The longest `[…]` in characters; a longer one is text.
const SET_MAX: usize = 128;

/// A compiled wildcard pattern.
#[derive(Clone, Debug)]
pub(crate) struct Wildcard {
    parts: Vec<Part>,
    case: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Any,
    One,
    Char(char),
    Set(Vec<(char, char)>),
}

impl Wildcard {
    /// Compiles; everything is a pattern.
    pub(crate) fn new(pattern: &str, case: bool) -> Self {
        let pattern = if case { pattern.to_owned() } else { pattern.to_lowercase() };
        let mut parts = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if parts.last() == Some(&Part::Any) => {}
                '*' => parts.push(Part::Any),
                '?' => parts.push(Part::One),
                '`' => parts.extend(chars.next().map(Part::Char)),
                '[' => {
                    let rest: String = chars.clone().take(SET_MAX).take_while(|c| *c != ']').collect();
                    if rest.is_empty() || chars.clone().nth(rest.chars().count()) != Some(']') {
                        parts.push(Part::Char('['));
                        continue;
                    }
                    for _ in 0..=rest.chars().count() {
                        chars.next();
                    }
                    parts.push(Part::Set(set(&rest)));
                }
                c => parts.push(Part::Char(c)),
            }
        }
        Wildcard { parts, case }
    }

    /// How many comparisons a character of a text may need.
    pub(crate) fn cost(&self) -> usize {
        let stars = self.parts.iter().filter(|p| **p == Part::Any).count();
        if stars < 2 { 1 } else { self.parts.len() }
    }

    /// True where the text holds wildcard characters.
    pub(crate) fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Whether the whole text fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = if self.case {
            text.chars().collect()
        } else {
            text.chars().flat_map(char::to_lowercase).collect()
        };
        let (mut at, mut part) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(p) if fits(p, text[at]) => {
                    at += 1;
                    part += 1;
                }
                _ => match star {
                    Some((star_part, star_at)) => {
                        star = Some((star_part, star_at + 1));
                        at = star_at + 1;
                        part = star_part + 1;
                    }
                    None => return false,
                },
            }
        }
        self.parts[part.min(self.parts.len())..].iter().all(|p| *p == Part::Any)
    }
}

fn set(inner: &str) -> Vec<(char, char)> {
    let chars: Vec<char> = inner.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(from) = chars.get(at) {
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some('-'), Some(to)) => {
                ranges.push((*from, *to));
                at += 3;
            }
            _ => {
                ranges.push((*from, *from));
                at += 1;
            }
        }
    }
    ranges
}

fn fits(part: &Part, c: char) -> bool {
    match part {
        Part::Any | Part::One => true,
        Part::Char(p) => *p == c,
        Part::Set(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("nuno*", "Nuno Silva", true),
            ("*silva", "Nuno Silva", true),
            ("n?no", "nuno", true),
            ("n?no", "nno", false),
            ("[a-m]*", "Ana", true),
            ("[a-m]*", "nuno", false),
            ("a[b", "a[b", true),
            ("`*", "*", true),
            ("`*", "x", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Wildcard::new(pattern, false).matches(text), fits, "{pattern} {text}");
        }
        assert!(!Wildcard::new("A*", true).matches("abc"));
        assert!(!Wildcard::new(&"*a".repeat(2000), false).matches(&"a".repeat(1000)));
    }
}
