//! What a hundred thousand recipients cost; prints figures, run by hand:
//! `cargo test --release -p rialto-directory --test house -- --ignored --nocapture scale`.

use std::time::Instant;

use directory::Filter;

use crate::{house, mailbox, open};

const RECIPIENTS: usize = 100_000;
const BATCH: usize = 1000;

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
#[ignore = "takes half a minute; prints figures"]
async fn scale() {
    let (directory, dir) = house().await;
    let start = Instant::now();
    for batch in 0..RECIPIENTS / BATCH {
        directory
            .commit(move |draft| {
                for i in 0..BATCH {
                    mailbox(draft, &format!("user{:06} of the house", batch * BATCH + i));
                }
                Ok(())
            })
            .await
            .unwrap();
    }
    println!("{RECIPIENTS} mailboxes made in {:?}, resident {} MiB", start.elapsed(), resident_mib());
    let start = Instant::now();
    for i in 0..200 {
        directory
            .commit(move |draft| {
                let user = draft.by_alias(&format!("user{i:06}")).unwrap().guid;
                draft.modify(user, vec![("Title", "Dr".into())])
            })
            .await
            .unwrap();
    }
    println!("200 changes one by one in {:?}", start.elapsed());
    directory.close().unwrap();
    drop(directory);
    let start = Instant::now();
    let directory = open(dir.path());
    println!("reopened in {:?}, resident {} MiB", start.elapsed(), resident_mib());
    let view = directory.snapshot();
    let start = Instant::now();
    for i in 0..RECIPIENTS {
        let address = format!("USER{i:06}@rialto.test").parse().unwrap();
        assert!(view.recipient_by_address(&address).is_some());
    }
    println!("{RECIPIENTS} look-ups by address in {:?}", start.elapsed());
    let start = Instant::now();
    let filter = Filter::parse("Title -eq 'Dr' -and Alias -like 'user0000*'").unwrap();
    let found = view.recipients().filter(|r| filter.matches(&view, r)).count();
    assert_eq!(found, 100);
    println!("a filter over all in {:?}", start.elapsed());
}
