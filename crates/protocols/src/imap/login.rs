//! Getting in and out: ID, NAMESPACE, STARTTLS, LOGIN, AUTHENTICATE, LOGOUT.

use std::sync::Arc;

use base::{Fault, FaultKind};
use wire::secret::Secret;

use super::{
    reply::{Failure, Outcome, done, done_with, no},
    session::Session,
};
use crate::{
    link::Gone,
    sasl::{self, Exchange, Identity, RESPONSE_MAX, Step},
};

impl Session {
    /// Whether a password may cross this connection.
    pub(super) fn may_login(&self) -> bool {
        self.link.is_secure() || (self.server.settings.allow_plaintext && self.client.address.is_loopback())
    }

    pub(super) fn id(&mut self, pairs: &[(String, String)]) -> Outcome {
        let value =
            |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if let Some(name) = value("name") {
            let agent = format!("{name} {}", value("version").unwrap_or_default());
            tracing::debug!(agent, "the client says what it is");
            self.client.agent = Some(agent.trim_end().to_owned());
        }
        self.link.say("* ID (\"name\" \"Rialto\")\r\n");
        done("Completed")
    }

    pub(super) fn namespace(&mut self) -> Outcome {
        self.link.say("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
        done("Completed")
    }

    pub(super) fn logout(&mut self) -> Outcome {
        self.leaving = true;
        self.leave();
        self.link.say("* BYE Logging out\r\n");
        done("Completed")
    }

    pub(super) async fn start_tls(&mut self, tag: &str) -> Outcome {
        if self.link.is_secure() || self.server.tls.is_none() {
            return Err(Failure::Bad("STARTTLS is not offered".into()));
        }
        self.link.say(&format!("{tag} OK Begin TLS negotiation\r\n"));
        self.begin_tls().await?;
        // What was learnt in the clear is forgotten (RFC 3501 section 6.2.1).
        self.client.agent = None;
        done("")
    }

    /// Shakes hands.
    pub(super) async fn begin_tls(&mut self) -> Result<(), Gone> {
        let acceptor = self.server.tls.clone().ok_or(Gone::Ended("TLS is not set up"))?;
        self.link.start_tls(&acceptor, self.server.settings.preauth_timeout).await
    }

    pub(super) async fn login(&mut self, user: String, password: Secret) -> Outcome {
        self.enter(Identity { authorize: String::new(), user, password: password.0 }).await
    }

    pub(super) async fn authenticate(&mut self, mechanism: &str, initial: Option<Secret>) -> Outcome {
        let Some(mut exchange) = Exchange::new(mechanism) else {
            return Err(no("CANNOT", "Unsupported authentication mechanism"));
        };
        // Refused before the client sends the password.
        self.check_may_login()?;
        let mut response = match initial {
            Some(initial) => initial.0,
            None => self.challenge(exchange.challenge()).await?,
        };
        loop {
            match exchange.respond(&response) {
                Step::Challenge(challenge) => response = self.challenge(challenge).await?,
                Step::Done(identity) => return self.enter(identity).await,
                Step::Refused(why) => return Err(Failure::Bad(why.into())),
            }
        }
    }

    /// Sends a challenge and reads the line that answers it.
    async fn challenge(&mut self, challenge: &str) -> Result<String, Gone> {
        self.link.say(&format!("+ {challenge}\r\n"));
        let patience = self.server.settings.preauth_timeout;
        let line = tokio::time::timeout(patience, self.link.line(RESPONSE_MAX, patience));
        line.await.map_err(|_| Gone::Inactive)?
    }

    fn check_may_login(&self) -> Result<(), Failure> {
        if self.may_login() { Ok(()) } else { Err(no("PRIVACYREQUIRED", "Log in over TLS only")) }
    }

    /// Checks who it is and opens the mailbox.
    async fn enter(&mut self, identity: Identity) -> Outcome {
        self.check_may_login()?;
        match sasl::enter(&self.server.services, identity, self.client.clone()).await {
            Ok(mailbox) => self.mailbox = Some(Arc::new(mailbox)),
            Err(fault) => {
                self.refused += u32::from(fault.kind == FaultKind::Unauthenticated);
                if fault.code == Fault::MOVING {
                    return Err(no("UNAVAILABLE", "The mailbox is being moved; try again in a moment"));
                }
                return Err(fault.into());
            }
        }
        done_with(format!("CAPABILITY {}", self.capabilities()), "Logged on")
    }
}
