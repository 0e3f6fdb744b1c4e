//! A stream as bytes that are read and written: straight from and into the connection's queues, so that one on which
//! nothing is said holds no buffer and runs no task.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    error::LinkError,
    stream::{Sink, Source},
};

/// The longest piece that one write takes, bytes.
const PIECE_MAX: usize = 64 << 10;

/// One end of a stream. Dropped before it was shut down, it ends the stream in both directions: the other side fails
/// to read on.
pub struct Conversation {
    sink: Sink,
    source: Source,
    /// What came and was not read yet.
    came: Bytes,
    /// Nothing more is said.
    ended: bool,
}

/// Makes one of the two ends of a stream. When the stream breaks, reading and writing fail.
pub fn converse(sink: Sink, source: Source) -> Conversation {
    Conversation { sink, source, came: Bytes::new(), ended: false }
}

fn broken(error: LinkError) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}

impl AsyncRead for Conversation {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.came.is_empty() {
            match ready!(self.source.poll_next(cx)).map_err(broken)? {
                Some(piece) => self.came = piece,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.came.len().min(to.remaining());
        to.put_slice(&self.came[..len]);
        self.came.advance(len);
        if self.came.is_empty() {
            // Not even the empty end of a piece is held on to.
            self.came = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Conversation {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(self.sink.poll_room(cx)).map_err(broken)?;
        let piece = &bytes[..bytes.len().min(PIECE_MAX)];
        self.sink.queue(Bytes::copy_from_slice(piece));
        Poll::Ready(Ok(piece.len()))
    }

    /// What was written is on its way already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says that this was all, and waits until it is on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.ended = true;
            self.sink.end();
        }
        self.sink.poll_sent(cx).map_err(broken)
    }
}
