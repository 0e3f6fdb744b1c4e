//! Casts and their messages.

use super::*;

fn cast(value: impl Into<Value>, to: &str) -> Result<String, String> {
    let now = Timestamp::from_secs(1_795_412_281);
    convert(value.into(), &Type::find(to).unwrap(), now).map(|v| v.to_string()).map_err(|e| e.message)
}

#[test]
fn casts() {
    for (value, to, printed) in [
        (Value::from("42"), "int", "42"),
        (Value::from(2.5), "int", "2"),
        (Value::from(3.5), "int", "4"),
        (Value::from("1KB"), "int", "1024"),
        (Value::Null, "int", "0"),
        (Value::from('A'), "int", "65"),
        (Value::from(65), "char", "A"),
        (Value::from("false"), "bool", "True"),
        (Value::from("25MB"), "ByteQuantifiedSize", "25 MB (26,214,400 bytes)"),
        (Value::from("unlimited"), "Unlimited", "Unlimited"),
        (Value::from(1000), "Unlimited", "1000"),
        (Value::from("30.00:00:00"), "EnhancedTimeSpan", "30.00:00:00"),
        (Value::from("11/23/2026"), "datetime", "11/23/2026 00:00:00"),
        (Value::from(vec!["1", "2"]), "int[]", "1 2"),
        (Value::from("15.0.847.32"), "version", "15.0.847.32"),
    ] {
        assert_eq!(cast(value, to), Ok(printed.to_owned()), "{to}");
    }
}

#[test]
fn messages_are_dotnets() {
    assert_eq!(
        cast("abc", "int"),
        Err("Cannot convert value \"abc\" to type \"System.Int32\". Error: \"Input string was not in a \
             correct format.\""
            .into())
    );
    assert_eq!(
        cast(300, "byte"),
        Err("Cannot convert value \"300\" to type \"System.Byte\". Error: \"Value was either too large or \
             too small for an unsigned byte.\""
            .into())
    );
    assert_eq!(cast(Value::Null, "datetime"), Err("Cannot convert null to type \"System.DateTime\".".into()));
}
