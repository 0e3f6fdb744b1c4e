//! `cargo xtask bench`: the same measurements of this server and of others, interleaved in one run, as a table
//! of medians; then how this server grows.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::{Outcome, root, server};

mod growth;
mod subject;
mod table;

use subject::Subject;
use table::Table;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often everything is measured.
    pub rounds: usize,
    /// How long one ingest sends, seconds.
    pub seconds: u64,
    /// Messages in the folder that is fetched.
    pub folder: u64,
    /// Stored messages at which growth is measured; none skips it.
    pub growth: Vec<u64>,
    /// Where the data goes; the disk under it is part of the measurement.
    pub place: PathBuf,
    /// Other servers, by their names in `bench/peers/peer.sh`.
    pub peers: Vec<String>,
}

/// The measuring client, with the subject's addresses filled in.
struct Client {
    binary: PathBuf,
}

impl Client {
    /// Runs one measurement and reads its figures.
    fn measure(&self, subject: &Subject, measurement: &str, options: &[(&str, String)]) -> Outcome<Value> {
        let mut command = Command::new(&self.binary);
        command.arg(measurement).args(subject.client_options());
        for (name, value) in options {
            command.arg(format!("--{name}")).arg(value);
        }
        let output = command.output().map_err(|e| format!("{}: {e}", self.binary.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{measurement} of {}: {}", subject.label(), said.trim()));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("{measurement}: {e}"))
    }
}

/// One kind of measurement: its name in the table, the client's command, its options and the figures to show.
struct Step {
    name: &'static str,
    command: &'static str,
    options: Vec<(&'static str, String)>,
    figures: &'static [&'static str],
}

const INGEST_FIGURES: &[&str] =
    &["per_s", "accept_p50_ms", "accept_p99_ms", "cpu_ms_per_message", "flushes_per_message", "refused"];

/// The folder that is fetched, beside the INBOX that is filled by ingest.
const FOLDER: &str = "Archive10k";

fn steps(options: &Options) -> Vec<Step> {
    let seconds = || ("seconds", options.seconds.to_string());
    let ingest = |name, senders: u32| Step {
        name,
        command: "ingest",
        options: vec![("senders", senders.to_string()), seconds()],
        figures: INGEST_FIGURES,
    };
    let fetch = |name, items: &str, figures| Step {
        name,
        command: "fetch",
        options: vec![("folder", FOLDER.to_owned()), ("items", items.to_owned())],
        figures,
    };
    vec![
        ingest("ingest, 16 senders", 16),
        ingest("ingest, 64 senders", 64),
        Step {
            name: "one by one",
            command: "visible",
            options: vec![("seconds", (options.seconds / 2).max(1).to_string())],
            figures: &["accept_p50_ms", "accept_p99_ms", "visible_p50_ms"],
        },
        fetch("FETCH envelopes", "FLAGS UID ENVELOPE", &["fetched", "seconds", "select_ms"]),
        fetch("FETCH bodies", "BODY.PEEK[]", &["mb_per_s"]),
    ]
}

/// Measures and prints; the error says what could not be measured.
pub fn run(options: &Options) -> Outcome<()> {
    let client = Client { binary: server::executable("rialto-bench", "mailbench", true)? };
    let rialto = server::build(true)?;
    std::fs::create_dir_all(&options.place).map_err(|e| format!("{}: {e}", options.place.display()))?;
    let folder =
        tempfile::Builder::new().prefix("bench-").tempdir_in(&options.place).map_err(|e| e.to_string())?;
    let mut table = Table::default();
    let mut subjects = vec![Subject::rialto(&rialto, &folder.path().join("rialto"))?];
    for name in &options.peers {
        match Subject::peer(name, &root().join("bench/peers/peer.sh"), folder.path()) {
            Ok(subject) => subjects.push(subject),
            Err(problem) => println!("{name} is not measured: {problem}"),
        }
    }
    for subject in &subjects {
        let memory = client.measure(subject, "memory", &[])?;
        table.add(subject.label(), "memory, idle", &memory, &["rss_mib", "pss_mib"]);
        let amount = [("folder", FOLDER.to_owned()), ("count", options.folder.to_string())];
        client.measure(subject, "fill", &amount)?;
    }
    for round in 1..=options.rounds {
        for step in steps(options) {
            for subject in &subjects {
                println!("round {round}: {} of {}", step.name, subject.label());
                let figures = client.measure(subject, step.command, &step.options)?;
                table.add(subject.label(), step.name, &figures, step.figures);
            }
        }
    }
    for subject in &subjects {
        let memory = client.measure(subject, "memory", &[])?;
        table.add(subject.label(), "memory, after load", &memory, &["rss_mib", "pss_mib"]);
    }
    drop(subjects);
    println!("\nMedians of {} rounds, messages of 10 KB:\n{}", options.rounds, table.text());
    if options.growth.is_empty() {
        return Ok(());
    }
    let rows = growth::run(&client, &rialto, &folder.path().join("growth"), &options.growth)?;
    println!("Growth:\n{rows}");
    Ok(())
}
