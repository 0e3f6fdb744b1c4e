//! The two directions of one client's connection: a buffer in, a buffer out, TLS, and the time a peer may
//! take. Shared by the line-based protocols.

mod carry;

pub(crate) use carry::Counted;

use std::{io, time::Duration};

use base::neighbours::Duplex;
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{deflate::Deflate, listen::stopped};

/// Output is written once this much is waiting, bytes: no answer is ever held whole.
const FLUSH_AT: usize = 64 << 10;
/// Buffers that grew beyond this are given back when they are empty, bytes.
const KEEP: usize = 16 << 10;
/// Room for a read while no more is known to come, bytes: small, because thousands of sessions idle.
const READ: usize = 2 << 10;
/// Room for a read within a literal, bytes.
pub(crate) const READ_MORE: usize = 64 << 10;
/// How long a peer may not read what is sent to it.
const WRITE_PATIENCE: Duration = Duration::from_secs(120);
/// How long a closed connection is drained, so that its last line is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// Why a session ended without the client taking leave.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gone {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer was silent, or did not read, for too long.
    #[error("the peer was inactive for too long")]
    Inactive,
    /// The server is about to stop.
    #[error("the server is shutting down")]
    Stopping,
    /// The mailbox is not to be had from here any more; the client finds it when it logs on again.
    #[error("the mailbox is no longer available here; log on again in a moment")]
    Offline,
    /// The session was ended for the reason told to the client.
    #[error("{0}")]
    Ended(&'static str),
    /// The socket or the TLS layer failed.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// A client's connection.
pub(crate) struct Link {
    stream: Box<dyn Duplex>,
    secure: bool,
    compressed: bool,
    /// What has come and is not read yet.
    pub(crate) input: BytesMut,
    /// What goes out next; [`Link::relieve`] keeps it small.
    pub(crate) output: Vec<u8>,
    shutdown: watch::Receiver<bool>,
    /// Turns true when there is nothing any more to serve the client with.
    offline: Option<watch::Receiver<bool>>,
}

impl Link {
    /// Wraps a stream that is in the clear.
    pub(crate) fn new(stream: Box<dyn Duplex>, shutdown: watch::Receiver<bool>) -> Self {
        Link {
            stream,
            secure: false,
            compressed: false,
            input: BytesMut::new(),
            output: Vec::new(),
            shutdown,
            offline: None,
        }
    }

    /// Wraps a stream that another server carries, which knows whether TLS protects the client's end.
    pub(crate) fn carried(stream: Box<dyn Duplex>, secure: bool, shutdown: watch::Receiver<bool>) -> Self {
        Link { secure, ..Self::new(stream, shutdown) }
    }

    /// From now on waiting for input ends when this turns true.
    pub(crate) fn until(&mut self, offline: watch::Receiver<bool>) {
        self.offline = Some(offline);
    }

    /// Whether TLS protects the connection.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether what is sent is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Compresses both directions from now on. What the peer sent before it was told so cannot be meant.
    pub(crate) async fn compress(&mut self) -> Result<(), Gone> {
        self.flush().await?;
        if !self.input.is_empty() {
            return Err(Gone::Ended("Commands before compression is active"));
        }
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::new(Deflate::new(plain));
        self.compressed = true;
        Ok(())
    }

    /// Adds text to what goes out.
    pub(crate) fn say(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
    }

    /// Writes what is waiting, then waits for input: at least one byte. `room` is how much is expected.
    /// Cancelling loses nothing.
    pub(crate) async fn fill(&mut self, room: usize, patience: Duration) -> Result<(), Gone> {
        self.flush().await?;
        if self.input.is_empty() && self.input.capacity() > READ && room <= READ {
            self.input = BytesMut::new();
        }
        self.input.reserve(room.max(READ));
        let read = timeout(patience, self.stream.read_buf(&mut self.input));
        let read = tokio::select! {
            biased;
            read = read => read,
            () = stopped(&mut self.shutdown) => return Err(Gone::Stopping),
            () = went(&mut self.offline) => return Err(Gone::Offline),
        };
        match read {
            Err(_) => Err(Gone::Inactive),
            Ok(Ok(0)) => Err(Gone::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Gone::Broken(error)),
        }
    }

    /// The next line, without its end, of at most `max` bytes. Each wait for input is as long as `patience`.
    pub(crate) async fn line(&mut self, max: usize, patience: Duration) -> Result<String, Gone> {
        loop {
            let window = &self.input[..self.input.len().min(max)];
            if let Some(end) = memchr::memchr(b'\n', window) {
                let line = self.take(end + 1);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            if self.input.len() >= max {
                return Err(Gone::Ended("Line too long"));
            }
            self.fill(0, patience).await?;
        }
    }

    /// Takes the first `len` bytes of the input, sharing them.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        let taken = self.input.split_to(len.min(self.input.len())).freeze();
        if self.input.is_empty() {
            // Nothing of a large command is kept longer than the command.
            self.input = BytesMut::new();
        }
        taken
    }

    /// Writes what is waiting if it is much; call it wherever much is written.
    pub(crate) async fn relieve(&mut self) -> Result<(), Gone> {
        if self.output.len() >= FLUSH_AT { self.flush().await } else { Ok(()) }
    }

    /// Writes all that is waiting. A peer that does not read is given up.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if self.output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        timeout(WRITE_PATIENCE, write).await.map_err(|_| Gone::Inactive)??;
        self.output.clear();
        self.output.shrink_to(KEEP);
        Ok(())
    }

    /// Gives the buffers back before a long wait.
    pub(crate) fn shrink(&mut self) {
        if self.output.is_empty() {
            self.output = Vec::new();
        }
    }

    /// Shakes hands as the server. What the peer sent in the clear ahead of the handshake is an injection:
    /// the connection is given up.
    pub(crate) async fn start_tls(&mut self, acceptor: &TlsAcceptor, patience: Duration) -> Result<(), Gone> {
        self.flush().await?;
        if !self.input.is_empty() {
            return Err(Gone::Ended("plain text after STARTTLS"));
        }
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::new(timeout(patience, acceptor.accept(plain)).await.map_err(|_| Gone::Inactive)??);
        self.secure = true;
        Ok(())
    }

    /// Writes the last words and closes.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            let mut drained = [0_u8; 512];
            while self.stream.read(&mut drained).await? > 0 {}
            Ok::<(), Gone>(())
        };
        if let Ok(Err(error)) = timeout(LINGER, goodbye).await {
            tracing::trace!(%error, "closing");
        }
    }
}

/// Waits until what the client is served with is gone.
async fn went(offline: &mut Option<watch::Receiver<bool>>) {
    match offline {
        Some(offline) => stopped(offline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_is_written_before_input_is_awaited() {
        let (client, server) = tokio::io::duplex(1 << 10);
        let (_stop, shutdown) = watch::channel(false);
        let mut link = Link::new(Box::new(server), shutdown);
        let (mut from_server, mut to_server) = tokio::io::split(client);
        link.say("hello\r\n");
        let asks = async {
            let mut hello = [0; 7];
            from_server.read_exact(&mut hello).await.unwrap();
            to_server.write_all(b"abc").await.unwrap();
        };
        let (filled, ()) = tokio::join!(link.fill(1, Duration::from_secs(5)), asks);
        filled.unwrap();
        assert_eq!(&link.take(2)[..], b"ab");
        assert_eq!(&link.input[..], b"c");
    }

    #[tokio::test]
    async fn shutdown_and_silence_end_the_wait() {
        let (_client, server) = tokio::io::duplex(64);
        let (stop, shutdown) = watch::channel(false);
        let mut link = Link::new(Box::new(server), shutdown);
        assert!(matches!(link.fill(1, Duration::from_millis(5)).await, Err(Gone::Inactive)));
        stop.send(true).unwrap();
        assert!(matches!(link.fill(1, Duration::from_secs(5)).await, Err(Gone::Stopping)));
    }
}
