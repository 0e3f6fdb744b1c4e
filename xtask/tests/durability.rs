//! The durability harnesses: that they notice what they are for, and a short run of each on the real server.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use xtask::{
    durability::{SETTLE, crash, fresh_seed, powercut},
    server,
};

fn toy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy").join(name)
}

/// What reaches the toy's mailboxes reaches them at once.
const TOY_SETTLE: Duration = Duration::from_secs(1);

fn kill(binary: PathBuf, rounds: usize, settle: Duration) -> Result<(), String> {
    crash::run(&crash::Options { binary, rounds, senders: 8, size: 4096, settle, seed: fresh_seed() })
}

#[test]
fn an_honest_server_passes() {
    kill(toy("honest"), 3, TOY_SETTLE).unwrap();
}

#[test]
fn dishonest_servers_are_caught() {
    for (name, innocence) in [("liar", " 0 lost"), ("doubler", " 0 doubled"), ("mangler", " 0 strange")] {
        let verdict = kill(toy(name), 5, TOY_SETTLE).unwrap_err();
        assert!(verdict.contains(&innocence[2..]) && !verdict.contains(innocence), "{name}: {verdict}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    kill(server::build(false).unwrap(), 10, SETTLE).unwrap();
}

/// One cut on each file system; skipped, with a word, where the machine cannot do it.
fn cut(binary: PathBuf, control: bool, settle: Duration) -> Result<(), String> {
    if let Some(reason) = powercut::impossible() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let seed = fresh_seed();
    let options = powercut::Options { binary, cuts: 1, control, senders: 8, size: 4096, settle, seed };
    powercut::run(&options)
}

#[test]
fn a_power_cut_takes_what_was_not_flushed_and_nothing_else() {
    cut(toy("honest"), true, TOY_SETTLE).unwrap();
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    cut(server::build(false).unwrap(), false, SETTLE).unwrap();
}
