//! Envelopes that are encrypted under the keys of their connection, for clients without TLS.

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use wire::wsman::encrypted::{self, Protection};

use crate::http::{Answer, Exchange, typed};

/// The envelope in an encrypted body; nothing where it is not one of this connection's client.
pub(super) fn open(exchange: &Exchange, body: &[u8]) -> Option<Bytes> {
    let message = encrypted::read(body)?;
    let refused =
        |error| tracing::warn!(peer = %exchange.peer(), %error, "a message is not from this client");
    let envelope = exchange.connection().unwrap(message.token).map_err(refused).ok()?;
    (envelope.len() == message.length).then(|| envelope.into())
}

/// The answer that holds an envelope, encrypted; nothing where the connection has no keys any more.
pub(super) fn close(
    exchange: &Exchange,
    protection: Protection,
    status: StatusCode,
    envelope: &[u8],
) -> Option<Answer> {
    let sealed = exchange.connection().wrap(envelope, exchange.settings.shells.rng())?;
    let mut answer = typed(status, "multipart/encrypted", protection.write(&sealed, envelope.len()));
    let content_type = HeaderValue::from_str(&protection.content_type()).ok()?;
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Some(answer)
}
