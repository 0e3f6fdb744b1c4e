//! `Negotiate` and `Kerberos` (RFC 4559, MS-N2HT): a client shows a ticket once, and its connection is its own from
//! then on. What a connection has proved is kept here, with the keys that protect messages without TLS.

use std::net::SocketAddr;

use base::{Fault, FaultKind, Rng};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use parking_lot::Mutex;
use services::{
    Caller, Client, Services,
    tickets::{Channel, LoggedOn, Negotiation, Progress},
};
use wire::kerberos::{KerberosError, gss::Sealed};

use super::{
    Answer,
    exchange::{busy, unauthorized},
};

/// What is offered beside Basic, in the order that clients take them.
pub(super) const SCHEMES: [&str; 2] = ["Negotiate", "Kerberos"];
/// The longest token looked at, bytes in base64: tickets name all groups of a user.
const TOKEN_MAX: usize = 60 << 10;

/// Who is calling, and what the answer has to say to that.
pub struct Admission {
    /// Who.
    pub caller: Caller,
    /// It proved so with a ticket, now or before on this connection.
    pub by_ticket: bool,
    /// Just now: the client may have sent nothing but its token.
    pub is_new: bool,
    /// The last token of the negotiation.
    answer: Option<HeaderValue>,
}

impl Admission {
    pub(super) const fn by_password(caller: Caller) -> Self {
        Admission { caller, by_ticket: false, is_new: false, answer: None }
    }

    /// What goes on the answer, if anything does.
    pub fn answer(&mut self) -> Option<HeaderValue> {
        self.answer.take()
    }
}

/// A token in the `Authorization` header, and the name it came under.
pub(super) struct Token {
    scheme: &'static str,
    bytes: Vec<u8>,
}

/// The token of a header; nothing where it is of another scheme. One that cannot be read is an empty one.
pub(super) fn token(value: &HeaderValue) -> Option<Token> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let scheme = SCHEMES.into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
    let token = Some(token.trim()).filter(|token| token.len() <= TOKEN_MAX);
    let bytes = token.and_then(|token| BASE64_STANDARD.decode(token).ok()).unwrap_or_default();
    Some(Token { scheme, bytes })
}

/// A token that did not lead in.
pub(super) struct Refused {
    /// Why; nothing where more is to come.
    fault: Option<Fault>,
    answer: Option<HeaderValue>,
}

impl Refused {
    /// Nothing more is to come.
    pub(super) const fn is_final(&self) -> bool {
        self.fault.is_some()
    }

    /// 401 with the next token, or with what else may be tried.
    pub(super) fn answer(self, challenges: &[HeaderValue]) -> Answer {
        match self.fault {
            Some(fault) if fault.kind != FaultKind::Unauthenticated => busy(&fault),
            fault => {
                let why = fault.map_or_else(|| "One more token is needed.".into(), |fault| fault.public_text);
                unauthorized(self.answer.as_ref().map_or(challenges, std::slice::from_ref), &why)
            }
        }
    }
}

/// One client's connection, and what it has proved.
pub struct Connection {
    pub(super) peer: SocketAddr,
    channel: Channel,
    proof: Mutex<Proof>,
}

#[derive(Default)]
struct Proof {
    negotiation: Negotiation,
    on: Option<Box<LoggedOn>>,
}

impl Connection {
    pub(super) fn new(peer: SocketAddr, channel: Channel) -> Self {
        Connection { peer, channel, proof: Mutex::default() }
    }

    /// Whether nobody else can read it.
    pub fn is_tls(&self) -> bool {
        matches!(self.channel, Channel::Tls(_))
    }

    /// Takes a token. Whoever the connection was before, it is no more.
    pub(super) fn negotiate(
        &self,
        services: &Services,
        Token { scheme, bytes }: Token,
        client: Client,
    ) -> Result<Admission, Refused> {
        let mut proof = self.proof.lock();
        proof.on = None;
        let written = |token: Vec<u8>| {
            HeaderValue::from_str(&format!("{scheme} {}", BASE64_STANDARD.encode(token))).ok()
        };
        match services.negotiate(&mut proof.negotiation, &bytes, self.channel, &client) {
            Progress::Continue(answer) => Err(Refused { fault: None, answer: written(answer) }),
            Progress::Refused(fault, answer) => {
                Err(Refused { fault: Some(fault), answer: answer.and_then(written) })
            }
            Progress::Done(on, answer) => {
                let caller = services.still(&on, client);
                let caller = caller.map_err(|fault| Refused { fault: Some(fault), answer: None })?;
                proof.on = Some(on);
                Ok(Admission { caller, by_ticket: true, is_new: true, answer: answer.and_then(written) })
            }
        }
    }

    /// Who the connection is, if it has proved that; asked anew, for tickets end and users are disabled.
    pub(super) fn still(&self, services: &Services, client: Client) -> Option<Result<Admission, Refused>> {
        let mut proof = self.proof.lock();
        let outcome = services.still(proof.on.as_ref()?, client);
        if outcome.is_err() {
            proof.on = None;
        }
        Some(
            outcome
                .map(|caller| Admission { caller, by_ticket: true, is_new: false, answer: None })
                .map_err(|fault| Refused { fault: Some(fault), answer: None }),
        )
    }

    /// Decrypts a message of whoever the connection is.
    ///
    /// # Errors
    /// Where it is not from there, or nobody is.
    pub fn unwrap(&self, token: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.proof.lock().on.as_mut().ok_or(KerberosError::Crypto)?.context.unwrap(token)
    }

    /// Encrypts a message for whoever the connection is; nothing where nobody is.
    pub fn wrap(&self, message: &[u8], rng: &dyn Rng) -> Option<Sealed> {
        Some(self.proof.lock().on.as_mut()?.context.wrap(message, rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let read = |value: &str| {
            token(&HeaderValue::from_str(value).unwrap()).map(|token| (token.scheme, token.bytes))
        };
        assert_eq!(read("Negotiate YWI="), Some(("Negotiate", b"ab".to_vec())));
        assert_eq!(read("kerberos YWI="), Some(("Kerberos", b"ab".to_vec())));
        assert_eq!(read("Negotiate !"), Some(("Negotiate", Vec::new())));
        assert_eq!(
            read(&format!("Negotiate {}", "A".repeat(TOKEN_MAX + 4))),
            Some(("Negotiate", Vec::new()))
        );
        for other in ["Basic YWI=", "Negotiate", "NTLM TlRM"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
