//! How the engine grows: memory, and the time to open after a clean close and after a kill.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{load::drive, meter::proc_number, subjects};

/// Prints a table row at each number of items.
pub fn run(counts: &[usize], dir: &Path) {
    println!(
        "| items | commits/s | resident MB | index MB | open, clean | open, killed | replayed | resident MB after |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut from = 0;
    for &count in counts {
        let grown = child("grow", dir, &[from, count]);
        let killed = child("open", dir, &[]);
        let clean = child("open", dir, &[]);
        let index = std::fs::metadata(dir.join("db/index.redb")).map_or(0, |file| file.len() >> 20);
        let word = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or("?").to_owned();
        println!(
            "| {count} | {} | {} | {index} | {} | {} | {} | {} |",
            word(&grown, 0),
            word(&grown, 1),
            word(&clean, 0),
            word(&killed, 0),
            word(&killed, 1),
            word(&clean, 2)
        );
        from = count;
    }
}

fn child(what: &str, dir: &Path, numbers: &[usize]) -> String {
    let output = Command::new(std::env::current_exe().expect("our own name"))
        .arg(what)
        .arg(dir)
        .args(numbers.iter().map(usize::to_string))
        .output()
        .expect("a second process");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().into()
}

/// Commits small items and dies without closing.
pub fn grow(dir: &Path, from: usize, to: usize) -> ! {
    let db = subjects::open(dir);
    let began = Instant::now();
    drive(to - from, 64, |mut message| {
        message.body.truncate(200);
        message.renumber(from);
        subjects::commit(&db, message);
    });
    let rate = (to - from) as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} {}", proc_number("/proc/self/status", "VmRSS:") >> 10);
    std::process::exit(0);
}

/// Opens, says how long that took, and closes.
pub fn open(dir: &Path) {
    let began = Instant::now();
    let db = subjects::open(dir);
    let took = began.elapsed();
    std::thread::sleep(Duration::from_millis(200));
    let rss = proc_number("/proc/self/status", "VmRSS:") >> 10;
    println!("{:.0}ms {} {rss}", took.as_secs_f64() * 1e3, db.status().replayed);
    db.close().expect("a clean close");
}
