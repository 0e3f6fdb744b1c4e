//! Kerberos as a service of a realm (RFC 4120 section 3.2.3): a ticket that one of the keytab's keys opens, fresh,
//! not seen before, through this channel. What a principal may do is not decided here.

mod logon;
mod negotiation;
mod realms;
mod replay;

use std::{sync::Arc, time::Duration};

use base::{Rng, Timestamp, clock::SharedClock};
use wire::kerberos::{
    EncryptionType, KerberosError, Key,
    gss::{self, Wishes},
    keytab,
    messages::{self, ApReq, Authenticator, ErrorCode, Name, Ticket},
    usage,
};

pub use logon::{LoggedOn, Progress, Token};
pub use negotiation::{Negotiation, Refused, Step};
pub use realms::{Principal, SetupError};
pub use wire::kerberos::gss::Context;

use realms::Realms;
use replay::Replays;

/// How far the clocks of client and server may be apart.
const SKEW: Duration = Duration::from_mins(5);
/// Keys tried on one ticket at most: it costs some work, and anybody may ask for it.
const TRIES_MAX: usize = 16;
/// Services whose keys are taken where none is named: what clients of WS-Management ask for.
const SERVICES: [&str; 2] = ["HTTP", "WSMAN"];

/// Why a token is refused. For logs; a peer is told what the protocol has codes for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no token, or not encrypted as it should be.
    #[error("{0}")]
    Token(#[from] KerberosError),
    /// SPNEGO that is none, or in the wrong order.
    #[error("a malformed negotiation")]
    Negotiation,
    /// NTLM needs what is not kept.
    #[error("NTLM is not offered: use Kerberos, or Basic over TLS.")]
    Ntlm,
    /// Neither Kerberos nor NTLM.
    #[error("no mechanism is known to both")]
    Mechanism,
    /// Nothing in the keytab opens the ticket.
    #[error("no key of the keytab opens the ticket for {0}")]
    Key(String),
    /// The ticket is not valid yet.
    #[error("the ticket is not valid yet")]
    NotYetValid,
    /// The ticket is over.
    #[error("the ticket has expired")]
    Expired,
    /// The clocks differ by more than five minutes.
    #[error("the clocks of client and server differ by {0} seconds")]
    Skew(i64),
    /// The same authenticator came before.
    #[error("the authenticator was used before")]
    Replay,
    /// More clients came than are remembered.
    #[error("too many logons to remember")]
    Full,
    /// Ticket and authenticator are of two clients.
    #[error("the ticket is another client's")]
    Match,
    /// The client saw another end of the channel than we have.
    #[error("the channel binding is of another channel")]
    Channel,
    /// A client without TLS must ask for an answer: it brings the key that its messages are under.
    #[error("without TLS, mutual authentication is needed")]
    NotMutual,
    /// Its realm is not one of the keytab.
    #[error("the realm {0} is not one of the keytab")]
    Realm(String),
    /// Not the name of a person.
    #[error("the principal {0} is not a user")]
    NotAUser(String),
    /// User-to-user or DCE style.
    #[error("a variant of Kerberos that services do not use")]
    Variant,
}

impl Refusal {
    /// What a Kerberos client is told, where it is told anything.
    const fn code(&self) -> Option<ErrorCode> {
        Some(match self {
            Refusal::Token(KerberosError::Crypto) => ErrorCode::Integrity,
            Refusal::Key(_) => ErrorCode::NoKey,
            Refusal::NotYetValid => ErrorCode::TicketNotYetValid,
            Refusal::Expired => ErrorCode::TicketExpired,
            Refusal::Skew(_) => ErrorCode::Skew,
            Refusal::Replay => ErrorCode::Repeat,
            Refusal::Realm(_) => ErrorCode::NotUs,
            Refusal::Channel | Refusal::NotMutual | Refusal::Match | Refusal::Full | Refusal::Variant => {
                ErrorCode::Generic
            }
            Refusal::Token(_)
            | Refusal::Negotiation
            | Refusal::Ntlm
            | Refusal::Mechanism
            | Refusal::NotAUser(_) => return None,
        })
    }
}

/// Through what a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS, and the hash of its end here ([`gss::channel_hash`] of `tls-server-end-point`).
    Tls([u8; 16]),
    /// Readable by everybody.
    Plain,
}

/// A client that has proved who it is.
#[derive(Debug)]
pub struct Proven {
    /// Who.
    pub principal: Principal,
    /// What protects messages from here on.
    pub context: Context,
    /// The proof holds to here.
    pub until: Timestamp,
}

/// Takes the tokens of clients, with the keys of a keytab.
pub struct Acceptor {
    keys: Vec<keytab::Entry>,
    realms: Realms,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    seen: Replays,
}

impl Acceptor {
    /// With a keytab's keys: those of one service (`HTTP/mail.example.com`), or of all that clients of this
    /// server could mean.
    ///
    /// # Errors
    /// Where none is left, or a realm is mapped that none is of.
    pub fn new(
        mut keys: Vec<keytab::Entry>,
        service: Option<&str>,
        domains: &[(String, String)],
        (clock, rng): (SharedClock, Arc<dyn Rng>),
    ) -> Result<Self, SetupError> {
        keys.retain(|entry| match service {
            Some(wanted) => entry.service.0.join("/").eq_ignore_ascii_case(wanted),
            None => entry.service.0.first().is_some_and(|first| SERVICES.contains(&&*first.to_uppercase())),
        });
        if keys.is_empty() {
            let wanted = service.map_or_else(|| "HTTP or WSMAN".to_owned(), str::to_owned);
            return Err(SetupError::NoKeys(wanted));
        }
        let realms = Realms::new(&keys, domains)?;
        Ok(Acceptor { keys, realms, clock, rng, seen: Replays::default() })
    }

    /// The services whose tickets are taken, for the log.
    pub fn services(&self) -> Vec<String> {
        let name = |entry: &keytab::Entry| format!("{}@{}", entry.service.0.join("/"), entry.realm);
        let mut names: Vec<String> = self.keys.iter().map(name).collect();
        names.dedup();
        names
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes a Kerberos token: the client, and the token it wants for an answer.
    pub(super) fn accept(
        &self,
        token: &[u8],
        channel: Channel,
    ) -> Result<(Proven, Option<Vec<u8>>), Refusal> {
        let request = messages::read_ap_req(gss::read_first(token)?)?;
        if request.use_session_key {
            return Err(Refusal::Variant);
        }
        let (ticket, realm) = self.open(&request)?;
        let principal = self.realms.principal(&ticket, realm)?;
        let authenticator = request.authenticator.open(&ticket.key, usage::AUTHENTICATOR)?;
        let authenticator = messages::read_authenticator(&authenticator)?;
        self.check_times(&ticket, &authenticator)?;
        if (&authenticator.realm, &authenticator.client) != (&ticket.realm, &ticket.client) {
            return Err(Refusal::Match);
        }
        let wishes = gss::read_wishes(authenticator.checksum.as_ref())?;
        check_wishes(wishes, channel)?;
        let forgotten = authenticator.time.secs() + SKEW.as_secs() as i64;
        self.seen.remember(request.authenticator.message, forgotten, self.now().secs())?;
        let (context, answer) = self.establish(&ticket.key, &authenticator, wishes);
        Ok((Proven { principal, context, until: later(ticket.end) }, answer))
    }

    /// The keys for the rest of the conversation. Where the client is answered it is a new one of ours: what
    /// somebody recorded and sends again means nothing under it.
    fn establish(
        &self,
        session: &Key,
        authenticator: &Authenticator,
        wishes: Wishes,
    ) -> (Context, Option<Vec<u8>>) {
        let theirs = authenticator.subkey.as_ref().unwrap_or(session);
        if wishes.flags & gss::MUTUAL == 0 {
            let number = authenticator.sequence;
            return (Context::new(theirs.clone(), false, number, number), None);
        }
        let ours = theirs.fresh(&*self.rng);
        let number = self.rng.below(1 << 30) as u32;
        let answer = messages::write_ap_rep(authenticator, session, &ours, number, &*self.rng);
        (Context::new(ours, true, number, authenticator.sequence), Some(gss::write_answer(&answer)))
    }

    /// The token that says why a client is refused, if there is one.
    pub(super) fn error(&self, refusal: &Refusal) -> Option<Vec<u8>> {
        let code = refusal.code()?;
        let ours = self.keys.first()?;
        Some(gss::write_error(&messages::write_error(code, self.now(), &ours.realm, &ours.service)))
    }

    /// Opens a ticket with the key of its version, or any other of its type: Active Directory and older tools do not
    /// agree on versions. Comes with the realm of the key.
    fn open(&self, request: &ApReq<'_>) -> Result<(Ticket, &str), Refusal> {
        let wanted = &request.ticket;
        EncryptionType::from_number(wanted.kind).ok_or(KerberosError::EncryptionType(wanted.kind))?;
        let mut keys: Vec<&keytab::Entry> =
            self.keys.iter().filter(|entry| entry.key.kind() as i64 == wanted.kind).collect();
        keys.sort_by_key(|entry| wanted.version != Some(entry.version));
        let opened = keys.into_iter().take(TRIES_MAX).find_map(|entry| {
            let ticket = wanted.open(&entry.key, usage::TICKET).ok()?;
            Some((ticket, &*entry.realm))
        });
        let Name(service) = &request.service;
        let (ticket, realm) =
            opened.ok_or_else(|| Refusal::Key(format!("{}@{}", service.join("/"), request.realm)))?;
        Ok((messages::read_ticket(&ticket)?, realm))
    }

    fn check_times(&self, ticket: &Ticket, authenticator: &Authenticator) -> Result<(), Refusal> {
        let now = self.now();
        let off = now.since(authenticator.time).max(authenticator.time.since(now));
        match () {
            () if off > SKEW => Err(Refusal::Skew(now.secs() - authenticator.time.secs())),
            () if ticket.invalid || ticket.start > later(now) => Err(Refusal::NotYetValid),
            () if now > later(ticket.end) => Err(Refusal::Expired),
            () => Ok(()),
        }
    }
}

fn later(time: Timestamp) -> Timestamp {
    Timestamp { micros: time.micros.saturating_add(SKEW.as_micros() as i64) }
}

fn check_wishes(wishes: Wishes, channel: Channel) -> Result<(), Refusal> {
    match (channel, wishes.bindings) {
        _ if wishes.flags & gss::DCE_STYLE != 0 => Err(Refusal::Variant),
        (Channel::Tls(ours), Some(theirs)) if ours != theirs => Err(Refusal::Channel),
        // It sees TLS and we do not: somebody is between us.
        (Channel::Plain, Some(_)) => Err(Refusal::Channel),
        (Channel::Plain, None) if wishes.flags & gss::MUTUAL == 0 => Err(Refusal::NotMutual),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
