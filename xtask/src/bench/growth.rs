//! How this server does when much is stored: ingest rate, memory, and how long it takes to open again.

use std::{fmt::Write as _, path::Path, time::Instant};

use super::{Client, Subject};
use crate::{Outcome, server::Server};

/// Messages that only make the store large, bytes each.
const FILL_BYTES: u32 = 2048;
/// Messages by which the rate is measured at each size: few against the size, enough to last a while.
const RATE_MESSAGES: std::ops::RangeInclusive<u64> = 1_000..=50_000;

/// One line for each number of stored messages.
pub(super) fn run(client: &Client, binary: &Path, folder: &Path, sizes: &[u64]) -> Outcome<String> {
    let mut subject = Subject::rialto(binary, folder)?;
    let mut out = format!(
        "{:>10} {:>14} {:>14} {:>10} {:>16} {:>16} {:>10}\n",
        "messages",
        "ingest per s",
        "accept p99 ms",
        "RSS MiB",
        "open, clean ms",
        "open, killed ms",
        "SELECT ms"
    );
    let mut stored = 0;
    for &size in sizes {
        if size > stored {
            println!("growing to {size} messages");
            let amount = [
                ("senders", "32".to_owned()),
                ("count", (size - stored).to_string()),
                ("size", FILL_BYTES.to_string()),
                ("seconds", "86400".to_owned()),
            ];
            let grown = client.measure(&subject, "ingest", &amount)?;
            stored += grown["visible"].as_f64().unwrap_or(0.0) as u64;
        }
        let amount = (size / 10).clamp(*RATE_MESSAGES.start(), *RATE_MESSAGES.end());
        let rate =
            [("senders", "16".to_owned()), ("count", amount.to_string()), ("seconds", "600".to_owned())];
        let rate = client.measure(&subject, "ingest", &rate)?;
        stored += rate["visible"].as_f64().unwrap_or(0.0) as u64;
        let memory = client.measure(&subject, "memory", &[])?;
        let clean = reopen(&mut subject, Server::stop)?;
        // Some work that only the log holds when the server is killed.
        let work = [("senders", "16".to_owned()), ("seconds", "2".to_owned())];
        stored += client.measure(&subject, "ingest", &work)?["visible"].as_f64().unwrap_or(0.0) as u64;
        let killed = reopen(&mut subject, |server| Ok(server.kill()))?;
        let select = client.measure(&subject, "fetch", &[("items", "UID".to_owned())])?;
        let figure = |value: &serde_json::Value, name: &str| value[name].as_f64().unwrap_or(f64::NAN);
        _ = writeln!(
            out,
            "{size:>10} {:>14.0} {:>14.1} {:>10.1} {clean:>16.0} {killed:>16.0} {:>10.1}",
            figure(&rate, "per_s"),
            figure(&rate, "accept_p99_ms"),
            figure(&memory, "rss_mib"),
            figure(&select, "select_ms"),
        );
    }
    Ok(out)
}

/// Takes the server down and starts it again; milliseconds until it is ready.
fn reopen(
    subject: &mut Subject,
    down: impl FnOnce(Server) -> Outcome<crate::server::Launch>,
) -> Outcome<f64> {
    let server = subject.server();
    let launch = down(server.take().ok_or("the server is not running")?)?;
    let start = Instant::now();
    *server = Some(Server::start(launch)?);
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
