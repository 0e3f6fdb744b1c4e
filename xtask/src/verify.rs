//! The gate: every step timed, all of them run, one table at the end.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{Outcome, cargo_command, root, tidy};

/// A cargo command of the gate.
struct Step {
    name: &'static str,
    words: &'static [&'static str],
    /// Environment variables beside one's own.
    environment: &'static [(&'static str, &'static str)],
    /// Skipped, with a word about it, where this cargo subcommand is not installed.
    needs: Option<&'static str>,
}

const STEPS: &[Step] = &[
    Step { name: "format", words: &["fmt", "--all", "--check"], environment: &[], needs: None },
    Step {
        name: "lints",
        words: &["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"],
        environment: &[],
        needs: None,
    },
    Step {
        name: "tests and golden sessions",
        words: &["test", "--workspace", "--locked", "--no-fail-fast"],
        environment: &[],
        needs: None,
    },
    // Built apart: so many seeds want an optimised build.
    Step {
        name: "simulated replication",
        words: &["test", "--profile", "simulation", "--locked", "-p", "rialto-dag", "--test", "simulation"],
        environment: &[("RUNS", "10000")],
        needs: None,
    },
    Step {
        name: "licences and sources",
        words: &["deny", "--locked", "--log-level", "error", "check", "bans", "licenses", "sources"],
        environment: &[],
        needs: Some("cargo-deny"),
    },
];

/// Runs everything; the error says what failed.
pub fn run() -> Outcome<()> {
    let mut table = vec![timed("tidiness", || tidy::run(root()))];
    for step in STEPS {
        table.push(match step.needs {
            Some(tool) if !is_installed(tool) => {
                (step.name, Duration::ZERO, format!("skipped: {tool} is not installed"))
            }
            _ => timed(step.name, || cargo(step.words, step.environment)),
        });
    }
    println!("\nThe gate:");
    for (name, time, result) in &table {
        println!("  {name:<28} {:>7.1} s  {result}", time.as_secs_f64());
    }
    let failed: Vec<&str> = table.iter().filter(|row| row.2 == FAILED).map(|row| row.0).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("the gate is closed: {}", failed.join(", "))) }
}

const FAILED: &str = "FAILED";

fn timed(name: &'static str, step: impl FnOnce() -> Outcome<()>) -> (&'static str, Duration, String) {
    println!("== {name}");
    let start = Instant::now();
    let result = match step() {
        Ok(()) => "ok",
        Err(problem) => {
            println!("{problem}");
            FAILED
        }
    };
    (name, start.elapsed(), result.to_owned())
}

/// Runs cargo in the workspace, with further environment variables.
pub fn cargo(words: &[&str], environment: &[(&str, &str)]) -> Outcome<()> {
    let environment = environment.iter().copied();
    let status = cargo_command().args(words).envs(environment).status();
    let status = status.map_err(|e| format!("cannot run cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {}: {status}", words.join(" "))) }
}

fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}
