//! Where a header ends, its fields one by one, and unfolding (RFC 5322 section 2.2).

use memchr::memchr;

/// How much of a header is searched for fields, bytes. A longer header is still addressed exactly.
pub const HEADER_MAX: usize = 1 << 20;

/// Length of the header with the empty line that ends it; the whole length where no empty line comes.
///
/// Lines end with LF, with or without CR before it: stored messages are taken as they are.
pub fn header_len(message: &[u8]) -> usize {
    let mut line = 0;
    loop {
        match &message[line..] {
            [b'\n', ..] => return line + 1,
            [b'\r', b'\n', ..] => return line + 2,
            rest => match memchr(b'\n', rest) {
                Some(end) => line += end + 1,
                None => return message.len(),
            },
        }
    }
}

/// One field of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name as written, without the colon.
    pub name: &'a [u8],
    /// What follows the colon, folds included, the last line end excluded.
    pub value: &'a [u8],
    /// The whole field, with its line ends.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field called `name`.
    pub fn is(&self, name: impl AsRef<[u8]>) -> bool {
        self.name.eq_ignore_ascii_case(name.as_ref())
    }
}

/// The fields of a header in order, up to the empty line, the end or [`HEADER_MAX`]. Lines that are no
/// fields are passed over.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: &header[..header.len().min(HEADER_MAX)] }
}

/// The raw value of the first field called `name`.
pub fn field<'a>(header: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(header).find(|field| field.is(name)).map(|field| field.value)
}

/// Iterator over [`Field`]s; see [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            if matches!(self.rest, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
                return None;
            }
            let (first_line, len) = field_extent(self.rest);
            let (raw, rest) = self.rest.split_at(len);
            self.rest = rest;
            if let Some(colon) = memchr(b':', &raw[..first_line]) {
                let name = raw[..colon].trim_ascii_end();
                if is_field_name(name) {
                    return Some(Field { name, value: trim_line_end(&raw[colon + 1..]), raw });
                }
            }
        }
    }
}

/// Length of the first line and of the whole field with its continuation lines.
fn field_extent(bytes: &[u8]) -> (usize, usize) {
    let line_len = |from: usize| memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |end| from + end + 1);
    let first_line = line_len(0);
    let mut end = first_line;
    while matches!(bytes.get(end), Some(b' ' | b'\t')) {
        end = line_len(end);
    }
    (first_line, end)
}

fn is_field_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Appends the unfolded, trimmed value (no CR, LF or NUL), at most `max` bytes of it.
pub fn unfold_into(out: &mut Vec<u8>, value: &[u8], max: usize) {
    let value = value.trim_ascii();
    let value = &value[..value.len().min(max)];
    out.extend(value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_ends() {
        for (message, len) in [
            (&b""[..], 0),
            (b"\r\nbody", 2),
            (b"\nbody", 1),
            (b"A: b\r\n\r\nbody", 8),
            (b"A: b\n\nbody", 6),
            (b"A: b\r\nC: d", 10),
            (b"A: b\r\nC: d\r\n", 12),
        ] {
            assert_eq!(header_len(message), len, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn fields_in_order() {
        let header = b"From: a\r\n  b\r\nnonsense\r\nX y: no\r\nsubject :\r\nTo:c\r\n\r\nBody: x";
        let found: Vec<_> = fields(header).map(|f| (f.name, f.value)).collect();
        assert_eq!(found, [(&b"From"[..], &b" a\r\n  b"[..]), (b"subject", b""), (b"To", b"c")]);
        assert_eq!(field(header, "SUBJECT"), Some(&b""[..]));
        assert_eq!(field(header, "Body"), None);
        assert_eq!(fields(header).next().unwrap().raw, b"From: a\r\n  b\r\n");
    }

    #[test]
    fn unfolds() {
        let mut out = Vec::new();
        unfold_into(&mut out, b" a\r\n\tb\0c \r\n", 100);
        assert_eq!(out, b"a\tbc");
    }

    proptest::proptest! {
        #[test]
        fn raw_fields_lie_in_the_header(header: Vec<u8>) {
            let len = header_len(&header);
            proptest::prop_assert!(len <= header.len());
            let total: usize = fields(&header).map(|f| f.raw.len()).sum();
            proptest::prop_assert!(total <= len);
        }
    }
}
