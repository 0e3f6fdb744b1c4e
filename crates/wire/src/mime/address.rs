//! Address lists (RFC 5322 section 3.4 with the obsolete forms), read the forgiving way mail is written.

/// Addresses of one list that are reported; the rest of a longer list is passed over.
pub const ADDRESSES_MAX: usize = 4_096;

/// One step of an address list. Names are raw: encoded words are left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// `name <local@host>`
    Mailbox {
        /// Display name, or the comment that stands in for one, without its quotes.
        name: Option<&'a [u8]>,
        /// The local part, without its quotes.
        local: &'a [u8],
        /// The domain; empty where none was written.
        host: &'a [u8],
    },
    /// `name:` begins a group.
    Group(&'a [u8]),
    /// `;` ends it.
    EndOfGroup,
}

/// Reads a list, giving each address to `emit` in order. Groups are always closed.
pub fn parse_list(value: &[u8], emit: impl FnMut(Address<'_>)) {
    let mut list = List::new(emit);
    let mut rest = value;
    while list.emitted < ADDRESSES_MAX {
        let Some(token) = next_token(&mut rest, &mut list.scratch) else { break };
        list.take(token);
    }
    list.finish();
}

/// A lexical token; the text of words and comments is in the scratch buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Word,
    Comment,
    Special(u8),
}

/// Takes the next token off `rest`.
fn next_token(rest: &mut &[u8], scratch: &mut Vec<u8>) -> Option<Token> {
    scratch.clear();
    *rest = rest.trim_ascii_start();
    let (&first, after) = rest.split_first()?;
    match first {
        b'"' => {
            *rest = quoted(after, b'"', b'"', scratch);
            Some(Token::Word)
        }
        b'(' => {
            *rest = quoted(after, b'(', b')', scratch);
            Some(Token::Comment)
        }
        b'<' | b'>' | b'@' | b',' | b';' | b':' => {
            *rest = after;
            Some(Token::Special(first))
        }
        b'[' => {
            let end = after.iter().position(|&b| b == b']').map_or(rest.len(), |end| end + 2);
            push_clean(scratch, &rest[..end]);
            *rest = &rest[end..];
            Some(Token::Word)
        }
        _ => {
            let stop = |b: &u8| b.is_ascii_whitespace() || b"\"(<>@,;:".contains(b);
            let end = rest.iter().position(stop).unwrap_or(rest.len());
            push_clean(scratch, &rest[..end]);
            *rest = &rest[end..];
            Some(Token::Word)
        }
    }
}

/// Reads up to the closing mark, undoing `\` and counting nested opening marks of comments.
fn quoted<'a>(text: &'a [u8], open: u8, close: u8, out: &mut Vec<u8>) -> &'a [u8] {
    let mut depth = 1_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                push_clean(out, &text[at..text.len().min(at + 1)]);
                at += 1;
                continue;
            }
            _ if byte == close => depth -= 1,
            _ if byte == open => depth += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        push_clean(out, &[byte]);
    }
    &text[at.min(text.len())..]
}

fn push_clean(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
}

/// What the next word belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A display name, or a local part not yet followed by `@`.
    Phrase,
    /// The domain of an address without angle brackets.
    BareHost,
    /// `<` was read.
    AngleLocal,
    /// `<@` was read: an obsolete source route, up to its colon.
    Route,
    /// `<local@` was read.
    AngleHost,
    /// The address is complete; what follows up to the comma is noise.
    Done,
}

/// The list being read: what of the current address is known so far.
struct List<F> {
    emit: F,
    emitted: usize,
    scratch: Vec<u8>,
    mode: Mode,
    in_group: bool,
    phrase: Vec<u8>,
    /// Where the last word of the phrase begins.
    last_word: usize,
    comment: Vec<u8>,
    local: Vec<u8>,
    host: Vec<u8>,
}

impl<F: FnMut(Address<'_>)> List<F> {
    fn new(emit: F) -> Self {
        List {
            emit,
            emitted: 0,
            scratch: Vec::new(),
            mode: Mode::Phrase,
            in_group: false,
            phrase: Vec::new(),
            last_word: 0,
            comment: Vec::new(),
            local: Vec::new(),
            host: Vec::new(),
        }
    }

    fn take(&mut self, token: Token) {
        match (token, self.mode) {
            (Token::Comment, _) => std::mem::swap(&mut self.comment, &mut self.scratch),
            (Token::Word, mode) => self.word(mode),
            (Token::Special(b','), Mode::Route) => {}
            (Token::Special(b','), _) => self.flush(),
            (Token::Special(b';'), _) => self.end_group(),
            (Token::Special(b':'), Mode::Phrase) if !self.in_group => self.begin_group(),
            (Token::Special(b':'), Mode::Route) => self.mode = Mode::AngleLocal,
            (Token::Special(b'@'), Mode::Phrase) => {
                self.local.extend_from_slice(&self.phrase[self.last_word..]);
                self.phrase.truncate(self.last_word.saturating_sub(1));
                self.mode = Mode::BareHost;
            }
            (Token::Special(b'@'), Mode::AngleLocal) => {
                self.mode = if self.local.is_empty() { Mode::Route } else { Mode::AngleHost };
            }
            (Token::Special(b'<'), Mode::Phrase) => self.mode = Mode::AngleLocal,
            (Token::Special(b'<'), Mode::BareHost) => {
                // `a@b <a@b>`: an unquoted address as the display name.
                self.phrase.append(&mut self.local);
                self.phrase.push(b'@');
                self.phrase.append(&mut self.host);
                self.mode = Mode::AngleLocal;
            }
            (Token::Special(b'>'), Mode::AngleLocal | Mode::AngleHost | Mode::Route) => {
                self.mode = Mode::Done
            }
            (Token::Special(_), _) => {}
        }
    }

    fn word(&mut self, mode: Mode) {
        match mode {
            Mode::Phrase => {
                if !self.phrase.is_empty() {
                    self.phrase.push(b' ');
                }
                self.last_word = self.phrase.len();
                self.phrase.append(&mut self.scratch);
            }
            Mode::BareHost | Mode::AngleHost => self.host.append(&mut self.scratch),
            Mode::AngleLocal => self.local.append(&mut self.scratch),
            Mode::Route | Mode::Done => {}
        }
    }

    /// Emits the current address, if anything of one was written.
    fn flush(&mut self) {
        if self.mode == Mode::Phrase {
            std::mem::swap(&mut self.local, &mut self.phrase);
        }
        if !self.local.is_empty() || !self.host.is_empty() || !self.phrase.is_empty() {
            let name = if self.phrase.is_empty() { &self.comment } else { &self.phrase };
            let name = Some(name.as_slice()).filter(|name| !name.is_empty());
            self.emitted += 1;
            (self.emit)(Address::Mailbox { name, local: &self.local, host: &self.host });
        }
        self.reset();
    }

    fn begin_group(&mut self) {
        self.in_group = true;
        self.emitted += 1;
        (self.emit)(Address::Group(&self.phrase));
        self.reset();
    }

    fn end_group(&mut self) {
        self.flush();
        if self.in_group {
            self.in_group = false;
            (self.emit)(Address::EndOfGroup);
        }
    }

    fn finish(&mut self) {
        if self.emitted < ADDRESSES_MAX {
            self.flush();
        }
        self.reset();
        self.end_group();
    }

    fn reset(&mut self) {
        for buffer in [&mut self.phrase, &mut self.comment, &mut self.local, &mut self.host] {
            buffer.clear();
        }
        self.last_word = 0;
        self.mode = Mode::Phrase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(value: &str) -> String {
        let mut out = String::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        parse_list(value.as_bytes(), |address| match address {
            Address::Mailbox { name, local, host } => {
                let name = name.map_or("-".into(), text);
                out.push_str(&format!("[{name}|{}|{}]", text(local), text(host)));
            }
            Address::Group(name) => out.push_str(&format!("{}{{", text(name))),
            Address::EndOfGroup => out.push('}'),
        });
        out
    }

    #[test]
    fn forms() {
        for (value, expected) in [
            ("a@b.c", "[-|a|b.c]"),
            ("a@b.c,, d@e", "[-|a|b.c][-|d|e]"),
            ("Ann Lee <a@b.c>", "[Ann Lee|a|b.c]"),
            ("\"Lee, \\\"Ann\\\"\" <a@b.c>", "[Lee, \"Ann\"|a|b.c]"),
            ("=?utf-8?q?=C3=A9?= <a@b.c>", "[=?utf-8?q?=C3=A9?=|a|b.c]"),
            ("a@b.c (Ann (the) Lee)", "[Ann the Lee|a|b.c]".replace("the", "(the)").as_str()),
            ("a@b.c <a@b.c>", "[a@b.c|a|b.c]"),
            ("Ann a@b.c", "[Ann|a|b.c]"),
            ("\"a b\"@c", "[-|a b|c]"),
            ("<@r1,@r2:a@b>", "[-|a|b]"),
            ("<>", ""),
            ("root", "[-|root|]"),
            ("a@[1.2.3.4]", "[-|a|[1.2.3.4]]"),
            ("Team: a@b, C <c@d>; e@f", "Team{[-|a|b][C|c|d]}[-|e|f]"),
            ("undisclosed-recipients:;", "undisclosed-recipients{}"),
            ("g: a@b", "g{[-|a|b]}"),
            ("Ann\r\n Lee <a@\r\n b>", "[Ann Lee|a|b]"),
            ("Ann <a@b", "[Ann|a|b]"),
            ("\"unclosed <a@b>", "[-|unclosed <a@b>|]"),
        ] {
            assert_eq!(show(value), expected, "{value}");
        }
    }

    #[test]
    fn long_lists_are_cut_and_closed() {
        let mut count = 0;
        let mut open = 0_i32;
        parse_list(("g:".to_owned() + &"a@b,".repeat(100_000)).as_bytes(), |address| match address {
            Address::Mailbox { .. } => count += 1,
            Address::Group(_) => open += 1,
            Address::EndOfGroup => open -= 1,
        });
        assert_eq!((count, open), (ADDRESSES_MAX - 1, 0));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_closes_groups(value in "[ab<>@,;:\"()\\\\\\[\\] \r\n.]{0,60}") {
            let mut open = 0_i32;
            parse_list(value.as_bytes(), |address| match address {
                Address::Group(_) => open += 1,
                Address::EndOfGroup => open -= 1,
                Address::Mailbox { .. } => {}
            });
            proptest::prop_assert_eq!(open, 0);
        }
    }
}
