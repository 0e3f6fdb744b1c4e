//! Types by name, and conversion between them: casts and parameters use the same rules.

mod convert;
mod enums;
mod number;

use std::sync::Arc;

pub use convert::{ConvertError, convert};
pub(crate) use convert::{regex_object, unreadable_text};
pub use number::parse_number;
pub(crate) use number::round_half_even;

use crate::value::Value;

/// A type a value can be converted to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are .NET's")]
pub enum Type {
    /// `object`: anything as it is.
    Any,
    Void,
    Bool,
    Switch,
    Int(IntKind),
    Double,
    Char,
    String,
    DateTime,
    TimeSpan,
    Guid,
    Version,
    Size,
    Unlimited,
    Address,
    Secret,
    Credential,
    ScriptBlock,
    Hashtable,
    Ordered,
    Custom,
    Regex,
    /// A `MultiValuedProperty`: a value, a list, or `@{Add=…; Remove=…}`.
    Multi,
    ArrayList,
    /// `List<T>`, whatever T is.
    List,
    /// A reference to a directory object (`…IdParameter`).
    Identity,
    /// A type value.
    Type,
    /// A known enumeration, by its place in the list.
    Enum(usize),
    /// An exception type, by full name: a text becomes its message.
    Exception(Arc<str>),
    /// Only static members (`[Math]`), by full name.
    Static(&'static str),
    /// An array of something.
    Array(Box<Type>),
    /// A type of the product known by name only: enumerations and small texts stay what they are.
    Named(Arc<str>),
}

/// The integer types; all but 64-bit ones are held as `Int32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are .NET's")]
pub enum IntKind {
    Byte,
    SByte,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
}

impl IntKind {
    const ALL: [(IntKind, &'static str, i128, i128); 8] = [
        (IntKind::Byte, "Byte", 0, u8::MAX as i128),
        (IntKind::SByte, "SByte", i8::MIN as i128, i8::MAX as i128),
        (IntKind::Int16, "Int16", i16::MIN as i128, i16::MAX as i128),
        (IntKind::UInt16, "UInt16", 0, u16::MAX as i128),
        (IntKind::Int32, "Int32", i32::MIN as i128, i32::MAX as i128),
        (IntKind::UInt32, "UInt32", 0, u32::MAX as i128),
        (IntKind::Int64, "Int64", i64::MIN as i128, i64::MAX as i128),
        (IntKind::UInt64, "UInt64", 0, u64::MAX as i128),
    ];

    fn row(self) -> (&'static str, i128, i128) {
        let (_, name, min, max) = Self::ALL[self as usize];
        (name, min, max)
    }

    /// How .NET calls it where a value does not fit.
    fn described(self) -> String {
        match self {
            IntKind::Byte => "an unsigned byte".into(),
            IntKind::SByte => "a signed byte".into(),
            IntKind::UInt16 | IntKind::UInt32 | IntKind::UInt64 => format!("a {}", self.row().0),
            _ => format!("an {}", self.row().0),
        }
    }

    /// `MaxValue` or `MinValue`.
    pub(crate) fn limit(self, most: bool) -> Value {
        let (_, min, max) = self.row();
        let n = if most { max } else { min };
        match (i32::try_from(n), i64::try_from(n)) {
            (Ok(n), _) => Value::Int(n),
            (_, Ok(n)) => Value::Long(n),
            _ => Value::Double(n as f64),
        }
    }
}

/// Every name a cast or a parameter may use, lower case, sorted; without `System.` and name spaces.
const NAMES: &[(&str, Type)] = &[
    ("arraylist", Type::ArrayList),
    ("asciistring", Type::String),
    ("bool", Type::Bool),
    ("boolean", Type::Bool),
    ("byte", Type::Int(IntKind::Byte)),
    ("bytequantifiedsize", Type::Size),
    ("char", Type::Char),
    ("convert", Type::Static("System.Convert")),
    ("datetime", Type::DateTime),
    ("decimal", Type::Double),
    ("double", Type::Double),
    ("encoding", Type::Static("System.Text.Encoding")),
    ("enhancedtimespan", Type::TimeSpan),
    ("environment", Type::Static("System.Environment")),
    ("errorrecord", Type::Static("System.Management.Automation.ErrorRecord")),
    ("exdatetime", Type::DateTime),
    ("file", Type::Static("System.IO.File")),
    ("float", Type::Double),
    ("fqdn", Type::String),
    ("guid", Type::Guid),
    ("hashtable", Type::Hashtable),
    ("int", Type::Int(IntKind::Int32)),
    ("int16", Type::Int(IntKind::Int16)),
    ("int32", Type::Int(IntKind::Int32)),
    ("int64", Type::Int(IntKind::Int64)),
    ("ipaddress", Type::String),
    ("long", Type::Int(IntKind::Int64)),
    ("mailaddress", Type::Address),
    ("math", Type::Static("System.Math")),
    ("multivaluedproperty", Type::Multi),
    ("object", Type::Any),
    ("ordered", Type::Ordered),
    ("ordereddictionary", Type::Ordered),
    ("path", Type::Static("System.IO.Path")),
    ("proxyaddress", Type::String),
    ("proxyaddresscollection", Type::Multi),
    ("pscredential", Type::Credential),
    ("pscustomobject", Type::Custom),
    ("psobject", Type::Any),
    ("regex", Type::Regex),
    ("runtimetype", Type::Type),
    ("sbyte", Type::Int(IntKind::SByte)),
    ("scriptblock", Type::ScriptBlock),
    ("securestring", Type::Secret),
    ("short", Type::Int(IntKind::Int16)),
    ("single", Type::Double),
    ("smtpaddress", Type::Address),
    ("smtpdomain", Type::String),
    ("string", Type::String),
    ("switch", Type::Switch),
    ("switchparameter", Type::Switch),
    ("timespan", Type::TimeSpan),
    ("type", Type::Type),
    ("uint16", Type::Int(IntKind::UInt16)),
    ("uint32", Type::Int(IntKind::UInt32)),
    ("uint64", Type::Int(IntKind::UInt64)),
    ("ulong", Type::Int(IntKind::UInt64)),
    ("unlimited", Type::Unlimited),
    ("uri", Type::String),
    ("version", Type::Version),
    ("void", Type::Void),
];

impl Type {
    /// The type a cast names, or nothing: `int`, `System.Int32`, `string[]`, `List[string]`.
    pub fn find(name: &str) -> Option<Type> {
        let name = name.trim();
        if let Some(inner) = name.strip_suffix("[]") {
            return Type::find(inner).map(|inner| Type::Array(Box::new(inner)));
        }
        let generic = name.find(['[', '`', '<']).map_or(name, |at| &name[..at]);
        let last = generic.rsplit(['.', '+']).next().unwrap_or(generic).to_lowercase();
        if generic.len() < name.len() && last == "list" || last == "collection" && name.contains('[') {
            return Some(Type::List);
        }
        if last == "array" {
            return Some(Type::Array(Box::new(Type::Any)));
        }
        if last.ends_with("exception") {
            let full =
                if generic.contains('.') { generic.into() } else { format!("System.{generic}").into() };
            return Some(Type::Exception(full));
        }
        let named = NAMES.binary_search_by(|(key, _)| (*key).cmp(&last)).ok().map(|at| NAMES[at].1.clone());
        named.or_else(|| enums::find(&last).map(Type::Enum))
    }

    /// The value of a known enumeration, by name without case.
    pub(crate) fn enum_value(&self, name: &str) -> Option<Value> {
        let Type::Enum(at) = self else { return None };
        let (_, full, values) = enums::ENUMS.get(*at)?;
        let (name, number) = values.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(Value::enumeration(full, name, *number))
    }

    /// The value of a known enumeration with this number.
    pub(crate) fn enum_number(&self, value: &Value) -> Option<Value> {
        let (Type::Enum(at), Value::Int(wanted)) = (self, value) else { return None };
        let (_, full, values) = enums::ENUMS.get(*at)?;
        let (name, number) = values.iter().find(|(_, n)| n == wanted)?;
        Some(Value::enumeration(full, name, *number))
    }

    /// The names of a known enumeration.
    pub(crate) fn enum_names(&self) -> Vec<&'static str> {
        let Type::Enum(at) = self else { return Vec::new() };
        enums::ENUMS.get(*at).map_or(Vec::new(), |row| row.2.iter().map(|(name, _)| *name).collect())
    }

    /// The type of a parameter: unknown names are types of the product.
    pub fn of_parameter(name: &str) -> Type {
        if let Some(inner) = name.strip_suffix("[]") {
            return Type::Array(Box::new(Type::of_parameter(inner)));
        }
        let last = name.rsplit(['.', '+']).next().unwrap_or(name);
        if last.ends_with("IdParameter") {
            return Type::Identity;
        }
        Type::find(name).unwrap_or_else(|| Type::Named(name.into()))
    }

    /// The .NET full name.
    pub fn full_name(&self) -> String {
        let short = match self {
            Type::Any => "Object",
            Type::Void => "Void",
            Type::Bool => "Boolean",
            Type::Switch => return "System.Management.Automation.SwitchParameter".into(),
            Type::Int(kind) => kind.row().0,
            Type::Double => "Double",
            Type::Char => "Char",
            Type::String => "String",
            Type::DateTime => "DateTime",
            Type::TimeSpan => "TimeSpan",
            Type::Guid => "Guid",
            Type::Version => "Version",
            Type::Size => return "Microsoft.Exchange.Data.ByteQuantifiedSize".into(),
            Type::Unlimited => return "Microsoft.Exchange.Data.Unlimited`1".into(),
            Type::Address => return "Microsoft.Exchange.Data.SmtpAddress".into(),
            Type::Secret => "Security.SecureString",
            Type::Credential => return "System.Management.Automation.PSCredential".into(),
            Type::ScriptBlock => return "System.Management.Automation.ScriptBlock".into(),
            Type::Hashtable => "Collections.Hashtable",
            Type::Ordered => "Collections.Specialized.OrderedDictionary",
            Type::Custom => return "System.Management.Automation.PSCustomObject".into(),
            Type::Regex => "Text.RegularExpressions.Regex",
            Type::Multi => return "Microsoft.Exchange.Data.MultiValuedProperty`1".into(),
            Type::ArrayList => "Collections.ArrayList",
            Type::List => "Collections.Generic.List`1",
            Type::Identity => return "Microsoft.Exchange.Data.Directory.ADObjectId".into(),
            Type::Type => "RuntimeType",
            Type::Static(name) => return (*name).into(),
            Type::Enum(at) => return enums::ENUMS.get(*at).map_or(String::new(), |row| row.1.into()),
            Type::Exception(name) => return name.to_string(),
            Type::Array(inner) => return format!("{}[]", inner.full_name()),
            Type::Named(name) => return name.to_string(),
        };
        format!("System.{short}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        for (name, full) in [
            ("int", "System.Int32"),
            ("System.Int64", "System.Int64"),
            ("string[]", "System.String[]"),
            ("System.Collections.Generic.List[string]", "System.Collections.Generic.List`1"),
            ("Microsoft.Exchange.Data.ByteQuantifiedSize", "Microsoft.Exchange.Data.ByteQuantifiedSize"),
            ("array", "System.Object[]"),
        ] {
            assert_eq!(Type::find(name).unwrap().full_name(), full);
        }
        assert_eq!(Type::find("System.Reflection.Assembly"), None);
        assert_eq!(Type::of_parameter("RecipientIdParameter[]"), Type::Array(Box::new(Type::Identity)));
    }
}
