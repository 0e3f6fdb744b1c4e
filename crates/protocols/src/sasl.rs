//! The password mechanisms of SASL, server side: PLAIN (RFC 4616) and LOGIN; and the log-on they end in.

use base::Fault;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use services::{Client, Credentials, Entrance, Services, Standing};

/// The longest response line, bytes.
pub(crate) const RESPONSE_MAX: usize = 4 << 10;

/// What the client showed.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Whose mailbox is to be opened; empty for the user's own.
    pub(crate) authorize: String,
    /// Who logs in.
    pub(crate) user: String,
    /// With which password.
    pub(crate) password: String,
}

/// Checks who it is and opens the mailbox, the user's own or the one asked for, where it is.
pub(crate) async fn enter(
    services: &Services,
    identity: Identity,
    client: Client,
    standing: &Standing,
) -> Result<Entrance, Fault> {
    let Identity { authorize, user, password } = identity;
    let credentials = Credentials { login: user, password };
    let protocol = client.protocol;
    let logons = |outcome: &'static str| metrics::counter!("rialto_logons_total", "protocol" => protocol, "outcome" => outcome);
    let caller = services.authenticate(&credentials, client).await.inspect_err(|fault| {
        tracing::info!(login = credentials.login, code = fault.code, "log-on refused");
        logons("refused").increment(1);
    })?;
    logons("ok").increment(1);
    let other = Some(authorize.as_str()).filter(|name| !name.is_empty() && *name != credentials.login);
    let entrance = services.enter(&caller, other, standing).await?;
    tracing::info!(user = caller.name, "logged on");
    Ok(entrance)
}

/// One exchange.
#[derive(Default)]
pub(crate) struct Exchange {
    login: bool,
    user: Option<String>,
}

/// What comes next.
pub(crate) enum Step {
    /// Send this challenge, already base64, and read a response.
    Challenge(&'static str),
    /// The exchange is complete.
    Done(Identity),
    /// The response cannot be read, or the client cancelled.
    Refused(&'static str),
}

impl Exchange {
    /// Begins an exchange; `None` where the mechanism is not known.
    pub(crate) fn new(mechanism: &str) -> Option<Self> {
        match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Some(Exchange { login: false, user: None }),
            "LOGIN" => Some(Exchange { login: true, user: None }),
            _ => None,
        }
    }

    /// The first challenge, where the client sent no initial response.
    pub(crate) fn challenge(&self) -> &'static str {
        match (self.login, &self.user) {
            (false, _) => "",
            (true, None) => "VXNlcm5hbWU6",
            (true, Some(_)) => "UGFzc3dvcmQ6",
        }
    }

    /// Takes a response line, base64; `=` stands for an empty one, `*` cancels.
    pub(crate) fn respond(&mut self, line: &str) -> Step {
        if line == "*" {
            return Step::Refused("Authentication cancelled");
        }
        let text = if line == "=" { "" } else { line };
        let Some(text) = BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            return Step::Refused("Invalid base64");
        };
        if !self.login {
            let mut parts = text.split('\0').map(str::to_owned);
            return match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(authorize), Some(user), Some(password), None) => {
                    Step::Done(Identity { authorize, user, password })
                }
                _ => Step::Refused("Invalid PLAIN response"),
            };
        }
        match self.user.take() {
            None => {
                self.user = Some(text);
                Step::Challenge(self.challenge())
            }
            Some(user) => Step::Done(Identity { authorize: String::new(), user, password: text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain() {
        let mut exchange = Exchange::new("plain").unwrap();
        let Step::Done(identity) = exchange.respond("AGpvZQBw") else { panic!("not done") };
        assert_eq!((identity.user.as_str(), identity.password.as_str()), ("joe", "p"));
        for bad in ["*", "!", "am9l", "AAAAAA=="] {
            assert!(matches!(exchange.respond(bad), Step::Refused(_)), "{bad}");
        }
    }

    #[test]
    fn login() {
        let mut exchange = Exchange::new("LOGIN").unwrap();
        assert_eq!(exchange.challenge(), "VXNlcm5hbWU6");
        assert!(matches!(exchange.respond("am9l"), Step::Challenge("UGFzc3dvcmQ6")));
        let Step::Done(identity) = exchange.respond("cA==") else { panic!("not done") };
        assert_eq!((identity.user.as_str(), identity.password.as_str()), ("joe", "p"));
        assert!(Exchange::new("CRAM-MD5").is_none());
    }
}
