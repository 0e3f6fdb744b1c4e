//! The byte form of rows: little-endian base-128 numbers, length-prefixed text, fixed bytes.
//!
//! Every row begins with a version byte, so that rows of different ages can lie side by side.

use crate::StoreError;

/// A value of one table.
pub(crate) trait Row: Sized {
    /// For error texts.
    const NAME: &'static str;
    /// Appends the byte form, version byte first.
    fn encode(&self, out: &mut Writer);
    /// Reads what [`Row::encode`] wrote; `None` when damaged.
    fn decode(from: &mut Reader<'_>) -> Option<Self>;

    /// Decodes a whole value.
    fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        Self::decode(&mut Reader(bytes)).ok_or(StoreError::Row(Self::NAME))
    }
    /// Encodes into a fresh buffer.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.encode(&mut out);
        out.0
    }
}

/// Rows that are one number carry no version byte.
impl Row for u64 {
    const NAME: &'static str = "number";
    fn encode(&self, out: &mut Writer) {
        out.number(*self);
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.number()
    }
}

/// Collects a row's bytes.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
    /// Seven bits a byte, low first.
    pub(crate) fn number(&mut self, value: impl Into<u64>) {
        let mut value: u64 = value.into();
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
    /// Eight bytes: for times and other numbers that are always large.
    pub(crate) fn fixed(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    /// Length, then bytes.
    pub(crate) fn blob(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }
    /// Length, then UTF-8.
    pub(crate) fn text(&mut self, value: &str) {
        self.blob(value.as_bytes());
    }
}

/// Takes a row apart.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }
    /// The version byte, where it is one this server knows.
    pub(crate) fn version(&mut self, newest: u8) -> Option<u8> {
        self.byte().filter(|version| (1..=newest).contains(version))
    }
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }
    pub(crate) fn fixed(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }
    pub(crate) fn blob(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.blob()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_texts_round_trip(n: u64, i: i64, text: String, tail: Vec<u8>) {
            let mut out = Writer::default();
            out.number(n);
            out.fixed(i);
            out.text(&text);
            out.bytes(&tail);
            let mut from = Reader(&out.0);
            prop_assert_eq!(from.number(), Some(n));
            prop_assert_eq!(from.fixed(), Some(i));
            prop_assert_eq!(from.text(), Some(text.as_str()));
            prop_assert_eq!(from.0, &tail[..]);
        }

        #[test]
        fn damaged_bytes_never_panic(bytes: Vec<u8>) {
            let mut from = Reader(&bytes);
            while from.number().is_some() && from.blob().is_some() {}
        }
    }

    #[test]
    fn overlong_numbers_are_refused() {
        assert_eq!(Reader(&[0xff; 10]).number(), None);
        assert_eq!(Reader(&[0x80; 11]).number(), None);
        assert_eq!(Reader(&[]).number(), None);
    }
}
