//! From filter text to tokens. Typographic dashes and quotes count as their ASCII forms, as PowerShell reads them.

use crate::error::DirectoryError;

/// A token and where it starts, characters from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    /// `-eq`, `-and`, `!` (as `not`): lower case, without its dash.
    Operator(String),
    /// A bare word, number or `$variable`.
    Word(String),
    /// A quoted string, unquoted.
    Quoted(String),
}

const DASHES: &[char] = &['-', '–', '—', '―'];
const SINGLE: &[char] = &['\'', '‘', '’', '‚', '‛'];
const DOUBLE: &[char] = &['"', '“', '”', '„'];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, DirectoryError> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let position = at + 1;
        let kind = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' | '{' => single(&mut at, TokenKind::Open),
            ')' | '}' => single(&mut at, TokenKind::Close),
            '!' => single(&mut at, TokenKind::Operator("not".into())),
            c if SINGLE.contains(&c) => quoted(&chars, &mut at, SINGLE)?,
            c if DOUBLE.contains(&c) => quoted(&chars, &mut at, DOUBLE)?,
            c if DASHES.contains(&c) && chars.get(at + 1).is_some_and(|c| c.is_alphabetic()) => {
                at += 1;
                let word = take(&chars, &mut at, |c| c.is_ascii_alphanumeric());
                TokenKind::Operator(word.to_ascii_lowercase())
            }
            _ => TokenKind::Word(take(&chars, &mut at, |c| !c.is_whitespace() && !"(){}".contains(c))),
        };
        out.push(Token { kind, position });
    }
    Ok(out)
}

fn single(at: &mut usize, kind: TokenKind) -> TokenKind {
    *at += 1;
    kind
}

fn take(chars: &[char], at: &mut usize, keep: impl Fn(char) -> bool) -> String {
    let start = *at;
    while chars.get(*at).is_some_and(|c| keep(*c)) {
        *at += 1;
    }
    chars[start..*at].iter().collect()
}

/// A string up to its closing quote; a doubled quote stands for one, and in double quotes a back-tick
/// takes the next character as it is.
fn quoted(chars: &[char], at: &mut usize, quotes: &[char]) -> Result<TokenKind, DirectoryError> {
    let start = *at;
    let mut out = String::new();
    *at += 1;
    while let Some(&c) = chars.get(*at) {
        *at += 1;
        match (c, chars.get(*at)) {
            (c, Some(next)) if quotes.contains(&c) && quotes.contains(next) => {
                out.push(*next);
                *at += 1;
            }
            (c, _) if quotes.contains(&c) => return Ok(TokenKind::Quoted(out)),
            ('`', Some(&next)) if quotes == DOUBLE => {
                out.push(next);
                *at += 1;
            }
            (c, _) => out.push(c),
        }
    }
    Err(DirectoryError::Filter(format!("The quote at position {} isn't closed.", start + 1)))
}
