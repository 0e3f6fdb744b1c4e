//! Envelopes that are encrypted under the keys of their connection, for clients without TLS.

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use wire::wsman::encrypted::{self, Protection};

use crate::http::{Answer, Exchange, text, typed};

/// The envelope in an encrypted body.
///
/// # Errors
/// The answer: 400. What is wrong is not said.
pub(super) fn open(exchange: &Exchange, body: Bytes) -> Result<Bytes, Answer> {
    let malformed = || text(StatusCode::BAD_REQUEST, "The message cannot be decrypted.\r\n");
    let message = encrypted::read(&body).ok_or_else(malformed)?;
    let envelope = exchange.connection().unwrap(message.token).map_err(|error| {
        tracing::warn!(peer = %exchange.peer(), %error, "a message is not from this connection's client");
        malformed()
    })?;
    if envelope.len() == message.length { Ok(envelope.into()) } else { Err(malformed()) }
}

/// The answer that holds an envelope, encrypted.
///
/// # Errors
/// The answer: 500, where the connection has no keys any more.
pub(super) fn close(
    exchange: &Exchange,
    protection: Protection,
    status: StatusCode,
    envelope: &[u8],
) -> Result<Answer, Answer> {
    let sealed = exchange.connection().wrap(envelope, exchange.settings.shells.rng());
    let failed = || text(StatusCode::INTERNAL_SERVER_ERROR, "The answer cannot be encrypted.\r\n");
    let sealed = sealed.ok_or_else(failed)?;
    let mut answer = typed(StatusCode::OK, "multipart/encrypted", protection.write(&sealed, envelope.len()));
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_str(&protection.content_type()).map_err(|_| failed())?;
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(answer)
}
