//! Address templates: `SMTP:%g.%s@contoso.com`, `%m@contoso.com`, `smtp:%1g%s@contoso.com`, `@contoso.com`.

use std::str::FromStr;

use base::{SmtpDomain, address::LOCAL_PART_MAX};

use super::alias::folded_ascii;
use crate::{error::DirectoryError, object::Object, value::Value};

/// One address template of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Upper-case type: gives the reply address.
    pub primary: bool,
    /// The domain, which is an accepted one (checked when the policy is stored).
    pub domain: SmtpDomain,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    /// `%m`, `%g`, `%s`, `%i`, `%d`, with at most so many characters.
    Field(char, Option<usize>),
    /// `%rxy`: from here on x becomes y; nothing where both are the same.
    Replace(char, char),
}

impl FromStr for Template {
    type Err = DirectoryError;
    fn from_str(text: &str) -> Result<Self, DirectoryError> {
        let fail = || {
            DirectoryError::Invalid(format!(
                "\"{}\" isn't a valid e-mail address template.",
                text.chars().take(256).collect::<String>()
            ))
        };
        let (kind, rest) = text.trim().split_once(':').unwrap_or(("smtp", text.trim()));
        if !kind.eq_ignore_ascii_case("smtp") {
            return Err(fail());
        }
        let (local, domain) = rest.rsplit_once('@').ok_or_else(fail)?;
        let parts = parse_parts(if local.is_empty() { "%m" } else { local }).ok_or_else(fail)?;
        let domain = domain.parse().map_err(|_| fail())?;
        Ok(Template { primary: kind == "SMTP", domain, parts })
    }
}

fn parse_parts(text: &str) -> Option<Vec<Part>> {
    let mut chars = text.chars();
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        if c != '%' {
            parts.push(Part::Literal(c));
            continue;
        }
        let next = chars.next()?;
        parts.push(match next.to_ascii_lowercase() {
            '%' => Part::Literal('%'),
            'r' => Part::Replace(chars.next()?, chars.next()?),
            field @ ('m' | 'g' | 's' | 'i' | 'd') => Part::Field(field, None),
            digit @ '1'..='9' => {
                let mut count = digit.to_digit(10)? as usize;
                let mut field = chars.next()?;
                if let Some(more) = field.to_digit(10) {
                    count = count * 10 + more as usize;
                    field = chars.next()?;
                }
                let field = field.to_ascii_lowercase();
                matches!(field, 'm' | 'g' | 's' | 'i' | 'd').then_some(Part::Field(field, Some(count)))?
            }
            _ => return None,
        });
    }
    Some(parts)
}

/// What stands before the `@`: fields filled in, letters without their marks, what an address can't hold
/// left out; the alias where nothing is left.
pub fn generated_local_part(template: &Template, recipient: &Object) -> String {
    let text = |name: &str| {
        recipient
            .class
            .attribute(name)
            .and(recipient.stored_value(name))
            .and_then(Value::as_text)
            .unwrap_or("")
    };
    let alias = text("Alias");
    let mut replace: Vec<(char, char)> = Vec::new();
    let mut out = String::new();
    for part in &template.parts {
        let (source, count) = match part {
            Part::Replace(from, to) => {
                replace.push((*from, *to));
                continue;
            }
            Part::Literal(c) => (c.to_string(), None),
            Part::Field('m', count) => (alias.to_owned(), *count),
            Part::Field('g', count) => (text("FirstName").to_owned(), *count),
            Part::Field('s', count) => (text("LastName").to_owned(), *count),
            Part::Field('i', count) => (text("Initials").to_owned(), *count),
            Part::Field(_, count) => (text("DisplayName").to_owned(), *count),
        };
        let replaced =
            folded_ascii(&source).chars().filter_map(|c| replaced(c, &replace)).collect::<String>();
        out.extend(replaced.chars().filter(|c| is_local(*c)).take(count.unwrap_or(usize::MAX)));
    }
    let local = tidy(&out);
    if local.is_empty() { tidy(alias) } else { local }
}

/// The character after the replacements so far; `None` where it is dropped.
fn replaced(c: char, rules: &[(char, char)]) -> Option<char> {
    match rules.iter().find(|(from, _)| *from == c) {
        Some((from, to)) if from == to => None,
        Some((_, to)) => Some(*to),
        None => Some(c),
    }
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// No dot at the ends, none twice in a row, room for a number behind.
fn tidy(text: &str) -> String {
    let atoms: Vec<&str> = text.split('.').filter(|atom| !atom.is_empty()).collect();
    let local: String = atoms.join(".").chars().take(LOCAL_PART_MAX - 5).collect();
    local.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dn, schema::USER};

    fn person() -> Object {
        let mut object = Object {
            guid: base::Guid::EMPTY,
            class: &USER,
            name: "x".into(),
            container: Dn::root(),
            when_created: base::Timestamp::default(),
            when_changed: base::Timestamp::default(),
            change: 0,
            attributes: Vec::new(),
        };
        for (name, value) in [
            ("Alias", "jsilva"),
            ("FirstName", "José María"),
            ("LastName", "da Silva"),
            ("DisplayName", "José M. da Silva"),
        ] {
            object.put(USER.attribute(name).unwrap(), Some(Value::from(value)));
        }
        object
    }

    #[test]
    fn fills_in() {
        for (template, expected) in [
            ("%m@x.test", "jsilva"),
            ("@x.test", "jsilva"),
            ("SMTP:%g.%s@x.test", "JoseMaria.daSilva"),
            ("%1g%s@x.test", "JdaSilva"),
            ("%2s.%3g@x.test", "da.Jos"),
            ("%raA%g@x.test", "JoseMAriA"),
            ("%rss%s@x.test", "daSilva"),
            ("%r..%d@x.test", "JoseMdaSilva"),
            ("%i@x.test", "jsilva"),
            ("info@x.test", "info"),
        ] {
            let template: Template = template.parse().unwrap();
            assert_eq!(generated_local_part(&template, &person()), expected);
        }
        for bad in ["", "%m", "%q@x.test", "%@x.test", "X400:c=us@x", "%m@", "%m@x y"] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
    }
}
