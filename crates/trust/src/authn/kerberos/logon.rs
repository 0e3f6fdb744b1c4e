//! Logging on with a ticket: throttled, looked up, admitted and recorded as with a password.

use std::net::IpAddr;

use base::{Fault, Timestamp};
use directory::schema::USER;

use super::{Acceptor, Channel, Context, Negotiation, Principal, Proven, Refused, Step};
use crate::{
    TrustError,
    authn::{Authenticator, Identity, Protocol, admit, throttle::Who},
};

/// One token of a client.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// The token.
    pub token: &'a [u8],
    /// Through what it came.
    pub channel: Channel,
    /// What is logged on to.
    pub protocol: &'static Protocol,
    /// Where from.
    pub source: IpAddr,
}

/// What a token led to.
#[derive(Debug)]
pub enum Progress {
    /// The client is sent this token and has to answer it.
    Continue(Vec<u8>),
    /// The client is who it says it is, and is sent the token, if there is one.
    Done(Box<LoggedOn>, Option<Vec<u8>>),
    /// It is not, and is sent the token, if there is one.
    Refused(Fault, Option<Vec<u8>>),
}

/// Somebody who has logged on with a ticket.
#[derive(Debug)]
pub struct LoggedOn {
    /// Who.
    pub identity: Identity,
    /// What protects messages.
    pub context: Context,
    /// It holds to here.
    pub until: Timestamp,
}

impl Authenticator {
    /// The same, and tickets are taken, too.
    #[must_use]
    pub fn with_kerberos(mut self, acceptor: Option<Acceptor>) -> Self {
        self.kerberos = acceptor.map(Into::into);
        self
    }

    /// Whether tickets are taken.
    pub fn takes_tickets(&self) -> bool {
        self.kerberos.is_some()
    }

    /// Takes a client's next token.
    pub fn negotiate(&self, negotiation: &mut Negotiation, token: Token<'_>) -> Progress {
        let Token { protocol, source, .. } = token;
        match self.step(negotiation, token) {
            Ok(Progress::Done(on, answer)) => {
                let Identity { user, name, .. } = &on.identity;
                tracing::info!(target: "audit", protocol = protocol.name, mechanism = "Kerberos", %source, %user,
                    name, "logon");
                Progress::Done(on, answer)
            }
            Ok(progress) => progress,
            Err(Failed { error, principal, answer }) => {
                tracing::warn!(target: "audit", protocol = protocol.name, mechanism = "Kerberos", %source,
                    login = principal, %error, "logon refused");
                Progress::Refused(error.into(), answer)
            }
        }
    }

    /// Somebody who logged on with a ticket asks for something again: whether that may still be.
    ///
    /// # Errors
    /// Where the ticket is over, or the user may not log on any more.
    pub fn still(&self, on: &LoggedOn, protocol: &'static Protocol) -> Result<Identity, Fault> {
        let over = || TrustError::Ticket(super::Refusal::Expired);
        let acceptor = self.kerberos.as_ref().ok_or_else(over)?;
        if acceptor.now() > on.until {
            return Err(over().into());
        }
        let user = self.inner.directory.snapshot().recipient(on.identity.user);
        Ok(admit(&user.ok_or(TrustError::BadCredentials)?, protocol)?)
    }

    fn step(&self, negotiation: &mut Negotiation, token: Token<'_>) -> Result<Progress, Failed> {
        let Token { token, channel, protocol, source } = token;
        let failed = |error| Failed { error, principal: String::new(), answer: None };
        let acceptor =
            self.kerberos.as_ref().ok_or_else(|| failed(TrustError::Ticket(super::Refusal::Mechanism)))?;
        let throttle = &self.inner.throttle;
        let reservation =
            throttle.reserve(Who::Bearer, source).ok_or_else(|| failed(TrustError::Throttled))?;
        let progress = match negotiation.step(acceptor, token, channel) {
            Ok(Step::Continue(answer)) => Progress::Continue(answer),
            Ok(Step::Done(proven, answer)) => {
                let Proven { principal, context, until } = *proven;
                let identity = self.identify(&principal, protocol);
                let failed = |error| Failed { error, principal: principal.name, answer: None };
                let identity = identity.map_err(failed)?;
                Progress::Done(Box::new(LoggedOn { identity, context, until }), answer)
            }
            Err(Refused { refusal, answer }) => {
                return Err(Failed { answer, ..failed(TrustError::Ticket(refusal)) });
            }
        };
        throttle.give_back(reservation);
        Ok(progress)
    }

    /// The user a principal stands for, by user principal name and nothing else: an address or an alias of that name
    /// could be anybody's.
    fn identify(&self, principal: &Principal, protocol: &'static Protocol) -> Result<Identity, TrustError> {
        let user = self.inner.directory.snapshot().user_by_upn(&principal.upn);
        let user = user.filter(|user| *user.class == USER).ok_or(TrustError::NoSuchUser)?;
        admit(&user, protocol)
    }
}

/// Why a token was refused, whose it was as far as that is known, and what the client is told.
struct Failed {
    error: TrustError,
    principal: String,
    answer: Option<Vec<u8>>,
}
