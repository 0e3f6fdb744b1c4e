//! Every golden session is a test of its own: `cargo test --test golden imap/03`.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use xtask::{golden, root, server};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let sessions = match golden::find(&root().join("tests/sessions"), None) {
        Ok(sessions) => sessions,
        Err(problem) => panic!("{problem}"),
    };
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let trials = sessions.into_iter().map(|session| {
        let binary = binary.clone();
        Trial::test(session.name.clone(), move || Ok(golden::play(&session, &binary, false)?))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
