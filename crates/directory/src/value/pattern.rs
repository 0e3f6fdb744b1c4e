//! Domain patterns: one domain, a domain with all its sub-domains, or every domain.

use std::{fmt, str::FromStr};

use base::SmtpDomain;
use serde::{Deserialize, Serialize};

use super::ValueError;

/// `contoso.com`, `*.contoso.com` (the domain itself too, as the product matches it) or `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DomainPattern {
    /// Exactly this domain.
    Exact(SmtpDomain),
    /// This domain's sub-domains, at any depth, and the domain itself.
    SubDomains(SmtpDomain),
    /// Every domain.
    Any,
}

impl DomainPattern {
    /// True where `domain` fits.
    pub fn matches(&self, domain: &str) -> bool {
        match self {
            DomainPattern::Any => true,
            DomainPattern::Exact(own) => domain.eq_ignore_ascii_case(own.as_str()),
            DomainPattern::SubDomains(own) => {
                let domain = domain.to_lowercase();
                domain.strip_suffix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }

    /// How specific the pattern is; the highest that matches wins. An exact domain beats any pattern, a
    /// longer pattern a shorter one, `*` loses to all.
    pub fn rank(&self) -> (bool, usize) {
        match self {
            DomainPattern::Exact(domain) => (true, domain.as_str().len()),
            DomainPattern::SubDomains(domain) => (false, domain.as_str().len()),
            DomainPattern::Any => (false, 0),
        }
    }
}

impl FromStr for DomainPattern {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fail = || ValueError::Invalid { what: "SMTP domain", text: text.chars().take(256).collect() };
        let text = text.trim();
        match text.strip_prefix("*.") {
            _ if text == "*" => Ok(DomainPattern::Any),
            Some(rest) => rest.parse().map(DomainPattern::SubDomains).map_err(|_| fail()),
            None => text.parse().map(DomainPattern::Exact).map_err(|_| fail()),
        }
    }
}

impl TryFrom<String> for DomainPattern {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}
impl From<DomainPattern> for String {
    fn from(pattern: DomainPattern) -> String {
        pattern.to_string()
    }
}
impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DomainPattern::Exact(domain) => domain.fmt(f),
            DomainPattern::SubDomains(domain) => write!(f, "*.{domain}"),
            DomainPattern::Any => f.write_str("*"),
        }
    }
}
impl fmt::Debug for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_label_by_label() {
        let table = [
            ("ext.example", "ext.example", true),
            ("ext.example", "a.ext.example", false),
            ("*.example", "ext.example", true),
            ("*.example", "a.b.example", true),
            ("*.example", "example", true),
            ("*.example", "notexample", false),
            ("*", "anything.test", true),
        ];
        for (pattern, domain, expected) in table {
            let pattern: DomainPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(domain), expected, "{pattern} {domain}");
        }
        for bad in ["", "*.", "**", "*example", "a b", "x@y"] {
            assert!(bad.parse::<DomainPattern>().is_err(), "{bad}");
        }
    }
}
