//! `cargo xtask diskfull`: fills the server's disk under load, sees that mail is refused for now (4xx) and not
//! lost, gives the space back, and sees the same server take mail again; every second time the server is
//! killed while its disk is full. Needs root and loop devices.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bench::{ClientError, smtp::Smtp};

use super::{
    load::{Ledger, Load},
    oracle::Oracle,
    volume::{self, Ballast, Volume},
};
use crate::{
    Outcome,
    server::{Launch, Server},
};

/// What the server may still write before its disk is full, bytes.
const LEFT: u64 = 24 << 20;
/// The disk must be seen full in this time.
const FULL_WITHIN: Duration = Duration::from_secs(180);
/// Mail must be taken again so soon after space came back.
const RECOVERED_WITHIN: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// A server whose disk is full answers several messages with this class before it counts as full.
const REFUSALS: usize = 3;
/// Many cycles fill a mailbox beyond what it may hold by default, and its mail would go back to the sender.
const NO_QUOTAS: &str = "$ErrorActionPreference = 'Stop'; Get-MailboxDatabase | Set-MailboxDatabase \
                         -IssueWarningQuota Unlimited -ProhibitSendQuota Unlimited \
                         -ProhibitSendReceiveQuota Unlimited";

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's binary.
    pub binary: PathBuf,
    /// How often the disk fills.
    pub cycles: usize,
    /// Senders at once.
    pub senders: usize,
    /// Message size, bytes.
    pub size: usize,
    /// How long nothing may arrive while an accepted message is missing.
    pub settle: Duration,
    /// Makes the messages of a run its own.
    pub seed: u64,
}

/// Why this machine cannot run the harness, if it cannot.
pub fn impossible() -> Option<String> {
    volume::impossible(&["mkfs.ext4"])
}

/// Fills, frees and counts; the error says what went wrong.
pub fn run(options: &Options) -> Outcome<()> {
    impossible().map_or(Ok(()), Err)?;
    let folder = tempfile::Builder::new().prefix("rialto-diskfull-").tempdir().map_err(|e| e.to_string())?;
    let volume = Volume::create("ext4", folder.path())?;
    let mut launch = Launch::new(&options.binary, folder.path())?;
    launch.data = volume.folder().join("data");
    launch.arguments.push("--allow-plaintext".to_owned());
    let mut server = Server::start(launch)?;
    server.cmdlets(NO_QUOTAS)?;
    let recipients = server.ready().mailboxes.clone();
    let load = Load { senders: options.senders, size: options.size, seed: options.seed, recipients };
    let (ledger, mut oracle) = (Ledger::default(), Oracle::new(options.settle));
    let mut slowest = Duration::ZERO;
    for cycle in 1..=options.cycles {
        let at = |problem: String| format!("cycle {cycle}: {problem}");
        let ballast = Ballast::fill(volume.folder(), LEFT).map_err(at)?;
        let smtp = server.address("smtp")?;
        ledger.open();
        load.send_while(&smtp, &ledger, || refused(&load, &smtp, &ledger)).map_err(at)?;
        if cycle % 2 == 0 {
            let launch = server.kill();
            drop(ballast);
            server = Server::start(launch).map_err(at)?;
        } else {
            drop(ballast);
        }
        ledger.open();
        slowest = slowest.max(recovery(&load, &server, &ledger).map_err(at)?);
        let verdict = oracle.judge(&server, &load, &ledger).map_err(at)?;
        if !verdict.is_clean() {
            return Err(at(verdict.to_string()));
        }
    }
    println!(
        "{} cycles: {} tried, {} acknowledged, {} stored, none lost, none doubled; mail again after {} ms at most",
        options.cycles,
        ledger.tried(),
        ledger.acknowledged().len(),
        oracle.stored(),
        slowest.as_millis()
    );
    server.stop().map(drop)
}

/// Waits until the server says several times in a row that it cannot take mail now.
fn refused(load: &Load, smtp: &str, ledger: &Ledger) -> Outcome<()> {
    let deadline = Instant::now() + FULL_WITHIN;
    let mut refusals = 0;
    while refusals < REFUSALS {
        if Instant::now() > deadline {
            return Err("the disk is full and the server still takes mail".to_owned());
        }
        match Smtp::connect(smtp).and_then(|mut session| load.send_one(&mut session, ledger)) {
            Ok(()) => refusals = 0,
            Err(ClientError::Refused(reply)) if reply.starts_with('4') => refusals += 1,
            Err(problem) => return Err(format!("with a full disk: {problem}")),
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Sends until a message is taken; how long that was.
fn recovery(load: &Load, server: &Server, ledger: &Ledger) -> Outcome<Duration> {
    let start = Instant::now();
    let smtp = server.address("smtp")?;
    loop {
        match Smtp::connect(&smtp).and_then(|mut session| load.send_one(&mut session, ledger)) {
            Ok(()) => return Ok(start.elapsed()),
            Err(problem) if start.elapsed() > RECOVERED_WITHIN => {
                return Err(format!("there is space again, and still: {problem}"));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
