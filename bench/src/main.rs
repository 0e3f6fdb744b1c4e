//! `mailbench`: one measurement of one server, printed as one JSON object. `cargo xtask bench` runs the list of
//! them against several servers and prints the table.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use bench::measure::{self, Account, Amount, Figures, Subject};

const USAGE: &str = "mailbench MEASUREMENT --name value …
  ingest   parallel SMTP senders to all accounts, until visible by IMAP
  visible  one sender, one message at a time, until visible
  fill     stores --count messages in --folder of the first account by IMAP; measures nothing
  fetch    FETCH 1:* (--items) of --folder of the first account
  memory   of the server's processes
Options: --smtp H:P --imap H:P --accounts FILE (lines: address login password) --pids N,N --disk FOLDER
  --senders 16 --size 10240 --seconds 20 --count N --folder INBOX --items 'FLAGS UID ENVELOPE'";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(figures) => {
            let shown: Vec<String> =
                figures.iter().map(|(name, value)| format!("\"{name}\":{}", json(*value))).collect();
            println!("{{{}}}", shown.join(","));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("mailbench: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// JSON has no NaN.
fn json(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { "null".to_owned() }
}

fn run(words: &[String]) -> Result<Figures, String> {
    let (measurement, rest) = words.split_first().ok_or(USAGE)?;
    let mut options = BTreeMap::new();
    for pair in rest.chunks(2) {
        match pair {
            [name, value] if name.starts_with("--") => options.insert(&name[2..], value.as_str()),
            _ => return Err(USAGE.to_owned()),
        };
    }
    let text = |name: &str, default: &'static str| options.get(name).copied().unwrap_or(default).to_owned();
    let number = |name: &str, default: u64| match options.get(name) {
        None => Ok(default),
        Some(value) => value.parse::<u64>().map_err(|_| format!("--{name} {value} is not a number")),
    };
    let mut subject = Subject {
        smtp: text("smtp", ""),
        imap: text("imap", ""),
        accounts: accounts(&text("accounts", ""))?,
        watched: Default::default(),
    };
    subject.watched.pids = text("pids", "").split(',').filter_map(|p| p.trim().parse().ok()).collect();
    subject.watched.folder = options.get("disk").map(|&d| d.to_owned());
    let amount = Amount {
        senders: number("senders", 16)? as usize,
        size: number("size", 10_240)? as usize,
        time: Duration::from_secs(number("seconds", 20)?),
        count: number("count", u64::MAX)?,
    };
    let folder = text("folder", "INBOX");
    let measured = match measurement.as_str() {
        "ingest" => measure::ingest(&subject, amount),
        "visible" => measure::visible(&subject, amount),
        "fill" => measure::fill(&subject, &folder, amount),
        "fetch" => measure::fetch(&subject, &folder, &text("items", "FLAGS UID ENVELOPE")),
        "memory" => Ok(measure::memory(&subject)),
        _ => return Err(USAGE.to_owned()),
    };
    measured.map_err(|e| e.to_string())
}

fn accounts(file: &str) -> Result<Vec<Account>, String> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    text.lines()
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [address, login, password] => {
                Ok(Account { address: address.into(), login: login.into(), password: password.into() })
            }
            _ => Err(format!("{file}: not \"address login password\": {line}")),
        })
        .collect()
}
