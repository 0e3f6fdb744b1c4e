//! The two directions of one session: a buffer in, a buffer out, and the time a peer may take.

use std::{io, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use wire::smtp::{Line, LineScanner, Reply};

use crate::stream::{MaybeTls, Transport};

/// Room for one read of commands, bytes: small, because thousands of connections wait in it.
const COMMAND_CHUNK: usize = 2 << 10;
/// Room for one read of a message, bytes.
pub(super) const MESSAGE_CHUNK: usize = 32 << 10;
/// Replies held back at most while a client pipelines, bytes.
const REPLIES_MAX: usize = 16 << 10;
/// How long a closed connection is drained, so that its last reply is not lost to a reset.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes drained at most.
const LINGER_BYTES: usize = 1 << 20;

/// Why a session ended without `QUIT`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer took too long for a command or for the next part of a message.
    #[error("the peer was inactive for too long")]
    Inactive,
    /// The connection is open for longer than any may be.
    #[error("the connection was open for too long")]
    Expired,
    /// The server is about to stop.
    #[error("the server is shutting down")]
    Stopping,
    /// The socket or the TLS layer failed.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Resolves when the server is to stop, or nobody is left to say so.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// The connection with its buffers. Replies are held back until the client has nothing more in the
/// buffer (RFC 2920 section 3.2): [`Channel::fill`] writes before it waits.
pub(super) struct Channel<S> {
    stream: MaybeTls<S>,
    /// What has come and is not read yet.
    pub(super) input: BytesMut,
    output: BytesMut,
    lines: LineScanner,
    /// When the connection ends at the latest.
    expires: Instant,
    /// How long the peer may take from here on.
    pub(super) patience: Duration,
    shutdown: watch::Receiver<bool>,
}

impl<S: Transport> Channel<S> {
    pub(super) fn new(
        stream: S,
        lifetime: Duration,
        patience: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            stream: MaybeTls::Plain(stream),
            input: BytesMut::new(),
            output: BytesMut::new(),
            lines: LineScanner::default(),
            expires: Instant::now() + lifetime,
            patience,
            shutdown: stop,
        }
    }

    /// The stream, for what is known of its encryption.
    pub(super) fn stream(&self) -> &MaybeTls<S> {
        &self.stream
    }

    /// The next command line, left in the buffer. The whole line must arrive in time: a byte now and then
    /// buys no more of it.
    pub(super) async fn line(&mut self, max: usize) -> Result<Line, Gone> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(line) = self.lines.find(&mut self.input, max) {
                return Ok(line);
            }
            if self.input.is_empty() {
                // An idle connection holds no more than one small chunk.
                self.input = BytesMut::new();
            }
            self.fill(COMMAND_CHUNK, deadline, true).await?;
        }
    }

    /// Takes a line found by [`Channel::line`] off the buffer.
    pub(super) fn consume(&mut self, line_len: usize) {
        self.input.advance(line_len + 2);
    }

    /// More of a message: waits for the next bytes, however few.
    pub(super) async fn more(&mut self, room: usize) -> Result<(), Gone> {
        let deadline = Instant::now() + self.patience;
        self.fill(room, deadline, false).await
    }

    async fn fill(&mut self, room: usize, deadline: Instant, stoppable: bool) -> Result<(), Gone> {
        self.flush().await?;
        self.input.reserve(room);
        let until = deadline.min(self.expires);
        let late = if until == self.expires { Gone::Expired } else { Gone::Inactive };
        let stream = &mut self.stream;
        let read = timeout_at(until, stream.read_buf(&mut self.input));
        let read = if stoppable {
            tokio::select! {
                biased;
                read = read => read,
                () = stopped(&mut self.shutdown) => return Err(Gone::Stopping),
            }
        } else {
            read.await
        };
        match read {
            Err(_) => Err(late),
            Ok(Ok(0)) => Err(Gone::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Gone::Broken(error)),
        }
    }

    /// Adds a reply to what goes out.
    pub(super) async fn say(&mut self, reply: &Reply) -> Result<(), Gone> {
        reply.write_to(&mut self.output);
        if self.output.len() > REPLIES_MAX { self.flush().await } else { Ok(()) }
    }

    /// Writes what was held back; a peer that does not read is given up.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        if self.output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        timeout(self.patience, write).await.map_err(|_| Gone::Inactive)??;
        self.output.clear();
        Ok(())
    }

    /// Shakes hands as the server. Nothing the peer sent in the clear may be waiting.
    pub(super) async fn start_tls(&mut self, acceptor: &TlsAcceptor) -> Result<(), Gone> {
        self.flush().await?;
        self.lines = LineScanner::default();
        let plain = self.stream.take_plain().ok_or(Gone::Closed)?;
        let tls = timeout(self.patience, acceptor.accept(plain)).await.map_err(|_| Gone::Inactive)??;
        self.stream = MaybeTls::Tls(Box::new(tls.into()));
        Ok(())
    }

    /// Says the last words and closes. What the peer still sends is read and thrown away for a moment:
    /// closing over unread bytes would reset the connection and take the last reply with it.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            let mut drained = 0;
            while drained < LINGER_BYTES {
                self.input.clear();
                self.input.reserve(COMMAND_CHUNK);
                match self.stream.read_buf(&mut self.input).await? {
                    0 => break,
                    n => drained += n,
                }
            }
            Ok::<(), Gone>(())
        };
        if let Ok(Err(error)) = timeout(LINGER, goodbye).await {
            tracing::trace!(%error, "closing");
        }
    }
}
