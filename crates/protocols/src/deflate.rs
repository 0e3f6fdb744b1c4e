//! A compressed stream over another one (RFC 4978: raw DEFLATE, a block ends with each flush).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use base::neighbours::Duplex;

/// Compressed bytes held on the way in, and on the way out before more is taken.
const BUFFER: usize = 8 << 10;

/// Both directions of a connection, compressed.
pub(crate) struct Deflate {
    stream: Box<dyn Duplex>,
    inflate: Decompress,
    deflate: Compress,
    /// What has come and is not inflated yet.
    incoming: Vec<u8>,
    taken: usize,
    /// What is deflated and not written yet.
    outgoing: Vec<u8>,
    written: usize,
    /// Something was deflated since the last flush.
    dirty: bool,
}

impl Deflate {
    pub(crate) fn new(stream: Box<dyn Duplex>) -> Self {
        Deflate {
            stream,
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::fast(), false),
            incoming: Vec::new(),
            taken: 0,
            outgoing: Vec::new(),
            written: 0,
            dirty: false,
        }
    }

    /// Writes what is deflated.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.outgoing.len() {
            let waiting = &self.outgoing[self.written..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.outgoing.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Deflates some of the bytes; says how many.
    fn deflate(&mut self, bytes: &[u8], flush: FlushCompress) -> io::Result<usize> {
        let before = self.deflate.total_in();
        self.outgoing.reserve(BUFFER);
        self.deflate.compress_vec(bytes, &mut self.outgoing, flush).map_err(io::Error::other)?;
        Ok((self.deflate.total_in() - before) as usize)
    }

    /// Ends the block, so that the peer can read all of it.
    fn end_block(&mut self) -> io::Result<()> {
        while self.dirty {
            self.deflate(&[], FlushCompress::Sync)?;
            // Room was left: all of the block is out.
            self.dirty = self.outgoing.len() == self.outgoing.capacity();
        }
        Ok(())
    }
}

impl AsyncRead for Deflate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let (fed, made) = (this.inflate.total_in(), this.inflate.total_out());
            let room = buffer.initialize_unfilled();
            let waiting = &this.incoming[this.taken..];
            let status = this.inflate.decompress(waiting, room, FlushDecompress::None);
            let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            this.taken += (this.inflate.total_in() - fed) as usize;
            let made = (this.inflate.total_out() - made) as usize;
            if made > 0 || status == Status::StreamEnd {
                buffer.advance(made);
                return Poll::Ready(Ok(()));
            }
            if this.taken == this.incoming.len() {
                this.taken = 0;
                this.incoming.resize(BUFFER, 0);
                let mut more = ReadBuf::new(&mut this.incoming);
                let read = Pin::new(&mut this.stream).poll_read(cx, &mut more);
                let len = more.filled().len();
                this.incoming.truncate(len);
                ready!(read)?;
                if len == 0 {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Deflate {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.outgoing.len() >= BUFFER {
            ready!(this.drain(cx))?;
        }
        this.dirty = true;
        loop {
            // What is kept back inside must come out before more goes in.
            let taken = this.deflate(bytes, FlushCompress::None)?;
            if taken > 0 || bytes.is_empty() {
                return Poll::Ready(Ok(taken));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.end_block()?;
        ready!(this.drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_flushed_arrives(
            pieces in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..3_000), 1..6),
            pipe in 16..4_096_usize,
        ) {
            let (a, b) = tokio::io::duplex(pipe);
            let (mut a, mut b) = (Deflate::new(Box::new(a)), Deflate::new(Box::new(b)));
            run(async {
                for piece in pieces {
                    let write = async {
                        a.write_all(&piece).await.unwrap();
                        a.flush().await.unwrap();
                    };
                    let mut read = vec![0; piece.len()];
                    tokio::join!(write, async { b.read_exact(&mut read).await.unwrap() });
                    assert_eq!(read, piece);
                }
            });
        }
    }

    #[test]
    fn much_that_hardly_compresses_arrives() {
        let (a, b) = tokio::io::duplex(1 << 10);
        let (mut a, mut b) = (Deflate::new(Box::new(a)), Deflate::new(Box::new(b)));
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(600_000)
        .collect();
        let mut read = vec![0; noise.len()];
        run(async {
            let write = async {
                a.write_all(&noise).await.unwrap();
                a.flush().await.unwrap();
            };
            tokio::join!(write, async { b.read_exact(&mut read).await.unwrap() });
        });
        assert!(read == noise);
    }

    #[test]
    fn what_cannot_be_inflated_is_an_error_and_an_end_is_an_end() {
        let (a, mut b) = tokio::io::duplex(64);
        let mut a = Deflate::new(Box::new(a));
        run(async {
            b.write_all(&[0xff; 8]).await.unwrap();
            let error = a.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        });
        let (a, b) = tokio::io::duplex(64);
        drop(b);
        assert_eq!(run(Deflate::new(Box::new(a)).read(&mut [0])).unwrap(), 0);
    }
}
