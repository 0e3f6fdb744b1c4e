//! Characters and their classes, and a cursor over the text.
//!
//! PowerShell's words depend on where they stand (command or expression mode), so there is no token stream:
//! the parser asks the cursor for what it expects. Typographic dashes and quotes count as plain ones.

mod cursor;

pub use cursor::Cursor;

/// `-` and the en dash, em dash and horizontal bar that word processors make of it.
pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
}

/// `'` and its typographic forms.
pub fn is_single_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201b}')
}

/// `"` and its typographic forms.
pub fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}'..='\u{201e}')
}

/// Blanks within a line.
pub fn is_blank(c: char) -> bool {
    c != '\n' && c != '\r' && (c.is_whitespace() || c == '\u{feff}')
}

/// Letters, digits and the underscore; `?` is one as well in variable names.
pub fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What ends a bare word in command mode.
pub fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')' | '{' | '}' | ',' | '<' | '>')
}

/// What a backtick makes of a character.
pub fn escape(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        other => other,
    }
}
