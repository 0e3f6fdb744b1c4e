//! Plays the sessions of `tests/sessions`: what is typed at the prompt and what the console then shows.
//!
//! `PS> line` types a line, `PS< line` continues it, `| text` is the output (blanks at line ends and blank
//! lines at its end do not count), `@ answer text` keeps an answer for the next question. `UPDATE=1` rewrites the
//! output with what was printed.

use std::{fs, path::Path};

use crate::support::Console;

/// One typed command and what is expected of it.
#[derive(Default)]
struct Exchange {
    before: Vec<String>,
    typed: Vec<String>,
    expected: Vec<String>,
}

fn read(text: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let mut before = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("PS> ") {
            let before = std::mem::take(&mut before);
            all.push(Exchange { before, typed: vec![typed.to_owned()], expected: Vec::new() });
        } else if let (Some(typed), Some(last)) = (line.strip_prefix("PS< "), all.last_mut()) {
            last.typed.push(typed.to_owned());
        } else if let (Some(output), Some(last)) = (line.strip_prefix('|'), all.last_mut()) {
            last.expected.push(output.strip_prefix(' ').unwrap_or(output).to_owned());
        } else {
            before.push(line.to_owned());
        }
    }
    all
}

fn trimmed(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.map(|l| l.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn play(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the session is readable");
    let mut console = Console::new();
    let mut wrong = Vec::new();
    let mut updated = String::new();
    for exchange in read(&text) {
        let answers = exchange.before.iter().filter_map(|line| line.strip_prefix("@ answer"));
        answers.for_each(|answer| console.answer(answer.trim()));
        let typed = exchange.typed.join("\n");
        let shown = console.type_line(&typed);
        let shown = trimmed(shown.lines().map(str::to_owned));
        let expected = trimmed(exchange.expected.iter().cloned());
        if shown != expected {
            wrong.push(format!(
                "{}: {typed}\n--- expected\n{}\n--- shown\n{}",
                path.display(),
                expected.join("\n"),
                shown.join("\n")
            ));
        }
        for line in &exchange.before {
            updated.push_str(&format!("{line}\n"));
        }
        for (at, line) in exchange.typed.iter().enumerate() {
            updated.push_str(&format!("PS{} {line}\n", if at == 0 { '>' } else { '<' }));
        }
        for line in &shown {
            updated.push_str(format!("| {line}").trim_end());
            updated.push('\n');
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, updated).expect("the session is writable");
        return Vec::new();
    }
    wrong
}

#[test]
fn sessions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("sessions").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 5);
    let wrong: Vec<String> = paths.iter().flat_map(|path| play(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
