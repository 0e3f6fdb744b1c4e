//! DER (X.690) as far as Kerberos, SPNEGO and certificates need it: one-byte tags, definite lengths, no recursion.
//! A reader borrows; who reads decides how deep.

/// What is not DER, or not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed DER")]
pub struct DerError;

/// BOOLEAN, INTEGER and so on: the identifier octets used here.
pub mod tag {
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// GeneralizedTime.
    pub const TIME: u8 = 0x18;
    /// GeneralString.
    pub const GENERAL_STRING: u8 = 0x1b;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;

    /// A constructed context-specific tag.
    pub const fn context(number: u8) -> u8 {
        0xa0 | number
    }
    /// A constructed application tag.
    pub const fn application(number: u8) -> u8 {
        0x60 | number
    }
}

/// Reads elements from front to back.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Over some bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left, unread.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next element: its tag and contents.
    ///
    /// # Errors
    /// Where there is none, or its tag or length is not one of DER's.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        let (&[tag, first], rest) = self.0.split_first_chunk().ok_or(DerError)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(DerError)?;
                (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
            }
            _ => return Err(DerError),
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(DerError)?;
        self.0 = rest;
        Ok((tag, contents))
    }

    /// The contents of the next element, which has this tag.
    ///
    /// # Errors
    /// Where it is another.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        self.optional(tag)?.ok_or(DerError)
    }

    /// The contents of the next element if it has this tag; otherwise it stays unread.
    ///
    /// # Errors
    /// Where what follows is no element.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.0.first() != Some(&tag) {
            return Ok(None);
        }
        self.element().map(|(_, contents)| Some(contents))
    }

    /// A reader of the next element's contents, which has this tag.
    ///
    /// # Errors
    /// Where it is another.
    pub fn inside(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.expect(tag).map(Reader)
    }

    /// The field `[number]` (explicitly tagged) of this inner tag: the inner contents.
    ///
    /// # Errors
    /// Where it is absent, or something else.
    pub fn field(&mut self, number: u8, inner: u8) -> Result<&'a [u8], DerError> {
        self.optional_field(number, inner)?.ok_or(DerError)
    }

    /// The same, where it may be absent.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn optional_field(&mut self, number: u8, inner: u8) -> Result<Option<&'a [u8]>, DerError> {
        let Some(outer) = self.optional(tag::context(number))? else { return Ok(None) };
        let mut outer = Reader(outer);
        let contents = outer.expect(inner)?;
        if outer.is_empty() { Ok(Some(contents)) } else { Err(DerError) }
    }

    /// The INTEGER `[number]`.
    ///
    /// # Errors
    /// Where it is absent, or longer than eight bytes.
    pub fn integer(&mut self, number: u8) -> Result<i64, DerError> {
        to_integer(self.field(number, tag::INTEGER)?)
    }
}

/// An INTEGER's value.
///
/// # Errors
/// Where it is empty, or longer than eight bytes.
pub fn to_integer(contents: &[u8]) -> Result<i64, DerError> {
    let (&first, _) = contents.split_first().ok_or(DerError)?;
    if contents.len() > 8 {
        return Err(DerError);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(contents.iter().fold(sign, |sum, &byte| sum << 8 | i64::from(byte)))
}

/// An element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    let bytes = length.to_be_bytes();
    match bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len()) {
        _ if length < 0x80 => out.push(length as u8),
        zeros => {
            out.push(0x80 | (bytes.len() - zeros) as u8);
            out.extend_from_slice(&bytes[zeros..]);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// A SEQUENCE of elements.
pub fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    element(tag::SEQUENCE, &elements.concat())
}

/// An element under an explicit context tag.
pub fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    element(tag::context(number), inner)
}

/// An INTEGER.
pub fn integer(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let redundant = |pair: &&[u8]| {
        matches!(pair, [0, next, ..] if next & 0x80 == 0)
            || matches!(pair, [0xff, next, ..] if next & 0x80 != 0)
    };
    let skip = bytes.windows(2).take_while(redundant).count();
    element(tag::INTEGER, &bytes[skip..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_come_back(value: i64) {
            let bytes = integer(value);
            prop_assert_eq!(to_integer(Reader::new(&bytes).expect(tag::INTEGER).unwrap()), Ok(value));
        }

        #[test]
        fn elements_come_back(tag in 0u8..0x1f, length in 0usize..70_000) {
            let contents = vec![7; length];
            let bytes = element(tag, &contents);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.element(), Ok((tag, &*contents)));
            prop_assert!(reader.is_empty());
            prop_assert!(Reader::new(&bytes[..bytes.len() - 1]).element().is_err());
        }
    }

    #[test]
    fn shortest_integers() {
        for (value, bytes) in [(0, "\0"), (127, "\x7f"), (128, "\0\u{0}")] {
            assert_eq!(integer(value).len(), bytes.len() + 2, "{value}");
        }
        assert_eq!(integer(-1), [2, 1, 0xff]);
        assert_eq!(integer(-129), [2, 2, 0xff, 0x7f]);
    }

    #[test]
    fn what_is_not_der() {
        for bad in
            [&[][..], &[2], &[2, 0x80, 0, 0], &[2, 0x85, 0, 0, 0, 0, 1, 0], &[0x1f, 1, 0], &[2, 0x82, 1]]
        {
            assert_eq!(Reader::new(bad).element(), Err(DerError), "{bad:?}");
        }
        assert_eq!(to_integer(&[]), Err(DerError));
        assert_eq!(to_integer(&[1; 9]), Err(DerError));
    }
}
