//! The durability harnesses notice what they are for: a toy server that is honest passes, others are caught.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use xtask::durability::{crash, fresh_seed, powercut};

fn toy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy").join(name)
}

/// What reaches the toy's mailboxes reaches them at once.
const TOY_SETTLE: Duration = Duration::from_secs(1);

fn kill(binary: PathBuf, rounds: usize) -> Result<(), String> {
    let settle = TOY_SETTLE;
    crash::run(&crash::Options { binary, rounds, senders: 8, size: 4096, settle, seed: fresh_seed() })
}

#[test]
fn an_honest_server_passes() {
    kill(toy("honest"), 3).unwrap();
}

#[test]
fn dishonest_servers_are_caught() {
    for (name, innocence) in [("liar", " 0 lost"), ("doubler", " 0 doubled"), ("mangler", " 0 strange")] {
        let verdict = kill(toy(name), 5).unwrap_err();
        assert!(verdict.contains(&innocence[2..]) && !verdict.contains(innocence), "{name}: {verdict}");
    }
}

#[test]
fn a_power_cut_takes_what_was_not_flushed_and_nothing_else() {
    if let Some(reason) = powercut::impossible() {
        println!("skipped: {reason}");
        return;
    }
    let options = powercut::Options {
        binary: toy("honest"),
        cuts: 1,
        control: true,
        senders: 8,
        size: 4096,
        settle: TOY_SETTLE,
        seed: fresh_seed(),
    };
    powercut::run(&options).unwrap();
}
