//! Getting in and out: ID, NAMESPACE, STARTTLS, LOGIN, AUTHENTICATE, LOGOUT.

use std::sync::Arc;

use base::FaultKind;
use services::{Entrance, Mailbox, Standing};
use wire::secret::Secret;

use super::{
    reply::{Failure, Outcome, done, done_with, no},
    session::Session,
};
use crate::{
    link::Gone,
    sasl::{self, Exchange, Identity, RESPONSE_MAX, Step},
};

const LOGGED_ON: &str = "Logged on";

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

    pub(super) async fn login(&mut self, tag: &str, user: String, password: Secret) -> Outcome {
        self.enter(tag, Identity { authorize: String::new(), user, password: password.0 }).await
    }

    pub(super) async fn authenticate(
        &mut self,
        tag: &str,
        mechanism: &str,
        initial: Option<Secret>,
    ) -> Outcome {
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
                Step::Done(identity) => return self.enter(tag, identity).await,
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

    /// Checks who it is and opens the mailbox. Where another server has it, that answers.
    async fn enter(&mut self, tag: &str, identity: Identity) -> Outcome {
        self.check_may_login()?;
        let enabled = self.enabled.names();
        let standing = Standing { secure: self.link.is_secure(), tag: tag.to_owned(), enabled };
        match sasl::enter(&self.server.services, identity, self.client.clone(), &standing).await {
            Ok(Entrance::Here(mailbox)) => {
                self.begin(mailbox);
                done_with(format!("CAPABILITY {}", self.capabilities()), LOGGED_ON)
            }
            Ok(Entrance::There(conversation)) => {
                self.elsewhere = Some(conversation);
                done("")
            }
            Err(fault) => {
                self.refused += u32::from(fault.kind == FaultKind::Unauthenticated);
                if fault.is_elsewhere() {
                    return Err(no("UNAVAILABLE", fault.public_text));
                }
                Err(fault.into())
            }
        }
    }

    /// The client has logged on with this mailbox.
    fn begin(&mut self, mailbox: Mailbox) {
        self.link.until(mailbox.offline());
        self.mailbox = Some(Arc::new(mailbox));
    }

    /// Goes on with a session whose client has logged on at another server: the answer to that is given here.
    pub(super) fn take_over(&mut self, mailbox: Mailbox, standing: &Standing) {
        self.begin(mailbox);
        self.enabled.switch_on(&standing.enabled);
        let answer = format!("{} OK [CAPABILITY {}] {LOGGED_ON}\r\n", standing.tag, self.capabilities());
        self.link.say(&answer);
    }
}
