//! One request and what a handler may do with it: see who is calling, read the body within the route's bound,
//! learn that the server is stopping.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::FaultKind;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use services::{Caller, Client, Credentials, Services};
use tokio::sync::watch;

use super::{Answer, Settings, text};
use crate::listen;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest `Authorization` header looked at, bytes.
const AUTHORIZATION_MAX: usize = 4 << 10;

/// A request on its way through a handler.
pub struct Exchange {
    /// What the server offers.
    pub settings: Arc<Settings>,
    /// Who is connected.
    pub peer: SocketAddr,
    /// The path, decoded once, lower case: what the route was found by.
    pub path: String,
    request: Request<Option<Incoming>>,
    body_max: usize,
    shutdown: watch::Receiver<bool>,
}

impl Exchange {
    pub(super) fn new(
        settings: Arc<Settings>,
        peer: SocketAddr,
        path: String,
        request: Request<Incoming>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        Exchange { settings, peer, path, request: request.map(Some), body_max: 0, shutdown }
    }

    pub(super) fn bounded(mut self, body_max: usize) -> Self {
        self.body_max = body_max;
        self
    }

    /// The request's head: method, target with its query, headers.
    pub fn request(&self) -> &Request<Option<Incoming>> {
        &self.request
    }

    /// A header's text; nothing where it is absent or not ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The whole body, of at most the route's `body_max` bytes. Call it once, after authentication: who is
    /// not let in has nothing read.
    ///
    /// # Errors
    /// The answer: 413 for a body that is too large, 408 for one that takes too long, 400 for a broken one.
    pub async fn body(&mut self) -> Result<Bytes, Answer> {
        let Some(body) = self.request.body_mut().take() else { return Ok(Bytes::new()) };
        let too_large = || closing(text(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.\r\n"));
        if body.size_hint().lower() > self.body_max as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, self.body_max).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(closing(text(StatusCode::BAD_REQUEST, "The body is malformed.\r\n"))),
            Err(_) => Err(closing(text(StatusCode::REQUEST_TIMEOUT, "The body took too long.\r\n"))),
        }
    }

    /// Who is calling, by HTTP Basic: see [`authenticate_basic`].
    ///
    /// # Errors
    /// The answer.
    pub async fn authenticate_basic(&self, realm: &Realm) -> Result<Caller, Answer> {
        authenticate_basic(&self.settings.services, self.request.headers(), self.peer, realm).await
    }

    /// Comes back when the server is about to stop: a handler that waits long waits for this, too.
    pub async fn stopping(&mut self) {
        listen::stopped(&mut self.shutdown).await;
    }
}

/// What one logs on to.
pub struct Realm {
    /// The protocol, as `services` knows it: it decides whether the user may.
    pub protocol: &'static str,
    /// What a browser shows.
    pub name: &'static str,
}

/// Checks the `Authorization: Basic` header (RFC 7617), throttled as every log-on.
///
/// # Errors
/// The answer: 401 with a challenge where it is missing or wrong, 503 where the server is too busy to say.
pub async fn authenticate_basic(
    services: &Services,
    headers: &HeaderMap,
    peer: SocketAddr,
    realm: &Realm,
) -> Result<Caller, Answer> {
    let Some(credentials) = headers.get(header::AUTHORIZATION).and_then(basic) else {
        return Err(challenge(realm));
    };
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let client = Client {
        protocol: realm.protocol,
        address: peer.ip().to_canonical(),
        agent: agent.map(|agent| agent.chars().take(256).collect()),
    };
    let outcome = services.authenticate(&credentials, client).await;
    let word = if outcome.is_ok() { "ok" } else { "refused" };
    metrics::counter!("rialto_logons_total", "protocol" => realm.protocol, "outcome" => word).increment(1);
    outcome.map_err(|fault| match fault.kind {
        FaultKind::Unauthenticated => challenge(realm),
        _ => {
            tracing::warn!(?fault, "log-on failed");
            text(StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again later.\r\n")
        }
    })
}

fn basic(value: &HeaderValue) -> Option<Credentials> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") || token.len() > AUTHORIZATION_MAX {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(token.trim()).ok()?).ok()?;
    let (login, password) = pair.split_once(':')?;
    Some(Credentials { login: login.to_owned(), password: password.to_owned() })
}

fn challenge(realm: &Realm) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "Authentication is needed.\r\n");
    if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{}\"", realm.name)) {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
}

/// The connection ends with this answer: what the client still sends is not read.
pub(super) fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials() {
        let read = |value: &str| basic(&HeaderValue::from_str(value).unwrap()).map(|c| (c.login, c.password));
        assert_eq!(read("Basic am9lOnA6cQ=="), Some(("joe".into(), "p:q".into())));
        assert_eq!(read("basic  am9lOnA6cQ=="), Some(("joe".into(), "p:q".into())));
        for bad in ["Basic", "Basic !", "Bearer am9lOnA=", "Basic am9l", "Basic /w=="] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_challenge_names_the_realm() {
        let answer = challenge(&Realm { protocol: "PowerShell", name: "WSMAN" });
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"WSMAN\"");
    }
}
