//! `cargo xtask powercut`: the server's disk is a loop-mounted image; the file system is shut down under load
//! without flushing anything (what a power cut leaves), mounted again, and the messages are counted. The
//! control runs the server with its fsync calls turned into nothing and must lose messages, or the harness
//! proves nothing. Needs root, loop devices, xfsprogs, e2fsprogs and strace.

use std::{path::PathBuf, process::Command, time::Duration};

use super::{
    Dice,
    load::{Ledger, Load},
    oracle::{Oracle, Verdict},
    volume::{self, Volume, run_tool},
};
use crate::{
    Outcome,
    server::{Launch, Server},
};

/// The disk fails between these two after the load begins; shorter than any writeback by itself.
const LIFE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(1500));
/// Cuts of the control until it must have lost something.
const CONTROL_CUTS: usize = 3;
/// Every call by which a program can make data durable, turned into a lie.
const NO_FSYNC: [&str; 7] = [
    "strace",
    "--quiet=all",
    "--follow-forks",
    "--seccomp-bpf",
    "--output=/dev/null",
    "--trace=fsync,fdatasync,sync_file_range,msync,syncfs,sync",
    "--inject=fsync,fdatasync,sync_file_range,msync,syncfs,sync:retval=0",
];

/// The file systems to cut.
pub const FILE_SYSTEMS: [&str; 2] = ["ext4", "xfs"];

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's binary.
    pub binary: PathBuf,
    /// Cuts on each file system.
    pub cuts: usize,
    /// Whether to run the control too.
    pub control: bool,
    /// Senders at once.
    pub senders: usize,
    /// Message size, bytes.
    pub size: usize,
    /// How long nothing may arrive while an accepted message is missing.
    pub settle: Duration,
    /// Repeats a run's delays.
    pub seed: u64,
}

/// Why this machine cannot run the harness, if it cannot.
pub fn impossible() -> Option<String> {
    volume::impossible(&["mkfs.ext4", "mkfs.xfs", "xfs_io", "strace"])
}

/// Cuts and counts on every file system; the error says what went wrong.
pub fn run(options: &Options) -> Outcome<()> {
    impossible().map_or(Ok(()), Err)?;
    for kind in FILE_SYSTEMS {
        let (verdict, summary) = cuts(options, kind, options.cuts, &[])?;
        println!("{kind}: {summary}: {verdict}");
        if !verdict.is_clean() {
            return Err(format!("{kind}: {verdict}, seed {}", options.seed));
        }
        if options.control {
            let lost = match cuts(options, kind, CONTROL_CUTS, &NO_FSYNC) {
                Ok((verdict, summary)) => {
                    println!("{kind} control without fsync: {summary}: {verdict}");
                    !verdict.lost.is_empty()
                }
                // A data folder that cannot even be opened has lost everything.
                Err(problem) => {
                    println!("{kind} control without fsync: {}", problem.lines().next().unwrap_or_default());
                    true
                }
            };
            if !lost {
                return Err(format!("{kind}: the control lost nothing, so this harness proves nothing here"));
            }
        }
    }
    Ok(())
}

/// Some cuts on a fresh volume; stops at the first verdict that is not clean.
fn cuts(options: &Options, kind: &str, cuts: usize, wrapper: &[&str]) -> Outcome<(Verdict, String)> {
    let folder = tempfile::Builder::new().prefix("rialto-powercut-").tempdir().map_err(|e| e.to_string())?;
    let mut volume = Volume::create(kind, folder.path())?;
    let mut launch = Launch::new(&options.binary, folder.path())?;
    launch.data = volume.folder().join("data");
    launch.arguments.push("--allow-plaintext".to_owned());
    // The first start makes the organisation; it is not what is tested.
    let server = Server::start(launch)?;
    let recipients = server.ready().mailboxes.clone();
    let mut launch = server.stop()?;
    run_tool(&mut Command::new("sync"))?;
    let load = Load { senders: options.senders, size: options.size, seed: options.seed, recipients };
    let (ledger, mut oracle, mut dice) = (Ledger::default(), Oracle::new(options.settle), Dice(options.seed));
    let mut done = 0;
    let mut verdict = Verdict::default();
    while done < cuts && verdict.is_clean() {
        launch.wrapper = wrapper.iter().map(|&w| w.to_owned()).collect();
        let server = Server::start(launch)?;
        let smtp = server.address("smtp")?;
        ledger.open();
        launch = load.send_while(&smtp, &ledger, || {
            std::thread::sleep(dice.roll(LIFE.0, LIFE.1));
            ledger.close();
            let cut = volume.cut();
            let launch = server.kill();
            cut.map(|()| launch)
        })?;
        volume.unmount()?;
        volume.mount()?;
        done += 1;
        launch.wrapper.clear();
        let server = Server::start(launch).map_err(|e| format!("after cut {done}: {e}"))?;
        verdict = oracle.judge(&server, &load, &ledger).map_err(|e| format!("after cut {done}: {e}"))?;
        launch = server.stop()?;
    }
    volume.unmount()?;
    let (tried, acknowledged) = (ledger.tried(), ledger.acknowledged().len());
    if acknowledged == 0 {
        return Err("nothing was acknowledged: this run proves nothing".to_owned());
    }
    Ok((
        verdict,
        format!("{done} cuts, {tried} tried, {acknowledged} acknowledged, {} stored", oracle.stored()),
    ))
}
