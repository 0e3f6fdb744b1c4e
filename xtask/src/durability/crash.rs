//! `cargo xtask crash`: kills the server with SIGKILL under load, starts it again, counts.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Dice,
    load::{Ledger, Load},
    oracle::Oracle,
};
use crate::{
    Outcome,
    server::{Launch, Server},
};

/// The server lives between these two after the load begins.
const LIFE: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(900));
/// How often a round is reported.
const REPORT_EVERY: usize = 10;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's binary.
    pub binary: PathBuf,
    /// How often to kill.
    pub rounds: usize,
    /// Senders at once.
    pub senders: usize,
    /// Message size, bytes.
    pub size: usize,
    /// How long nothing may arrive while an accepted message is missing.
    pub settle: Duration,
    /// Repeats a run's delays.
    pub seed: u64,
}

/// Kills and counts; the error says what was lost or doubled, and where the data folder is kept.
pub fn run(options: &Options) -> Outcome<()> {
    let folder = tempfile::Builder::new().prefix("rialto-crash-").tempdir().map_err(|e| e.to_string())?;
    rounds(options, folder.path()).map_err(|problem| {
        let kept = folder.keep();
        format!("{problem}\n  seed {}, data folder and log kept in {}", options.seed, kept.display())
    })
}

fn rounds(options: &Options, folder: &Path) -> Outcome<()> {
    let mut launch = Launch::new(&options.binary, folder)?;
    launch.arguments.push("--allow-plaintext".to_owned());
    let mut server = Server::start(launch)?;
    let recipients = server.ready().mailboxes.clone();
    let load = Load { senders: options.senders, size: options.size, seed: options.seed, recipients };
    let (ledger, mut oracle, mut dice) = (Ledger::default(), Oracle::new(options.settle), Dice(options.seed));
    let mut slowest_start = Duration::ZERO;
    for round in 1..=options.rounds {
        let smtp = server.address("smtp")?;
        ledger.open();
        let launch = load.send_while(&smtp, &ledger, || {
            std::thread::sleep(dice.roll(LIFE.0, LIFE.1));
            server.kill()
        });
        let start = Instant::now();
        server = Server::start(launch).map_err(|e| format!("round {round}: {e}"))?;
        slowest_start = slowest_start.max(start.elapsed());
        let verdict = oracle.judge(&server, &load, &ledger).map_err(|e| format!("round {round}: {e}"))?;
        if !verdict.is_clean() {
            return Err(format!("round {round}: {verdict}"));
        }
        if round % REPORT_EVERY == 0 || round == options.rounds {
            println!(
                "round {round:>4}: {} tried, {} acknowledged, {} stored, none lost, none doubled; slowest start {} ms",
                ledger.tried(),
                ledger.acknowledged().len(),
                oracle.stored(),
                slowest_start.as_millis()
            );
        }
    }
    if ledger.acknowledged().is_empty() {
        return Err("nothing was acknowledged: this run proves nothing".to_owned());
    }
    let verdict = oracle.judge_again(&server, &load, &ledger)?;
    if !verdict.is_clean() {
        return Err(format!("in the end: {verdict}"));
    }
    server.stop().map(drop)
}
