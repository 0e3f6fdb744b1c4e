//! What the SMTP sessions ask: who may send, to whom, and "take this".

use std::{future::Future, pin::Pin, sync::Arc};

use base::{Fault, SmtpAddress};
use tracing::Instrument;
use wire::smtp::{MailFrom, RcptTo, Reply};

use crate::{
    accept::Incoming,
    categorizer::{Facts, answers, may_write_to},
    core::Core,
    queue::Origin,
    receive::{Credentials, Identity, Intake, Mail, Receipt, Refusal, Session},
    track::Source,
};

/// The recipient is in no domain of ours and the peer is nobody we relay for.
const UNABLE_TO_RELAY: Reply = Reply::new(550, (5, 7, 1), "Unable to relay");
/// A user sends in somebody else's name.
const NOT_YOUR_ADDRESS: Reply =
    Reply::new(550, (5, 7, 60), "SMTP; Client does not have permissions to send as this sender");
/// The service is going down.
const STOPPING: Reply = Reply::new(421, (4, 3, 2), "Service not available, closing transmission channel");

/// Too few copies of the queue have the message: the product's words where no shadow could be made.
const NOT_REDUNDANT: Reply = Reply::new(451, (4, 4, 0), "Message failed to be made redundant");

/// A look-up of credentials under way.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Identity, Fault>> + Send + 'a>>;

/// Who knows passwords: a room above this one.
pub trait Authenticator: Send + Sync + 'static {
    /// Whose credentials these are; a fault of kind `Unauthenticated` where nobody's.
    fn authenticate<'a>(&'a self, session: &'a Session, credentials: &'a Credentials) -> Answer<'a>;
}

/// The transport as receive sessions see it; clones share it.
#[derive(Clone)]
pub struct Door {
    pub(crate) core: Arc<Core>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
}

impl Intake for Door {
    async fn connected(&self, _session: &Session) -> Result<(), Refusal> {
        let stopping = self.core.stopping.load(std::sync::atomic::Ordering::Relaxed);
        if stopping { Err(STOPPING.into()) } else { Ok(()) }
    }

    async fn authenticate(&self, session: &Session, credentials: &Credentials) -> Result<Identity, Fault> {
        self.authenticator.authenticate(session, credentials).await
    }

    /// Who has logged on sends in his own name; anybody else may claim what he likes.
    async fn sender(&self, session: &Session, from: &MailFrom) -> Result<(), Refusal> {
        let (Some(identity), Some(sender)) = (&session.identity, &from.sender) else { return Ok(()) };
        let owner = self.core.view().recipient_by_address(sender);
        if owner.is_some_and(|owner| owner.guid == identity.user) {
            Ok(())
        } else {
            Err(NOT_YOUR_ADDRESS.into())
        }
    }

    async fn recipient(&self, session: &Session, from: &MailFrom, to: &RcptTo) -> Result<(), Refusal> {
        let view = self.core.view();
        if let Some(recipient) = view.recipient_by_address(&to.address) {
            if !recipient.kind().is_mail_enabled() {
                return Err(answers::NOT_FOUND.into());
            }
            // What is certain to be refused is refused now: a stranger is told by the reply, and no
            // notification goes to an address he may have made up.
            let facts = Facts {
                sender: from.sender.as_ref(),
                trusted: session.is_trusted(),
                system: false,
                size: from.size.unwrap_or(0),
                forwarded_by: &[],
            };
            return Ok(may_write_to(&view, &facts, &recipient)?);
        }
        match view.accepted_domain_for(to.address.domain()) {
            Some(domain) => {
                let last_word = domain.text("DomainType") == Some("Authoritative");
                if last_word && !self.core.directory.is_current() {
                    return Err(answers::NOT_KNOWN_YET.into());
                }
                if last_word && domain.flag("AddressBookEnabled") {
                    return Err(answers::NOT_FOUND.into());
                }
                Ok(())
            }
            None if session.is_trusted() => Ok(()),
            None => Err(UNABLE_TO_RELAY.into()),
        }
    }

    async fn accept(&self, session: &Session, mail: Mail) -> Result<Receipt, Refusal> {
        let origin = Origin {
            connector: format!("{}\\{}", self.core.server, session.connector.name),
            client: Some(session.remote.ip().to_canonical()),
            helo: session.helo.clone(),
            user: session.identity.as_ref().map(|identity| identity.user),
            trusted: session.is_trusted(),
            system: false,
            about: String::new(),
        };
        let Mail { envelope, parts, message_id } = mail;
        let incoming = Incoming { envelope, parts, message_id, origin, source: Source::Smtp };
        let span = tracing::info_span!("message", message_id = incoming.message_id);
        match self.core.take_in(incoming).instrument(span).await {
            Ok(internal_id) => Ok(Receipt { internal_id }),
            Err(error) if error.is_of_the_copies() => {
                tracing::info!(%error, "a message was refused for now");
                Err(NOT_REDUNDANT.into())
            }
            Err(error) => Err(Fault::from(error).into()),
        }
    }
}

/// Nobody can log on: for servers without people, and for tests.
pub struct NoLogon;

impl Authenticator for NoLogon {
    fn authenticate<'a>(&'a self, _: &'a Session, _: &'a Credentials) -> Answer<'a> {
        let fault = Fault::new(
            base::FaultKind::Unauthenticated,
            "AuthenticationUnsuccessful",
            "Authentication unsuccessful",
        );
        Box::pin(std::future::ready(Err(fault)))
    }
}

/// The address a user sends from, where one was not given.
pub(crate) fn own_address(core: &Core, user: base::Guid) -> Option<SmtpAddress> {
    core.view().recipient(user).and_then(|owner| owner.primary_smtp_address())
}
