//! Time, strikes and sizes: what one peer can take from the others.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_silent_stranger_is_sent_away_after_a_minute() {
    let bench = Bench::new();
    let start = Instant::now();
    let mut talk = bench.greeted().await;
    talk.play("S: 421 4.4.1 Connection timed out\nS.").await;
    assert!((60..70).contains(&start.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_buys_no_time() {
    let bench = Bench::new();
    let start = Instant::now();
    let mut talk = bench.greeted().await;
    for byte in b"NOOP this line never comes to its end".chunks(1) {
        talk.send(byte).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        if start.elapsed().as_secs() > 60 {
            break;
        }
    }
    talk.play("S: 421 4.4.1 Connection timed out\nS.").await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_may_think_for_five_minutes_but_not_stay_for_ever() {
    let bench = Bench::new();
    let start = Instant::now();
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<a@b>\nS: 250 {*}").await;
    tokio::time::sleep(Duration::from_secs(290)).await;
    talk.play("C: NOOP\nS: 250 {*}").await;
    tokio::time::sleep(Duration::from_secs(290)).await;
    talk.play("C: NOOP\nS: 250 {*}\nS: 421 4.4.2 Connection was open for too long\nS.").await;
    assert!((600..610).contains(&start.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stalls_is_given_up() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<a@b>\nS: 250 {*}\nC: RCPT TO:<n@here.example>\nS: 250 {*}\nC: DATA\nS: 354 {*}")
        .await;
    talk.play("C: Subject: half\nS: 421 4.4.1 Connection timed out\nS.").await;
    assert!(bench.mail.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_stranger_waits() {
    let tarpit = |c: &mut ReceiveConnector| c.tarpit_interval = Duration::from_secs(5);
    let bench = Bench::with(tarpit);
    let mut talk = bench.greeted().await;
    let start = Instant::now();
    talk.play("C* \"NOOP\\r\\nFOO\\r\\n\"\nS: 250 2.0.0 OK").await;
    assert!(start.elapsed().as_secs() < 1, "good news is not held back");
    talk.play("S: 500 5.3.3 Unrecognized command").await;
    assert_eq!(start.elapsed().as_secs(), 5);

    let local = Bench { remote: "127.0.0.1:1".parse().unwrap(), ..Bench::with(tarpit) };
    let mut talk = local.greeted().await;
    let start = Instant::now();
    talk.play("C: FOO\nS: 500 {*}").await;
    assert!(start.elapsed().as_secs() < 1, "this machine is no stranger");
}

#[tokio::test]
async fn five_protocol_errors_are_enough() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    for bad in ["FOO", "RCPT TO:<a@b>", "MAIL FROM:<a@b> X", "EXPN x"] {
        talk.send(format!("{bad}\r\n").as_bytes()).await;
        assert!(talk.reply().await.starts_with('5'));
    }
    talk.play(
        "C: DATA x
        S: 503 5.5.2 Need mail command
        S: 421 4.7.0 Too many errors on this connection, closing transmission channel
        S.",
    )
    .await;
}

#[tokio::test]
async fn over_long_lines() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.send(&[&[b'x'; 100_000], &b"\r\nNOOP\r\n"[..]].concat()).await;
    talk.play("S: 500 5.5.2 Line too long\nS: 250 2.0.0 OK").await;
    talk.send(format!("MAIL FROM:<a@b>{}\r\n", " ".repeat(2000)).as_bytes()).await;
    talk.play("S: 250 2.1.0 Sender OK").await;
}

#[tokio::test]
async fn too_many_recipients() {
    let bench = Bench::with(|c| c.max_recipients = 3);
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<a@b>\nS: 250 {*}").await;
    for n in 0..3 {
        talk.play(&format!("C: RCPT TO:<r{n}@here.example>\nS: 250 {{*}}")).await;
    }
    talk.play("C: RCPT TO:<r4@here.example>\nS: 452 4.5.3 Too many recipients").await;
    talk.play("C: DATA\nS: 354 {*}\nC: .\nS: 250 {*}").await;
    assert_eq!(bench.mail.lock()[0].envelope.to.len(), 3);
    assert!(!bench.message(0).contains(" for <"));
}

#[tokio::test]
async fn shutdown_says_goodbye_but_lets_a_message_end() {
    let bench = Bench::new();
    let mut idle = bench.greeted().await;
    let mut busy = bench.greeted().await;
    busy.play("C: MAIL FROM:<a@b>\nS: 250 {*}\nC: RCPT TO:<n@here.example>\nS: 250 {*}\nC: DATA\nS: 354 {*}")
        .await;
    bench.stop.send_replace(true);
    idle.play("S: 421 4.3.2 Service not available, closing transmission channel\nS.").await;
    busy.play("C: Subject: x\nC: .\nS: 250 2.6.0 {*}\nS: 421 4.3.2 {*}\nS.").await;
    assert_eq!(bench.mail.lock().len(), 1);
}
