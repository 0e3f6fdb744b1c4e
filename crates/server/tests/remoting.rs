//! Remote PowerShell with programs that are not ours: every program under `tests/remoting`, against a server of
//! its own. They need Python packages that the operating system does not have: `.ci/run` installs them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use xtask::{
    root,
    server::{self, Launch, Server},
};

/// Where the Pythons are, one for each set of packages: two of them bring modules of one name.
fn python(program: &Path) -> PathBuf {
    let tools =
        std::env::var_os("RIALTO_PYTHON").map_or_else(|| root().join("target/tools/python"), PathBuf::from);
    let devious = program.file_name().is_some_and(|name| name.to_string_lossy().contains("devious"));
    tools.join(if devious { "devious" } else { "pypsrp" }).join("bin/python3")
}

fn run(program: &Path, server: &Server) -> Result<(), String> {
    let ready = server.ready();
    let mut command = Command::new(python(program));
    command.arg(program).env("PYTHONPATH", program.parent().unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("HTTPS", &ready.listeners["https"]).env("CERTIFICATE", &ready.certificate);
    command.env("ADMIN", &ready.admin.address).env("ADMIN_PASSWORD", &ready.admin.password);
    for (number, account) in (1..).zip(&ready.mailboxes) {
        command.env(format!("USER{number}"), &account.address);
        command.env(format!("PASSWORD{number}"), &account.password);
    }
    let output = command.output().map_err(|e| format!("{}: {e}", program.display()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let text = format!("{}\n{}{}", program.display(), said(&output.stdout), said(&output.stderr));
    if !output.status.success() {
        return Err(text);
    }
    println!("{text}");
    Ok(())
}

#[test]
fn real_clients_administer_over_https() {
    let programs = xtask::files_under(&root().join("tests/remoting")).unwrap();
    let mut programs: Vec<PathBuf> = programs
        .into_iter()
        .filter(|path| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(|c: char| c.is_ascii_digit()))
        })
        .collect();
    programs.sort();
    assert!(!programs.is_empty());
    if !programs.iter().all(|program| python(program).exists()) {
        assert!(std::env::var_os("CI").is_none(), "the Python packages are missing: .ci/run installs them");
        println!("skipped: no Python with pypsrp; tests/remoting/README.md says how to get one");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    let log = server.launch().log.clone();
    let problems: Vec<String> = programs.iter().filter_map(|program| run(program, &server).err()).collect();
    assert!(problems.is_empty(), "{}\n{}", problems.concat(), server::tail_of(&log, 40));
}
