//! Real clients against the real server: every program under `tests/clients`, then a restart, then those that
//! compare. See the README there.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use xtask::{
    root,
    server::{self, Launch, Server},
};

/// The programs, in order of their names; `again` leaves only those that are run again after a restart.
fn programs(again: bool) -> Vec<PathBuf> {
    let mut programs = xtask::files_under(&root().join("tests/clients")).unwrap();
    programs.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(|c: char| c.is_ascii_digit()) && (!again || name.contains("-again"))
    });
    programs.sort();
    programs
}

/// What runs a program: for Python, where it was made, the environment with the packages from PyPI.
fn interpreter(program: &Path) -> PathBuf {
    if program.extension().is_none_or(|extension| extension != "py") {
        return "bash".into();
    }
    let tools =
        std::env::var_os("RIALTO_PYTHON").map_or_else(|| root().join("target/tools/python"), PathBuf::from);
    Some(tools.join("mail/bin/python3")).filter(|python| python.exists()).unwrap_or("python3".into())
}

fn run(program: &Path, server: &Server, scratch: &Path) -> Result<(), String> {
    let interpreter = interpreter(program);
    let mut command = Command::new(&interpreter);
    command
        .arg(program)
        .current_dir(scratch)
        .env("SCRATCH", scratch)
        .env("CLIENTS", program.parent().unwrap());
    command.env("PYTHONPATH", program.parent().unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    let ready = server.ready();
    for (name, address) in &ready.listeners {
        command.env(name.to_uppercase(), address);
    }
    command.env("CERTIFICATE", &ready.certificate);
    for (number, account) in (1..).zip(&ready.mailboxes) {
        command.env(format!("USER{number}"), &account.address);
        command.env(format!("PASSWORD{number}"), &account.password);
    }
    let output = command.output().map_err(|e| format!("{}: {e}", interpreter.display()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{}: {}\n{}{}",
            program.display(),
            output.status,
            said(&output.stdout),
            said(&output.stderr)
        )),
    }
}

#[test]
fn real_clients_send_read_and_sync_and_a_restart_keeps_everything() {
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let mut server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    let log = server.launch().log.clone();
    let mut problems = String::new();
    for again in [false, true] {
        for program in programs(again) {
            if let Err(problem) = run(&program, &server, &scratch) {
                problems.push_str(&problem);
            }
        }
        if !again {
            server = Server::start(server.stop().unwrap()).unwrap();
        }
    }
    assert!(problems.is_empty(), "{problems}\n{}", server::tail_of(&log, 40));
}
