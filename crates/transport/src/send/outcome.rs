//! What became of a message, recipient by recipient: what the queue acts on and a notification quotes.

use std::net::SocketAddr;

use wire::smtp::{EnhancedCode, Reply};

/// The other end of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The host's name (or address literal).
    pub host: String,
    /// Where it was reached.
    pub address: SocketAddr,
}

/// What the queue does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The peer has taken responsibility.
    Delivered,
    /// To be tried again.
    Transient,
    /// To be returned.
    Permanent,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What to do.
    pub verdict: Verdict,
    /// The words: the peer's own, or ours where `by` is `None` or never got to speak.
    pub reply: Reply,
    /// The host that was spoken to, if it came so far.
    pub remote: Option<Remote>,
    /// The words are the peer's: a notification quotes them as its diagnostic.
    pub from_peer: bool,
    /// It is about the host (not there, lost, or not willing to talk) and says nothing of the message.
    pub about_host: bool,
    /// The peer was told what the sender wants to be notified of; where it was not, a requested success
    /// is reported by us as "relayed" (RFC 3461 section 5.2.2).
    pub dsn_passed_on: bool,
}

impl Outcome {
    /// A conclusion of our own.
    pub fn ours(verdict: Verdict, reply: Reply, remote: Option<Remote>) -> Self {
        Self { verdict, reply, remote, from_peer: false, about_host: true, dsn_passed_on: false }
    }

    /// What the peer said about a recipient; its code decides.
    pub fn said(reply: Reply, remote: Remote, dsn_passed_on: bool) -> Self {
        let verdict = match reply.code / 100 {
            2 => Verdict::Delivered,
            5 => Verdict::Permanent,
            _ => Verdict::Transient,
        };
        Self { verdict, reply, remote: Some(remote), from_peer: true, about_host: false, dsn_passed_on }
    }

    /// The enhanced code, made up from the verdict where the peer gave none.
    pub fn status(&self) -> EnhancedCode {
        let class = match self.verdict {
            Verdict::Delivered => 2,
            Verdict::Transient => 4,
            Verdict::Permanent => 5,
        };
        self.reply.status.filter(|status| status.class == class).unwrap_or(EnhancedCode::new(class, 0, 0))
    }
}
