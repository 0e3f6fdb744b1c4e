//! The steps of one client's logon: Kerberos alone, or inside SPNEGO (RFC 4178).

use wire::{
    kerberos::gss::{self, KERBEROS, KERBEROS_OF_WINDOWS},
    spnego::{self, FromClient, FromServer, NTLM, NTLM_SIGNATURE, SPNEGO, State},
};

use super::{Acceptor, Channel, Proven, Refusal};

/// What became of a token.
#[derive(Debug)]
pub enum Step {
    /// The client has to send another one after this.
    Continue(Vec<u8>),
    /// The client has proved who it is, and is told so.
    Done(Box<Proven>, Option<Vec<u8>>),
}

/// A token that was refused, and what the client is told.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The last token of this conversation.
    pub answer: Option<Vec<u8>>,
}

/// Where a client is. A refused token ends it; another one may begin anew.
#[derive(Debug, Default)]
pub struct Negotiation(Phase);

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Start,
    /// The mechanism is chosen, its first token is to come; the client's list must be signed if it liked another
    /// one better.
    Chosen { signed: Vec<u8>, needs_signature: bool },
    /// All but the signature is there.
    Unsigned { signed: Vec<u8>, proven: Box<Proven> },
}

/// Failed inside SPNEGO, or outside.
struct Failed(Refusal, bool);

impl Negotiation {
    /// Takes the client's next token.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn step(&mut self, acceptor: &Acceptor, token: &[u8], channel: Channel) -> Result<Step, Refused> {
        let phase = std::mem::take(&mut self.0);
        let desk = Desk { acceptor, channel };
        let outcome = match phase {
            Phase::Start => desk.first(token),
            further => desk.further(further, token).map_err(|refusal| Failed(refusal, true)),
        };
        match outcome {
            Ok((step, phase)) => {
                self.0 = phase;
                Ok(step)
            }
            Err(Failed(refusal, enveloped)) => {
                let error = acceptor.error(&refusal);
                let reject = || FromServer { token: error.as_deref(), ..in_state(State::Reject) };
                let answer = if enveloped { Some(spnego::write(reject())) } else { error };
                Err(Refused { refusal, answer })
            }
        }
    }
}

const fn in_state(state: State) -> FromServer<'static> {
    FromServer { state, mechanism: None, token: None, signature: None }
}

/// Where tokens are taken, and through which channel.
struct Desk<'a> {
    acceptor: &'a Acceptor,
    channel: Channel,
}

impl Desk<'_> {
    fn first(&self, token: &[u8]) -> Result<(Step, Phase), Failed> {
        if token.starts_with(NTLM_SIGNATURE) {
            return Err(Failed(Refusal::Ntlm, false));
        }
        match gss::unframe(token) {
            Ok((SPNEGO, _)) => self.choose(token).map_err(|refusal| Failed(refusal, true)),
            Ok((KERBEROS | KERBEROS_OF_WINDOWS, _)) => {
                let (proven, answer) =
                    self.acceptor.accept(token, self.channel).map_err(|refusal| Failed(refusal, false))?;
                Ok((Step::Done(Box::new(proven), answer), Phase::Start))
            }
            Ok(_) => Err(Failed(Refusal::Mechanism, false)),
            Err(error) => Err(Failed(error.into(), false)),
        }
    }

    /// SPNEGO's first token: Kerberos is chosen wherever it stands in the list.
    fn choose(&self, token: &[u8]) -> Result<(Step, Phase), Refusal> {
        let Ok(FromClient::Init { mechanisms, signed, token, signature }) = spnego::read(token) else {
            return Err(Refusal::Negotiation);
        };
        let is_kerberos = |mechanism: &&&[u8]| matches!(**mechanism, KERBEROS | KERBEROS_OF_WINDOWS);
        let Some(mechanism) = mechanisms.iter().find(is_kerberos) else {
            return Err(if mechanisms.contains(&NTLM) { Refusal::Ntlm } else { Refusal::Mechanism });
        };
        let liked_best = mechanisms.first() == Some(mechanism);
        match token.filter(|_| liked_best) {
            Some(token) => {
                let (proven, answer) = self.acceptor.accept(token, self.channel)?;
                let answer = FromServer {
                    mechanism: Some(mechanism),
                    token: answer.as_deref(),
                    ..in_state(State::Completed)
                };
                finish(Box::new(proven), answer, signed, signature)
            }
            None => {
                let state = if liked_best { State::Incomplete } else { State::RequestMic };
                let answer = FromServer { mechanism: Some(mechanism), ..in_state(state) };
                let phase = Phase::Chosen { signed: signed.to_vec(), needs_signature: !liked_best };
                Ok((Step::Continue(spnego::write(answer)), phase))
            }
        }
    }

    fn further(&self, phase: Phase, token: &[u8]) -> Result<(Step, Phase), Refusal> {
        let Ok(FromClient::Further { token, signature }) = spnego::read(token) else {
            return Err(Refusal::Negotiation);
        };
        match (phase, token, signature) {
            (Phase::Chosen { signed, needs_signature }, Some(token), signature) => {
                let (proven, answer) = self.acceptor.accept(token, self.channel)?;
                let proven = Box::new(proven);
                let token = answer.as_deref();
                if needs_signature && signature.is_none() {
                    let answer = FromServer { token, ..in_state(State::Incomplete) };
                    return Ok((Step::Continue(spnego::write(answer)), Phase::Unsigned { signed, proven }));
                }
                finish(proven, FromServer { token, ..in_state(State::Completed) }, &signed, signature)
            }
            (Phase::Unsigned { signed, proven }, _, Some(signature)) => {
                finish(proven, in_state(State::Completed), &signed, Some(signature))
            }
            _ => Err(Refusal::Negotiation),
        }
    }
}

/// The last answer. A signature of the list is checked, and answered with ours.
fn finish(
    mut proven: Box<Proven>,
    answer: FromServer<'_>,
    signed: &[u8],
    signature: Option<&[u8]>,
) -> Result<(Step, Phase), Refusal> {
    let ours = match signature {
        Some(theirs) => {
            proven.context.verify(signed, theirs)?;
            Some(proven.context.sign(signed))
        }
        None => None,
    };
    let answer = spnego::write(FromServer { signature: ours.as_deref(), ..answer });
    Ok((Step::Done(proven, Some(answer)), Phase::Start))
}
