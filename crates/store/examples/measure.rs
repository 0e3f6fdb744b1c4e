//! Measures the store on this machine: deliveries a second from parallel senders, and the reads a client
//! makes of a large folder. `cargo run --release -p rialto-store --example measure -- DIR [MESSAGES]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints, and stops where it fails"
)]

use std::{path::Path, sync::Arc, time::Duration};

use base::{
    Guid, Timestamp,
    clock::{Clock, SystemClock},
    disk::SystemDisk,
};
use bytes::Bytes;
use store::{
    Config, Database, Delivery, DeliveryId, FlagChange, Flags, FolderRole, Limits, Mailbox, NewMailbox,
    Recipient, Removal,
};

const SENDERS: u64 = 16;
const MAILBOXES: u64 = 20;
const INBOX: store::FolderId = FolderRole::Inbox.folder();

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "measure.db".into());
    let messages: u64 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let database = open(Path::new(&dir));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mailboxes: Vec<Mailbox> = (0..MAILBOXES).map(|n| mailbox(&database, n)).collect();
    let reader = mailbox(&database, 200);

    let (took, cpu) = timed(|| runtime.block_on(send(&database, &mailboxes, messages)));
    println!(
        "deliver: {messages} messages of 10 KB from {SENDERS} senders: {:.0}/s, {:.1} µs CPU each",
        messages as f64 / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / messages as f64
    );
    let n = 10_000;
    runtime.block_on(send(&database, std::slice::from_ref(&reader), n));
    report("contents (SELECT)", n, || reader.contents(INBOX).unwrap().uids.len());
    report("items", n, || reader.items(INBOX, &vec![1..=u32::MAX], usize::MAX).unwrap().len());
    report("items with summaries, pages of 500", n, || {
        let (mut from, mut seen) = (1, 0);
        loop {
            let page = reader.items_with_summaries(INBOX, &vec![from..=u32::MAX], 500).unwrap();
            seen += page.len();
            let Some((last, _)) = page.last() else { return seen };
            from = last.uid + 1;
        }
    });
    report("bodies", n, || {
        let items = reader.items(INBOX, &vec![1..=u32::MAX], usize::MAX).unwrap();
        items.iter().filter(|item| reader.body(item.id).unwrap().len() == 10_240).count()
    });
    report("changes since the beginning", n, || reader.changes_since(INBOX, 0).unwrap().changed.len());
    mass_verbs(&reader, n);
    database.close().unwrap();
    let (took, _) = timed(|| open(Path::new(&dir)));
    println!("reopen: {took:?}");
}

/// Each is one commit, and holds the writer that long.
fn mass_verbs(mailbox: &Mailbox, n: u64) {
    let all = || vec![1..=u32::MAX];
    let seen = Flags { system: Flags::SEEN, keywords: Vec::new() };
    let archive = FolderRole::Archive.folder();
    let flags = timed(|| mailbox.change_flags(INBOX, all(), FlagChange::Add, seen, None).wait().unwrap());
    let copy = timed(|| mailbox.copy(INBOX, all(), archive, Limits::default()).wait().unwrap());
    let moved = timed(|| mailbox.move_items(INBOX, all(), archive).wait().unwrap());
    let removed = timed(|| mailbox.remove_items(archive, all(), Removal::Recoverable).wait().unwrap());
    for (what, (took, _)) in [("flags of", flags), ("copy", copy), ("move", moved), ("remove twice", removed)]
    {
        println!("{what} {n} items: {:.1} ms", took.as_secs_f64() * 1e3);
    }
}

fn open(dir: &Path) -> Database {
    let engine = engine::Options {
        dir: dir.to_owned(),
        name: "measure".into(),
        segment_bytes: 64 << 20,
        cache_bytes: 64 << 20,
        checkpoint_bytes: 64 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    };
    Database::open(Config { guid: Guid([1; 16]), engine }).unwrap()
}

fn mailbox(database: &Database, number: u64) -> Mailbox {
    let mut guid = Guid([9; 16]);
    guid.0[..8].copy_from_slice(&number.to_le_bytes());
    if database.mailbox(guid).is_err() {
        let new = NewMailbox { guid, display_name: "Somebody".into(), culture: "en".into() };
        database.create_mailbox(new).wait().unwrap();
    }
    database.mailbox(guid).unwrap()
}

async fn send(database: &Database, mailboxes: &[Mailbox], messages: u64) {
    let body = Bytes::from(vec![b'x'; 10_240]);
    let summary = Bytes::from(vec![b's'; 400]);
    let salt = SystemClock.now().micros.unsigned_abs();
    let senders = (0..SENDERS).map(|sender| {
        let (database, body, summary) = (database.clone(), body.clone(), summary.clone());
        let to: Vec<_> = mailboxes.iter().map(Mailbox::id).collect();
        tokio::spawn(async move {
            for n in (sender..messages).step_by(SENDERS as usize) {
                let mut id = [0; 16];
                id[..8].copy_from_slice(&salt.to_be_bytes());
                id[8..].copy_from_slice(&n.to_be_bytes());
                let mailbox = to[n as usize % to.len()];
                let recipient = Recipient { mailbox, folder: INBOX, flags: 0, limits: Limits::default() };
                let delivery = Delivery {
                    id: DeliveryId(id),
                    recipients: vec![recipient],
                    parts: vec![body.clone()],
                    summary: summary.clone(),
                    class: "IPM.Note".into(),
                    received: Timestamp::from_secs(1_795_412_281),
                };
                database.deliver(delivery).await.unwrap()[0].as_ref().unwrap();
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}

/// Wall time and this process's CPU time.
fn timed<R>(f: impl FnOnce() -> R) -> (Duration, Duration) {
    let cpu = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let stats = threads.filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok());
        Duration::from_nanos(stats.filter_map(|s| s.split(' ').next()?.parse::<u64>().ok()).sum())
    };
    let (wall, before) = (SystemClock.monotonic(), cpu());
    f();
    (SystemClock.monotonic().saturating_sub(wall), cpu().saturating_sub(before))
}

fn report(what: &str, expected: u64, mut f: impl FnMut() -> usize) {
    assert_eq!(f() as u64 % expected, 0, "{what}");
    let (took, _) = timed(&mut f);
    println!("{what}: {:.2} ms for {} items", took.as_secs_f64() * 1e3, f());
}
