//! The product's scalars: sizes, limits, addresses, identities, enumerations.

use base::{ByteQuantifiedSize, Unlimited};

use super::{Call, is};
use crate::value::Value;

pub(super) fn property(value: &Value, name: &str) -> Option<Value> {
    let lower = name.to_ascii_lowercase();
    Some(match (value, &*lower) {
        (Value::Unlimited(limit), "isunlimited") => Value::Bool(limit.is_unlimited()),
        (Value::Unlimited(limit), "value") => limit.limit().map_or(Value::Null, |l| l.to_value()),
        (Value::Address(address), "local") => address.local_part().into(),
        (Value::Address(address), "domain") => address.domain().into(),
        (Value::Address(address), "length") => Value::from(address.as_str().len()),
        (Value::Address(_), "isvalidaddress") => Value::Bool(true),
        (Value::Address(address), "address") => address.as_str().into(),
        (Value::Identity(identity), "name" | "rdn") => identity.name.clone().into(),
        (Value::Identity(identity), "distinguishedname") => identity.distinguished_name.clone().into(),
        (Value::Identity(identity), "objectguid") => Value::Guid(identity.guid),
        (Value::Identity(identity), "parent") => {
            let text = identity.text.rsplit_once('/').map_or("", |(parent, _)| parent);
            text.into()
        }
        (Value::Enum(e), "value__" | "value") => Value::Int(e.number),
        (Value::Secret(secret), "length") => Value::from(secret.reveal().chars().count()),
        _ => return None,
    })
}

pub(super) fn method(value: &Value, call: &Call<'_>) -> Option<Value> {
    match value {
        Value::Size(size) => size_method(*size, call),
        // Deserialised limits print as text; here the limit itself answers.
        Value::Unlimited(Unlimited::Limited(limit)) => match limit.to_value() {
            Value::Size(size) => size_method(size, call),
            _ => None,
        },
        Value::Guid(guid) if is(call.name, &["tostring"]) && call.count() == 1 => {
            let text = guid.to_string();
            Some(match &*call.text(0).to_ascii_uppercase() {
                "N" => text.replace('-', "").into(),
                "B" => format!("{{{text}}}").into(),
                "P" => format!("({text})").into(),
                _ => text.into(),
            })
        }
        Value::Guid(guid) if is(call.name, &["tobytearray"]) => Some(Value::Bytes(guid.0.to_vec().into())),
        Value::Char(c) if is(call.name, &["tostring"]) => Some(c.to_string().into()),
        _ => None,
    }
}

/// `ToMB()` and friends round down, as the product's do.
fn size_method(size: ByteQuantifiedSize, call: &Call<'_>) -> Option<Value> {
    let scale = match call.name {
        "tobytes" => 0,
        "tokb" => 10,
        "tomb" => 20,
        "togb" => 30,
        "totb" => 40,
        _ => return None,
    };
    Some(Value::from(size.bytes() >> scale))
}
