//! Where a mailbox forwards, and whether that may leave the organisation.

use base::{Guid, SmtpAddress};
use directory::{Recipient, RecipientType, View};

use super::{Fate, answers};

/// Where a mailbox forwards.
pub(super) enum Target {
    /// `ForwardingAddress`: a recipient object. Beats the other.
    Object(Guid, SmtpAddress),
    /// `ForwardingSmtpAddress`: any address; subject to remote domains.
    Address(SmtpAddress),
}

impl Target {
    /// The forward set on a mailbox.
    pub(super) fn of(view: &View, owner: &Recipient) -> Option<Self> {
        if let Some(target) = owner.forwarding_address().and_then(|guid| view.recipient(guid)) {
            let address = target.primary_smtp_address().or_else(|| target.external_email_address())?;
            return Some(Target::Object(target.guid, address));
        }
        owner.forwarding_smtp_address().map(Target::Address)
    }

    /// Whether a forward may leave: what stays inside the organisation always may. The hosted kind of
    /// organisation returns what its policy forbids; the remote domain's setting drops it, and holds for
    /// addresses only, not for recipient objects.
    pub(super) fn may_leave(&self, view: &View) -> Result<(), Fate> {
        let recipient = match self {
            Target::Object(guid, _) => view.recipient(*guid),
            Target::Address(address) => view.recipient_by_address(address),
        };
        let external = match (recipient, self) {
            (None, Target::Object(_, address) | Target::Address(address)) => Some(address.clone()),
            (Some(recipient), _) => match recipient.kind() {
                RecipientType::MailUser | RecipientType::MailContact => recipient.external_email_address(),
                _ => None,
            },
        };
        let Some(external) = external else { return Ok(()) };
        let accepted = view.accepted_domain_for(external.domain());
        if accepted.is_some_and(|domain| domain.text("DomainType") != Some("ExternalRelay")) {
            return Ok(());
        }
        let mode = view.organization().and_then(|organization| organization.text("AutoForwardingMode"));
        if matches!(mode, Some("Automatic" | "Off")) {
            return Err(Fate::Fail(answers::FORWARDING_NOT_ALLOWED));
        }
        let remote = view.remote_domain_for(external.domain());
        match self {
            Target::Address(_) if !remote.is_some_and(|remote| remote.flag("AutoForwardEnabled")) => {
                Err(Fate::Drop(answers::AUTO_FORWARD_BLOCKED))
            }
            _ => Ok(()),
        }
    }
}
