//! The session player itself, against a toy server written for it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use xtask::golden::{self, Session};

fn toy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy/honest")
}

/// A session of these lines, in a folder of its own.
fn session(folder: &Path, text: &str) -> Session {
    let path = folder.join("one.txt");
    std::fs::write(&path, text).unwrap();
    Session { path, name: "one".into() }
}

fn failure(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    golden::play(&session(folder.path(), text), &toy(), false).unwrap_err()
}

#[test]
fn plays_every_kind_of_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy/whole.txt");
    golden::play(&Session { path, name: "whole".into() }, &toy(), false).unwrap();
}

#[test]
fn a_wrong_line_fails_where_it_stands_and_shows_everything() {
    let report = failure("@ connect a smtp\nS: 220{*}\nC: EHLO x\nS: 250-nonsense\n");
    assert!(report.contains("one.txt:4: the server's line does not match"), "{report}");
    for part in ["expected  250-nonsense", "received  250-toy {x}", "C: EHLO x", "server.log", "starts: 1"] {
        assert!(report.contains(part), "{part} missing in: {report}");
    }
}

#[test]
fn every_kind_of_expectation_can_fail() {
    for (text, problem) in [
        ("@ connect a smtp\nS.\n", "expected the connection to be closed"),
        ("@ connect a smtp\n@ within 2\nS~ 999\n", "no line matched (1 skipped"),
        ("@ connect a smtp\nS: 220{*}\n@ within 0.2\nS: more\n", "(nothing within 200ms)"),
        ("@ connect a smtp\nS: 220{*}\nC: QUIT\nS: 221 bye\nS: more\n", "(the server closed the connection)"),
        ("PS> $x = 1\nPS> $x\n| 2\n", "  - 2\n  + 1"),
        ("PS> $x = 1\nPS> $x\n", "the output does not match"),
        ("PS> Get-Nothing\n| Get-Nothing : not recognized\n", "the command failed"),
        ("PS! Get-Starts\n| 1\n", "the command should have failed"),
        ("@ within 0.3\nPS> Add-Start\n| value 1\n", "  - value 1"),
        ("H> GET /\nH< 404\n", "expected  404"),
        ("H> GET /\nh< X-Toy: no\n", "received  X-Toy: yes"),
        ("H> GET /\nb< path /\n", "  + line two"),
        ("@ sink s smtp h\n@ within 0.1\n@ received s 1\n", "0 messages at the sink, expected 1"),
        ("@ connect a pop3\n", "no listener pop3"),
        ("C: x\n", "no connection is open"),
        ("@ connect a smtp\nC: {nobody}\n", "no variable {nobody} is set"),
    ] {
        let report = failure(text);
        assert!(report.contains(problem), "{text} gave: {report}");
    }
}

#[test]
fn blessing_keeps_what_matches_and_writes_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(
        folder.path(),
        "# kept\n@ connect a smtp\nS: 220 {*}\nC: EHLO x\nS: old\nS: 250-STARTTLS\n\nPS> $x = 5\nPS> $x\nPS! Nope\n| old\n\
        H> GET /z\nH< 201\nh< X-Toy: no\nb< path {*}\n",
    );
    golden::play(&session, &toy(), true).unwrap();
    let blessed = std::fs::read_to_string(&session.path).unwrap();
    assert_eq!(
        blessed,
        "# kept\n@ connect a smtp\nS: 220 {*}\nC: EHLO x\nS: 250-toy {{x}\nS: 250-STARTTLS\nS: 250 SIZE 10\n\n\
        PS> $x = 5\nPS> $x\n| 5\nPS! Nope\n| Nope : not recognized\n\
        H> GET /z\nH< 200\nh< X-Toy: yes\nb< path {*}\nb< line two\n"
    );
    golden::play(&session, &toy(), false).unwrap();
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), "# nothing\n");
    let report = golden::play(&session, Path::new("/bin/false"), false).unwrap_err();
    assert!(report.contains("ended without a word"), "{report}");
}

#[test]
fn sessions_are_found_by_protocol_and_number() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["smtp/01-a.txt", "smtp/02-b.txt", "imap/01-c.txt", "imap/notes.md"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let names =
        |filter| golden::find(folder.path(), filter).unwrap().into_iter().map(|s| s.name).collect::<Vec<_>>();
    assert_eq!(names(None), ["imap/01-c", "smtp/01-a", "smtp/02-b"]);
    assert_eq!(names(Some("smtp/02")), ["smtp/02-b"]);
    assert!(names(Some("pop3")).is_empty());
}
