//! A short run of the durability harnesses; `cargo xtask crash`, `powercut` and `diskfull` are
//! the long ones.

use xtask::{
    durability::{SETTLE, crash, diskfull, fresh_seed, powercut},
    server,
};

const SENDERS: usize = 16;
const SIZE: usize = 10_240;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let seed = fresh_seed();
    crash::run(&crash::Options { binary, rounds: 10, senders: SENDERS, size: SIZE, settle: SETTLE, seed })
        .unwrap();
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    if let Some(reason) = powercut::impossible() {
        println!("skipped: {reason}");
        return;
    }
    let options = powercut::Options {
        binary: server::named_or(env!("CARGO_BIN_EXE_rialto")),
        cuts: 1,
        control: false,
        senders: SENDERS,
        size: SIZE,
        settle: SETTLE,
        seed: fresh_seed(),
    };
    powercut::run(&options).unwrap();
}

#[test]
fn a_full_disk_refuses_mail_for_now_and_loses_none() {
    if let Some(reason) = diskfull::impossible() {
        println!("skipped: {reason}");
        return;
    }
    let options = diskfull::Options {
        binary: server::named_or(env!("CARGO_BIN_EXE_rialto")),
        cycles: 2,
        senders: SENDERS,
        // Large messages fill the log's open segment soon.
        size: 256 << 10,
        settle: SETTLE,
        seed: fresh_seed(),
    };
    diskfull::run(&options).unwrap();
}
