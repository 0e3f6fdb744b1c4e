//! `[Convert]`, with base64 (RFC 4648 section 4).

use super::Call;
use crate::{
    eval::{Interp, Run},
    types::{IntKind, Type},
    value::Value,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn static_method(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.arguments.first().cloned().unwrap_or_default();
    let to = match call.name {
        "tobase64string" => {
            let Value::Bytes(bytes) = cx.convert(first, &Type::Array(Box::new(Type::Int(IntKind::Byte))))?
            else {
                return Err(call.out_of_range(cx));
            };
            return cx.new_string(encode(&bytes)).map(Some);
        }
        "frombase64string" => {
            return match decode(&first.to_string()) {
                Some(bytes) => Ok(Some(Value::Bytes(bytes.into()))),
                None => {
                    let why = "The input is not a valid Base-64 string as it contains a non-base 64 character, more \
                               than two padding characters, or an illegal character among the padding characters. ";
                    Err(cx.method_failed(call.typed, 1, "FormatException", why))
                }
            };
        }
        "toint32" if call.count() == 2 => return radix(cx, call).map(Some),
        "toint16" => Type::Int(IntKind::Int16),
        "toint32" => Type::Int(IntKind::Int32),
        "toint64" => Type::Int(IntKind::Int64),
        "tobyte" => Type::Int(IntKind::Byte),
        "todouble" | "todecimal" => Type::Double,
        "toboolean" => Type::Bool,
        "todatetime" => Type::DateTime,
        "tostring" => Type::String,
        "tochar" => Type::Char,
        _ => return Ok(None),
    };
    cx.convert(first, &to).map(Some)
}

fn radix(cx: &Interp<'_>, call: &Call<'_>) -> Run<Value> {
    let base = u32::try_from(call.int(cx, 1)?).ok().filter(|b| matches!(b, 2 | 8 | 10 | 16));
    let text = call.text(0);
    let digits = text.trim_start_matches("0x");
    let read = base.and_then(|base| u32::from_str_radix(digits, base).ok());
    read.map(|n| Value::Int(n as i32)).ok_or_else(|| call.out_of_range(cx))
}

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (at, b)| word | u32::from(*b) << (16 - 8 * at));
        for at in 0..4 {
            if at <= chunk.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    if !digits.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    let body = &digits[..digits.len() - padding];
    for chunk in body.chunks(4) {
        let mut word = 0u32;
        for (at, digit) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|a| a == digit)?;
            word |= (value as u32) << (18 - 6 * at);
        }
        out.extend(word.to_be_bytes().into_iter().skip(1).take(chunk.len() - 1));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
        }
        for bad in ["Z", "Zg=", "Z===", "Zg==Zg==", "Z!=="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
