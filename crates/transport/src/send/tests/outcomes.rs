//! What each recipient is told.

use wire::smtp::{Body, EnhancedCode, Notify, Ret};

use super::*;
use Verdict::{Delivered, Permanent, Transient};

#[tokio::test]
async fn pipelined_with_every_extension() {
    let outcomes = deliver(
        &["S: 220 ext ESMTP
        C: EHLO mail.here.example
        S: 250-ext
        S: 250-PIPELINING
        S: 250-SIZE 1000000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250 DSN
        C: MAIL FROM:<nuno@here.example> SIZE=24 BODY=8BITMIME RET=HDRS ENVID=q+2B1
        C: RCPT TO:<a@ext.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y
        C: RCPT TO:<b@ext.example> NOTIFY=NEVER
        S: 250 2.1.0 OK
        S: 250 2.1.5 OK
        S: 550-5.1.1 No such
        S: 550 5.1.1 user
        C: DATA
        S: 354 go
        C: Subject: x
        C:
        C: ..dot
        C: é
        C: .
        S: 250 2.0.0 Taken as 42
        C: QUIT
        S: 221 bye"],
        |_, envelope| {
            envelope.from.ret = Some(Ret::Headers);
            envelope.from.envid = Some("q+2B1".into());
            envelope.to[0].notify = Some(Notify { success: true, failure: false, delay: true });
            envelope.to[0].orcpt = Some("rfc822;x@y".into());
            envelope.to[1].notify = Some(Notify::NEVER);
        },
        "Subject: x\r\n\r\n.dot\r\né\r\n",
    )
    .await;
    assert_eq!(
        verdicts(&outcomes),
        [(Delivered, "250 2.0.0 Taken as 42".into()), (Permanent, "550 5.1.1 No such\nuser".into())]
    );
    assert!(outcomes[0].dsn_passed_on && outcomes[0].from_peer);
    assert_eq!(outcomes[1].status(), EnhancedCode::new(5, 1, 1));
    assert_eq!(outcomes[1].remote.as_ref().unwrap().host, "[127.0.0.1]");
}

#[tokio::test]
async fn an_old_server_without_ehlo() {
    let outcomes = deliver(
        &["S: 220 old
        C: EHLO mail.here.example
        S: 502 what
        C: HELO mail.here.example
        S: 250 old
        C: MAIL FROM:<nuno@here.example>
        S: 250 ok
        C: RCPT TO:<a@ext.example>
        S: 250 ok
        C: RCPT TO:<b@ext.example>
        S: 552 too many
        C: DATA
        S: 354 go
        C: no header, bare
        C: newlines
        C: ..
        C: end
        C: .
        S: 250 ok
        C: QUIT
        S: 221 bye"],
        |_, envelope| envelope.to[0].notify = Some(Notify::NEVER),
        "no header, bare\rnewlines\n.\nend",
    )
    .await;
    assert_eq!(verdicts(&outcomes), [(Delivered, "250 ok".into()), (Transient, "552 too many".into())]);
    assert_eq!(outcomes[0].status(), EnhancedCode::new(2, 0, 0));
    assert!(!outcomes[0].dsn_passed_on);
}

#[tokio::test]
async fn a_refused_sender_is_everyones_answer_pipelined_or_not() {
    for script in [
        "S: 220 x
        C: EHLO mail.here.example
        S: 250-x
        S: 250 PIPELINING
        C: MAIL FROM:<nuno@here.example>
        C: RCPT TO:<a@ext.example>
        C: RCPT TO:<b@ext.example>
        S: 550 5.7.1 Not you
        S: 503 5.5.1 Need MAIL
        S: 503 5.5.1 Need MAIL
        C: QUIT
        S: 221 x",
        "S: 220 x
        C: EHLO mail.here.example
        S: 250 x
        C: MAIL FROM:<nuno@here.example>
        S: 550 5.7.1 Not you
        C: QUIT
        S: 221 x",
    ] {
        let scripts: &'static [&'static str] = Box::leak(Box::new([script]));
        let outcomes = deliver(scripts, |_, _| {}, "x\r\n").await;
        let refused = (Permanent, "550 5.7.1 Not you".to_owned());
        assert_eq!(verdicts(&outcomes), [refused.clone(), refused]);
    }
}

#[tokio::test]
async fn refused_data_and_message() {
    for (answer, verdict) in [("451 4.3.0 later", Transient), ("554 5.7.1 spam", Permanent)] {
        for at_data in [true, false] {
            let rest =
                if at_data { format!("S: {answer}") } else { format!("S: 354 go\nC: x\nC: .\nS: {answer}") };
            let script = format!(
                "S: 220 x\nC: EHLO {{*}}\nS: 250 x\nC: MAIL FROM:{{*}}\nS: 250 ok\nC: RCPT TO:<a{{*}}\nS: 250 ok
                C: RCPT TO:<b{{*}}\nS: 250 ok\nC: DATA\n{rest}\nC: QUIT\nS: 221 x"
            );
            let script: &'static str = Box::leak(script.into_boxed_str());
            let outcomes = deliver(Box::leak(Box::new([script])), |_, _| {}, "x\r\n").await;
            assert_eq!(verdicts(&outcomes), [(verdict, answer.to_owned()), (verdict, answer.to_owned())]);
        }
    }
}

const HELLO_ONLY: &[&str] = &["S: 220 x\nC: EHLO {*}\nS: 250-x\nS: 250 SIZE 10\nC: QUIT\nS: 221 x"];

#[tokio::test]
async fn what_the_peer_cannot_take_is_not_sent() {
    let large = deliver(HELLO_ONLY, |_, _| {}, "more than ten\r\n").await;
    assert_eq!(large[0].verdict, Permanent);
    assert_eq!(large[0].status(), EnhancedCode::new(5, 3, 4));

    let utf8 = deliver(
        HELLO_ONLY,
        |_, envelope| {
            envelope.from.smtputf8 = true;
            envelope.from.sender = Some("нуно@here.example".parse().unwrap());
        },
        "x\r\n",
    )
    .await;
    assert_eq!((utf8[0].verdict, utf8[0].status()), (Permanent, EnhancedCode::new(5, 6, 7)));
    assert!(!utf8[0].from_peer);

    let binary = deliver(HELLO_ONLY, |_, e| e.from.body = Body::BinaryMime, "a:b\r\n\r\n\0").await;
    assert_eq!((binary[0].verdict, binary[0].status()), (Permanent, EnhancedCode::new(5, 6, 3)));
}

#[tokio::test]
async fn one_international_recipient_does_not_hold_up_the_other() {
    let outcomes = deliver(
        &["S: 220 x
        C: EHLO {*}
        S: 250 x
        C: MAIL FROM:<nuno@here.example>
        S: 250 ok
        C: RCPT TO:<b@ext.example>
        S: 250 ok
        C: DATA
        S: 354 go
        C: x
        C: .
        S: 250 ok
        C: QUIT
        S: 221 x"],
        |_, envelope| {
            envelope.from.smtputf8 = true;
            envelope.to[0] = RcptTo::new("ана@ext.example".parse().unwrap());
        },
        "x\r\n",
    )
    .await;
    assert_eq!(outcomes.iter().map(|o| o.verdict).collect::<Vec<_>>(), [Permanent, Delivered]);
}

#[tokio::test]
async fn binary_goes_by_chunk() {
    let outcomes = deliver(
        &[r"S: 220 x
        C: EHLO {*}
        S: 250-x
        S: 250-CHUNKING
        S: 250 BINARYMIME
        C: MAIL FROM:<nuno@here.example> BODY=BINARYMIME
        S: 250 ok
        C: RCPT TO:<a@ext.example>
        S: 250 ok
        C: RCPT TO:<b@ext.example>
        S: 250 ok
        C: BDAT 11 LAST
        C: a: b
        C:
        C: {*}
        S: 250 ok"],
        |_, envelope| envelope.from.body = Body::BinaryMime,
        "a: b\r\n\r\n\0\r\n",
    )
    .await;
    assert_eq!(outcomes[0].verdict, Delivered);
}
