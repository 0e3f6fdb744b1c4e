//! A connection that may turn to TLS on the way, as SMTP's do on both ends.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{
    TlsStream,
    rustls::{CommonState, ProtocolVersion},
};

/// What a connection runs over: any stream of bytes, so that tests need no socket.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Transport for S {}

/// A stream before, after or without `STARTTLS`.
#[derive(Default)]
pub enum MaybeTls<S> {
    /// In the clear.
    Plain(S),
    /// Encrypted, as client or server.
    Tls(Box<TlsStream<S>>),
    /// Lost in a failed handshake: reads as ended.
    #[default]
    Gone,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLS1_2` or `TLS1_3`
    pub version: &'static str,
    /// The cipher suite's name.
    pub cipher: &'static str,
}

impl<S> MaybeTls<S> {
    /// The encryption in place, if there is any.
    pub fn facts(&self) -> Option<TlsFacts> {
        let MaybeTls::Tls(stream) = self else { return None };
        let state: &CommonState = stream.get_ref().1;
        Some(TlsFacts {
            version: match state.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLS1_3",
                Some(ProtocolVersion::TLSv1_2) => "TLS1_2",
                _ => "TLS",
            },
            cipher: state.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("unknown"),
        })
    }

    /// Takes the clear stream out, to shake hands over it.
    pub fn take_plain(&mut self) -> Option<S> {
        match std::mem::take(self) {
            MaybeTls::Plain(stream) => Some(stream),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<S: Transport> AsyncRead for MaybeTls<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTls::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            MaybeTls::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            MaybeTls::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl<S: Transport> AsyncWrite for MaybeTls<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            MaybeTls::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            MaybeTls::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            MaybeTls::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTls::Plain(stream) => Pin::new(stream).poll_flush(cx),
            MaybeTls::Tls(stream) => Pin::new(stream).poll_flush(cx),
            MaybeTls::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            MaybeTls::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            MaybeTls::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            MaybeTls::Gone => Poll::Ready(Ok(())),
        }
    }
}
