//! Distinguished names (RFC 4514, the part a directory of `CN=`, `OU=` and `DC=` needs) and canonical names.

use std::{fmt, str::FromStr, sync::Arc};

use crate::value::ValueError;

/// The longest distinguished name, bytes.
const DN_MAX: usize = 4096;

/// A distinguished name, written canonically: no spaces around separators, special characters escaped
/// with a backslash. Compared without case through [`Dn::key`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dn(Arc<str>);

impl Dn {
    /// The root: no components.
    pub fn root() -> Self {
        Dn("".into())
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The name one step below: `CN=name,self`.
    #[must_use]
    pub fn child(&self, attribute: &str, value: &str) -> Self {
        let mut text = String::with_capacity(self.0.len() + value.len() + 8);
        text.push_str(attribute);
        text.push('=');
        escape(value, &mut text);
        if !self.0.is_empty() {
            text.push(',');
            text.push_str(&self.0);
        }
        Dn(text.into())
    }
    /// The name one step above; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(first_comma(&self.0).map_or_else(Self::root, |at| Dn(self.0[at + 1..].into())))
    }
    /// The first component's value, unescaped: the object's name.
    pub fn name(&self) -> String {
        let first = first_comma(&self.0).map_or(&*self.0, |at| &self.0[..at]);
        unescape(first.split_once('=').map_or("", |(_, value)| value))
    }
    /// Components from the object outwards, as (attribute, unescaped value).
    pub fn components(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let mut rest = &*self.0;
        while !rest.is_empty() {
            let end = first_comma(rest).unwrap_or(rest.len());
            let (attribute, value) = rest[..end].split_once('=').unwrap_or(("", ""));
            out.push((attribute.to_owned(), unescape(value)));
            rest = rest.get(end + 1..).unwrap_or("");
        }
        out
    }
    /// True for `other` itself and everything below it.
    pub fn is_within(&self, other: &Dn) -> bool {
        let (own, above) = (self.key(), other.key());
        above.is_empty()
            || own.strip_suffix(above.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.strip_suffix(',').is_some_and(|r| !ends_escaped(r))
            })
    }
    /// The key that equal names share: lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
    /// `contoso.com/Users/Nuno`: the domain with dots, then from the outermost inwards.
    pub fn canonical(&self) -> String {
        let components = self.components();
        let is_dc = |a: &str| a.eq_ignore_ascii_case("dc");
        let domain: Vec<&str> =
            components.iter().filter(|(a, _)| is_dc(a)).map(|(_, v)| v.as_str()).collect();
        let mut out = domain.join(".");
        for (_, value) in components.iter().rev().filter(|(a, _)| !is_dc(a)) {
            out.push('/');
            out.push_str(&value.replace('\\', "\\\\").replace('/', "\\/"));
        }
        out
    }
    /// The naming context of a DNS domain: `DC=contoso,DC=com`.
    pub fn of_domain(domain: &str) -> Self {
        domain.rsplit('.').fold(Self::root(), |dn, label| dn.child("DC", label))
    }
}

fn ends_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// The first comma that is not escaped.
fn first_comma(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let found = b == b',' && !escaped;
        escaped = b == b'\\' && !escaped;
        found
    })
}

fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => out.extend(['\\', c]),
            '#' if i == 0 => out.push_str("\\#"),
            ' ' if i == 0 || i == last => out.push_str("\\ "),
            c if c.is_ascii_control() => out.push_str(&format!("\\{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
}

fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: &u8| char::from(*b).to_digit(16);
        rest = match (first, tail) {
            (b'\\', [a, b, more @ ..]) if hex(a).is_some() && hex(b).is_some() => {
                bytes.push((hex(a).unwrap_or(0) * 16 + hex(b).unwrap_or(0)) as u8);
                more
            }
            (b'\\', [c, more @ ..]) => {
                bytes.push(*c);
                more
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl FromStr for Dn {
    type Err = ValueError;
    /// Reads a name and writes it canonically; spaces around `,` and `=` are dropped.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fail =
            || ValueError::Invalid { what: "distinguished name", text: text.chars().take(256).collect() };
        if text.len() > DN_MAX {
            return Err(fail());
        }
        let mut components = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = first_comma(rest).unwrap_or(rest.len());
            let (attribute, value) = rest[..end].split_once('=').ok_or_else(fail)?;
            let (attribute, value) = (attribute.trim(), trim_value(value));
            let known = !attribute.is_empty() && attribute.bytes().all(|b| b.is_ascii_alphanumeric());
            if !known || value.is_empty() || ends_escaped(value) {
                return Err(fail());
            }
            components.push((attribute.to_ascii_uppercase(), unescape(value)));
            match rest.get(end + 1..) {
                Some("") => return Err(fail()),
                more => rest = more.unwrap_or(""),
            }
        }
        let dn = components.iter().rev().fold(Self::root(), |dn, (a, v)| dn.child(a, v));
        if components.is_empty() { Err(fail()) } else { Ok(dn) }
    }
}

/// Drops spaces at both ends, but not an escaped one at the end.
fn trim_value(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let cut = value.trim_end_matches(' ');
    if cut.len() < value.len() && ends_escaped(cut) { &value[..=cut.len()] } else { cut }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_prints() {
        let dn: Dn = "cn=Smith\\, Ann, OU = Sales,DC=contoso,dc=com".parse().unwrap();
        assert_eq!(dn.as_str(), "CN=Smith\\, Ann,OU=Sales,DC=contoso,DC=com");
        assert_eq!(dn.name(), "Smith, Ann");
        assert_eq!(dn.canonical(), "contoso.com/Sales/Smith, Ann");
        assert_eq!(dn.parent().unwrap().as_str(), "OU=Sales,DC=contoso,DC=com");
        assert!(dn.is_within(&"ou=sales,dc=contoso,dc=com".parse().unwrap()));
        assert!(!dn.is_within(&"OU=ales,DC=contoso,DC=com".parse().unwrap()));
        assert_eq!(Dn::of_domain("rialto.test").as_str(), "DC=rialto,DC=test");
        for bad in ["", "CN", "=x", "CN=", "CN=a,", "CN=a,,DC=b", "CN=a\\", "C N=a"] {
            assert!(bad.parse::<Dn>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_name_round_trips(names in prop::collection::vec("[^\\x7f]{1,20}", 1..5)) {
            let dn = names.iter().fold(Dn::root(), |dn, name| dn.child("CN", name));
            let again: Dn = dn.as_str().parse().unwrap();
            prop_assert_eq!(&again, &dn);
            prop_assert_eq!(&again.name(), names.last().unwrap());
            prop_assert!(dn.is_within(&dn.parent().unwrap()));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}|[CNOUDC=,\\\\ #]{0,40}") {
            if let Ok(dn) = text.parse::<Dn>() {
                prop_assert_eq!(dn.as_str().parse::<Dn>().unwrap(), dn);
            }
        }
    }
}
