//! A place in the text, moving forward.

use super::{is_blank, is_name_char};
use crate::ast::Span;

/// Walks over a text of at most 4 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    /// At the start of `text`.
    pub fn new(text: &'t str) -> Self {
        Cursor { text, at: 0 }
    }
    /// The offset in bytes.
    pub fn at(&self) -> u32 {
        self.at as u32
    }
    /// Goes back to an offset got from [`Cursor::at`].
    pub fn back_to(&mut self, at: u32) {
        self.at = at as usize;
    }
    /// What is left.
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }
    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    /// The `n`-th next character, from 0.
    pub fn peek_at(&self, n: usize) -> Option<char> {
        self.rest().chars().nth(n)
    }
    /// The character before.
    pub fn previous(&self) -> Option<char> {
        self.text.get(..self.at).and_then(|t| t.chars().next_back())
    }
    /// Takes the next character.
    pub fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }
    /// Takes `n` characters.
    pub fn bump_n(&mut self, n: usize) {
        for _ in 0..n {
            self.bump();
        }
    }
    /// Takes the next character if it is `c`.
    pub fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.bump();
        }
        found
    }
    /// Takes this text if it is next.
    pub fn eat_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }
    /// True at the end.
    pub fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }
    /// From an earlier offset to here.
    pub fn span_from(&self, start: u32) -> Span {
        Span { start, end: self.at() }
    }
    /// The text from an earlier offset to here.
    pub fn text_from(&self, start: u32) -> &'t str {
        self.text.get(start as usize..self.at).unwrap_or_default()
    }
    /// Takes characters while they fit.
    pub fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let start = self.at();
        while self.peek().is_some_and(&fits) {
            self.bump();
        }
        self.text_from(start)
    }
    /// The word of name characters that is next, not taken.
    pub fn peek_word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    /// Skips blanks, comments and escaped line ends; `false` where a comment is not closed.
    pub fn skip_blanks(&mut self) -> bool {
        loop {
            match self.peek() {
                Some(c) if is_blank(c) => {
                    self.bump();
                }
                Some('`') => match self.peek_at(1) {
                    Some('\n') => self.bump_n(2),
                    Some('\r') => self.bump_n(if self.peek_at(2) == Some('\n') { 3 } else { 2 }),
                    _ => return true,
                },
                Some('#') => {
                    self.take_while(|c| c != '\n' && c != '\r');
                }
                Some('<') if self.peek_at(1) == Some('#') => match self.rest().find("#>") {
                    Some(end) => self.at += end + 2,
                    None => {
                        self.at = self.text.len();
                        return false;
                    }
                },
                _ => return true,
            }
        }
    }

    /// Skips blanks, comments and line ends; `false` where a comment is not closed.
    pub fn skip_lines(&mut self) -> bool {
        loop {
            if !self.skip_blanks() {
                return false;
            }
            if !(self.eat('\n') || self.eat('\r')) {
                return true;
            }
        }
    }
}
