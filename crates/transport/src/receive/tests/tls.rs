//! STARTTLS, implicit TLS, and who may log on over what.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::{send::ClientTls, test_identity::SERVER_NAME};

async fn handshake(stream: DuplexStream) -> TlsStream<DuplexStream> {
    ClientTls::trusting([])
        .unwrap()
        .opportunistic
        .connect(SERVER_NAME.try_into().unwrap(), stream)
        .await
        .unwrap()
}

/// A session after STARTTLS and a second EHLO.
async fn secured(bench: &Bench) -> Talk<TlsStream<DuplexStream>> {
    let mut talk = bench.greeted().await;
    talk.play("C: STARTTLS\nS: 220 2.0.0 SMTP server ready").await;
    let mut talk = Talk::new(handshake(talk.stream).await);
    talk.send(b"EHLO client.example\r\n").await;
    let hello = talk.reply().await;
    assert!(hello.contains("250-AUTH PLAIN LOGIN\n") && !hello.contains("STARTTLS"), "{hello}");
    talk
}

fn plain(login: &str, password: &str) -> String {
    BASE64.encode(format!("\0{login}\0{password}"))
}

#[tokio::test]
async fn starttls_forgets_what_came_before() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play("C: STARTTLS\nS: 220 2.0.0 SMTP server ready").await;
    let mut talk = Talk::new(handshake(talk.stream).await);
    talk.play(
        "C: MAIL FROM:<a@b>
        S: 503 5.5.2 Send hello first
        C: HELO again.example
        S: 250 {*}
        C: STARTTLS
        S: 503 5.5.2 Only one STARTTLS command can be issued per session
        C: MAIL FROM:<a@b>
        S: 250 {*}
        C: RCPT TO:<nuno@here.example>
        S: 250 {*}
        C: DATA
        S: 354 {*}
        C: .
        S: 250 {*}",
    )
    .await;
    let message = bench.message(0);
    assert!(message.starts_with("Received: from again.example"), "{message}");
    assert!(message.contains("with SMTPS\r\n (version=TLS1_3, cipher=TLS13_"), "{message}");
}

#[tokio::test]
async fn plaintext_behind_starttls_is_never_read_as_encrypted() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play(
        r#"C* "STARTTLS\r\nMAIL FROM:<evil@ext.example>\r\n"
        S: 554 5.7.0 Commands after STARTTLS; closing transmission channel
        S."#,
    )
    .await;
}

#[tokio::test]
async fn logging_on_with_plain_and_login() {
    let bench = Bench::new();
    let good = plain("nuno", "pencil");
    for exchange in [
        format!("C: AUTH PLAIN {good}\n"),
        format!("C: auth plain\nS: 334 \nC: {good}\n"),
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bnVubw==\nS: 334 UGFzc3dvcmQ6\nC: cGVuY2ls\n".into(),
        "C: AUTH LOGIN bnVubw==\nS: 334 UGFzc3dvcmQ6\nC: cGVuY2ls\n".into(),
    ] {
        let mut talk = secured(&bench).await;
        talk.play(&exchange).await;
        talk.play(
            "S: 235 2.7.0 Authentication successful
            C: AUTH PLAIN x
            S: 503 5.5.2 Already authenticated
            C: MAIL FROM:<nuno@here.example>
            S: 250 {*}
            C: RCPT TO:<anyone@ext.example>
            S: 250 2.1.5 Recipient OK
            C: DATA
            S: 354 {*}
            C: .
            S: 250 {*}",
        )
        .await;
    }
    assert!(bench.message(0).contains("with ESMTPSA\r\n"));
}

#[tokio::test]
async fn failed_and_broken_logons() {
    let bench = Bench::with(|c| c.max_protocol_errors = 99);
    let mut talk = secured(&bench).await;
    let (wrong, broken) = (plain("nuno", "wrong"), plain("broken", "x"));
    let other = BASE64.encode("ana\0nuno\0pencil");
    talk.play(&format!(
        "C: AUTH CRAM-MD5
        S: 504 5.7.4 Unrecognized authentication type
        C: AUTH PLAIN
        S: 334 {{*}}
        C: *
        S: 501 5.7.0 Authentication cancelled
        C: AUTH PLAIN !!!
        S: 501 5.5.2 Cannot decode response
        C: AUTH PLAIN =
        S: 501 5.5.2 Cannot decode response
        C: AUTH PLAIN {broken}
        S: 454 4.7.0 Temporary authentication failure
        C: AUTH PLAIN {other}
        S: 535 5.7.3 Authentication unsuccessful
        C: AUTH PLAIN {wrong}
        S: 535 5.7.3 Authentication unsuccessful
        C: AUTH PLAIN {wrong}
        S: 535 5.7.3 Authentication unsuccessful
        C: AUTH PLAIN {wrong}
        S: 535 5.7.3 Authentication unsuccessful
        S: 421 4.7.0 Too many errors on this connection, closing transmission channel
        S."
    ))
    .await;
}

#[tokio::test]
async fn no_password_in_the_clear() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play(&format!(
        "C: AUTH PLAIN {}
        S: 538 5.7.11 Encryption required for requested authentication mechanism",
        plain("nuno", "pencil")
    ))
    .await;
}

#[tokio::test]
async fn implicit_tls_and_required_tls() {
    let bench = Bench::with(|c| c.require_tls = true);
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<a@b>\nS: 530 5.7.0 Must issue a STARTTLS command first").await;
    let mut talk = Talk::new(handshake(bench.connect(Door::ImplicitTls)).await);
    talk.play("S: 220 {*}\nC: HELO a\nS: 250 {*}\nC: MAIL FROM:<a@b>\nS: 250 {*}").await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_comes_is_given_up() {
    let bench = Bench::new();
    let mut talk = Talk::new(bench.connect(Door::ImplicitTls));
    assert_eq!(talk.line().await, None);
}
