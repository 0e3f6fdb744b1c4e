//! The accept loop over real sockets on loopback.

use base::net::TcpStream;

use super::*;

async fn call(address: SocketAddr) -> Talk<TcpStream> {
    Talk::new(TcpStream::connect(address).await.unwrap())
}

#[tokio::test]
async fn serves_limits_and_drains() {
    let bench = Bench::with(|c| c.max_inbound_connections = 2);
    let (address, serving) = bench.open().await;
    let named = "S: 220 {*}\nC: HELO a\nS: 250 {*}\nC: MAIL FROM:<a@b>\nS: 250 {*}";
    let (mut first, mut second) = (call(address).await, call(address).await);
    first.play(named).await;
    second.play(named).await;
    call(address).await.play("S: 421 4.3.2 The maximum number of concurrent connections {*}\nS.").await;
    second.play("C: QUIT\nS: 221 {*}\nS.").await;
    drop(second);
    loop {
        let mut again = call(address).await;
        if again.line().await.is_some_and(|line| line.starts_with("220")) {
            break;
        }
    }
    bench.stop.send_replace(true);
    first.play("S: 421 4.3.2 Service not available, closing transmission channel\nS.").await;
    drop(first);
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the door is shut");
}

#[tokio::test]
async fn a_crowd_of_idlers_shuts_nobody_out() {
    let bench = Bench::with(|c| c.max_inbound_connections = 10);
    let (address, _serving) = bench.open().await;
    let mut crowd = Vec::new();
    for _ in 0..50 {
        crowd.push(call(address).await);
    }
    call(address)
        .await
        .play("S: 220 {*}\nC: HELO a\nS: 250 {*}\nC: MAIL FROM:<a@b>\nS: 250 {*}\nC: QUIT\nS: 221 {*}")
        .await;
}

#[tokio::test]
async fn a_peer_without_a_connector_is_not_answered() {
    let bench = Bench::new();
    let (address, _serving) = bench.open().await;
    bench.receiver.set_connectors(Vec::new());
    call(address).await.play("S.").await;
}

#[tokio::test]
async fn the_last_reply_survives_a_client_that_keeps_talking() {
    let bench = Bench::with(|c| c.max_protocol_errors = 1);
    let (address, _serving) = bench.open().await;
    let mut talk = call(address).await;
    talk.send(&b"FOO\r\n".repeat(10_000)).await;
    talk.play("S: 220 {*}\nS: 500 {*}\nS: 421 4.7.0 {*}\nS.").await;
}
