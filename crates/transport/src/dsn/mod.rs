//! Delivery status notifications (RFC 3461, RFC 3464, RFC 6522): whether one is due, to whom, and its text.
//!
//! A notification has the null sender, so that none is ever written about another; it says
//! `Auto-Submitted: auto-replied`, so that no program answers it.

mod text;
mod write;

use base::{SmtpAddress, Timestamp};
use directory::View;
use wire::smtp::{Notify, Reply};

use crate::queue::{Message, Recipient, ReturnPath};

pub use write::{Notification, Writer};
pub(crate) use write::{encoded, plain};

/// What is reported (RFC 3464 section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It could not be delivered, and nobody tries any longer.
    Failed,
    /// It could not be delivered yet.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// A server that sends no reports of its own took it.
    Relayed,
    /// It became the members of a group.
    Expanded,
}

impl Action {
    /// The word of the `Action` field.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }

    /// Whether a sender who asked for these reports wants this one. Who did not ask hears of failures and
    /// delays.
    fn is_wanted(self, notify: Option<Notify>) -> bool {
        let asked = notify.unwrap_or(Notify { success: false, failure: true, delay: true });
        match self {
            Action::Failed => asked.failure,
            Action::Delayed => asked.delay,
            Action::Delivered | Action::Relayed | Action::Expanded => asked.success,
        }
    }
}

/// One recipient of a report.
#[derive(Clone, Debug)]
pub struct Line {
    /// What became of it.
    pub action: Action,
    /// The address the sender gave, as far as known.
    pub original: SmtpAddress,
    /// The address it had when this happened.
    pub address: SmtpAddress,
    /// `ORCPT`, in xtext.
    pub orcpt: Option<String>,
    /// The answer: ours, or the other server's.
    pub status: Reply,
    /// The server that gave the answer.
    pub remote: Option<String>,
    /// For a delay: until when it is tried.
    pub until: Option<Timestamp>,
}

impl Line {
    /// What is reported of a recipient.
    pub fn new(recipient: &Recipient, action: Action, status: Reply) -> Self {
        Self {
            action,
            original: recipient.original.clone().unwrap_or_else(|| recipient.to.address.clone()),
            address: recipient.to.address.clone(),
            orcpt: recipient.to.orcpt.clone(),
            status,
            remote: None,
            until: None,
        }
    }
}

/// Who is to be told of this, if anybody: not of a notification itself, not against the sender's wish, not
/// against the settings of the sender's remote domain.
pub fn addressee(
    view: &View,
    message: &Message,
    recipient: &Recipient,
    action: Action,
) -> Option<SmtpAddress> {
    let sender = message.from.sender.as_ref()?;
    let to = match &recipient.return_path {
        ReturnPath::Sender => sender,
        ReturnPath::Address(address) if action == Action::Failed => address,
        ReturnPath::Null | ReturnPath::Address(_) => return None,
    };
    if !action.is_wanted(recipient.to.notify) || (message.automatic && action != Action::Failed) {
        return None;
    }
    let ours = view.accepted_domain_for(to.domain()).is_some();
    let config = view.transport_config();
    if action == Action::Delayed {
        let switch = if ours { "InternalDelayDsnEnabled" } else { "ExternalDelayDsnEnabled" };
        if config.is_some_and(|config| !config.flag(switch)) {
            return None;
        }
    }
    let switch = match action {
        Action::Failed | Action::Delayed => "NDREnabled",
        Action::Delivered | Action::Relayed | Action::Expanded => "DeliveryReportEnabled",
    };
    let remote = if ours { None } else { view.remote_domain_for(to.domain()) };
    if remote.is_some_and(|remote| !remote.flag(switch)) { None } else { Some(to.clone()) }
}

#[cfg(test)]
mod tests;
