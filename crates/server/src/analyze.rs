//! `rialto analyze`: what would run of somebody's scripts, as lines like a compiler's or as JSON.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use powershell::{
    analyze::{Analyzer, Report, Status},
    text::decode,
};
use serde::Serialize;

use crate::{cli, error::ServerError, shell::LocalFiles};

/// The largest script read, bytes; the parser takes no more.
const SCRIPT_MAX: u64 = 8 << 20;
/// The exit code where a file could not be read.
const UNREADABLE: u8 = 2;
/// What standard input is called in reports.
const STANDARD_INPUT: &str = "-";

/// What a file that was asked for came to.
type Outcome = (PathBuf, io::Result<String>);

/// The JSON document.
#[derive(Serialize)]
struct Document<'r> {
    files: &'r [Report],
}

/// Analyses what was named; 0 when everything runs, 1 when something does not, 2 when a file cannot be read.
pub(crate) fn run(options: &cli::Analyze) -> Result<ExitCode, ServerError> {
    let mut analyzer = Analyzer::new(Arc::new(cmdlets::Declarations)).with_files(Arc::new(LocalFiles));
    let (mut reports, mut unreadable) = (Vec::new(), false);
    for (path, text) in options.paths.iter().flat_map(|path| texts(path)) {
        match text {
            Ok(text) => reports.push(analyzer.analyze(&path.display().to_string(), &text)),
            Err(error) => {
                unreadable = true;
                let _ = writeln!(io::stderr(), "rialto: {}: {error}", path.display());
            }
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if options.json {
        serde_json::to_writer_pretty(&mut out, &Document { files: &reports })
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        write_text(&reports, &mut out)
    };
    written.and_then(|()| out.flush()).map_err(|error| ServerError::io("standard output", error))?;
    let runs = reports.iter().all(|report| report.status == Status::Runs);
    Ok(match (unreadable, runs) {
        (true, _) => ExitCode::from(UNREADABLE),
        (false, false) => ExitCode::FAILURE,
        (false, true) => ExitCode::SUCCESS,
    })
}

/// The scripts that a path means: itself, standard input, or those below a folder, in order.
fn texts(path: &Path) -> Vec<Outcome> {
    if path == Path::new(STANDARD_INPUT) {
        return vec![(path.to_owned(), read(io::stdin().lock()))];
    }
    if !path.is_dir() {
        return vec![(path.to_owned(), fs::File::open(path).and_then(read))];
    }
    let (mut scripts, mut folders) = (BTreeMap::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                scripts.insert(folder, Err(error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            // Links to folders are not followed: they may lead in circles.
            if kind.is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ps1")) {
                let text = fs::File::open(&path).and_then(read);
                scripts.insert(path, text);
            }
        }
    }
    scripts.into_iter().collect()
}

fn read(input: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(SCRIPT_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SCRIPT_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(decode(&bytes))
}

/// How many commands came to what.
#[derive(Default)]
struct Tally([usize; 4]);

impl Tally {
    fn add(&mut self, status: Status) {
        self.0[status as usize] += 1;
    }

    /// `12 commands: 10 run, 2 not built`.
    fn text(&self) -> String {
        let [run, not_built, wrong, unparsed] = self.0;
        let all = run + not_built + wrong;
        let mut parts = vec![format!("{run} run")];
        if not_built > 0 {
            parts.push(format!("{not_built} not built"));
        }
        if wrong > 0 {
            parts.push(format!("{wrong} would fail to bind"));
        }
        let text = format!("{all} command{}: {}", if all == 1 { "" } else { "s" }, parts.join(", "));
        match unparsed {
            0 => text,
            1 => format!("{text}; 1 file would not parse"),
            n => format!("{text}; {n} files would not parse"),
        }
    }
}

/// A line for each command that would not run, a summary of each file, totals.
fn write_text(reports: &[Report], out: &mut impl Write) -> io::Result<()> {
    let (mut total, mut whole) = (Tally::default(), 0);
    for report in reports {
        let mut tally = Tally::default();
        for finding in &report.statements {
            tally.add(finding.status);
            total.add(finding.status);
            if finding.status == Status::Runs {
                continue;
            }
            let status = finding.status.text();
            write!(out, "{}:{}:{}: {status}: ", report.path, finding.line, finding.column)?;
            match finding.command.as_str() {
                "" => writeln!(out, "{}", finding.message)?,
                command => writeln!(out, "{command}: {}", finding.message)?,
            }
        }
        match report.status {
            Status::ParseError => writeln!(out, "{}: would not parse: none of it would run", report.path)?,
            _ => writeln!(out, "{}: {}", report.path, tally.text())?,
        }
        whole += usize::from(report.status == Status::Runs);
    }
    if reports.len() > 1 {
        writeln!(out, "{whole} of {} files run whole; {}", reports.len(), total.text())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyzed(scripts: &[(&str, &str)]) -> Vec<Report> {
        let mut analyzer = Analyzer::new(Arc::new(cmdlets::Declarations));
        scripts.iter().map(|(path, text)| analyzer.analyze(path, text)).collect()
    }

    #[test]
    fn speaks_like_a_compiler() {
        let reports = analyzed(&[
            ("a.ps1", "Get-Mailbox\nGet-Mailbox -Fo 1; Get-Nonsense\n"),
            ("b.ps1", "Get-Mailbox | % {"),
            ("c.ps1", "1..3\n"),
        ]);
        let mut out = Vec::new();
        write_text(&reports, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("a.ps1:2:1: bind-error: Get-Mailbox: A parameter cannot be found"),
            "{text}"
        );
        assert!(lines[1].starts_with("a.ps1:2:20: not-built: Get-Nonsense: "), "{text}");
        assert_eq!(lines[2], "a.ps1: 3 commands: 1 run, 1 not built, 1 would fail to bind");
        assert!(lines[3].starts_with("b.ps1:1:"), "{text}");
        assert_eq!(lines[6].split(';').next(), Some("1 of 3 files run whole"), "{text}");
    }

    #[test]
    fn programs_get_exactly_this() {
        let reports = analyzed(&[("x.ps1", "Get-Mailbox nuno")]);
        let json = serde_json::to_string(&Document { files: &reports }).unwrap();
        assert_eq!(
            json,
            r#"{"files":[{"path":"x.ps1","status":"runs","statements":[{"line":1,"column":1,"command":"Get-Mailbox","status":"runs","message":""}]}]}"#
        );
    }

    #[test]
    fn folders_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/b.PS1"), "\u{feff}Get-Mailbox").unwrap();
        fs::write(folder.path().join("a.ps1"), b"\xff\xfe1\0").unwrap();
        fs::write(folder.path().join("a.txt"), "no").unwrap();
        let found: Vec<_> =
            texts(folder.path()).into_iter().map(|(path, text)| (path, text.unwrap())).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].0.ends_with("a.ps1") && found[0].1 == "1");
        assert!(found[1].0.ends_with("in/b.PS1") && found[1].1 == "Get-Mailbox");
        assert!(texts(&folder.path().join("none.ps1"))[0].1.is_err());
    }
}
