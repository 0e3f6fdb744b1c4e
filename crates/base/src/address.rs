//! SMTP addresses and domains (RFC 5321 section 4.1.2, RFC 6531 section 3.3), compared without case.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// The longest local part (RFC 5321 section 4.5.3.1.1), bytes.
pub const LOCAL_PART_MAX: usize = 64;
/// The longest domain (RFC 5321 section 4.5.3.1.2), bytes.
pub const DOMAIN_MAX: usize = 255;

/// The text is not an SMTP address or domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `local@domain` by the grammar.
    #[error("\"{0}\" isn't a valid SMTP address.")]
    Address(String),
    /// Not a domain name.
    #[error("\"{0}\" isn't a valid SMTP domain.")]
    Domain(String),
}

/// `local@domain`, as written; equality and order ignore ASCII and Unicode case, as the product does.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SmtpAddress {
    text: Box<str>,
    /// Where the `@` before the domain stands, bytes.
    at: usize,
}

impl SmtpAddress {
    /// What stands before the last `@`, quotes included.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }
    /// What stands after the last `@`.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
    /// The whole address as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The key that equal addresses share: lower case.
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }
    /// True where the address needs SMTPUTF8 (RFC 6531).
    pub fn is_international(&self) -> bool {
        !self.text.is_ascii()
    }
}

impl FromStr for SmtpAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = || AddressError::Address(text.chars().take(320).collect());
        let at = text.rfind('@').ok_or_else(fail)?;
        if is_local_part(&text[..at]) && (is_domain(&text[at + 1..]) || is_literal(&text[at + 1..])) {
            Ok(Self { text: text.into(), at })
        } else {
            Err(fail())
        }
    }
}

fn is_local_part(text: &str) -> bool {
    if text.is_empty() || text.len() > LOCAL_PART_MAX {
        return false;
    }
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted_content),
        None => text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext)),
    }
}

fn is_quoted_content(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return false,
            '\\' if !chars.next().is_some_and(|c| (' '..='~').contains(&c)) => return false,
            c if c.is_control() => return false,
            _ => {}
        }
    }
    true
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !is_forbidden(c))
}

/// Control, separator and invisible characters that could forge a line or hide in a name.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.len() <= DOMAIN_MAX && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || (!c.is_ascii() && !is_forbidden(c)))
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3).
fn is_literal(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else { return false };
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => inner[5..].parse::<std::net::Ipv6Addr>().is_ok(),
        _ => inner.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

impl TryFrom<String> for SmtpAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<SmtpAddress> for String {
    fn from(address: SmtpAddress) -> Self {
        address.text.into()
    }
}

impl fmt::Display for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.text)
    }
}

impl PartialEq for SmtpAddress {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || self.key() == other.key()
    }
}
impl Eq for SmtpAddress {}
impl PartialOrd for SmtpAddress {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for SmtpAddress {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl Hash for SmtpAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A domain name, lower case, without a trailing dot. Never an address literal, never a pattern.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SmtpDomain(Box<str>);

impl SmtpDomain {
    /// The name, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SmtpDomain {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if is_domain(name) {
            Ok(Self(name.to_lowercase().into()))
        } else {
            Err(AddressError::Domain(text.chars().take(DOMAIN_MAX).collect()))
        }
    }
}

impl TryFrom<String> for SmtpDomain {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<SmtpDomain> for String {
    fn from(domain: SmtpDomain) -> Self {
        domain.0.into()
    }
}

impl fmt::Display for SmtpDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SmtpDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_grammar_and_nothing_else() {
        for good in [
            "a@b",
            "nuno@contoso.com",
            "first.last+tag@sub.example",
            r#""a b"@example"#,
            r#""a\"b@c"@example"#,
            "u@[192.0.2.1]",
            "u@[IPv6:2001:db8::1]",
            "пример@почта.example",
            "o'neil@x-y.example",
        ] {
            assert!(good.parse::<SmtpAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a..b@c",
            ".a@c",
            "a@b..c",
            "a@-b",
            "a@b\r\n",
            "a\n@b",
            "a@[1.2.3]",
            "a@[evil]",
            "<a@b>",
            "a@b>",
            "\"a\"b\"@c",
            "a\u{200b}@b",
            "a@b\u{2028}c",
            "\"a\r\"@b",
        ] {
            assert!(bad.parse::<SmtpAddress>().is_err(), "{bad:?}");
        }
        assert!(format!("{}@b", "x".repeat(65)).parse::<SmtpAddress>().is_err());
    }

    #[test]
    fn compares_without_case() {
        let (a, b): (SmtpAddress, SmtpAddress) =
            ("Nuno@Contoso.com".parse().unwrap(), "nuno@contoso.COM".parse().unwrap());
        assert_eq!(a, b);
        assert_eq!((a.local_part(), a.domain()), ("Nuno", "Contoso.com"));
        assert_eq!("Contoso.COM.".parse::<SmtpDomain>().unwrap().as_str(), "contoso.com");
    }
}
