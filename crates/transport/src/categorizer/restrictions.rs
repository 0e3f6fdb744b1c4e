//! Who may write to a recipient, and how much: authentication, accept and reject lists, sizes.

use base::{ByteQuantifiedSize, Guid, Unlimited};
use directory::{Recipient, View};

use super::{Facts, Failure, answers};

/// The sender as far as restrictions ask: looked up once a message.
pub(super) struct Sender {
    /// The sender's object, where the reverse path is one of ours.
    object: Option<Guid>,
    /// Nothing larger may be sent.
    max_size: Unlimited<ByteQuantifiedSize>,
    /// Nothing larger may be received, where the recipient has no limit of its own.
    max_receive: Unlimited<ByteQuantifiedSize>,
}

impl Sender {
    pub(super) fn new(view: &View, facts: &Facts<'_>) -> Self {
        let object = facts.sender.and_then(|sender| view.recipient_by_address(sender));
        let organization = |name| view.transport_config().map_or(Unlimited::Unlimited, |c| c.size(name));
        let own = object.as_ref().filter(|_| facts.trusted).map(Recipient::max_send_size);
        Self {
            max_size: own.filter(|own| !own.is_unlimited()).unwrap_or_else(|| organization("MaxSendSize")),
            max_receive: organization("MaxReceiveSize"),
            object: object.map(|object| object.guid),
        }
    }

    /// Whether the sender may send a message of this size at all.
    pub(super) fn may_send(&self, facts: &Facts<'_>) -> Result<(), Failure> {
        let too_large = self.max_size.limit().is_some_and(|max| facts.size > max.bytes());
        if too_large && facts.trusted && !facts.system { Err(answers::SENDER_TOO_LARGE) } else { Ok(()) }
    }

    /// Whether the recipient takes this message.
    pub(super) fn may_write_to(
        &self,
        view: &View,
        facts: &Facts<'_>,
        recipient: &Recipient,
    ) -> Result<(), Failure> {
        if facts.system {
            return Ok(());
        }
        if recipient.requires_authenticated_sender() && !facts.trusted {
            let group = recipient.kind().is_mail_group();
            return Err(if group { answers::GROUP_NEEDS_LOGON } else { answers::MAILBOX_NEEDS_LOGON });
        }
        if !self.is_admitted(view, facts, recipient) {
            return Err(answers::NOT_AUTHORIZED);
        }
        let own = recipient.max_receive_size();
        let max = if own.is_unlimited() { self.max_receive } else { own };
        match max.limit() {
            Some(max) if facts.size > max.bytes() => Err(answers::TOO_LARGE),
            _ => Ok(()),
        }
    }

    /// The accept and reject lists. A reverse path alone admits nobody: only a sender who has logged on is
    /// who it says.
    fn is_admitted(&self, view: &View, facts: &Facts<'_>, recipient: &Recipient) -> bool {
        let listed = |senders: &str, groups: &str, object: Guid| {
            recipient.links(senders).any(|sender| sender == object)
                || recipient.links(groups).any(|group| view.is_in_group(group, object))
        };
        let rejected = self
            .object
            .is_some_and(|object| listed("RejectMessagesFrom", "RejectMessagesFromDLMembers", object));
        if rejected {
            return false;
        }
        let open = recipient.links("AcceptMessagesOnlyFrom").next().is_none()
            && recipient.links("AcceptMessagesOnlyFromDLMembers").next().is_none();
        open || (facts.trusted
            && self.object.is_some_and(|object| {
                listed("AcceptMessagesOnlyFrom", "AcceptMessagesOnlyFromDLMembers", object)
            }))
    }
}
