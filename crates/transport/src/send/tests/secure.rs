//! TLS and logon towards other servers.

use super::*;
use crate::{
    receive::tests::Bench,
    test_identity::{SERVER_NAME, identity},
};
use Verdict::{Delivered, Transient};

/// Delivers to a receiver of ours on loopback, by the host name of its certificate.
async fn deliver_to(
    bench: &Bench,
    tls: ClientTls,
    change: impl FnOnce(&mut SendConnector),
    to: &str,
) -> Outcome {
    let (address, _serving) = bench.open().await;
    let mut table = Table::default();
    table.hosts.insert(SERVER_NAME.into(), vec![address.ip()]);
    let sender = Sender { tls, ..sender(table) };
    let mut connector = connector(address.port());
    connector.tls = TlsPolicy::Opportunistic;
    change(&mut connector);
    let mut courier = sender.courier(&connector, Route::SmartHosts(vec![(SERVER_NAME.into(), None)]));
    let envelope = envelope(&[to]);
    let parts = [Bytes::from_static(b"Subject: a\r\n\r\nb\r\n")];
    let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts: &parts }).await;
    courier.close().await;
    outcomes.into_iter().next().unwrap()
}

#[tokio::test]
async fn opportunistic_takes_any_certificate() {
    let bench = Bench::new();
    let outcome = deliver_to(&bench, ClientTls::trusting([]).unwrap(), |_| {}, "n@here.example").await;
    assert_eq!(outcome.verdict, Delivered, "{outcome:?}");
    assert!(bench.message(0).contains("with ESMTPS\r\n (version=TLS1_3"));
}

#[tokio::test]
async fn verified_wants_the_right_chain_and_name() {
    let (certificate, acceptor) = identity();
    let bench = Bench::with_tls(acceptor, |_| {});
    let trusting = || ClientTls::trusting([certificate.clone()]).unwrap();
    let verified = |name: Option<&str>| {
        let policy = TlsPolicy::Verified(name.map(str::to_owned));
        move |c: &mut SendConnector| c.tls = policy
    };
    let good = deliver_to(&bench, trusting(), verified(None), "n@here.example").await;
    assert_eq!(good.verdict, Delivered, "{good:?}");
    for (tls, name) in [(ClientTls::trusting([]).unwrap(), None), (trusting(), Some("other.example"))] {
        let bad = deliver_to(&bench, tls, verified(name), "n@here.example").await;
        assert_eq!(bad.verdict, Transient);
        assert!(bad.reply.to_string().starts_with("454 4.7.5 TLS failed:"), "{bad:?}");
    }
    assert_eq!(bench.mail.lock().len(), 1);
}

#[tokio::test]
async fn demanded_but_not_offered() {
    let bench = Bench::with(|c| c.auth.tls = false);
    let tls = || ClientTls::trusting([]).unwrap();
    let bad = deliver_to(&bench, tls(), |c| c.tls = TlsPolicy::Encrypted, "n@here.example").await;
    assert_eq!(
        (bad.verdict, bad.reply.to_string().as_str()),
        (Transient, "454 4.7.5 TLS is required, but not offered")
    );
    let plain = deliver_to(&bench, tls(), |_| {}, "n@here.example").await;
    assert_eq!(plain.verdict, Delivered);
}

#[tokio::test]
async fn a_broken_handshake_is_done_without_where_tls_is_a_courtesy() {
    let outcomes = deliver(
        &[
            "S: 220 x\nC: EHLO {*}\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go",
            "S: 220 x\nC: EHLO {*}\nS: 250-x\nS: 250 STARTTLS
            C: MAIL FROM:{*}\nS: 550 5.7.1 no\nC: QUIT\nS: 221 x",
        ],
        |connector, _| connector.tls = TlsPolicy::Opportunistic,
        "x\r\n",
    )
    .await;
    assert_eq!(outcomes[0].reply.to_string(), "550 5.7.1 no");
}

#[tokio::test]
async fn replies_slipped_in_behind_starttls_are_not_believed() {
    let outcomes = deliver(
        &["S: 220 x\nC: EHLO {*}\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS* \"220 go\\r\\n250-x\\r\\n250 AUTH PLAIN\\r\\n\"\nC."],
        |connector, _| connector.tls = TlsPolicy::Encrypted,
        "x\r\n",
    )
    .await;
    assert_eq!(outcomes[0].verdict, Transient);
}

fn login(password: &str) -> Option<SmartHostLogin> {
    Some(SmartHostLogin { login: "nuno".into(), password: password.into(), without_tls: false })
}

#[tokio::test]
async fn logging_on_at_a_smart_host() {
    let bench = Bench::new();
    let tls = || ClientTls::trusting([]).unwrap();
    let relayed = deliver_to(&bench, tls(), |c| c.login = login("pencil"), "x@elsewhere.example").await;
    assert_eq!(relayed.verdict, Delivered, "{relayed:?}");
    assert!(bench.message(0).contains("with ESMTPSA"));
    let refused = deliver_to(&bench, tls(), |c| c.login = login("wrong"), "x@elsewhere.example").await;
    assert_eq!(refused.verdict, Transient, "a wrong password is the administrator's to mend");
    assert_eq!(refused.reply.to_string(), "535 5.7.3 Authentication unsuccessful");
    let in_the_clear = |c: &mut SendConnector| {
        c.login = login("pencil");
        c.tls = TlsPolicy::Never;
    };
    let clear = deliver_to(&bench, tls(), in_the_clear, "x@elsewhere.example").await;
    assert_eq!(clear.reply.to_string(), "454 4.7.5 Logon needs TLS, but it is not offered");
}

#[tokio::test]
async fn login_where_plain_is_not_offered() {
    let outcomes = deliver(
        &["S: 220 x\nC: EHLO {*}\nS: 250-x\nS: 250 AUTH LOGIN
        C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bnVubw==\nS: 334 UGFzc3dvcmQ6\nC: cGVuY2ls\nS: 235 ok
        C: MAIL FROM:{*}\nS: 450 later\nC: QUIT\nS: 221 x"],
        |connector, _| connector.login = login("pencil").map(|l| SmartHostLogin { without_tls: true, ..l }),
        "x\r\n",
    )
    .await;
    assert_eq!(outcomes[0].reply.to_string(), "450 later");
}
