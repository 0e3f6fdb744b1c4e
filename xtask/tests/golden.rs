//! Every golden session is a test of its own: `cargo test --test golden imap/03`.

use std::{process::ExitCode, sync::LazyLock};

use libtest_mimic::{Arguments, Trial};
use xtask::{Outcome, golden, root, server};

/// Built when the first session needs it.
static BINARY: LazyLock<Outcome<std::path::PathBuf>> = LazyLock::new(|| server::build(false));

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let sessions = match golden::find(&root().join("tests/sessions"), None) {
        Ok(sessions) => sessions,
        Err(problem) => panic!("{problem}"),
    };
    let trials = sessions.into_iter().map(|session| {
        Trial::test(session.name.clone(), move || {
            let binary = BINARY.as_ref().map_err(String::as_str)?;
            Ok(golden::play(&session, binary, false)?)
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
