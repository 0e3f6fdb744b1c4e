//! `cargo xtask COMMAND`: see `USAGE`.
#![expect(clippy::print_stderr, reason = "a command line tool reports on standard error")]

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use xtask::{
    Outcome, bench,
    durability::{self, crash, diskfull, powercut},
    golden, root, server, tidy, verify,
};

const USAGE: &str = "cargo xtask COMMAND
  verify             the whole gate: format, lints, tidiness, tests with golden sessions, licences
  tidy               what prose cannot enforce: dependency direction, seams, file heads, leftovers
  cmdlet-parity      which documented cmdlets are built, by noun
  docs               writes anew what is generated under docs/
  golden [FILTER]    plays the golden sessions whose name holds FILTER (smtp, imap/03 …);
                     UPDATE=1 rewrites what they expect
  crash              kills the server under load and counts:
                     --rounds 200 --senders 16 --size 10240 --seed N --debug
  powercut           cuts the power of the server's disk under load and counts, with a control that must fail:
                     --cuts 25 (on each file system) --senders 16 --size 10240 --seed N --no-control --debug
  diskfull           fills the server's disk under load, sees mail refused, gives the space back and counts:
                     --cycles 12 --senders 16 --size 10240 --seed N --settle SECONDS --debug
  bench              measures this server and others side by side, and prints the table (bench/README.md):
                     --rounds 3 --seconds 20 --folder 10000 --growth 1000,100000 --no-growth
                     --place FOLDER --peers postfix-dovecot,postfix-dovecot-mdbox --no-peers
The server is built from this workspace unless RIALTO_BIN names a binary; bench builds it optimised, crash,
powercut and diskfull too unless --debug is given.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["verify"] => verify::run(),
        ["tidy"] => tidy::run(root()),
        ["cmdlet-parity"] => {
            verify::cargo(&["run", "--quiet", "--package", "rialto-cmdlets", "--example", "parity"], &[])
        }
        ["docs"] => docs(),
        ["golden"] => play(None),
        ["golden", filter] => play(Some(filter)),
        ["crash", flags @ ..] => Flags::parse(flags).and_then(|flags| run_crash(&flags)),
        ["powercut", flags @ ..] => Flags::parse(flags).and_then(|flags| run_powercut(&flags)),
        ["diskfull", flags @ ..] => Flags::parse(flags).and_then(|flags| run_diskfull(&flags)),
        ["bench", flags @ ..] => Flags::parse(flags).and_then(|flags| run_bench(&flags)),
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

/// The tests that keep documents up to date write them, too.
fn docs() -> Outcome<()> {
    let documents = ["--test", "parity", "--test", "reference"];
    let words = [&["test", "--quiet", "--package", "rialto-cmdlets"][..], &documents].concat();
    verify::cargo(&words, &[("UPDATE", "1")])
}

fn play(filter: Option<&str>) -> Outcome<()> {
    let sessions = golden::find(&root().join("tests/sessions"), filter)?;
    if sessions.is_empty() {
        return Err("no session has such a name".to_owned());
    }
    golden::run(&sessions, &server::build(false)?, std::env::var_os("UPDATE").is_some())
}

fn run_crash(flags: &Flags) -> Outcome<()> {
    crash::run(&crash::Options {
        binary: server::build(!flags.has("debug"))?,
        rounds: flags.number("rounds", 200)?,
        senders: flags.number("senders", 16)?,
        size: flags.number("size", 10_240)?,
        settle: flags.settle()?,
        seed: flags.number("seed", durability::fresh_seed())?,
    })
}

fn run_powercut(flags: &Flags) -> Outcome<()> {
    powercut::run(&powercut::Options {
        binary: server::build(!flags.has("debug"))?,
        cuts: flags.number("cuts", 25)?,
        control: !flags.has("no-control"),
        senders: flags.number("senders", 16)?,
        size: flags.number("size", 10_240)?,
        settle: flags.settle()?,
        seed: flags.number("seed", durability::fresh_seed())?,
    })
}

fn run_diskfull(flags: &Flags) -> Outcome<()> {
    diskfull::run(&diskfull::Options {
        binary: server::build(!flags.has("debug"))?,
        cycles: flags.number("cycles", 12)?,
        senders: flags.number("senders", 16)?,
        size: flags.number("size", 10_240)?,
        settle: flags.settle()?,
        seed: flags.number("seed", durability::fresh_seed())?,
    })
}

fn run_bench(flags: &Flags) -> Outcome<()> {
    let growth = flags.text("growth").unwrap_or("1000,100000");
    let growth = growth.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>();
    let peers = flags.text("peers").unwrap_or("postfix-dovecot");
    bench::run(&bench::Options {
        rounds: flags.number("rounds", 3)?,
        seconds: flags.number("seconds", 20)?,
        folder: flags.number("folder", 10_000)?,
        growth: match flags.has("no-growth") {
            true => Vec::new(),
            false => growth.map_err(|_| "--growth takes numbers with commas between them")?,
        },
        place: flags.text("place").map_or_else(|| root().join("target"), Into::into),
        peers: match flags.has("no-peers") {
            true => Vec::new(),
            false => peers.split(',').map(str::to_owned).collect(),
        },
    })
}

/// `--name value` and `--name`.
struct Flags(BTreeMap<String, Option<String>>);

const KNOWN_FLAGS: [&str; 16] = [
    "rounds",
    "cuts",
    "cycles",
    "settle",
    "senders",
    "size",
    "seed",
    "debug",
    "no-control",
    "seconds",
    "folder",
    "growth",
    "no-growth",
    "place",
    "peers",
    "no-peers",
];

impl Flags {
    fn parse(words: &[&str]) -> Outcome<Self> {
        let mut flags = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").filter(|name| KNOWN_FLAGS.contains(name));
            let name = name.ok_or_else(|| format!("unknown flag {word}\n{USAGE}"))?;
            let value = words.next_if(|next| !next.starts_with("--")).map(|value| (*value).to_owned());
            flags.insert(name.to_owned(), value);
        }
        Ok(Self(flags))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Some(value)) => value.parse().map_err(|_| format!("--{name} {value} is not a number")),
            Some(None) => Err(format!("--{name} needs a number")),
        }
    }

    fn settle(&self) -> Outcome<Duration> {
        self.number("settle", durability::SETTLE.as_secs()).map(Duration::from_secs)
    }
}
