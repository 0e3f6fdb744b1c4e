//! `AUTH` (RFC 4954) with PLAIN (RFC 4616) and LOGIN, over TLS only.

use base::FaultKind;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use wire::smtp::{Line, Reply, line::AUTH_LINE_MAX};

use super::{Credentials, Intake, channel::Gone, session::Conversation};
use crate::stream::Transport;

const UNKNOWN_MECHANISM: Reply = Reply::new(504, (5, 7, 4), "Unrecognized authentication type");
const NEEDS_TLS: Reply =
    Reply::new(538, (5, 7, 11), "Encryption required for requested authentication mechanism");
const TWICE: Reply = Reply::new(503, (5, 5, 2), "Already authenticated");
const CANCELLED: Reply = Reply::new(501, (5, 7, 0), "Authentication cancelled");
const UNREADABLE: Reply = Reply::new(501, (5, 5, 2), "Cannot decode response");
const UNSUCCESSFUL: Reply = Reply::new(535, (5, 7, 3), "Authentication unsuccessful");

impl<S: Transport, I: Intake> Conversation<'_, S, I> {
    /// `AUTH`: the exchange, then the question whose credentials these are.
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> Result<Reply, Gone> {
        if self.session.identity.is_some() {
            return Ok(TWICE);
        }
        if self.connector().auth.basic && self.session.tls.is_none() {
            return Ok(NEEDS_TLS);
        }
        if !self.offers_auth() {
            return Ok(UNKNOWN_MECHANISM);
        }
        let credentials = match mechanism {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => return Ok(UNKNOWN_MECHANISM),
        };
        match credentials {
            Ok(credentials) => Ok(self.log_on(&credentials).await),
            Err(reply) => Ok(reply),
        }
    }

    /// `authorization NUL login NUL password`; acting for somebody else is not supported.
    async fn plain(&mut self, initial: Option<String>) -> Result<Result<Credentials, Reply>, Gone> {
        let response = match self.response(initial, "").await? {
            Ok(response) => response,
            Err(reply) => return Ok(Err(reply)),
        };
        let mut fields = response.split('\0');
        let (Some(other), Some(login), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Ok(Err(UNREADABLE));
        };
        if !other.is_empty() && !other.eq_ignore_ascii_case(login) {
            return Ok(Err(UNSUCCESSFUL));
        }
        Ok(Ok(Credentials { login: login.to_owned(), password: password.to_owned() }))
    }

    async fn login(&mut self, initial: Option<String>) -> Result<Result<Credentials, Reply>, Gone> {
        let login = match self.response(initial, "Username:").await? {
            Ok(login) => login,
            Err(reply) => return Ok(Err(reply)),
        };
        Ok(self.response(None, "Password:").await?.map(|password| Credentials { login, password }))
    }

    /// The client's next response, decoded: the initial one, or the answer to `challenge`.
    async fn response(
        &mut self,
        initial: Option<String>,
        challenge: &str,
    ) -> Result<Result<String, Reply>, Gone> {
        let encoded = match initial {
            Some(empty) if empty == "=" => String::new(),
            Some(initial) => initial,
            None => {
                self.channel.say(&Reply::plain(334, BASE64.encode(challenge))).await?;
                let Line::Complete(len) = self.channel.line(AUTH_LINE_MAX).await? else {
                    self.closing = true;
                    return Ok(Err(UNREADABLE));
                };
                let line = String::from_utf8_lossy(&self.channel.input[..len]).into_owned();
                self.channel.consume(len);
                line
            }
        };
        if encoded == "*" {
            return Ok(Err(CANCELLED));
        }
        let decoded = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(decoded.ok_or(UNREADABLE))
    }

    async fn log_on(&mut self, credentials: &Credentials) -> Reply {
        match self.house.intake.authenticate(&self.session, credentials).await {
            Ok(identity) => {
                tracing::info!(user = %identity.name, "logged on");
                self.session.identity = Some(identity);
                self.no_stranger();
                Reply::new(235, (2, 7, 0), "Authentication successful")
            }
            Err(fault) if fault.is_transient() || fault.kind == FaultKind::Internal => {
                tracing::warn!(?fault, "authentication failed to run");
                Reply::new(454, (4, 7, 0), "Temporary authentication failure")
            }
            Err(fault) => {
                tracing::info!(login = ?credentials.login, ?fault, "logon failed");
                self.logon_failures += 1;
                UNSUCCESSFUL
            }
        }
    }
}
