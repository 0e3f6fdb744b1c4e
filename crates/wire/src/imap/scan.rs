//! The tokens of IMAP (RFC 3501 section 9), taken one by one off a whole command.

use std::borrow::Cow;

use bytes::Bytes;

use crate::imap::utf7;

/// Why a command is `BAD`: text for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub &'static str);

/// What a parser returns.
pub type Parsed<T> = Result<T, ParseError>;

/// A reader over one command, literals inline.
#[derive(Debug)]
pub struct Scanner<'a> {
    command: &'a Bytes,
    at: usize,
    /// Mailbox names are UTF-8, not modified UTF-7.
    utf8: bool,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of a command whose last line end is cut off.
    pub fn new(command: &'a Bytes) -> Self {
        Self::with_names(command, false)
    }

    /// The same, where mailbox names may be UTF-8 (RFC 6855, RFC 9051 section 5.1).
    pub fn with_names(command: &'a Bytes, utf8: bool) -> Self {
        Scanner { command, at: 0, utf8 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.command[self.at..]
    }

    /// The next byte, not taken.
    pub fn peek(&self) -> Option<u8> {
        self.command.get(self.at).copied()
    }

    /// Takes `byte` if it is next.
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `word`, in any case, if it is next.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Whether `word`, in any case, is next.
    pub fn starts_with(&self, word: &str) -> bool {
        self.rest().get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Takes `byte` or fails.
    pub fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.take(byte) { Ok(()) } else { Err(ParseError("Invalid arguments: unexpected character")) }
    }

    /// Takes the one space between arguments.
    pub fn space(&mut self) -> Parsed<()> {
        if self.take(b' ') { Ok(()) } else { Err(ParseError("Missing argument")) }
    }

    /// Succeeds at the end of the command only.
    pub fn end(&self) -> Parsed<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(ParseError("Too many arguments")) }
    }

    /// Takes the longest run of bytes that `accept` holds for; fails on an empty one.
    fn run(&mut self, accept: impl Fn(u8) -> bool) -> Parsed<&'a [u8]> {
        let rest = self.rest();
        let len = rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
        self.at += len;
        if len == 0 { Err(ParseError("Invalid or missing argument")) } else { Ok(&rest[..len]) }
    }

    /// An atom, as text.
    pub fn atom(&mut self) -> Parsed<&'a str> {
        Self::text(self.run(is_atom_byte)?)
    }

    /// A tag.
    pub fn tag(&mut self) -> Parsed<&'a str> {
        Self::text(self.run(|b| (is_atom_byte(b) || b == b']') && b != b'+')?)
    }

    /// A name made of letters, digits, `.`, `-`, `=` and the like: commands, items, keys.
    pub fn word(&mut self) -> Parsed<&'a str> {
        Self::text(self.run(|b| b.is_ascii_alphanumeric() || b".-=_".contains(&b))?)
    }

    fn text(bytes: &'a [u8]) -> Parsed<&'a str> {
        std::str::from_utf8(bytes).map_err(|_| ParseError("Invalid character in argument"))
    }

    /// A number of 32 bits.
    pub fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| ParseError("Number too large"))
    }

    /// A number of 63 bits, the most a modification sequence may have (RFC 7162).
    pub fn number64(&mut self) -> Parsed<u64> {
        let digits = self.run(|b| b.is_ascii_digit()).map_err(|_| ParseError("Number expected"))?;
        let number = Self::text(digits)?.parse::<i64>().map_err(|_| ParseError("Number too large"))?;
        Ok(number.unsigned_abs())
    }

    /// A quoted string or a literal.
    pub fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => Ok(Cow::Borrowed(self.literal_range().map(|range| &self.command[range])?)),
            _ => Err(ParseError("String expected")),
        }
    }

    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let start = self.at + 1;
        let mut unescaped: Option<Vec<u8>> = None;
        let mut at = start;
        loop {
            let byte = *self.command.get(at).ok_or(ParseError("Missing closing quote"))?;
            match byte {
                b'"' => break,
                b'\\' => {
                    let so_far = unescaped.get_or_insert_with(|| self.command[start..at].to_vec());
                    at += 1;
                    match self.command.get(at) {
                        Some(&escaped @ (b'"' | b'\\')) => so_far.push(escaped),
                        _ => return Err(ParseError("Invalid escape in quoted string")),
                    }
                }
                b'\r' | b'\n' | 0 => return Err(ParseError("Invalid character in quoted string")),
                _ => {
                    if let Some(text) = &mut unescaped {
                        text.push(byte);
                    }
                }
            }
            at += 1;
        }
        self.at = at + 1;
        Ok(unescaped.map_or(Cow::Borrowed(&self.command[start..at]), Cow::Owned))
    }

    fn literal_range(&mut self) -> Parsed<std::ops::Range<usize>> {
        self.expect(b'{')?;
        let len = self.number64()?;
        self.take(b'+');
        self.expect(b'}')?;
        self.take(b'\r');
        self.expect(b'\n')?;
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let end = end.filter(|end| *end <= self.command.len()).ok_or(ParseError("Literal too large"))?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    /// A literal, shared with the command's buffer and not copied.
    pub fn literal(&mut self) -> Parsed<Bytes> {
        self.literal_range().map(|range| self.command.slice(range))
    }

    /// A literal, or a binary one: `~{n}` (RFC 3516), which may hold NUL.
    pub fn binary_literal(&mut self) -> Parsed<Bytes> {
        self.take(b'~');
        self.literal()
    }

    /// An atom (`]` allowed), a quoted string or a literal.
    pub fn astring(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => self.run(|b| is_atom_byte(b) || b == b']').map(Cow::Borrowed),
        }
    }

    /// `NIL`, a quoted string or a literal.
    pub fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        if self.take_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    /// An astring that is text.
    pub fn text_string(&mut self) -> Parsed<String> {
        let bytes = self.astring()?.into_owned();
        let text = String::from_utf8(bytes).map_err(|_| ParseError("Text is not UTF-8"))?;
        if text.contains('\0') { Err(ParseError("NUL in text")) } else { Ok(text) }
    }

    /// A mailbox name, decoded from modified UTF-7.
    pub fn mailbox(&mut self) -> Parsed<String> {
        let raw = self.astring()?;
        self.name(&raw)
    }

    /// A mailbox name with `*` and `%` in it (LIST).
    pub fn list_mailbox(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(b'"' | b'{') => self.mailbox(),
            _ => {
                let utf8 = self.utf8;
                let raw = self.run(|b| is_atom_byte(b) || b"]%*".contains(&b) || (utf8 && b >= 0x80))?;
                self.name(raw)
            }
        }
    }

    /// A mailbox name from its bytes.
    fn name(&self, raw: &[u8]) -> Parsed<String> {
        let plain = || std::str::from_utf8(raw).ok().map(str::to_owned);
        let name = if self.utf8 { plain() } else { utf7::decode(raw) };
        let name = name.ok_or(ParseError("Invalid mailbox name"))?;
        if name.chars().any(char::is_control) { Err(ParseError("Invalid mailbox name")) } else { Ok(name) }
    }

    /// `(` item SP item … `)`, at most `max` items; empty where `empty` allows it.
    pub fn list<T>(
        &mut self,
        max: usize,
        empty: bool,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        if empty && self.take(b')') {
            return Ok(items);
        }
        loop {
            if items.len() == max {
                return Err(ParseError("List too long"));
            }
            items.push(item(self)?);
            if self.take(b')') {
                return Ok(items);
            }
            self.space()?;
        }
    }
}

/// RFC 3501 `ATOM-CHAR`: printable ASCII without the atom specials.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan<T>(text: &str, read: impl FnOnce(&mut Scanner<'_>) -> T) -> T {
        read(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn strings() {
        for (text, value) in [
            ("atom] x", Ok("atom]")),
            ("\"a \\\"b\\\\\"", Ok("a \"b\\")),
            ("{3}\r\na\"b", Ok("a\"b")),
            ("{2+}\r\nab", Ok("ab")),
            ("{9}\r\nab", Err("Literal too large")),
            ("\"a", Err("Missing closing quote")),
            ("\"\\a\"", Err("Invalid escape in quoted string")),
            ("(", Err("Invalid or missing argument")),
        ] {
            let read = scan(text, |s| s.astring().map(|v| String::from_utf8_lossy(&v).into_owned()));
            assert_eq!(read, value.map(str::to_owned).map_err(ParseError), "{text}");
        }
    }

    #[test]
    fn numbers_and_lists() {
        assert_eq!(scan("4294967295", |s| s.number()), Ok(u32::MAX));
        assert!(scan("4294967296", |s| s.number()).is_err());
        assert!(scan("9223372036854775808", |s| s.number64()).is_err());
        assert!(scan("-1", |s| s.number()).is_err());
        assert_eq!(scan("(1 2 3)", |s| s.list(3, false, Scanner::number)), Ok(vec![1, 2, 3]));
        assert!(scan("(1 2 3)", |s| s.list(2, false, Scanner::number)).is_err());
        assert!(scan("()", |s| s.list(2, false, Scanner::number)).is_err());
        assert_eq!(scan("()", |s| s.list(2, true, Scanner::number)), Ok(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a{}0-9\"\\\\() \r\n+&-]{0,30}") {
            scan(&text, |s| { s.astring().ok(); s.literal().ok(); s.mailbox().ok(); s.nstring().ok().is_some() });
        }
    }
}
