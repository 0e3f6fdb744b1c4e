//! `rialto`: the one binary. This crate wires the rooms together and holds nothing else.

mod admin;
mod analyze;
mod carrier;
mod certificate;
mod cli;
mod clients;
mod commands;
mod component;
mod config;
mod configurations;
mod delivery;
mod directory_copy;
mod error;
mod files;
mod join;
mod kerberos;
mod layout;
mod links;
mod logon;
mod manual;
mod moves;
mod provision;
mod quickstart;
mod relay;
mod remoting;
mod serve;
mod setup;
mod shell;
mod shutdown;
mod smtp;
mod systemd;
mod telemetry;

use std::{io::Write, process::ExitCode};

use clap::CommandFactory;

use crate::{
    cli::{Cli, Command},
    error::ServerError,
};

/// The system's allocator keeps what each of many threads has freed; this one gives it back (ADR 0013).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::parse(std::env::args_os());
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "rialto: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, ServerError> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Quickstart(options) => runtime()?.block_on(quickstart::run(options)).map(done),
        Command::Setup(options) => runtime()?.block_on(setup::run(options)).map(done),
        Command::Serve(options) => runtime()?.block_on(serve::run(options)).map(done),
        Command::Shell(options) => shell::run(options),
        Command::Analyze(options) => analyze::run(&options),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "rialto", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => manual::write(&folder).map(done),
        Command::SystemdUnit(folder) => {
            let binary = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/rialto".into());
            let data = std::path::absolute(&folder.data).unwrap_or(folder.data);
            let unit = systemd::unit(&data, &binary);
            std::io::stdout()
                .write_all(unit.as_bytes())
                .map_err(|e| ServerError::io("standard output", e))
                .map(done)
        }
    }
}

/// A server holds thousands of connections, each a descriptor: the soft limit becomes the hard one.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) =
        setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ServerError> {
    raise_descriptor_limit();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("rialto")
        .build()
        .map_err(|error| ServerError::io("cannot start the runtime", error))
}
