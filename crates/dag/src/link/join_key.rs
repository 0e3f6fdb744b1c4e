//! The text an administrator carries from a server of the organisation to one that is to join: a secret, good
//! once, and the fingerprint by which the new server recognises the organisation.

use std::{fmt, str::FromStr};

use base::Rng;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::authority::fingerprint;

/// How a key begins: what it is, and the version of the rest.
const PREFIX: &str = "rialto-join-1-";
/// Bytes of the checksum: a key that was not copied whole is recognised before it is used.
const CHECK: usize = 4;
const SECRET: usize = 20;
const WHOLE: usize = SECRET + 32 + CHECK;

/// A join key.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinKey {
    /// 160 bits of chance.
    secret: [u8; SECRET],
    /// SHA-256 of the authority's certificate.
    pub authority: [u8; 32],
}

/// The text is not a join key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this isn't a whole join key: copy it as New-ServerJoinKey printed it, from rialto-join-1- to its end"
)]
pub struct JoinKeyError;

impl JoinKey {
    /// A new key for the organisation of this authority.
    pub fn new(authority: [u8; 32], rng: &dyn Rng) -> Self {
        let mut secret = [0; SECRET];
        rng.fill(&mut secret);
        Self { secret, authority }
    }

    /// What proves that one has the key. A secret.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// What is kept of a key: the hash (SHA-256) of its secret, which has too many bits to be guessed.
    pub fn hash(secret: &[u8]) -> [u8; 32] {
        fingerprint(secret)
    }
}

impl fmt::Display for JoinKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [&self.secret[..], &self.authority[..]].concat();
        let check = fingerprint(&bytes);
        bytes.extend_from_slice(&check[..CHECK]);
        write!(f, "{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Never the secret.
impl fmt::Debug for JoinKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinKey")
    }
}

impl FromStr for JoinKey {
    type Err = JoinKeyError;
    fn from_str(text: &str) -> Result<Self, JoinKeyError> {
        let text = text.trim().strip_prefix(PREFIX).ok_or(JoinKeyError)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JoinKeyError)?;
        let bytes: [u8; WHOLE] = bytes.try_into().map_err(|_| JoinKeyError)?;
        let (body, check) = bytes.split_at(WHOLE - CHECK);
        if fingerprint(body)[..CHECK] != *check {
            return Err(JoinKeyError);
        }
        let (secret, authority) = body.split_at(SECRET);
        let (Ok(secret), Ok(authority)) = (secret.try_into(), authority.try_into()) else {
            return Err(JoinKeyError);
        };
        Ok(Self { secret, authority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_whole_or_not_at_all() {
        let key = JoinKey::new([7; 32], &base::rng::SystemRng);
        let text = key.to_string();
        assert_eq!(format!(" {text}\n").parse(), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "JoinKey");
        assert_ne!(JoinKey::hash(key.secret()), [0; 32]);
        for cut in 0..text.len() {
            assert!(text[..cut].parse::<JoinKey>().is_err(), "{cut}");
        }
        let mut typo = text.into_bytes();
        let at = PREFIX.len() + 3;
        typo[at] = if typo[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(String::from_utf8(typo).unwrap().parse::<JoinKey>(), Err(JoinKeyError));
    }
}
