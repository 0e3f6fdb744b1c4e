//! `cargo xtask powercut`: the server's disk is a loop-mounted image; the file system is shut down under load
//! without flushing anything (what a power cut leaves), mounted again, and the messages are counted. The
//! control runs the server with its fsync calls turned into nothing and must lose messages, or the harness
//! proves nothing. Needs root, loop devices, xfsprogs, e2fsprogs and strace.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    Dice,
    load::{Ledger, Load},
    oracle::{Oracle, Verdict},
};
use crate::{
    Outcome,
    server::{Launch, Server},
};

/// The disk fails between these two after the load begins; shorter than any writeback by itself.
const LIFE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(1500));
/// Size of an image, bytes; sparse.
const IMAGE_BYTES: u64 = 4 << 30;
/// Cuts of the control until it must have lost something.
const CONTROL_CUTS: usize = 3;
const UNMOUNT_TRIES: usize = 100;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(50);
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
    /// How long an accepted message may take to its mailbox after a start.
    pub settle: Duration,
    /// Repeats a run's delays.
    pub seed: u64,
}

/// Why this machine cannot run the harness, if it cannot.
pub fn impossible() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("power cuts need root".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("power cuts need loop devices".to_owned());
    }
    let missing = ["mkfs.ext4", "mkfs.xfs", "xfs_io", "strace", "mount"]
        .into_iter()
        .find(|tool| Command::new(tool).arg("-V").output().is_err());
    missing.map(|tool| format!("power cuts need {tool}"))
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

/// A mounted image; unmounted when dropped.
struct Volume {
    image: PathBuf,
    mount: PathBuf,
    is_mounted: bool,
}

impl Volume {
    fn create(kind: &str, folder: &Path) -> Outcome<Self> {
        let image = folder.join("image");
        let mount = folder.join("mount");
        std::fs::create_dir(&mount).map_err(|e| e.to_string())?;
        let file = std::fs::File::create(&image).map_err(|e| e.to_string())?;
        file.set_len(IMAGE_BYTES).map_err(|e| e.to_string())?;
        run_tool(Command::new(format!("mkfs.{kind}")).arg("-q").arg(&image))?;
        let mut volume = Self { image, mount, is_mounted: false };
        volume.mount()?;
        Ok(volume)
    }

    fn mount(&mut self) -> Outcome<()> {
        run_tool(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount))?;
        self.is_mounted = true;
        Ok(())
    }

    /// A process that was killed may hold the mount for a moment longer.
    fn unmount(&mut self) -> Outcome<()> {
        let mut tries = UNMOUNT_TRIES;
        while let Err(problem) = run_tool(Command::new("umount").arg(&self.mount)) {
            if tries == 0 {
                return Err(problem);
            }
            tries -= 1;
            std::thread::sleep(UNMOUNT_PAUSE);
        }
        self.is_mounted = false;
        Ok(())
    }

    /// Stops the file system where it stands: nothing more reaches the image, the journal is not flushed.
    fn cut(&self) -> Outcome<()> {
        run_tool(Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(&self.mount))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted {
            _ = Command::new("umount").arg("--lazy").arg(&self.mount).status();
        }
    }
}

fn run_tool(command: &mut Command) -> Outcome<()> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}: {}", output.status, said.trim()))
    }
}

/// Some cuts on a fresh volume; stops at the first verdict that is not clean.
fn cuts(options: &Options, kind: &str, cuts: usize, wrapper: &[&str]) -> Outcome<(Verdict, String)> {
    let folder = tempfile::Builder::new().prefix("rialto-powercut-").tempdir().map_err(|e| e.to_string())?;
    let mut volume = Volume::create(kind, folder.path())?;
    let mut launch = Launch::new(&options.binary, folder.path())?;
    launch.data = volume.mount.join("data");
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
