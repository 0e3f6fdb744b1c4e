//! Small scalars that print specially: enumeration values, identities, limits, versions, secrets.

use std::{fmt, str::FromStr, sync::Arc};

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid};
use serde::{Deserialize, Serialize};

/// A named value of an enumeration; compares by name, casts to its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumValue {
    /// The enumeration's full type name.
    pub type_name: Arc<str>,
    /// The value's name, or several joined by `, ` for flags.
    pub name: Arc<str>,
    /// The underlying number.
    pub number: i32,
}

/// A reference to a directory object: prints as `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What the product prints: `example.org/Users/Nuno` or a plain name.
    pub text: Arc<str>,
    /// The last part of the name.
    pub name: Arc<str>,
    /// The distinguished name; empty where there is none.
    pub distinguished_name: Arc<str>,
    /// The object's GUID; empty where there is none.
    pub guid: Guid,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What an `Unlimited` value limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Limit {
    /// A count.
    Count(i64),
    /// Bytes.
    Size(ByteQuantifiedSize),
    /// A length of time.
    Span(EnhancedTimeSpan),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Count(n) => n.fmt(f),
            Limit::Size(size) => size.fmt(f),
            Limit::Span(span) => span.fmt(f),
        }
    }
}

/// `major.minor[.build[.revision]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The parts; absent ones are −1, as .NET has them.
    pub parts: [i32; 4],
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.parts[0])?;
        self.parts[1..].iter().take_while(|n| **n >= 0).try_for_each(|n| write!(f, ".{n}"))
    }
}

/// The text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" isn't a valid version.")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let fail = || VersionError(text.to_owned());
        let mut parts = [-1; 4];
        let mut count = 0;
        for piece in text.trim().split('.') {
            let slot = parts.get_mut(count).ok_or_else(fail)?;
            *slot = piece.parse().ok().filter(|n: &i32| *n >= 0).ok_or_else(fail)?;
            count += 1;
        }
        if count < 2 { Err(fail()) } else { Ok(Version { parts }) }
    }
}

/// A secret text (`SecureString`): never printed, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps the text.
    pub fn new(text: &str) -> Self {
        Secret(text.into())
    }
    /// The text itself; for verifying or hashing only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, printed) in [("15.0", "15.0"), ("15.0.847.32", "15.0.847.32"), (" 1.2.3 ", "1.2.3")] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), printed);
        }
        for bad in ["", "1", "1.2.3.4.5", "1.x", "1.-2"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
