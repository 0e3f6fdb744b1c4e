//! Rust values into pipeline values.

use std::sync::Arc;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, SmtpAddress, SmtpDomain, Timestamp, Unlimited};

use super::{EnumValue, Hashtable, Identity, Limit, List, Object, Secret, Value, Version};

macro_rules! wrap {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value)
            }
        }
    )*};
}

wrap! {
    bool => Bool,
    i32 => Int,
    i64 => Long,
    f64 => Double,
    char => Char,
    Arc<str> => String,
    Timestamp => DateTime,
    EnhancedTimeSpan => TimeSpan,
    Guid => Guid,
    Version => Version,
    Arc<[u8]> => Bytes,
    ByteQuantifiedSize => Size,
    SmtpAddress => Address,
    Arc<EnumValue> => Enum,
    Arc<Identity> => Identity,
    Secret => Secret,
    List => Array,
    Hashtable => Hashtable,
    Object => Object,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::string(text)
    }
}

impl From<&SmtpDomain> for Value {
    fn from(domain: &SmtpDomain) -> Self {
        Value::string(domain.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        i32::try_from(number).map_or(Value::Long(i64::from(number)), Value::Int)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Value::Double(number as f64), Value::Long)
    }
}

impl From<usize> for Value {
    /// A count: `Int32` where it fits, as .NET counts.
    fn from(number: usize) -> Self {
        i32::try_from(number).map_or_else(|_| Value::from(number as u64), Value::Int)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::array(items.into_iter().map(Into::into).collect())
    }
}

impl From<ByteQuantifiedSize> for Limit {
    fn from(size: ByteQuantifiedSize) -> Self {
        Limit::Size(size)
    }
}

impl From<EnhancedTimeSpan> for Limit {
    fn from(span: EnhancedTimeSpan) -> Self {
        Limit::Span(span)
    }
}

impl From<i32> for Limit {
    fn from(count: i32) -> Self {
        Limit::Count(i64::from(count))
    }
}

impl From<u32> for Limit {
    fn from(count: u32) -> Self {
        Limit::Count(i64::from(count))
    }
}

impl From<i64> for Limit {
    fn from(count: i64) -> Self {
        Limit::Count(count)
    }
}

impl<T: Into<Limit>> From<Unlimited<T>> for Value {
    fn from(value: Unlimited<T>) -> Self {
        Value::Unlimited(match value {
            Unlimited::Limited(limit) => Unlimited::Limited(limit.into()),
            Unlimited::Unlimited => Unlimited::Unlimited,
        })
    }
}

impl Limit {
    /// The limit as a plain value.
    pub fn to_value(self) -> Value {
        match self {
            Limit::Count(n) => i32::try_from(n).map_or(Value::Long(n), Value::Int),
            Limit::Size(size) => Value::Size(size),
            Limit::Span(span) => Value::TimeSpan(span),
        }
    }
}
