//! A client connection: plain or TLS, read by lines with a deadline. It trusts any certificate, for it is a
//! test client that talks to a server it started itself.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::Outcome;

/// The longest line or answer that is kept, bytes.
const LIMIT: usize = 64 << 20;
/// How long to wait in one system call, so that deadlines are seen.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Gone,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    received: Vec<u8>,
    ended: bool,
}

/// What reading a line gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its CRLF, made printable.
    Text(String),
    /// The server has closed the connection.
    Closed,
    /// Nothing came in time.
    Timeout,
}

impl Connection {
    /// Connects, with a TLS handshake at once where asked.
    pub(crate) fn open(address: &str, tls: bool, timeout: Duration) -> Outcome<Self> {
        let fail = |e: io::Error| format!("connecting to {address}: {e}");
        let target = address.to_socket_addrs().map_err(fail)?.next();
        let target = target.ok_or_else(|| format!("{address} is no address"))?;
        let stream = TcpStream::connect_timeout(&target, timeout).map_err(fail)?;
        stream.set_nodelay(true).map_err(fail)?;
        stream.set_read_timeout(Some(TICK)).map_err(fail)?;
        stream.set_write_timeout(Some(timeout)).map_err(fail)?;
        let mut connection = Self { stream: Stream::Plain(stream), received: Vec::new(), ended: false };
        if tls {
            connection.start_tls(timeout)?;
        }
        Ok(connection)
    }

    /// The TLS handshake, now. Bytes received in plain text before it are dropped with an error.
    pub(crate) fn start_tls(&mut self, timeout: Duration) -> Outcome<()> {
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err("there is no plain connection to start TLS on".to_owned());
        };
        if !self.received.is_empty() {
            return Err(format!("plain text left before TLS: {}", printable(&self.received)));
        }
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        let client = ClientConnection::new(Arc::new(config()?), name).map_err(|e| e.to_string())?;
        let mut tls = StreamOwned::new(client, tcp);
        let deadline = Instant::now() + timeout;
        while tls.conn.is_handshaking() {
            match tls.conn.complete_io(&mut tls.sock) {
                Ok(_) => {}
                Err(e) if is_waiting(&e) && Instant::now() < deadline => {}
                Err(e) => return Err(format!("TLS handshake: {e}")),
            }
        }
        self.stream = Stream::Tls(Box::new(tls));
        Ok(())
    }

    /// Sends all bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Outcome<()> {
        let sent = match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        };
        sent.map_err(|e| format!("sending: {e}"))
    }

    /// The next line. A line that ended in a bare LF says so.
    pub(crate) fn line(&mut self, deadline: Instant) -> Line {
        let mut searched = 0;
        loop {
            if let Some(at) = self.received[searched..].iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.received.drain(..=searched + at).collect();
                return Line::Text(match line.strip_suffix(b"\r\n") {
                    Some(text) => printable(text),
                    None => printable(&line),
                });
            }
            searched = self.received.len();
            if self.ended && self.received.is_empty() {
                return Line::Closed;
            }
            if self.ended {
                return Line::Text(format!(
                    "{}\\(no line end)",
                    printable(&std::mem::take(&mut self.received))
                ));
            }
            if Instant::now() >= deadline {
                return Line::Timeout;
            }
            self.fill();
        }
    }

    /// Everything until `enough` says so of what came, the end, or the deadline.
    pub(crate) fn read_until(&mut self, deadline: Instant, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        while !self.ended && !enough(&self.received) && Instant::now() < deadline {
            self.fill();
        }
        std::mem::take(&mut self.received)
    }

    /// One read; the end of the stream and its errors are both an end.
    fn fill(&mut self) {
        let mut chunk = [0; 16 << 10];
        let read = match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(&mut chunk),
            Stream::Tls(tls) => tls.read(&mut chunk),
            Stream::Gone => Ok(0),
        };
        match read {
            Ok(n) if n > 0 && self.received.len() < LIMIT => self.received.extend_from_slice(&chunk[..n]),
            Err(e) if is_waiting(&e) => {}
            _ => self.ended = true,
        }
    }
}

fn is_waiting(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// UTF-8 stays; control characters but tab, and what is not UTF-8, become `\xNN`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                c if c.is_control() && c != '\t' => _ = write!(out, "\\x{:02x}", u32::from(c)),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn config() -> Outcome<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAll(provider)));
    Ok(config.with_no_client_auth())
}

/// Accepts every certificate; signatures of the handshake are still checked.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_bytes_that_are_not_text() {
        assert_eq!(printable("é\tx\0\r\n".as_bytes()), "é\tx\\x00\\r\\n");
        assert_eq!(printable(b"a\xffb"), "a\\xffb");
    }
}
