//! What is said to whom, in the product's words.

use super::*;

/// Plays a script on a new connection.
async fn play(bench: &Bench, script: &str) {
    Talk::new(bench.connect(Door::Plain)).play(script).await;
}

#[tokio::test]
async fn a_plain_delivery() {
    let bench = Bench::new();
    play(
        &bench,
        "S: 220 mail.here.example Rialto ESMTP MAIL Service ready at Mon, 23 Nov 2026 05:38:01 +0000
        C: EHLO client.example
        S: 250-mail.here.example Hello [192.0.2.7]
        S: 250-SIZE 37748736
        S: 250-PIPELINING
        S: 250-DSN
        S: 250-ENHANCEDSTATUSCODES
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-BINARYMIME
        S: 250-CHUNKING
        S: 250 SMTPUTF8
        C: MAIL FROM:<ana@ext.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=q1
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<nuno@here.example> NOTIFY=SUCCESS ORCPT=rfc822;nuno@here.example
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: Message-ID: <1@ext.example>
        C: Date: Mon, 23 Nov 2026 05:38:00 +0000
        C: Subject: hello
        C:
        C: ..dots
        C: .
        S: 250 2.6.0 <1@ext.example> [InternalId=1, Hostname=mail.here.example] Queued mail for delivery
        C: QUIT
        S: 221 2.0.0 Service closing transmission channel
        S.",
    )
    .await;
    let id = 1_795_412_281_000_000u64;
    assert_eq!(
        bench.message(0),
        format!(
            "Received: from client.example ([192.0.2.7])\r\n by mail.here.example ([198.51.100.1]) with ESMTP \
             id {id:x}.1\r\n for <nuno@here.example>;\r\n Mon, 23 Nov 2026 05:38:01 +0000\r\n\
             Message-ID: <1@ext.example>\r\nDate: Mon, 23 Nov 2026 05:38:00 +0000\r\nSubject: hello\r\n\r\n.dots\r\n"
        )
    );
    let envelope = &bench.mail.lock()[0].envelope;
    assert_eq!(envelope.from.envid.as_deref(), Some("q1"));
    assert_eq!(envelope.to[0].orcpt.as_deref(), Some("rfc822;nuno@here.example"));
}

#[tokio::test]
async fn a_pipelined_client_is_answered_in_order() {
    let bench = Bench::new();
    play(
        &bench,
        r#"S: 220 {*}
        C* "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@here.example>\r\nRCPT TO:<nuno@here.example>\r\nDATA\r\n"
        S: 250-mail{*}
        S: 250-SIZE{*}
        S: 250-P{*}
        S: 250-D{*}
        S: 250-E{*}
        S: 250-S{*}
        S: 250-8{*}
        S: 250-B{*}
        S: 250-C{*}
        S: 250 SMTPUTF8
        S: 250 2.1.0 Sender OK
        S: 550 5.1.1 RESOLVER.ADR.RecipNotFound; not found
        S: 250 2.1.5 Recipient OK
        S: 354 {*}
        C* "Subject: a\r\n\r\nb\r\n.\r\nMAIL FROM:<x@y>\r\nRSET\r\nQUIT\r\n"
        S: 250 2.6.0 <{*}@mail.here.example> [InternalId=1, Hostname=mail.here.example] Queued mail for delivery
        S: 250 2.1.0 Sender OK
        S: 250 2.0.0 Resetting
        S: 221 {*}
        S."#,
    )
    .await;
    assert!(bench.message(0).contains("\r\nMessage-ID: <"), "made for it");
    assert_eq!(bench.mail.lock()[0].envelope.to.len(), 1);
}

#[tokio::test]
async fn out_of_order() {
    let bench = Bench::with(|c| c.max_protocol_errors = 99);
    play(
        &bench,
        "S: 220 {*}
        C: MAIL FROM:<a@b>
        S: 503 5.5.2 Send hello first
        C: HELO client
        S: 250 mail.here.example Hello [192.0.2.7]
        C: RCPT TO:<nuno@here.example>
        S: 503 5.5.2 Need mail command
        C: DATA
        S: 503 5.5.2 Need mail command
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 Sender OK
        C: MAIL FROM:<a@b>
        S: 503 5.5.2 Sender already specified
        C: DATA
        S: 503 5.5.2 Need rcpt command
        C: STARTTLS
        S: 503 5.5.2 Bad sequence of commands
        C: RSET
        S: 250 2.0.0 Resetting
        C: RCPT TO:<nuno@here.example>
        S: 503 5.5.2 Need mail command
        C: NOOP
        S: 250 2.0.0 OK
        C: VRFY nuno
        S: 252 2.1.5 Cannot VRFY user
        C: EXPN all
        S: 502 5.3.3 Command not implemented
        C: HELP
        S: 214 2.0.0 {*}
        C: FOO
        S: 500 5.3.3 Unrecognized command
        C: MAIL FROM:<a@b> X=1
        S: 555 5.5.4 Unsupported option
        C: EHLO
        S: 501 5.5.4 Invalid domain name",
    )
    .await;
}

#[tokio::test]
async fn refusals() {
    let bench = Bench::new();
    play(
        &bench,
        "S: 220 {*}
        C: HELO client
        S: 250 {*}
        C: MAIL FROM:<spammer@ext.example>
        S: 554 5.1.0 Sender denied
        C: MAIL FROM:<a@b> SIZE=37748737
        S: 552 5.3.4 Message size exceeds fixed maximum message size
        C: MAIL FROM:<a@b>
        S: 250 {*}
        C: RCPT TO:<x@ext.example>
        S: 550 5.7.1 Unable to relay
        C: RCPT TO:<later@here.example>
        S: 451 4.7.1 Greylisted, try again later
        C: RCPT TO:<postmaster>
        S: 550 5.7.1 Unable to relay
        C: RCPT TO:<@relay.example:nuno@here.example>
        S: 250 {*}
        C: DATA
        S: 354 {*}
        C: Subject: fail
        C: .
        S: 452 4.3.1 Insufficient system resources
        C: QUIT
        S: 221 {*}",
    )
    .await;
    assert!(bench.mail.lock().is_empty());
}

/// Whatever the form, mail for elsewhere stays out.
#[tokio::test]
async fn no_relay_in_any_form() {
    let bench = Bench::with(|c| c.max_protocol_errors = 99);
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<>\nS: 250 {*}").await;
    for form in [
        "x@ext.example",
        "\"x@ext.example\"",
        "x%ext.example",
        "ext.example!x",
        "@here.example:x@ext.example",
        "@here.example,@ext.example:x@ext.example",
        "\"x@here.example\"@ext.example",
        "x@here.example@ext.example",
        "x@[203.0.113.9]",
        "here.example!x@ext.example",
        "x%ext.example@[198.51.100.1]",
        "<x@ext.example",
        "x@ext.example.",
        "x@ext.example\u{0}@here.example",
    ] {
        talk.send(format!("RCPT TO:<{form}>\r\n").as_bytes()).await;
        assert!(talk.reply().await.starts_with('5'), "{form}");
    }
    talk.play("C: DATA\nS: 503 5.5.2 Need rcpt command").await;
}

#[tokio::test]
async fn international_addresses_need_smtputf8() {
    let bench = Bench::new();
    let mut talk = bench.greeted().await;
    talk.play(
        "C: MAIL FROM:<пример@ext.example>
        S: 553 5.6.7 SMTPUTF8 is required for this address
        C: MAIL FROM:<a@b>
        S: 250 {*}
        C: RCPT TO:<пример@here.example>
        S: 553 5.6.7 SMTPUTF8 is required for this address
        C: RSET
        S: 250 {*}
        C: MAIL FROM:<пример@ext.example> SMTPUTF8
        S: 250 {*}
        C: RCPT TO:<пример@here.example>
        S: 250 {*}
        C: DATA
        S: 354 {*}
        C:
        C: .
        S: 250 {*}",
    )
    .await;
    assert!(bench.message(0).contains("with UTF8SMTP id"));
}

#[tokio::test]
async fn a_blocked_peer_gets_no_greeting() {
    let mut bench = Bench::new();
    bench.remote = "192.0.2.66:1".parse().unwrap();
    play(&bench, "S: 554 5.7.1 Your address is blocked\nS.").await;
}

#[tokio::test]
async fn a_client_connector_wants_to_know_who() {
    let bench = Bench::with(|c| c.permissions.anonymous = false);
    let mut talk = bench.greeted().await;
    talk.play("C: MAIL FROM:<a@b>\nS: 530 5.7.1 Client was not authenticated").await;
}

#[tokio::test]
async fn every_keyword_can_be_switched_off() {
    let bench = Bench::with(|c| {
        c.banner = Some("mail.contoso.com ready".into());
        c.auth.tls = false;
        c.keywords = Keywords {
            pipelining: false,
            delivery_status_notification: false,
            enhanced_status_codes: false,
            eight_bit_mime: false,
            binary_mime: true,
            chunking: false,
            smtp_utf8: false,
        };
    });
    play(
        &bench,
        "S: 220 mail.contoso.com ready
        C: EHLO a
        S: 250-mail.here.example Hello [192.0.2.7]
        S: 250 SIZE 37748736
        C: STARTTLS
        S: 454 TLS not available
        C: MAIL FROM:<a@b> RET=FULL
        S: 555 Unsupported option
        C: MAIL FROM:<a@b> SMTPUTF8
        S: 555 Unsupported option
        C: MAIL FROM:<a@b>
        S: 250 Sender OK
        C: RCPT TO:<nuno@here.example> NOTIFY=NEVER
        S: 555 Unsupported option
        C: RCPT TO:<nuno@here.example>
        S: 250 Recipient OK
        C* \"BDAT 3 LAST\\r\\nabc\"
        S: 502 Command not implemented",
    )
    .await;
}
