//! `cargo xtask COMMAND`: see `USAGE`.
#![expect(clippy::print_stderr, reason = "a command line tool reports on standard error")]

use std::process::ExitCode;

use xtask::{Outcome, golden, root, server, tidy, verify};

const USAGE: &str = "cargo xtask COMMAND
  verify             the whole gate: format, lints, tidiness, tests with golden sessions, licences
  tidy               what prose cannot enforce: dependency direction, seams, file heads, leftovers
  golden [FILTER]    plays the golden sessions whose name holds FILTER (smtp, imap/03 …);
                     UPDATE=1 rewrites what they expect
  The server is built from this workspace unless RIALTO_BIN names a binary.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["verify"] => verify::run(),
        ["tidy"] => tidy::run(root()),
        ["golden"] => play(None),
        ["golden", filter] => play(Some(filter)),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn play(filter: Option<&str>) -> Outcome<()> {
    let sessions = golden::find(&root().join("tests/sessions"), filter)?;
    if sessions.is_empty() {
        return Err("no session has such a name".to_owned());
    }
    golden::run(&sessions, &server::build(false)?, std::env::var_os("UPDATE").is_some())
}
