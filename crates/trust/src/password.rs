//! Passwords: made, hashed with argon2id (RFC 9106), verified. Synchronous and slow by design; the
//! authenticator keeps it off the async threads.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{PasswordHash, SaltString},
};
use base::Rng;
use directory::value::Secret;

use crate::TrustError;

/// Memory of one hash, KiB (OWASP's first choice for argon2id: 19 MiB, two passes, one lane).
pub const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_LEN: usize = 16;

/// Shortest new password, characters (the default policy of a Windows domain).
pub const PASSWORD_MIN: usize = 7;
/// Longest password, bytes; longer ones are refused before anything is computed.
pub const PASSWORD_MAX: usize = 512;

/// Without letters and digits that look alike: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

fn function() -> Result<Argon2<'static>, TrustError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| TrustError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether a new password is acceptable.
pub fn check(password: &str) -> Result<(), TrustError> {
    match () {
        () if password.chars().count() < PASSWORD_MIN => Err(TrustError::Password("it is too short")),
        () if password.len() > PASSWORD_MAX => Err(TrustError::Password("it is too long")),
        () => Ok(()),
    }
}

/// Checks and hashes a new password; the result is a PHC string with its own salt and cost.
pub fn hash(password: &str, rng: &dyn Rng) -> Result<Secret, TrustError> {
    check(password)?;
    let failed = |e: argon2::password_hash::Error| TrustError::Hash(e.to_string());
    let mut salt = [0; SALT_LEN];
    rng.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    let hash = function()?.hash_password(password.as_bytes(), &salt).map_err(failed)?;
    Ok(Secret(hash.to_string().into_bytes().into()))
}

/// Whether the password is the one that was hashed. The cost is the one stored with the hash.
pub fn verify(password: &str, stored: &Secret) -> Result<bool, TrustError> {
    let text = std::str::from_utf8(&stored.0).map_err(|e| TrustError::Hash(e.to_string()))?;
    let hash = PasswordHash::new(text).map_err(|e| TrustError::Hash(e.to_string()))?;
    match function()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(TrustError::Hash(error.to_string())),
    }
}

/// A password to hand out: 20 characters in five groups, 100 bits.
pub fn generate(rng: &dyn Rng) -> String {
    let mut bytes = [0; 20];
    rng.fill(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use base::rng::SystemRng;

    use super::*;

    #[test]
    fn hashes_and_verifies() {
        let stored = hash("correct horse", &SystemRng).unwrap();
        let text = String::from_utf8(stored.0.to_vec()).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert!(verify("correct horse", &stored).unwrap());
        assert!(!verify("correct horsf", &stored).unwrap());
        assert_ne!(hash("correct horse", &SystemRng).unwrap(), stored, "salted");
        assert!(verify("x", &Secret(b"plain".as_slice().into())).is_err());
    }

    #[test]
    fn refuses_the_short_and_the_endless() {
        assert!(hash("short", &SystemRng).is_err());
        assert!(hash(&"x".repeat(PASSWORD_MAX + 1), &SystemRng).is_err());
    }

    #[test]
    fn generates_what_it_accepts() {
        let (a, b) = (generate(&SystemRng), generate(&SystemRng));
        assert_ne!(a, b);
        assert_eq!(a.len(), 24);
        assert!(check(&a).is_ok());
    }
}
