//! A value or no limit at all, as administrators write it: `25 MB` or `Unlimited`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Either a limit or none. Orders after every limited value when unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unlimited<T> {
    /// The limit.
    Limited(T),
    /// No limit.
    Unlimited,
}

impl<T> Unlimited<T> {
    /// The limit, if there is one.
    pub fn limit(&self) -> Option<&T> {
        match self {
            Unlimited::Limited(value) => Some(value),
            Unlimited::Unlimited => None,
        }
    }

    /// True where nothing limits.
    pub fn is_unlimited(&self) -> bool {
        matches!(self, Unlimited::Unlimited)
    }
}

impl<T> From<T> for Unlimited<T> {
    fn from(value: T) -> Self {
        Unlimited::Limited(value)
    }
}

impl<T: fmt::Display> fmt::Display for Unlimited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unlimited::Limited(value) => value.fmt(f),
            Unlimited::Unlimited => f.write_str("Unlimited"),
        }
    }
}

impl<T: FromStr> FromStr for Unlimited<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.trim().eq_ignore_ascii_case("unlimited") {
            Ok(Unlimited::Unlimited)
        } else {
            text.parse().map(Unlimited::Limited)
        }
    }
}
