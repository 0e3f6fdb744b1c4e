//! Any text walks through the cursor: it moves forward, ends, and never leaves a character's boundary.
#![no_main]

use libfuzzer_sys::fuzz_target;
use powershell::lexer::{Cursor, ends_word, is_blank, is_dash, is_name_char};

fuzz_target!(|text: &str| {
    let mut cursor = Cursor::new(text);
    let mut last = 0;
    while !cursor.is_done() {
        let _ = (cursor.peek(), cursor.peek_at(1), cursor.previous(), cursor.peek_word());
        if !cursor.skip_lines() {
            break;
        }
        let word = cursor.take_while(|c| !ends_word(c));
        assert!(word.chars().all(|c| !is_blank(c)));
        cursor.eat_text("@\"");
        if cursor.peek().is_some_and(|c| is_dash(c) || is_name_char(c)) || word.is_empty() {
            cursor.bump();
        }
        assert!(cursor.at() > last || cursor.is_done());
        assert!(text.is_char_boundary(cursor.at() as usize));
        last = cursor.at();
    }
});
