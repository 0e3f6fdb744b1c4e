//! One request and what a handler may do with it: see who is calling, read the body within the route's bound,
//! learn that the server is stopping.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::{Fault, FaultKind};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderName, HeaderValue},
};
use services::{Caller, Client, Credentials};
use tokio::sync::watch;

use super::{
    Answer, Settings,
    negotiate::{self, Admission, Connection},
    text,
};
use crate::listen;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a body that nobody wants is read, bytes.
const DISCARD_MAX: usize = 4 << 20;
/// How long it is read.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest `Authorization` header looked at, bytes.
const AUTHORIZATION_MAX: usize = 4 << 10;
/// What who shows nothing is told.
const NEEDED: &str = "Authentication is needed.";

/// A request on its way through a handler.
pub struct Exchange {
    /// What the server offers.
    pub settings: Arc<Settings>,
    /// The path, decoded once, lower case: what the route was found by.
    pub path: String,
    connection: Arc<Connection>,
    request: Request<Option<Incoming>>,
    body_max: usize,
    shutdown: watch::Receiver<bool>,
}

impl Exchange {
    pub(super) fn new(
        settings: Arc<Settings>,
        connection: Arc<Connection>,
        path: String,
        request: Request<Incoming>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        Exchange { settings, connection, path, request: request.map(Some), body_max: 0, shutdown }
    }

    pub(super) fn bounded(mut self, body_max: usize) -> Self {
        self.body_max = body_max;
        self
    }

    /// Who is connected.
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    /// The connection it came over.
    pub fn connection(&self) -> &Connection {
        &self.connection
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
            discard(body).await;
            return Err(too_large());
        }
        match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, self.body_max).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(closing(text(StatusCode::BAD_REQUEST, "The body is malformed.\r\n"))),
            Err(_) => Err(closing(text(StatusCode::REQUEST_TIMEOUT, "The body took too long.\r\n"))),
        }
    }

    /// Who is calling, by HTTP Basic (RFC 7617), throttled as every log-on.
    ///
    /// # Errors
    /// The answer: 401 with a challenge where the header is missing or wrong, 403 where passwords are not taken
    /// without TLS, 503 where the server is too busy to say.
    pub async fn authenticate_basic(&mut self, realm: &Realm) -> Result<Caller, Answer> {
        let outcome = self.basic(realm, &challenge(realm)).await;
        self.after(outcome).await
    }

    /// Who is calling, by a ticket (`Negotiate`, `Kerberos`) or by Basic. A ticket holds for its connection.
    ///
    /// # Errors
    /// The answer, as for Basic, or the next token of a negotiation.
    pub async fn authenticate(&mut self, realm: &Realm) -> Result<Admission, Answer> {
        let outcome = self.admit(realm).await;
        self.after(outcome).await
    }

    async fn admit(&self, realm: &Realm) -> Result<Admission, Answer> {
        let services = &self.settings.services;
        if services.takes_tickets() {
            let client = self.client(realm);
            let authorization = self.request.headers().get(header::AUTHORIZATION);
            let admitted = match authorization {
                None => self.connection.still(services, client),
                Some(value) => {
                    negotiate::token(value).map(|token| self.connection.negotiate(services, token, client))
                }
            };
            if let Some(admitted) = admitted {
                match &admitted {
                    Ok(_) => count(realm, true),
                    Err(refused) if refused.is_final() => count(realm, false),
                    Err(_) => {}
                }
                return admitted.map_err(|refused| refused.answer(&self.challenges(realm)));
            }
        }
        Ok(Admission::by_password(self.basic(realm, &self.challenges(realm)).await?))
    }

    /// What a client may choose from.
    fn challenges(&self, realm: &Realm) -> Vec<HeaderValue> {
        let tickets = self.settings.services.takes_tickets();
        let offered = negotiate::SCHEMES.into_iter().filter(|_| tickets);
        let mut offered: Vec<HeaderValue> = offered.map(HeaderValue::from_static).collect();
        if self.takes_passwords() {
            offered.extend(challenge(realm));
        }
        offered
    }

    fn takes_passwords(&self) -> bool {
        self.connection.is_tls() || self.settings.basic_in_clear
    }

    async fn basic(&self, realm: &Realm, challenges: &[HeaderValue]) -> Result<Caller, Answer> {
        let credentials = self.request.headers().get(header::AUTHORIZATION).and_then(basic);
        let credentials = match credentials {
            _ if challenges.is_empty() || (credentials.is_some() && !self.takes_passwords()) => {
                return Err(text(StatusCode::FORBIDDEN, "Passwords are not taken without TLS.\r\n"));
            }
            None => return Err(unauthorized(challenges, NEEDED)),
            Some(credentials) => credentials,
        };
        let outcome = self.settings.services.authenticate(&credentials, self.client(realm)).await;
        count(realm, outcome.is_ok());
        outcome.map_err(|fault| match fault.kind {
            FaultKind::Unauthenticated => unauthorized(challenges, NEEDED),
            _ => busy(&fault),
        })
    }

    /// Where somebody is not let in, what is still to come of the request is dropped.
    async fn after<T>(&mut self, outcome: Result<T, Answer>) -> Result<T, Answer> {
        if outcome.is_err()
            && let Some(body) = self.request.body_mut().take()
        {
            discard(body).await;
        }
        outcome
    }

    fn client(&self, realm: &Realm) -> Client {
        let agent = self.header(header::USER_AGENT);
        Client {
            protocol: realm.protocol,
            address: self.peer().ip().to_canonical(),
            agent: agent.map(|agent| agent.chars().take(256).collect()),
        }
    }

    /// Comes back when the server is about to stop: a handler that waits long waits for this, too.
    pub async fn stopping(&mut self) {
        listen::stopped(&mut self.shutdown).await;
    }
}

/// Takes what is still to come and drops it: a client that sends before it reads must find its answer, and its
/// connection. Who sends much, or slowly, is not waited for.
async fn discard(body: Incoming) {
    let mut body = Limited::new(body, DISCARD_MAX);
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(DISCARD_TIMEOUT, rest).await.ok();
}

/// What one logs on to.
pub struct Realm {
    /// The protocol, as `services` knows it: it decides whether the user may.
    pub protocol: &'static str,
    /// What a browser shows.
    pub name: &'static str,
}

fn count(realm: &Realm, let_in: bool) {
    let word = if let_in { "ok" } else { "refused" };
    metrics::counter!("rialto_logons_total", "protocol" => realm.protocol, "outcome" => word).increment(1);
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

/// The offer of Basic; nothing where the realm has no name that a header can hold.
fn challenge(realm: &Realm) -> Vec<HeaderValue> {
    HeaderValue::from_str(&format!("Basic realm=\"{}\"", realm.name)).into_iter().collect()
}

/// 401 with what may be tried.
pub(super) fn unauthorized(challenges: &[HeaderValue], why: &str) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, format!("{why}\r\n"));
    for challenge in challenges {
        answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge.clone());
    }
    answer
}

/// 503: the log-on failed, and not because of who tried.
pub(super) fn busy(fault: &Fault) -> Answer {
    tracing::warn!(?fault, "log-on failed");
    text(StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again later.\r\n")
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
        let answer = unauthorized(&challenge(&Realm { protocol: "PowerShell", name: "WSMAN" }), NEEDED);
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"WSMAN\"");
    }
}
