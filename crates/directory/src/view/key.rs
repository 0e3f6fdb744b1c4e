//! Index keys: a key space and a text without case, as 16 bytes.
//!
//! Keys are keyed hashes (two SipHash values under secrets drawn per process), so that an index entry holds
//! no text and copying a tree node allocates nothing. Two texts share a key with probability 2⁻¹²⁸, and
//! nobody outside can look for such a pair.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// A key of a view's indexes; meaningless outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key([u64; 2]);

impl Key {
    /// The key of a text in the key space of that letter.
    pub(crate) fn new(space: char, text: &str) -> Self {
        Self::of_parts(space, &[text])
    }

    /// The key of several texts one after the other.
    pub(crate) fn of_parts(space: char, parts: &[&str]) -> Self {
        static SECRETS: OnceLock<[RandomState; 2]> = OnceLock::new();
        let secrets = SECRETS.get_or_init(|| [RandomState::new(), RandomState::new()]);
        Key([0, 1].map(|i: usize| {
            let mut hasher = secrets[i].build_hasher();
            hasher.write_u32(u32::from(space));
            parts.iter().for_each(|part| write_folded(&mut hasher, part));
            hasher.finish()
        }))
    }
}

/// The text in lower case, in chunks.
fn write_folded(hasher: &mut impl Hasher, text: &str) {
    if !text.is_ascii() {
        return hasher.write(text.to_lowercase().as_bytes());
    }
    let mut chunk = [0; 64];
    for bytes in text.as_bytes().chunks(chunk.len()) {
        for (lower, byte) in chunk.iter_mut().zip(bytes) {
            *lower = byte.to_ascii_lowercase();
        }
        hasher.write(&chunk[..bytes.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_without_case_and_apart_by_space() {
        let long = "x".repeat(100);
        assert_eq!(Key::new('a', "smtp:Nuno@X.test"), Key::of_parts('a', &["SMTP:", "nuno@x.TEST"]));
        assert_eq!(Key::new('n', "ÜNAL"), Key::new('n', "ünal"));
        assert_eq!(Key::new('n', &long), Key::new('n', &long.to_uppercase()));
        assert_ne!(Key::new('n', "nuno"), Key::new('l', "nuno"));
        assert_ne!(Key::new('n', &long), Key::new('n', &long[1..]));
    }
}
