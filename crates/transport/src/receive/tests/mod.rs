//! Sessions as transcripts, against an intake that keeps its mail in memory.

mod dialogue;
mod doors;
mod framing;
mod limits;
mod tls;

use std::{net::SocketAddr, sync::Arc};

use base::{Fault, FaultKind, Guid, Timestamp, clock::ManualClock, rng::SeededRng};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use wire::smtp::{MailFrom, RcptTo, Reply};

use super::*;

/// Takes mail for `here.example`, knows `nuno` with the password `pencil`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) mail: Arc<Mutex<Vec<Mail>>>,
}

impl Intake for Memory {
    async fn connected(&self, session: &Session) -> Result<(), Refusal> {
        match session.remote.ip().to_string().as_str() {
            "192.0.2.66" => Err(Reply::new(554, (5, 7, 1), "Your address is blocked").into()),
            _ => Ok(()),
        }
    }

    async fn authenticate(&self, _: &Session, credentials: &Credentials) -> Result<Identity, Fault> {
        match (credentials.login.as_str(), credentials.password.as_str()) {
            ("nuno", "pencil") => Ok(Identity { user: Guid::EMPTY, name: "nuno".into(), address: None }),
            ("broken", _) => Err(Fault::new(FaultKind::Unavailable, "Down", "down")),
            _ => Err(Fault::new(FaultKind::Unauthenticated, "LogonFailed", "no")),
        }
    }

    async fn sender(&self, _: &Session, from: &MailFrom) -> Result<(), Refusal> {
        match &from.sender {
            Some(sender) if sender.local_part() == "spammer" => {
                Err(Reply::new(554, (5, 1, 0), "Sender denied").into())
            }
            _ => Ok(()),
        }
    }

    async fn recipient(&self, session: &Session, _: &MailFrom, to: &RcptTo) -> Result<(), Refusal> {
        if to.address.domain() != "here.example" && !session.is_trusted() {
            return Err(Reply::new(550, (5, 7, 1), "Unable to relay").into());
        }
        match to.address.local_part() {
            "nobody" => Err(Reply::new(550, (5, 1, 1), "RESOLVER.ADR.RecipNotFound; not found").into()),
            "later" => Err(Reply::new(451, (4, 7, 1), "Greylisted, try again later").into()),
            _ => Ok(()),
        }
    }

    async fn accept(&self, _: &Session, mail: Mail) -> Result<Receipt, Refusal> {
        if mail.parts[1].starts_with(b"Subject: fail") {
            let cause = std::io::Error::other("/secret/path: disk gone");
            return Err(Fault::new(FaultKind::Exhausted, "Full", "Insufficient system resources")
                .caused_by(cause)
                .into());
        }
        let mut kept = self.mail.lock();
        kept.push(mail);
        Ok(Receipt { internal_id: kept.len() as u64 })
    }
}

/// A receiver with one connector, and the mail it has taken.
pub(crate) struct Bench {
    pub(crate) receiver: Arc<Receiver<Memory>>,
    pub(crate) connector: Arc<ReceiveConnector>,
    pub(crate) mail: Arc<Mutex<Vec<Mail>>>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) remote: SocketAddr,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ReceiveConnector)) -> Self {
        Self::with_tls(crate::test_identity::acceptor(), change)
    }

    pub(crate) fn with_tls(acceptor: TlsAcceptor, change: impl FnOnce(&mut ReceiveConnector)) -> Self {
        let mut connector = ReceiveConnector::frontend("Default Frontend", "mail.here.example");
        connector.tarpit_interval = std::time::Duration::ZERO;
        connector.permissions.users = true;
        change(&mut connector);
        let connector = Arc::new(connector);
        let intake = Memory::default();
        let mail = Arc::clone(&intake.mail);
        let settings = Settings {
            tls: Some(acceptor),
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_795_412_281))),
            rng: Arc::new(SeededRng::new(1)),
        };
        let receiver = Arc::new(Receiver::new(intake, vec![Arc::clone(&connector)], settings));
        let remote = "192.0.2.7:4321".parse().unwrap();
        Self { receiver, connector, mail, stop: watch::Sender::new(false), remote }
    }

    /// Our end of a new session.
    pub(crate) fn connect(&self, door: Door) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (receiver, connector, stop) =
            (Arc::clone(&self.receiver), Arc::clone(&self.connector), self.stop.subscribe());
        let ends = ["198.51.100.1:25".parse().unwrap(), self.remote];
        let ticket = receiver.census.admit(&connector, self.remote.ip()).unwrap();
        tokio::spawn(async move { receiver.converse(theirs, &ticket, connector, ends, door, stop).await });
        ours
    }

    /// Serves on a socket of loopback until the task is dropped.
    pub(crate) async fn open(&self) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let bound = ReceiveConnector { bindings: vec![address], ..(*self.connector).clone() };
        self.receiver.set_connectors(vec![Arc::new(bound)]);
        let serving = Arc::clone(&self.receiver).serve(listener, Door::Plain, self.stop.subscribe());
        (address, tokio::spawn(serving))
    }

    /// A session that has said hello.
    pub(crate) async fn greeted(&self) -> Talk<DuplexStream> {
        let mut talk = Talk::new(self.connect(Door::Plain));
        talk.play("S: 220 {*}\nC: HELO client.example\nS: 250 {*}").await;
        talk
    }

    /// The n-th message taken, its parts joined.
    pub(crate) fn message(&self, n: usize) -> String {
        let mail = self.mail.lock();
        String::from_utf8_lossy(&mail[n].parts.concat()).into_owned()
    }
}

/// A client that plays transcripts: `C: line`, `C* "raw"` (Rust escapes), `S: pattern` with `{*}` for any
/// text, `S.` for the end of the connection.
pub(crate) struct Talk<S> {
    pub(crate) stream: S,
    input: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, input: Vec::new() }
    }

    pub(crate) async fn play(&mut self, script: &str) {
        for step in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            let (kind, text) = step.split_at(2);
            let text = text.strip_prefix(' ').unwrap_or(text);
            match kind {
                "C:" => self.send(format!("{text}\r\n").as_bytes()).await,
                "C*" => self.send(&unescape(text)).await,
                "S:" => {
                    let line = self.line().await.unwrap_or_else(|| panic!("closed before {step}"));
                    assert!(matches(text, &line), "expected {text:?}, got {line:?}");
                }
                "S." => assert_eq!(self.line().await, None, "still open"),
                _ => panic!("no step: {step}"),
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(n @ 1..) => self.input.extend_from_slice(&chunk[..n]),
                _ => return None,
            }
        }
    }

    /// The text of one reply, all its lines.
    pub(crate) async fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let line = self.line().await.unwrap_or_else(|| panic!("closed after {whole:?}"));
            let last = line.as_bytes().get(3) != Some(&b'-');
            whole.push_str(&line);
            whole.push('\n');
            if last {
                return whole;
            }
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let text = text.trim().strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap();
    let (mut out, mut chars) = (Vec::new(), text.chars());
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next().unwrap() } else { c };
        match (c, escaped) {
            ('\\', 'r') => out.push(b'\r'),
            ('\\', 'n') => out.push(b'\n'),
            ('\\', '0') => out.push(0),
            _ => out.extend(escaped.to_string().as_bytes()),
        }
    }
    out
}

/// Whether `line` is `pattern`, `{*}` standing for any text.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("{*}");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let mut open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    rest.is_empty() || open
}
