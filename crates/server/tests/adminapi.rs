//! The REST twin, driven by a program that is not ours: Python's urllib and http.client, in
//! `tests/rest/client.py`; and by curl, as the manual shows it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use xtask::{
    root,
    server::{self, Launch, Server},
};

/// A server of its own, and what the programs need to know of it.
fn with_server(run: impl FnOnce(&mut Command, &Server), program: &str) {
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    let ready = server.ready();
    let mut command = Command::new(program);
    command
        .env("HTTPS", &ready.listeners["https"])
        .env("CERTIFICATE", &ready.certificate)
        .env("ADMIN", &ready.admin.address)
        .env("ADMIN_PASSWORD", &ready.admin.password)
        .env("USER1", &ready.mailboxes[0].address)
        .env("PASSWORD1", &ready.mailboxes[0].password)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut command, &server);
}

fn must_succeed(command: &mut Command, server: &Server) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr);
    let log = server::tail_of(&server.launch().log, 40);
    assert!(output.status.success(), "{said}{problem}\n{log}");
    said
}

#[test]
fn python_administers() {
    with_server(
        |python, server| {
            must_succeed(python.arg(root().join("tests/rest/client.py")), server);
        },
        "python3",
    );
}

#[test]
fn curl_administers_as_the_manual_says() {
    with_server(
        |curl, server| {
            let https = &server.ready().listeners["https"];
            let admin = &server.ready().admin;
            let body = r#"{"CmdletInput":{"CmdletName":"Get-AcceptedDomain"}}"#;
            curl.args(["--silent", "--show-error", "--fail", "--insecure"])
                .args(["--user", &format!("{}:{}", admin.address, admin.password)])
                .args(["--header", "Content-Type: application/json", "--data", body])
                .arg(format!("https://{https}/adminapi/v2.0/rialto.test/AcceptedDomain?$select=DomainName"));
            let said = must_succeed(curl, server);
            assert!(said.contains(r#""value":[{"DomainName":"rialto.test"}]"#), "{said}");
        },
        "curl",
    );
}
