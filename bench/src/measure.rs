//! The measurements. Each returns named figures in a fixed order.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    ClientError,
    imap::Imap,
    machine::{self, Sample, Spent, Watched},
    message,
    smtp::Smtp,
};

/// Who can receive and log on.
#[derive(Clone, Debug)]
pub struct Account {
    /// The SMTP address.
    pub address: String,
    /// The name to log on with.
    pub login: String,
    /// The password.
    pub password: String,
}

/// The server that is measured.
#[derive(Clone, Debug)]
pub struct Subject {
    /// `host:port` that takes mail for the accounts without authentication.
    pub smtp: String,
    /// `host:port` that takes LOGIN in plain text.
    pub imap: String,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Its processes and disk.
    pub watched: Watched,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Senders at once.
    pub senders: usize,
    /// Size of a message, bytes.
    pub size: usize,
    /// How long to send.
    pub time: Duration,
    /// At most so many messages.
    pub count: u64,
}

/// Named figures.
pub type Figures = Vec<(&'static str, f64)>;

const SENDER: &str = "sender@outside.test";
/// Messages per SMTP connection.
const PER_CONNECTION: u64 = 10;
/// How long accepted mail may take into the mailboxes when nothing moves any more.
const SETTLE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// A refused sender waits so long.
const PAUSE: Duration = Duration::from_millis(20);

/// Parallel senders to all accounts: messages per second from the first connection until every accepted one is
/// visible by IMAP, how long the acceptance took, and what it cost.
pub fn ingest(subject: &Subject, amount: Amount) -> Result<Figures, ClientError> {
    let mut watchers = subject.accounts.iter().map(|a| log_on(subject, a)).collect::<Result<Vec<_>, _>>()?;
    let before = stored(&mut watchers)?;
    let first = Sample::take(&subject.watched);
    let start = Instant::now();
    let (latencies, refused) = send(subject, amount, start);
    let accepted = latencies.len() as u64;
    let (mut visible, mut changed) = (0, Instant::now());
    let mut seconds = start.elapsed().as_secs_f64();
    let sending = seconds;
    while visible < accepted && changed.elapsed() < SETTLE {
        let now = stored(&mut watchers)? - before;
        if now != visible {
            (visible, changed, seconds) = (now, Instant::now(), start.elapsed().as_secs_f64());
        } else {
            thread::sleep(POLL);
        }
    }
    let spent = first.until(&Sample::take(&subject.watched));
    let mut figures = vec![
        ("accepted", accepted as f64),
        ("refused", refused as f64),
        ("visible", visible as f64),
        ("sending_s", sending),
        ("per_s", visible as f64 / seconds),
    ];
    figures.extend(percentiles("accept", latencies));
    figures.extend(costs(spent, visible));
    Ok(figures)
}

/// The latencies of the accepted messages, seconds, and how many tries failed.
fn send(subject: &Subject, amount: Amount, start: Instant) -> (Vec<f64>, u64) {
    let seed = seed();
    let (next, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..amount.senders {
            scope.spawn(|| {
                let mut latencies = Vec::new();
                let mut session: Option<(Smtp, u64)> = None;
                while start.elapsed() < amount.time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= amount.count {
                        break;
                    }
                    let to = &subject.accounts[number as usize % subject.accounts.len()].address;
                    let content = message::make(seed, number, amount.size, to);
                    let began = Instant::now();
                    match deliver(subject, &mut session, to, &content) {
                        Ok(()) => latencies.push(began.elapsed().as_secs_f64()),
                        Err(_) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            session = None;
                            thread::sleep(PAUSE);
                        }
                    }
                }
                if let Some((session, _)) = session {
                    session.quit();
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).extend(latencies);
            });
        }
    });
    (all.into_inner().unwrap_or_else(PoisonError::into_inner), refused.into_inner())
}

/// Delivers over the open session, or a new one when there is none; connecting counts as part of it.
fn deliver(
    subject: &Subject,
    open: &mut Option<(Smtp, u64)>,
    to: &str,
    content: &[u8],
) -> Result<(), ClientError> {
    let (mut session, used) = match open.take() {
        Some(open) => open,
        None => (Smtp::connect(&subject.smtp)?, 0),
    };
    session.deliver(SENDER, to, content)?;
    if used + 1 < PER_CONNECTION {
        *open = Some((session, used + 1));
    } else {
        session.quit();
    }
    Ok(())
}

/// One sender, one message at a time: until it is accepted, and until a NOOP on the selected mailbox shows it.
pub fn visible(subject: &Subject, amount: Amount) -> Result<Figures, ClientError> {
    let account = subject.accounts.first().ok_or_else(crate::closed)?;
    let mut watcher = log_on(subject, account)?;
    let mut known = watcher.select("INBOX")?;
    let mut session = Smtp::connect(&subject.smtp)?;
    let (mut accepts, mut visibles) = (Vec::new(), Vec::new());
    let (seed, start) = (seed(), Instant::now());
    let mut number = 0;
    while start.elapsed() < amount.time && number < amount.count {
        let content = message::make(seed, number, amount.size, &account.address);
        let began = Instant::now();
        session.deliver(SENDER, &account.address, &content)?;
        accepts.push(began.elapsed().as_secs_f64());
        known += 1;
        while watcher.exists() < known {
            watcher.command("NOOP")?;
            if began.elapsed() > SETTLE {
                return Err(ClientError::Refused("an accepted message did not become visible".into()));
            }
        }
        visibles.push(began.elapsed().as_secs_f64());
        number += 1;
        if number.is_multiple_of(200) {
            // A session is not for ever: servers limit the messages of one.
            std::mem::replace(&mut session, Smtp::connect(&subject.smtp)?).quit();
        }
    }
    let mut figures = vec![("messages", number as f64)];
    figures.extend(percentiles("accept", accepts));
    figures.extend(percentiles("visible", visibles));
    Ok(figures)
}

/// Stores messages by IMAP until the account's folder holds `count`; nothing is measured.
pub fn fill(subject: &Subject, folder: &str, amount: Amount) -> Result<Figures, ClientError> {
    /// Messages per round trip.
    const BATCH: u64 = 100;
    let account = subject.accounts.first().ok_or_else(crate::closed)?;
    let mut connection = log_on(subject, account)?;
    if connection.count(folder).is_err() {
        connection.command(&format!("CREATE {folder}"))?;
    }
    let mut have = connection.count(folder)?;
    while have < amount.count {
        let end = (have + BATCH).min(amount.count);
        let batch: Vec<Vec<u8>> =
            (have..end).map(|n| message::make(7, n, amount.size, &account.address)).collect();
        connection.append_all(folder, &batch)?;
        have = end;
    }
    Ok(vec![("messages", connection.count(folder)? as f64)])
}

/// Fetches something of every message of a folder: rows and bytes per second.
pub fn fetch(subject: &Subject, folder: &str, items: &str) -> Result<Figures, ClientError> {
    let account = subject.accounts.first().ok_or_else(crate::closed)?;
    let began = Instant::now();
    let mut connection = log_on(subject, account)?;
    let logged_on = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let messages = connection.select(folder)?;
    let selected = began.elapsed().as_secs_f64();
    let first = Sample::take(&subject.watched);
    let began = Instant::now();
    let tally = connection.command(&format!("FETCH 1:* ({items})"))?;
    let seconds = began.elapsed().as_secs_f64();
    let spent = first.until(&Sample::take(&subject.watched));
    Ok(vec![
        ("messages", messages as f64),
        ("fetched", tally.fetched as f64),
        ("log_on_ms", logged_on * 1e3),
        ("select_ms", selected * 1e3),
        ("seconds", seconds),
        ("per_s", tally.fetched as f64 / seconds),
        ("mb_per_s", tally.bytes as f64 / 1e6 / seconds),
        ("cpu_s", spent.server_cpu),
    ])
}

/// Memory of the server now.
pub fn memory(subject: &Subject) -> Figures {
    let (rss, pss) = machine::memory(&subject.watched);
    vec![("rss_mib", rss / f64::from(1 << 20)), ("pss_mib", pss / f64::from(1 << 20))]
}

fn log_on(subject: &Subject, account: &Account) -> Result<Imap, ClientError> {
    Imap::log_on(&subject.imap, &account.login, &account.password)
}

fn stored(watchers: &mut [Imap]) -> Result<u64, ClientError> {
    watchers.iter_mut().map(|w| w.count("INBOX")).sum()
}

/// Makes the messages of a run its own.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as u64
}

fn costs(spent: Spent, messages: u64) -> Figures {
    let each = |total: f64| total / messages.max(1) as f64;
    vec![
        ("cpu_ms_per_message", each(spent.server_cpu * 1e3)),
        ("client_cpu_ms_per_message", each(spent.client_cpu * 1e3)),
        ("flushes_per_message", each(spent.flushes)),
        ("kb_written_per_message", each(spent.written / 1e3)),
        ("machine_busy", spent.machine_busy),
    ]
}

fn percentiles(what: &'static str, mut seconds: Vec<f64>) -> Figures {
    seconds.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let index = (seconds.len() as f64 * q) as usize;
        seconds.get(index.min(seconds.len().saturating_sub(1))).copied().unwrap_or(f64::NAN) * 1e3
    };
    let names = match what {
        "accept" => ["accept_p50_ms", "accept_p99_ms", "accept_max_ms"],
        _ => ["visible_p50_ms", "visible_p99_ms", "visible_max_ms"],
    };
    names.into_iter().zip([0.5, 0.99, 1.0].map(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let figures = percentiles("accept", (1..=100).rev().map(|n| f64::from(n) / 1e3).collect());
        let values: Vec<f64> = figures.iter().map(|f| f.1.round()).collect();
        assert_eq!(values, [51.0, 100.0, 100.0]);
        assert!(percentiles("visible", vec![])[0].1.is_nan());
    }
}
