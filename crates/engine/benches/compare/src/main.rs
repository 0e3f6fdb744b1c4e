//! `cargo run --release -- [commits] [writers] [rounds] [folder]`: prints, for each design, commits per second
//! against the raw log of the same run, latency, processor time, device flushes and bytes written.
//! `ONLY=log` leaves out designs without that word in their name.
//! `cargo run --release -- growth FOLDER 1000 100000 1000000` prints how the engine grows.

mod growth;
mod load;
mod log;
mod meter;
mod subjects;

use std::{path::Path, process::Command};

use meter::Sample;

const SUBJECTS: [&str; 6] =
    ["raw log", "raw log, filling", "raw log, reserving", "engine", "log + redb", "log + fjall"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "one") {
        let sample = subjects::run(&args[1], number(&args, 2), number(&args, 3), Path::new(&args[4]));
        println!("{}", sample.to_line());
        return;
    }
    match args.first().map(String::as_str) {
        Some("growth") => {
            let counts: Vec<usize> = (2..args.len()).map(|at| number(&args, at)).collect();
            return growth::run(&counts, Path::new(&args[1]));
        }
        Some("grow") => growth::grow(Path::new(&args[1]), number(&args, 2), number(&args, 3)),
        Some("open") => return growth::open(Path::new(&args[1])),
        _ => {}
    }
    let commits = args.first().map_or(24_000, |_| number(&args, 0));
    let writers = args.get(1).map_or(16, |_| number(&args, 1));
    let rounds = args.get(2).map_or(3, |_| number(&args, 2));
    let root = args.get(3).map_or_else(std::env::temp_dir, Into::into);
    let mut samples: Vec<Vec<Sample>> = SUBJECTS.map(|_| Vec::new()).into();
    let only = std::env::var("ONLY").unwrap_or_default();
    for _ in 0..rounds {
        for (at, subject) in SUBJECTS.iter().enumerate().filter(|(_, name)| name.contains(&only)) {
            samples[at].extend(one(subject, commits, writers, &root));
        }
    }
    println!(
        "{commits} commits by {writers} writers, 10 KB body, 300 B metadata, 4 index keys; medians of {rounds}"
    );
    println!("{}", Sample::heading());
    let raw = samples[0].clone();
    for (subject, samples) in SUBJECTS.iter().zip(&samples) {
        if !samples.is_empty() {
            println!("{}", Sample::row(subject, samples, &raw));
        }
    }
}

/// Each measurement in a process of its own, so that memory and processor time are its own.
fn one(subject: &str, commits: usize, writers: usize, root: &Path) -> Option<Sample> {
    let dir = root.join(format!("rialto-bench-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a folder to write to");
    let output = Command::new(std::env::current_exe().expect("our own name"))
        .args(["one", subject, &commits.to_string(), &writers.to_string()])
        .arg(&dir)
        .output()
        .expect("a second process");
    let _ = std::fs::remove_dir_all(&dir);
    if !output.status.success() {
        eprintln!("{subject}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Sample::from_line(String::from_utf8_lossy(&output.stdout).trim())
}

fn number(args: &[String], at: usize) -> usize {
    args[at].parse().expect("a number")
}
