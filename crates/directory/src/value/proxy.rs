//! Proxy addresses: every address a recipient answers to, each with its address type before a colon.

use std::{fmt, str::FromStr};

use base::SmtpAddress;
use serde::{Deserialize, Serialize};

use super::ValueError;

/// The longest proxy address, characters (ms-Exch-Proxy-Addresses rangeUpper).
pub const PROXY_MAX: usize = 1123;

/// `SMTP:nuno@contoso.com` (primary: upper-case type), `smtp:n@contoso.com` (secondary), `X500:/o=…`.
///
/// Two proxies name the same address when type and address are equal without case ([`ProxyAddress::key`]).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyAddress(Box<str>);

impl ProxyAddress {
    /// The SMTP address as primary (`SMTP:`) or secondary (`smtp:`) proxy.
    pub fn smtp(address: &SmtpAddress, primary: bool) -> Self {
        Self(format!("{}:{address}", if primary { "SMTP" } else { "smtp" }).into())
    }
    /// An `X500:` proxy for a legacyExchangeDN.
    pub fn x500(legacy_dn: &str) -> Self {
        Self(format!("X500:{legacy_dn}").into())
    }
    /// The address type as written: `SMTP`, `smtp`, `X500` …
    pub fn prefix(&self) -> &str {
        self.0.split_once(':').map_or("", |(prefix, _)| prefix)
    }
    /// What stands after the first colon.
    pub fn address(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(_, address)| address)
    }
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// True for an SMTP address, primary or not.
    pub fn is_smtp(&self) -> bool {
        self.prefix().eq_ignore_ascii_case("smtp")
    }
    /// True where the type is written in upper case: the reply address of its type.
    pub fn is_primary(&self) -> bool {
        !self.prefix().bytes().any(|b| b.is_ascii_lowercase())
    }
    /// The same address as primary or secondary.
    #[must_use]
    pub fn with_primary(&self, primary: bool) -> Self {
        let prefix = self.prefix();
        let prefix = if primary { prefix.to_ascii_uppercase() } else { prefix.to_ascii_lowercase() };
        Self(format!("{prefix}:{}", self.address()).into())
    }
    /// The SMTP address, where it is one.
    pub fn smtp_address(&self) -> Option<SmtpAddress> {
        self.is_smtp().then(|| self.address().parse().ok()).flatten()
    }
    /// The key that equal addresses share: lower case, type included.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for ProxyAddress {
    type Err = ValueError;
    /// Reads `type:address`; a bare SMTP address becomes a secondary SMTP proxy.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fail =
            || ValueError::Invalid { what: "proxy address", text: text.chars().take(PROXY_MAX).collect() };
        let text = text.trim();
        if text.chars().count() > PROXY_MAX || text.chars().any(char::is_control) {
            return Err(fail());
        }
        let is_type = |p: &str| {
            !p.is_empty() && p.len() <= 15 && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match text.split_once(':') {
            Some((prefix, address)) if is_type(prefix) && !address.is_empty() => {
                if prefix.eq_ignore_ascii_case("smtp") && address.parse::<SmtpAddress>().is_err() {
                    return Err(fail());
                }
                Ok(Self(text.into()))
            }
            _ => text.parse::<SmtpAddress>().map(|a| Self::smtp(&a, false)).map_err(|_| fail()),
        }
    }
}

impl TryFrom<String> for ProxyAddress {
    type Error = ValueError;
    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}
impl From<ProxyAddress> for String {
    fn from(proxy: ProxyAddress) -> String {
        proxy.0.into()
    }
}
impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_bare_addresses() {
        let primary: ProxyAddress = "SMTP:Nuno@contoso.com".parse().unwrap();
        assert!(primary.is_primary() && primary.is_smtp());
        assert_eq!(primary.key(), "smtp:nuno@contoso.com");
        assert_eq!(primary.with_primary(false).as_str(), "smtp:Nuno@contoso.com");
        assert_eq!("n@contoso.com".parse::<ProxyAddress>().unwrap().as_str(), "smtp:n@contoso.com");
        let x500: ProxyAddress = "X500:/o=Org/cn=n".parse().unwrap();
        assert!(!x500.is_smtp() && x500.smtp_address().is_none());
        for bad in ["", ":", "smtp:", "smtp:nobody", "nobody", "a b:c", "smtp:a@b\r\n", "smtp:a\n@b"] {
            assert!(bad.trim() != bad || bad.parse::<ProxyAddress>().is_err(), "{bad:?}");
        }
    }
}
