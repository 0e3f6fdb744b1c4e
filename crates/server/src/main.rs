//! `rialto`: the one binary. This crate wires the rooms together and holds nothing else.

mod certificate;
mod cli;
mod config;
mod error;
mod files;
mod layout;
mod telemetry;

fn main() {
    let _ = cli::parse(std::env::args_os());
}
