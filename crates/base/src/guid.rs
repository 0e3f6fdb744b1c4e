//! Globally unique identifiers, printed as the product prints them: lower case with dashes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Rng;

/// A 128-bit identifier.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Guid(pub [u8; 16]);

/// The text is not a GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" isn't a valid GUID.")]
pub struct GuidError(String);

impl Guid {
    /// All zero: "no object".
    pub const EMPTY: Guid = Guid([0; 16]);

    /// A fresh random identifier (RFC 9562 version 4).
    pub fn new(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 16];
        rng.fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Guid(bytes)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = GuidError;
    /// Reads 32 hexadecimal digits, with or without the four dashes and enclosing braces.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        parse(text).ok_or_else(|| GuidError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Guid> {
    let text = text.trim();
    let inner = text.strip_prefix('{').map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let dashed = inner.len() == 36;
    if dashed && !inner.bytes().enumerate().all(|(i, b)| (b == b'-') == matches!(i, 8 | 13 | 18 | 23)) {
        return None;
    }
    let digits: Vec<u8> = inner
        .bytes()
        .filter(|b| !(dashed && *b == b'-'))
        .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let digits: [u8; 32] = digits.try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(Guid(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let guid = Guid::new(&crate::rng::SystemRng);
        assert_eq!(guid.to_string().parse(), Ok(guid));
        assert_eq!(format!("{{{guid}}}").parse(), Ok(guid));
        assert_eq!(guid.to_string().replace('-', "").to_uppercase().parse(), Ok(guid));
        for bad in
            ["", "{}", "0", "0123456-890123-4567-8901-234567890123", "zz345678-1234-1234-1234-123456789012"]
        {
            assert!(bad.parse::<Guid>().is_err(), "{bad}");
        }
    }
}
