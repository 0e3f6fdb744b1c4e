//! What two servers say to each other about a session that one hands over to the other: a head that says whose it is,
//! and one answer. After a welcome, everything is between the client and the session.

use std::{io, net::IpAddr};

use base::{Fault, FaultKind, Guid, neighbours::Conversation};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Caller, Client};

/// The longest answer, bytes; a fault's text is cut to fit.
const REPLY_MAX: usize = 4 << 10;
/// How much of a fault's text is told, and of a program's name, characters.
const TEXT_MAX: usize = 512;

/// How far a session has come when it is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// TLS protects the client's connection.
    pub secure: bool,
    /// What the answer to the log-on begins with: IMAP's tag.
    pub tag: String,
    /// Extensions that the client has enabled.
    pub enabled: Vec<String>,
}

/// A session that is handed over: what the other server would know had the client come to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handover {
    pub(crate) protocol: String,
    /// Who has logged on.
    pub(crate) user: Guid,
    /// Whose mailbox is to be opened.
    pub(crate) owner: Guid,
    /// Where the client is.
    pub(crate) address: IpAddr,
    pub(crate) agent: Option<String>,
    pub(crate) standing: Standing,
}

/// The versions of a head; a server that does not know one says so.
#[derive(Serialize, Deserialize)]
enum Head {
    V1(Handover),
}

/// What the other server says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The session goes on there.
    Welcome,
    /// It has not the mailbox, as far as it knows: whoever asked knows more or less.
    NotHere,
    /// It does not understand the head: another release.
    Unreadable,
    /// The session may not be.
    Refused { kind: FaultKind, code: String, text: String },
}

/// The codes of faults that protocols tell apart.
const CODES: [&str; 7] = [
    "AccountDisabled",
    "ErrorAccessDenied",
    "ErrorNonExistentMailbox",
    Fault::MOVING,
    "MaxConnectionsPerUser",
    "PasswordMustChange",
    "ProtocolDisabled",
];

impl Handover {
    pub(crate) fn new(caller: &Caller, owner: Guid, standing: Standing) -> Self {
        let Client { protocol, address, agent } = &caller.client;
        let agent = agent.as_ref().map(|agent| agent.chars().take(TEXT_MAX).collect());
        let (protocol, user, address) = ((*protocol).to_owned(), caller.user, *address);
        Self { protocol, user, owner, address, agent, standing }
    }

    pub(crate) fn encode(self) -> Result<Bytes, Fault> {
        postcard::to_stdvec(&Head::V1(self)).map(Bytes::from).map_err(Fault::internal)
    }

    /// `None`: another version, or not a head.
    pub(crate) fn decode(head: &[u8]) -> Option<Self> {
        let Head::V1(handover) = postcard::from_bytes(head).ok()?;
        Some(handover)
    }
}

impl Reply {
    /// Says it: its length, two bytes, and itself.
    pub(crate) async fn tell(&self, to: &mut Conversation) -> io::Result<()> {
        let bytes = postcard::to_stdvec(self).map_err(io::Error::other)?;
        let len = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        to.write_all(&[&len.to_be_bytes(), &bytes[..]].concat()).await
    }

    /// Hears it, and not a byte more.
    pub(crate) async fn hear(from: &mut Conversation) -> io::Result<Self> {
        let len = usize::from(from.read_u16().await?);
        if len > REPLY_MAX {
            return Err(io::Error::other("an answer that is too long"));
        }
        let mut bytes = vec![0; len];
        from.read_exact(&mut bytes).await?;
        postcard::from_bytes(&bytes).map_err(io::Error::other)
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        if fault.code == Fault::OFFLINE {
            return Reply::NotHere;
        }
        let text = fault.public_text.chars().take(TEXT_MAX).collect();
        Reply::Refused { kind: fault.kind, code: fault.code.into(), text }
    }
}

/// A refusal as the fault it was there.
pub(crate) fn refusal(kind: FaultKind, code: &str, text: String) -> Fault {
    let known = CODES.into_iter().find(|known| *known == code);
    Fault::new(kind, known.unwrap_or("ErrorProxyRequestProcessingFailed"), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_read_back_and_others_are_not_understood() {
        let handover = Handover {
            protocol: "IMAP4".into(),
            user: Guid([1; 16]),
            owner: Guid([2; 16]),
            address: "2001:db8::1".parse().unwrap(),
            agent: Some("mutt".into()),
            standing: Standing { secure: true, tag: "a1".into(), enabled: vec!["CONDSTORE".into()] },
        };
        let mut head = handover.clone().encode().unwrap().to_vec();
        assert_eq!(Handover::decode(&head), Some(handover));
        assert_eq!(Handover::decode(&head[..head.len() - 1]), None);
        head[0] = 9;
        assert_eq!(Handover::decode(&head), None, "a later version");
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_and_no_further() {
        let (here, there) = tokio::io::duplex(REPLY_MAX);
        let (mut here, mut there): (Conversation, Conversation) = (Box::new(here), Box::new(there));
        let fault = Fault::new(FaultKind::Exhausted, "MaxConnectionsPerUser", "é".repeat(9_000));
        Reply::from(fault).tell(&mut here).await.unwrap();
        here.write_all(b"* OK").await.unwrap();
        let Reply::Refused { kind, code, text } = Reply::hear(&mut there).await.unwrap() else { panic!() };
        let fault = refusal(kind, &code, text);
        assert_eq!((fault.kind, fault.code), (FaultKind::Exhausted, "MaxConnectionsPerUser"));
        let mut next = [0; 4];
        there.read_exact(&mut next).await.unwrap();
        assert_eq!(&next, b"* OK");
        let offline = Fault::new(FaultKind::Unavailable, Fault::OFFLINE, "");
        assert_eq!(Reply::from(offline), Reply::NotHere);
    }
}
