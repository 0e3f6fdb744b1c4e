//! Lines from articles, typographic dashes and quotes included: each parses and binds as PowerShell binds it.

use std::{fs, path::Path, sync::Arc};

use cmdlets::Declarations;
use powershell::{
    Runspace,
    analyze::{Analyzer, Finding, Status},
    cmdlet::Collected,
};

const LINES: &str = include_str!("articles.txt");

fn findings(line: &str) -> Vec<Finding> {
    let report = Analyzer::new(Arc::new(Declarations)).analyze("article.ps1", line);
    assert!(!report.statements.is_empty(), "{line}");
    report.statements
}

/// What a run of the line answers first.
fn first_error(line: &str) -> String {
    let mut out = Collected::default();
    Runspace::new(Arc::new(Declarations)).run(line, &mut out);
    out.errors.first().map_or_else(String::new, |error| error.fully_qualified_id())
}

#[test]
fn every_line_of_the_articles_parses_and_binds() {
    let mut count = 0;
    for entry in LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        count += 1;
        let (expected, line) = entry.split_once(' ').unwrap();
        let found = findings(line);
        let wrong = found.iter().find(|finding| finding.status >= Status::BindError);
        match expected {
            "bind-error" => {
                let (id, line) = line.split_once(' ').unwrap();
                let found = findings(line);
                assert_eq!(found[0].status, Status::BindError, "{line}");
                assert_eq!(first_error(line), format!("{id},{}", found[0].command));
            }
            // Of another product, or of a session with another server.
            "other" | "session" => assert_eq!(wrong, None, "{line}"),
            "binds" => {
                assert_eq!(wrong, None, "{line}");
                let unknown = found.iter().find(|finding| finding.message.contains("no known command"));
                assert_eq!(unknown, None, "{line}");
            }
            other => panic!("{other}?"),
        }
    }
    assert_eq!(count, 26);
}

#[test]
fn examples_in_the_help_run() {
    let mut shown = 0;
    for cmdlet in cmdlets::ALL {
        let examples = cmdlets::examples(cmdlet.name);
        shown += usize::from(!examples.is_empty());
        for example in examples {
            for finding in findings(&example.code) {
                let Finding { line, command, status, message, .. } = finding;
                assert_eq!(status, Status::Runs, "{}: line {line}: {command}: {message}", example.title);
            }
        }
    }
    assert!(shown >= 85, "{shown} of {} cmdlets have an example in data/examples.txt", cmdlets::ALL.len());
}

#[test]
fn what_the_administrators_pages_show_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin");
    let mut blocks = 0;
    let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // The reference, a folder beside them, shows syntax.
    for path in pages.filter(|path| path.is_file()) {
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\n```powershell\n").skip(1) {
            blocks += 1;
            let code = block.split("\n```").next().unwrap();
            let report = Analyzer::new(Arc::new(Declarations)).analyze(&path.display().to_string(), code);
            let wrong = report.statements.iter().find(|finding| finding.status != Status::Runs);
            assert_eq!(wrong, None, "{}:\n{code}", path.display());
        }
    }
    assert!(blocks >= 5, "{blocks}");
}
