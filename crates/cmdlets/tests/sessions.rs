//! Plays the sessions of `tests/sessions`: what is typed at the prompt and what the console then shows.
//!
//! `PS> line` types a line, `PS< line` continues it, `| text` is the output (blanks at line ends and blank
//! lines at either end do not count; `{*}` stands for anything within a line). `@ …` directs the world
//! around (`tests/support/world.rs`). `UPDATE=1` rewrites the output with what was printed, where it does
//! not match.

mod support;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use support::console::Console;

/// How long what is looked at may take to be so.
const PATIENCE: Duration = Duration::from_secs(5);

/// What stands in a session's file, in order.
enum Line {
    Typed { lines: Vec<String>, expected: Vec<String> },
    Direction(String),
    Other(String),
}

fn read(text: &str) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("PS> ") {
            all.push(Line::Typed { lines: vec![typed.to_owned()], expected: Vec::new() });
        } else if let (Some(typed), Some(Line::Typed { lines, .. })) =
            (line.strip_prefix("PS< "), all.last_mut())
        {
            lines.push(typed.to_owned());
        } else if let (Some(output), Some(Line::Typed { expected, .. })) =
            (line.strip_prefix('|'), all.last_mut())
        {
            expected.push(output.strip_prefix(' ').unwrap_or(output).to_owned());
        } else if let Some(direction) = line.strip_prefix("@ ") {
            all.push(Line::Direction(direction.to_owned()));
        } else {
            all.push(Line::Other(line.to_owned()));
        }
    }
    all
}

/// Without blanks at line ends and blank lines around.
fn trimmed(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> =
        lines.map(|l| l.trim_end().to_owned()).skip_while(|line| line.is_empty()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Whether a line is as expected, where `{*}` is anything.
fn fits(expected: &str, shown: &str) -> bool {
    let mut parts = expected.split("{*}");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = shown.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn play(path: &Path, update: bool) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let mut console = Console::new();
    let (mut wrong, mut updated) = (Vec::new(), String::new());
    for line in read(&text) {
        match line {
            Line::Other(text) => updated.push_str(&format!("{text}\n")),
            Line::Direction(direction) => {
                console.direct(&direction);
                updated.push_str(&format!("@ {direction}\n"));
            }
            Line::Typed { lines, expected } => {
                let typed = lines.join("\n");
                let wanted = trimmed(expected.into_iter());
                let mut look = || trimmed(console.type_line(&typed).lines().map(str::to_owned));
                let is_alike = |shown: &[String]| {
                    shown.len() == wanted.len() && shown.iter().zip(&wanted).all(|(s, w)| fits(w, s))
                };
                let (mut shown, begun) = (look(), Instant::now());
                // What happens behind a call (a message is tracked) may still be on its way.
                while typed.starts_with("Get-") && !update && !is_alike(&shown) && begun.elapsed() < PATIENCE
                {
                    std::thread::sleep(PATIENCE / 100);
                    shown = look();
                }
                let alike = is_alike(&shown);
                if !alike {
                    let (wanted, shown) = (wanted.join("\n"), shown.join("\n"));
                    wrong.push(format!("PS> {typed}\n--- expected\n{wanted}\n--- shown\n{shown}"));
                }
                for (at, line) in lines.iter().enumerate() {
                    updated.push_str(&format!("PS{} {line}\n", if at == 0 { '>' } else { '<' }));
                }
                for (at, line) in shown.iter().enumerate() {
                    let kept = wanted.get(at).filter(|w| fits(w, line)).unwrap_or(line);
                    updated.push_str(format!("| {kept}").trim_end());
                    updated.push('\n');
                }
            }
        }
    }
    if update {
        fs::write(path, updated)?;
        return Ok(());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n\n").into()) }
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let update = std::env::var_os("UPDATE").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("sessions").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let trial = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || play(&path, update))
    };
    libtest_mimic::run(&arguments, paths.into_iter().map(trial).collect()).exit_code()
}
