//! Frames in a stream of bytes.

use std::io;

use bytes::BytesMut;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame, bytes.
const FRAME_MAX: usize = 64 << 20;
/// Bytes of the length before it.
const LENGTH: usize = 4;

/// Reads frames. A read that is given up loses nothing.
pub(super) struct Frames<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next one; nothing at the end.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            if let Some(length) = self.buffer.first_chunk::<LENGTH>() {
                let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
                if length > FRAME_MAX {
                    return Err(io::Error::other("an over-long frame"));
                }
                if self.buffer.len() >= LENGTH + length {
                    let frame = self.buffer.split_to(LENGTH + length);
                    return postcard::from_bytes(&frame[LENGTH..]).map(Some).map_err(io::Error::other);
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }
}

/// Writes one frame.
pub(super) async fn send<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> io::Result<()> {
    let mut frame = postcard::to_extend(message, vec![0; LENGTH]).map_err(io::Error::other)?;
    let length = frame.len() - LENGTH;
    let length = u32::try_from(length).ok().filter(|_| length <= FRAME_MAX);
    let length = length.ok_or_else(|| io::Error::other("an over-long frame"))?;
    frame[..LENGTH].copy_from_slice(&length.to_le_bytes());
    stream.write_all(&frame).await
}
