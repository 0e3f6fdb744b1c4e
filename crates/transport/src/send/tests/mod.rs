//! The client against servers: ours, scripted ones, hostile ones.

mod hosts;
mod names;
mod outcomes;
mod secure;
mod to_self;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::{
    net::{TcpStream, listen},
    rng::SeededRng,
};
use bytes::Bytes;
use tokio::task::JoinHandle;
use wire::smtp::{Envelope, MailFrom, RcptTo};

use super::*;
use crate::receive::tests::Talk;

/// A scripted server on loopback: plays one script per connection, in order. `S:` is what it says, `C:`
/// what it must hear.
fn server(scripts: &'static [&'static str]) -> (SocketAddr, JoinHandle<()>) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let playing = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            Talk::new(stream).play(&swapped(script)).await;
        }
    });
    (address, playing)
}

/// The same script seen from the other side.
fn swapped(script: &str) -> String {
    let swap = |line: &str| match line.trim_start().split_at_checked(1) {
        Some(("S", rest)) => format!("C{rest}\n"),
        Some(("C", rest)) => format!("S{rest}\n"),
        _ => String::new(),
    };
    script.lines().map(swap).collect()
}

fn sender(table: Table) -> Sender {
    Sender {
        resolver: Resolver::from_table(table),
        tls: ClientTls::trusting([]).unwrap(),
        rng: Arc::new(SeededRng::new(7)),
    }
}

fn connector(port: u16) -> SendConnector {
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        command: Duration::from_secs(2),
        block: Duration::from_secs(2),
        end: Duration::from_secs(2),
    };
    SendConnector { port, timeouts, tls: TlsPolicy::Never, ..SendConnector::new("out", "mail.here.example") }
}

fn envelope(to: &[&str]) -> Envelope {
    let from = MailFrom { sender: Some("nuno@here.example".parse().unwrap()), ..MailFrom::default() };
    Envelope { from, to: to.iter().map(|a| RcptTo::new(a.parse().unwrap())).collect() }
}

/// Sends one message to a scripted server.
async fn deliver(
    scripts: &'static [&'static str],
    change: impl FnOnce(&mut SendConnector, &mut Envelope),
    message: &'static str,
) -> Vec<Outcome> {
    let (address, playing) = server(scripts);
    let (mut connector, mut envelope) =
        (connector(address.port()), envelope(&["a@ext.example", "b@ext.example"]));
    change(&mut connector, &mut envelope);
    let sender = sender(Table::default());
    let mut courier = sender.courier(&connector, Route::Address(address.ip()));
    let parts = [Bytes::from_static(message.as_bytes())];
    let outcomes = courier.deliver(Outgoing { envelope: &envelope, parts: &parts }).await;
    courier.close().await;
    playing.await.unwrap();
    outcomes
}

fn verdicts(outcomes: &[Outcome]) -> Vec<(Verdict, String)> {
    outcomes.iter().map(|o| (o.verdict, o.reply.to_string())).collect()
}
