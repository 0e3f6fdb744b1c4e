//! The chain: how an entry becomes a line, and a line an entry again.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Entry;

/// The longest line, bytes; a longer entry loses its properties.
pub(super) const LINE_MAX: usize = 1 << 20;
const HEX: usize = 64;

/// A SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of what follows an entry with this hash.
    pub fn then(self, text: &[u8]) -> Self {
        Hash(Sha256::new().chain_update(self.0).chain_update(text).finalize().into())
    }

    /// Reads 64 hexadecimal digits, in the one spelling that is written.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes = text.as_chunks::<2>().0.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?));
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        (text.len() == HEX).then_some(())?;
        Some(Hash(bytes.try_into().ok()?))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Hash::parse(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("not a SHA-256"))
    }
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    /// The last entry's number; 0 before the first.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its time.
    pub time: Timestamp,
}

/// The line of the entry behind `tip`, with its line end.
pub(super) fn line(tip: &Tip, entry: &mut Entry) -> serde_json::Result<(Tip, Vec<u8>)> {
    entry.number = tip.number + 1;
    let mut text = serde_json::to_vec(entry)?;
    if text.len() > LINE_MAX {
        entry.modified.clear();
        entry.parameters.iter_mut().for_each(|(_, value)| *value = value.chars().take(256).collect());
        text = serde_json::to_vec(entry)?;
    }
    let hash = tip.hash.then(&text);
    let mut line = format!("{hash} ").into_bytes();
    line.extend_from_slice(&text);
    line.push(b'\n');
    Ok((Tip { number: entry.number, hash, time: entry.time }, line))
}

/// A line taken apart: the hash it states, its text, and the entry in it.
pub(super) struct Read<'a> {
    pub(super) stated: Hash,
    pub(super) text: &'a [u8],
    pub(super) entry: Entry,
}

impl Read<'_> {
    pub(super) fn tip(&self) -> Tip {
        Tip { number: self.entry.number, hash: self.stated, time: self.entry.time }
    }
}

/// Reads a line (without its end).
pub(super) fn read(line: &[u8]) -> Option<Read<'_>> {
    let (hash, rest) = line.split_at_checked(HEX)?;
    let text = rest.strip_prefix(b" ")?;
    Some(Read { stated: Hash::parse(hash)?, text, entry: serde_json::from_slice(text).ok()? })
}

/// The whole lines of a segment, and how many bytes they take; what follows the last line end is torn.
pub(super) fn lines(bytes: &[u8]) -> (impl DoubleEndedIterator<Item = &[u8]>, usize) {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let text = &bytes[..whole.saturating_sub(1)];
    (text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()), whole)
}
