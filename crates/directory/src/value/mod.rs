//! What an attribute can hold: one typed value, or several.

mod net;
mod pattern;
mod proxy;

use std::fmt;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, SmtpAddress, SmtpDomain, Timestamp, Unlimited};
use serde::{Deserialize, Serialize};

pub use net::{AddressSpace, Binding, IpRange};
pub use pattern::DomainPattern;
pub use proxy::{PROXY_MAX, ProxyAddress};

/// A text or value that does not fit its attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not of the grammar.
    #[error("\"{text}\" isn't a valid {what}.")]
    Invalid {
        /// What was expected.
        what: &'static str,
        /// What was given, cut short.
        text: String,
    },
    /// Outside the range (the text says which).
    #[error("{0}")]
    Range(String),
}

/// Bytes that must not be shown: password hashes, credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(pub Box<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// One attribute's value. The variants are stored: append only, never reorder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `$true` or `$false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, a choice of several words, or a set of flags (`Tls, BasicAuth`).
    Text(Box<str>),
    /// An identifier that is not a link.
    Guid(Guid),
    /// A moment.
    Time(Timestamp),
    /// A length of time.
    Span(EnhancedTimeSpan),
    /// A size that is always limited.
    Size(ByteQuantifiedSize),
    /// A size or `Unlimited`.
    Quota(Unlimited<ByteQuantifiedSize>),
    /// A number or `Unlimited`.
    Count(Unlimited<i64>),
    /// A length of time or `Unlimited`.
    Lasting(Unlimited<EnhancedTimeSpan>),
    /// An SMTP address.
    Address(Box<SmtpAddress>),
    /// An address with its type.
    Proxy(ProxyAddress),
    /// A domain.
    Domain(SmtpDomain),
    /// A domain or a pattern of domains.
    Pattern(DomainPattern),
    /// Another object, by its GUID.
    Link(Guid),
    /// A range of IP addresses.
    Range(Box<IpRange>),
    /// An address and port to listen on.
    Binding(Box<Binding>),
    /// What a send connector carries.
    Space(Box<AddressSpace>),
    /// Opaque bytes.
    Bytes(Box<[u8]>),
    /// Bytes never shown.
    Secret(Secret),
    /// Several values, in order, none twice.
    Multi(Box<[Value]>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Value::Text(text.into())
    }
    /// The single values: itself, or the members of a multi-value.
    pub fn each(&self) -> &[Value] {
        match self {
            Value::Multi(values) => values,
            single => std::slice::from_ref(single),
        }
    }
    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
    /// The target of a link.
    pub fn as_link(&self) -> Option<Guid> {
        match self {
            Value::Link(guid) => Some(*guid),
            _ => None,
        }
    }
    /// The proxy address.
    pub fn as_proxy(&self) -> Option<&ProxyAddress> {
        match self {
            Value::Proxy(proxy) => Some(proxy),
            _ => None,
        }
    }
    /// Equal as the directory compares: text without case, proxies without type case, the rest exactly.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b || a.to_lowercase() == b.to_lowercase(),
            (Value::Proxy(a), Value::Proxy(b)) => a.key() == b.key(),
            (a, b) => a == b,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.into())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value.into())
    }
}
impl From<SmtpAddress> for Value {
    fn from(value: SmtpAddress) -> Self {
        Value::Address(Box::new(value))
    }
}
impl From<ProxyAddress> for Value {
    fn from(value: ProxyAddress) -> Self {
        Value::Proxy(value)
    }
}

/// As the product prints it; links print their GUID (the view knows names), several values with `, `.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(true) => f.pad("True"),
            Value::Bool(false) => f.pad("False"),
            Value::Int(number) => number.fmt(f),
            Value::Text(text) => f.pad(text),
            Value::Guid(guid) | Value::Link(guid) => guid.fmt(f),
            Value::Time(time) => time.fmt(f),
            Value::Span(span) => span.fmt(f),
            Value::Size(size) => size.fmt(f),
            Value::Quota(size) => size.fmt(f),
            Value::Count(count) => count.fmt(f),
            Value::Lasting(span) => span.fmt(f),
            Value::Address(address) => address.fmt(f),
            Value::Proxy(proxy) => proxy.fmt(f),
            Value::Domain(domain) => domain.fmt(f),
            Value::Pattern(pattern) => pattern.fmt(f),
            Value::Range(range) => range.fmt(f),
            Value::Binding(binding) => binding.fmt(f),
            Value::Space(space) => space.fmt(f),
            Value::Bytes(bytes) => bytes.iter().try_for_each(|b| write!(f, "{b:02x}")),
            Value::Secret(_) => f.write_str("********"),
            Value::Multi(values) => values.iter().enumerate().try_for_each(|(i, value)| {
                f.write_str(if i == 0 { "" } else { ", " })?;
                value.fmt(f)
            }),
        }
    }
}
