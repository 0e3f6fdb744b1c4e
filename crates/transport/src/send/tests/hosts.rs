//! Hosts that fail, and connections that are used again.

use super::*;
use Verdict::{Delivered, Permanent, Transient};

const TAKES_ONE: &str = "S: 220 x
    C: EHLO {*}
    S: 250 x
    C: MAIL FROM:{*}
    S: 250 ok
    C: RCPT TO:{*}
    S: 250 ok
    C: DATA
    S: 354 go
    C: x
    C: .
    S: 250 taken";
const QUIT: &str = "C: QUIT\nS: 221 bye";
const LOST_AT_DATA: &str = "S: 220 x
    C: EHLO {*}
    S: 250 x
    C: MAIL FROM:{*}
    S: 250 ok
    C: RCPT TO:{*}
    S: 250 ok
    C: DATA
    S: 354 go
    C: x
    C: .";

/// Smart hosts at these ports of loopback, asked in an order that the seed decides.
fn smart_hosts(addresses: &[SocketAddr]) -> Route {
    Route::SmartHosts(addresses.iter().map(|a| (a.ip().to_string(), Some(a.port()))).collect())
}

fn leak(scripts: Vec<String>) -> &'static [&'static str] {
    scripts.into_iter().map(|s| &*s.leak()).collect::<Vec<&'static str>>().leak()
}

async fn send(courier: &mut Courier<'_>, n: usize) -> Vec<Verdict> {
    let envelope = envelope(&["a@ext.example"]);
    let parts = [Bytes::from_static(b"x\r\n")];
    let mut verdicts = Vec::new();
    for _ in 0..n {
        let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts: &parts }).await;
        verdicts.extend(outcomes.iter().map(|o| o.verdict));
    }
    courier.close().await;
    verdicts
}

#[tokio::test]
async fn the_next_host_is_tried_when_one_is_down_busy_or_mute() {
    // Each stands behind the mail host in one of the orders: every seed must get through.
    for broken in
        ["S: 421 4.3.2 busy", "S: 554 5.7.1 go away", "S: hello?", "S: 220 x\nC: EHLO {*}\nS: 421 no"]
    {
        for seed in 0..4 {
            let (bad, _first) = server(leak(vec![broken.to_owned()]));
            let (good, _second) = server(leak(vec![format!("{TAKES_ONE}\n{QUIT}")]));
            let down = listen("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap();
            let sender = Sender { rng: Arc::new(SeededRng::new(seed)), ..sender(Table::default()) };
            let connector = connector(25);
            let mut courier = sender.courier(&connector, smart_hosts(&[bad, good, down]));
            assert_eq!(send(&mut courier, 1).await, [Delivered], "{broken} {seed}");
        }
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_sent_again_at_once() {
    let (one, first) = server(&[LOST_AT_DATA]);
    let sender = sender(Table::default());
    let connector = connector(one.port());
    let mut courier = sender.courier(&connector, Route::SmartHosts(vec![(one.ip().to_string(), None); 2]));
    assert_eq!(send(&mut courier, 1).await, [Transient]);
    first.await.unwrap();
}

#[tokio::test]
async fn a_connection_carries_several_messages_up_to_a_limit() {
    let again = TAKES_ONE.split_once("S: 250 x\n").unwrap().1;
    let (address, playing) =
        server(leak(vec![format!("{TAKES_ONE}\n{again}\n{QUIT}"), format!("{TAKES_ONE}\n{QUIT}")]));
    let sender = sender(Table::default());
    let connector = SendConnector { messages_per_connection: 2, ..connector(address.port()) };
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    assert_eq!(send(&mut courier, 3).await, [Delivered; 3]);
    playing.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_died_in_between_is_opened_again() {
    let (address, playing) = server(leak(vec![TAKES_ONE.to_owned(), format!("{TAKES_ONE}\n{QUIT}")]));
    let sender = sender(Table::default());
    let connector = connector(address.port());
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    assert_eq!(send(&mut courier, 2).await, [Delivered; 2]);
    playing.await.unwrap();
}

#[tokio::test]
async fn after_a_refusal_the_connection_is_reset() {
    let (address, playing) = server(leak(vec![format!(
        "S: 220 x\nC: EHLO {{*}}\nS: 250 x\nC: MAIL FROM:{{*}}\nS: 250 ok\nC: RCPT TO:{{*}}\nS: 550 5.1.1 no
        C: RSET\nS: 250 ok\nC: MAIL FROM:{{*}}\nS: 250 ok\nC: RCPT TO:{{*}}\nS: 550 5.1.1 no\n{QUIT}"
    )]));
    let sender = sender(Table::default());
    let connector = connector(address.port());
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    assert_eq!(send(&mut courier, 2).await, [Permanent; 2]);
    playing.await.unwrap();
}

#[tokio::test]
async fn hostile_replies_are_bounded() {
    let endless = "250-and so on, and so on, and so on\r\n".repeat(2000);
    for greeting in [endless, "2".repeat(100_000), "220 x\r\n\0\0\0".repeat(5000)] {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream: TcpStream = stream;
            // The client hangs up in the middle.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, greeting.as_bytes()).await;
        });
        let sender = sender(Table::default());
        let connector = connector(address.port());
        let mut courier = sender.courier(&connector, Route::Address(address.ip()));
        assert_eq!(send(&mut courier, 1).await, [Transient]);
    }
}

#[tokio::test]
async fn names_that_lead_nowhere() {
    let mut table = Table::default();
    table.exchangers.insert("null.example".into(), vec![(0, ".".into())]);
    let sender = sender(table);
    let connector = connector(25);
    for (domain, words) in [
        ("gone.example", "554 5.4.4 SMTPSEND.DNS.NonExistentDomain; nonexistent domain"),
        ("null.example", "556 5.1.10 The domain does not accept mail (null MX)"),
    ] {
        let mut courier = sender.courier(&connector, Route::Domain(domain.parse().unwrap()));
        let envelope = envelope(&["a@ext.example"]);
        let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts: &[] }).await;
        assert_eq!(verdicts(&outcomes), [(Permanent, words.to_owned())]);
    }
}
