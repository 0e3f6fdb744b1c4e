//! A stream as a pair of byte streams, for those who read and write bytes.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

use super::{
    error::LinkError,
    stream::{Sink, Source},
};

/// Bytes that wait in either direction.
const BUFFER: usize = 64 << 10;

/// Makes one of the two ends of a stream. When the stream breaks, reading ends.
pub fn converse(sink: Sink, source: Source) -> DuplexStream {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (read, write) = tokio::io::split(far);
    tokio::spawn(async move {
        // An end in one direction leaves the other as it is; a failure ends both.
        let _ = tokio::try_join!(say(read, sink), hear(source, write));
    });
    near
}

async fn say(mut from: ReadHalf<DuplexStream>, mut sink: Sink) -> Result<(), LinkError> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(BUFFER / 4);
        let read = from.read_buf(&mut buffer).await.map_err(|error| LinkError::Io(error.to_string()))?;
        if read == 0 {
            return sink.finish().await;
        }
        sink.send(buffer.split().freeze()).await?;
    }
}

async fn hear(mut source: Source, mut to: WriteHalf<DuplexStream>) -> Result<(), LinkError> {
    let io = |error: std::io::Error| LinkError::Io(error.to_string());
    while let Some(bytes) = source.next().await? {
        to.write_all(&bytes).await.map_err(io)?;
    }
    to.shutdown().await.map_err(io)
}
