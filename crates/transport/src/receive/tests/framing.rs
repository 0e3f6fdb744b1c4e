//! Messages and chunks: one message or an error, never two, and never out of step.

use super::*;

const OPEN: &str = "C: MAIL FROM:<a@b>\nS: 250 {*}\nC: RCPT TO:<nuno@here.example>\nS: 250 {*}\n";
const INPUT: &str = "C: DATA\nS: 354 {*}\n";

/// Every mix of these bytes before the true end: one message, clean, or one refusal; then we are in step.
#[tokio::test]
async fn no_smuggling_whatever_the_mix() {
    let bench = Bench::with(|c| c.max_protocol_errors = u32::MAX);
    let mut talk = bench.greeted().await;
    let pieces: [&[u8]; 6] = [b"\r", b"\n", b"\r\n", b".", b"\0", b"x"];
    for number in 0..pieces.len().pow(4) {
        let mix: Vec<u8> = (0..4u32).flat_map(|i| pieces[number / 6usize.pow(i) % 6].to_vec()).collect();
        if mix.windows(5).any(|w| w == b"\r\n.\r\n") || mix.starts_with(b".\r\n") {
            continue;
        }
        let taken = bench.mail.lock().len();
        talk.play(OPEN).await;
        talk.play(INPUT).await;
        let hidden = b"MAIL FROM:<evil@ext.example>\r\nRCPT TO:<nuno@here.example>\r\nDATA\r\nevil";
        talk.send(&[b"S: 1\r\n\r\nx", &mix[..], hidden, b"\r\n.\r\n"].concat()).await;
        let reply = talk.reply().await;
        let accepted = reply.starts_with("250 2.6.0");
        assert!(accepted || reply.starts_with("550 5.6.11"), "{mix:?}: {reply}");
        assert_eq!(bench.mail.lock().len(), taken + usize::from(accepted), "{mix:?}");
        talk.play("C: NOOP\nS: 250 2.0.0 OK").await;
    }
    let taken = bench.mail.lock().len();
    assert!(taken > 0);
    for n in 0..taken {
        let message = bench.message(n);
        assert!(message.ends_with("evil\r\n"), "the hidden commands are text");
        assert!(!message.replace("\r\n", "").contains(['\r', '\n', '\0']));
    }
}

#[tokio::test]
async fn a_bare_newline_in_a_command_ends_the_session() {
    for raw in [r#""NOOP\n""#, r#""NOOP\rNOOP\r\n""#, r#""MAIL FROM:<a@b>\nRCPT TO:<nuno@here.example>\r\n""#]
    {
        let bench = Bench::new();
        let mut talk = bench.greeted().await;
        talk.play(&format!("C* {raw}\nS: 500 5.5.2 Invalid line ending; closing transmission channel\nS."))
            .await;
    }
}

#[tokio::test]
async fn a_message_too_large_is_refused_and_the_session_goes_on() {
    let bench = Bench::with(|c| c.max_message_size = 50_000);
    let mut talk = bench.greeted().await;
    talk.play(OPEN).await;
    talk.play(INPUT).await;
    talk.send(&b"0123456789\r\n".repeat(6000)).await;
    talk.play("C: .\nS: 552 5.3.4 Message size exceeds fixed maximum message size\nC: NOOP\nS: 250 {*}")
        .await;
    talk.play(OPEN).await;
    talk.play(INPUT).await;
    talk.send(&b"01234567\r\n".repeat(4999)).await;
    talk.play("C: .\nS: 250 2.6.0 {*}").await;
    talk.play(OPEN).await;
    talk.play(INPUT).await;
    let block = vec![b'x'; 1 << 20];
    let mut blocks = 0;
    while talk.stream.write_all(&block).await.is_ok() {
        blocks += 1;
        assert!(blocks < 100, "an endless message is hung up on");
    }
}

#[tokio::test]
async fn header_size_and_hops() {
    let bench = Bench::with(|c| {
        c.max_header_size = 10_000;
        c.max_hop_count = 3;
        c.max_local_hop_count = 1;
    });
    let mut talk = bench.greeted().await;
    for (header, reply) in [
        ("X: 0123456789\r\n".repeat(700), "552 5.3.4 Header size exceeds fixed maximum size"),
        ("Received: from x\r\n".repeat(4), "554 5.4.6 Hop count exceeded - possible mail loop"),
        ("Received: from x\r\n".repeat(3), "250 2.6.0 {*}"),
        (
            "Received: from x\r\n by mail.here.example ([::1]) with SMTP\r\n".repeat(2),
            "554 5.4.6 Hop count exceeded - possible mail loop",
        ),
    ] {
        talk.play(OPEN).await;
        talk.play(INPUT).await;
        talk.send(header.as_bytes()).await;
        talk.play(&format!("C:\nC: Received: body\nC: .\nS: {reply}")).await;
    }
}

#[tokio::test]
async fn chunks_make_one_message() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play(OPEN).await;
    talk.play(
        r#"C* "BDAT 8\r\nSubject:BDAT 6\r\n a\r\n\r\nBDAT 0\r\nBDAT 5 LAST\r\n.\r\nx\r"
        S: 250 2.6.0 8 octets received
        S: 250 2.6.0 6 octets received
        S: 250 2.6.0 0 octets received
        S: 550 5.6.11 Invalid line ending; {*}"#,
    )
    .await;
    talk.play(OPEN).await;
    talk.play(
        r#"C* "BDAT 14\r\nSubject: a\r\n\r\n"
        S: 250 2.6.0 14 octets received
        C: DATA
        S: 503 5.5.2 Bad sequence of commands
        C* "BDAT 5 LAST\r\n.\r\nx\nNOOP\r\n"
        S: 550 5.6.11 {*}
        S: 250 2.0.0 OK"#,
    )
    .await;
    talk.play(OPEN).await;
    talk.play("C* \"BDAT 14\\r\\nSubject: a\\r\\n\\r\\nBDAT 8 LAST\\r\\n.\\r\\n...\\r\\n\"\nS: 250 {*}\nS: 250 2.6.0 <{*}").await;
    assert!(bench.message(0).ends_with("Subject: a\r\n\r\n.\r\n...\r\n"), "dots are not stuffed in chunks");
}

#[tokio::test]
async fn binary_messages_go_by_chunks_alone() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play(
        r#"C: MAIL FROM:<a@b> BODY=BINARYMIME
        S: 250 {*}
        C: RCPT TO:<nuno@here.example>
        S: 250 {*}
        C: DATA
        S: 503 5.5.2 BODY=BINARYMIME requires BDAT
        C* "BDAT 16 LAST\r\nSubject: a\r\n\r\n\n\0"
        S: 250 2.6.0 {*}
        C: MAIL FROM:<a@b> BODY=BINARYMIME
        S: 250 {*}
        C: RCPT TO:<nuno@here.example>
        S: 250 {*}
        C* "BDAT 16 LAST\r\nSubject: a\nb\r\n\r\n"
        S: 550 5.6.11 {*}"#,
    )
    .await;
}

/// A refused chunk is still a chunk: its bytes are never read as commands.
#[tokio::test]
async fn a_refused_chunk_is_swallowed() {
    let bench = Bench::with(|c| {
        c.max_message_size = 40;
        c.max_protocol_errors = 99;
    });
    let mut talk = bench.greeted().await;
    talk.play(
        r#"C* "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"
        S: 503 5.5.2 Need mail command
        S: 250 2.0.0 OK"#,
    )
    .await;
    talk.play(OPEN).await;
    talk.play(
        r#"C* "BDAT 30\r\n0123456789012345678901234567\r\nBDAT 16 LAST\r\nQUIT\r\nQUIT\r\n....NOOP\r\n"
        S: 250 2.6.0 30 octets received
        S: 552 5.3.4 Message size exceeds fixed maximum message size
        S: 250 2.0.0 OK
        C: BDAT 99999999999 LAST
        S: 503 5.5.2 Need mail command
        S."#,
    )
    .await;
    let mut talk = bench.greeted().await;
    talk.play("C: BDAT x LAST\nS: 501 5.5.4 Invalid chunk size\nS.").await;
}
