//! Submission by a program of this house: what `SMTP` does for strangers, without the protocol.

use base::{Fault, FaultKind, Guid};
use bytes::Bytes;
use wire::smtp::Envelope;

use crate::{Transport, accept::Incoming, intake::own_address, queue::Origin, track::Source};

/// A message a user's program hands over.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The user in whose name it is sent; access was checked by the caller.
    pub user: Guid,
    /// Sender and recipients. Without a sender, the user's own address.
    pub envelope: Envelope,
    /// The message, in parts, with `Message-ID` and `Date`.
    pub parts: Vec<Bytes>,
    /// Its `Message-ID`, with angle brackets.
    pub message_id: String,
    /// The program, for the tracking log: `OWA`, `EWS` …
    pub client: String,
}

impl Transport {
    /// Takes a submission; resolves to its number when it is durable.
    pub async fn submit(&self, submission: Submission) -> Result<u64, Fault> {
        let Submission { user, mut envelope, parts, message_id, client } = submission;
        if envelope.to.is_empty() {
            return Err(Fault::new(FaultKind::Invalid, "NoRecipients", "A message needs a recipient."));
        }
        let limit =
            self.core.view().transport_config().map(|config| config.count("MaxRecipientEnvelopeLimit"));
        let limit = limit.and_then(|limit| limit.limit().and_then(|limit| usize::try_from(*limit).ok()));
        if limit.is_some_and(|limit| envelope.to.len() > limit) {
            return Err(Fault::new(
                FaultKind::TooLarge,
                "TooManyRecipients",
                "The message has too many recipients.",
            ));
        }
        if envelope.from.sender.is_none() {
            envelope.from.sender = own_address(&self.core, user);
        }
        let origin = Origin { helo: client, user: Some(user), trusted: true, ..Origin::default() };
        let incoming = Incoming { envelope, parts, message_id, origin, source: Source::StoreDriver };
        self.core.take_in(incoming).await.map_err(Fault::from)
    }
}
