//! Parameters of `MAIL` and `RCPT`: `KEY[=value]`, each at most once, by the RFC that defines it.

use super::{Body, MailFrom, Notify, RcptTo, Ret, command::SyntaxError, xtext};

/// The longest `ENVID` (RFC 3461 section 4.4), bytes.
const ENVID_MAX: usize = 100;
/// The longest `ORCPT` (RFC 3461 section 4.2), bytes.
const ORCPT_MAX: usize = 500;

type Apply<T> = fn(&mut T, Option<&str>) -> Option<()>;

const MAIL: [(&str, Apply<MailFrom>); 6] = [
    ("SIZE", |mail, value| {
        let digits = value.filter(|v| v.len() <= 20 && v.bytes().all(|b| b.is_ascii_digit()))?;
        mail.size = Some(digits.parse().ok()?);
        Some(())
    }),
    ("BODY", |mail, value| {
        mail.body = match value?.to_ascii_uppercase().as_str() {
            "7BIT" => Body::SevenBit,
            "8BITMIME" => Body::EightBitMime,
            "BINARYMIME" => Body::BinaryMime,
            _ => return None,
        };
        Some(())
    }),
    ("SMTPUTF8", |mail, value| {
        mail.smtputf8 = true;
        value.is_none().then_some(())
    }),
    ("RET", |mail, value| {
        mail.ret = Some(match value?.to_ascii_uppercase().as_str() {
            "FULL" => Ret::Full,
            "HDRS" => Ret::Headers,
            _ => return None,
        });
        Some(())
    }),
    ("ENVID", |mail, value| {
        mail.envid = Some(value.filter(|v| v.len() <= ENVID_MAX && xtext::is_valid(v))?.to_owned());
        Some(())
    }),
    ("AUTH", |mail, value| {
        mail.auth = Some(value.filter(|v| *v == "<>" || xtext::is_valid(v))?.to_owned());
        Some(())
    }),
];

const RCPT: [(&str, Apply<RcptTo>); 2] = [
    ("NOTIFY", |rcpt, value| {
        rcpt.notify = Some(notify(value?)?);
        Some(())
    }),
    ("ORCPT", |rcpt, value| {
        rcpt.orcpt = Some(value.filter(|v| v.len() <= ORCPT_MAX && is_orcpt(v))?.to_owned());
        Some(())
    }),
];

/// Reads the parameters of `MAIL`.
pub(super) fn mail(mail: &mut MailFrom, text: &str) -> Result<(), SyntaxError> {
    apply(&MAIL, mail, text)
}

/// Reads the parameters of `RCPT`.
pub(super) fn rcpt(rcpt: &mut RcptTo, text: &str) -> Result<(), SyntaxError> {
    apply(&RCPT, rcpt, text)
}

fn apply<T>(table: &[(&str, Apply<T>)], target: &mut T, text: &str) -> Result<(), SyntaxError> {
    let mut seen = 0u32;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
        let index = table.iter().position(|(name, _)| name.eq_ignore_ascii_case(key));
        let index = index.ok_or(SyntaxError::Parameter)?;
        if seen & 1 << index != 0 {
            return Err(SyntaxError::Arguments);
        }
        seen |= 1 << index;
        (table[index].1)(target, value).ok_or(SyntaxError::Arguments)?;
    }
    Ok(())
}

fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::NEVER);
    }
    let mut notify = Notify::NEVER;
    for event in value.split(',') {
        match event.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return None,
        }
    }
    Some(notify)
}

/// `type;address`, the address in xtext, or in UTF-8 where the type is `utf-8` (RFC 6533 section 3).
fn is_orcpt(value: &str) -> bool {
    let Some((kind, address)) = value.split_once(';') else { return false };
    let atom = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let utf8 = kind.eq_ignore_ascii_case("utf-8")
        && !address.is_empty()
        && !address.contains(|c: char| c.is_control() || c.is_whitespace() || c == '=');
    atom && (utf8 || xtext::is_valid(address))
}
