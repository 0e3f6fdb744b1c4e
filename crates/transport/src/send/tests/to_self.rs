//! Our client to our server: what is sent is what is received.

use proptest::prelude::*;

use super::*;
use crate::receive::tests::Bench;

/// Sends each message over one connection and returns what was taken, without the trace fields.
async fn round_trip(messages: &[Vec<Bytes>]) -> Vec<Vec<u8>> {
    let bench = Bench::with(|c| c.max_hop_count = usize::MAX);
    let (address, _serving) = bench.open().await;
    let sender = sender(Table::default());
    let connector = SendConnector {
        messages_per_connection: u32::MAX,
        tls: TlsPolicy::Opportunistic,
        ..connector(address.port())
    };
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    let envelope = envelope(&["a@here.example", "nobody@here.example", "b@here.example"]);
    for parts in messages {
        let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts }).await;
        let verdicts: Vec<Verdict> = outcomes.iter().map(|o| o.verdict).collect();
        assert_eq!(verdicts, [Verdict::Delivered, Verdict::Permanent, Verdict::Delivered], "{outcomes:?}");
    }
    courier.close().await;
    let mail = bench.mail.lock();
    mail.iter().map(|mail| mail.parts[1].to_vec()).collect()
}

#[tokio::test]
async fn a_large_message_in_parts() {
    let body = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n.\r\n";
    let message = format!("Subject: x\r\n\r\n{}", body.repeat(50_000));
    let parts = vec![Bytes::from_static(b"X-First: 1\r\n"), Bytes::from(message.clone())];
    let received = round_trip(&[parts]).await;
    assert_eq!(received[0], [b"X-First: 1\r\n", message.as_bytes()].concat());
}

#[tokio::test]
async fn two_hundred_recipients_and_one() {
    let bench = Bench::new();
    let (address, _serving) = bench.open().await;
    let sender = sender(Table::default());
    let connector = connector(address.port());
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    let to: Vec<String> = (0..201).map(|n| format!("r{n}@here.example")).collect();
    let envelope = envelope(&to.iter().map(String::as_str).collect::<Vec<_>>());
    let parts = [Bytes::from_static(b"x\r\n")];
    let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts: &parts }).await;
    assert!(outcomes[..200].iter().all(|o| o.verdict == Verdict::Delivered));
    assert_eq!((outcomes[200].verdict, outcomes[200].reply.code), (Verdict::Transient, 452));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn what_is_sent_is_what_is_received(
        messages in prop::collection::vec(prop::collection::vec("(\\.?[a-zé.]{0,8}\r\n){0,6}", 1..4), 1..6),
    ) {
        let parts: Vec<Vec<Bytes>> =
            messages.iter().map(|m| m.iter().map(|part| Bytes::from(part.clone())).collect()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let received = runtime.block_on(round_trip(&parts));
        let expected: Vec<Vec<u8>> = messages.iter().map(|m| m.concat().into_bytes()).collect();
        prop_assert_eq!(received, expected);
    }
}
