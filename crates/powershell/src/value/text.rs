//! Values as strings, the way `[string]$x` and `"$x"` make them (the invariant culture).

use std::fmt::{self, Display};

use super::{Object, PsObject, Value, datetime};

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Array(list) => {
                let mut left = TEXT_MAX;
                for (i, item) in list.to_vec().iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    flat(item, f)?;
                    left = left.saturating_sub(item.as_str().map_or(1, str::len) + 1);
                    if left == 0 {
                        break;
                    }
                }
                Ok(())
            }
            Value::Object(object) => object_text(object, f),
            other => flat(other, f),
        }
    }
}

/// The text of a container ends after this many bytes: its elements may be one long text many times over.
const TEXT_MAX: usize = 80 << 20;

/// A value inside another: containers only say their type.
fn flat(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null | Value::Nothing => Ok(()),
        Value::Bool(true) => f.write_str("True"),
        Value::Bool(false) => f.write_str("False"),
        Value::Int(n) => n.fmt(f),
        Value::Long(n) => n.fmt(f),
        Value::Double(n) => f.write_str(&double(*n)),
        Value::Char(c) => c.fmt(f),
        Value::String(text) => f.write_str(text),
        Value::DateTime(at) => f.write_str(&datetime::invariant(*at)),
        Value::TimeSpan(span) => span.fmt(f),
        Value::Guid(guid) => guid.fmt(f),
        Value::Version(version) => version.fmt(f),
        Value::Bytes(bytes) => {
            for (i, byte) in bytes.iter().enumerate() {
                write!(f, "{}{byte}", if i > 0 { " " } else { "" })?;
            }
            Ok(())
        }
        Value::Size(size) => size.fmt(f),
        Value::Unlimited(limit) => limit.fmt(f),
        Value::Address(address) => f.write_str(address.as_str()),
        Value::Enum(value) => f.write_str(&value.name),
        Value::Identity(identity) => identity.fmt(f),
        Value::Secret(_) => f.write_str("System.Security.SecureString"),
        Value::Array(list) => f.write_str(list.kind().type_name()),
        Value::Hashtable(table) => f.write_str(table.type_name()),
        Value::Object(object) => object.with(|o| if is_custom(o) { Ok(()) } else { f.write_str(&named(o)) }),
        Value::ScriptBlock(block) => f.write_str(block.text()),
        Value::Type(name) => f.write_str(name),
    }
}

fn is_custom(object: &PsObject) -> bool {
    object.type_names().first().is_none_or(|t| {
        let t = t.strip_prefix("Deserialized.").unwrap_or(t);
        t.ends_with("PSCustomObject") || t.ends_with("PSObject") || t.starts_with("Selected.")
    })
}

/// The product's objects print as their name, errors as their message.
fn named(object: &PsObject) -> String {
    if let (true, Some(exception)) =
        (object.is("System.Management.Automation.ErrorRecord"), object.get("Exception"))
    {
        return exception.property("Message").unwrap_or_default().to_string();
    }
    if let (true, Some(message)) = (object.is("System.Exception"), object.get("Message")) {
        return format!("{}: {message}", object.type_name());
    }
    ["Name", "Identity", "DisplayName"]
        .iter()
        .filter_map(|p| object.get(p))
        .find(|v| !v.is_null() && !matches!(v, Value::Object(_) | Value::Array(_)))
        .map_or_else(|| object.type_name().to_string(), Value::to_string)
}

/// `@{Name=Nuno; Alias=nuno}` for custom objects.
fn object_text(object: &Object, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let object = object.to_object();
    if !is_custom(&object) {
        return f.write_str(&named(&object));
    }
    f.write_str("@{")?;
    let mut left = TEXT_MAX;
    for (i, (name, value)) in object.iter().enumerate() {
        write!(f, "{}{name}=", if i > 0 { "; " } else { "" })?;
        flat(value, f)?;
        left = left.saturating_sub(name.len() + value.as_str().map_or(1, str::len));
        if left == 0 {
            break;
        }
    }
    f.write_str("}")
}

/// .NET Framework's `Double.ToString()`: 15 significant digits, exponent form from 1E+15 and below 1E-05.
pub(crate) fn double(n: f64) -> String {
    if n.is_nan() {
        return "NaN".into();
    }
    if n.is_infinite() {
        return if n > 0.0 { "∞".into() } else { "-∞".into() };
    }
    if n == 0.0 {
        return "0".into();
    }
    let scientific = format!("{n:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..15).contains(&exponent) {
        let mantissa = trim_zeros(mantissa);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}E{sign}{:02}", exponent.abs());
    }
    let decimals = usize::try_from(14 - exponent).unwrap_or(0);
    trim_zeros(&format!("{n:.decimals$}")).to_owned()
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_dotnet_does() {
        for (n, text) in [
            (0.1 + 0.2, "0.3"),
            (1.5, "1.5"),
            (100.0, "100"),
            (1e15, "1E+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1.0 / 3.0, "0.333333333333333"),
            (0.00001, "1E-05"),
            (0.0001, "0.0001"),
            (-2.5e-7, "-2.5E-07"),
            (-0.0, "0"),
        ] {
            assert_eq!(double(n), text);
        }
    }

    #[test]
    fn containers() {
        let custom = PsObject::custom().with("a", 1).with("b", vec!["x", "y"]);
        assert_eq!(Value::from(custom).to_string(), "@{a=1; b=System.Object[]}");
        assert_eq!(Value::from(vec![1, 2]).to_string(), "1 2");
        let mailbox = PsObject::new(&["Example.Mailbox"]).with("Name", "Nuno");
        assert_eq!(Value::from(mailbox).to_string(), "Nuno");
        assert_eq!(Value::Null.to_string(), "");
    }
}
