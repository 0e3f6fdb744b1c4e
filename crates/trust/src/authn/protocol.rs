//! The protocols one can log on to, and the attribute of a user that opens or closes each.

use directory::{Recipient, RecipientType};

/// A protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Protocol {
    /// As logs and logon statistics show it.
    pub name: &'static str,
    /// The boolean attribute that rules it; `$null` means open.
    attribute: Option<&'static str>,
    /// The attribute closes it when `$true` instead of when `$false`.
    inverse: bool,
    /// It opens a mailbox: useless, hence closed, without one.
    needs_mailbox: bool,
    /// Every request shows the password again: only the first is a log-on worth a line in the log.
    pub(super) stateless: bool,
}

const fn mailbox(name: &'static str, attribute: &'static str, stateless: bool) -> Protocol {
    Protocol { name, attribute: Some(attribute), inverse: false, needs_mailbox: true, stateless }
}

impl Protocol {
    /// IMAP4.
    pub const IMAP: Protocol = mailbox("IMAP4", "ImapEnabled", false);
    /// POP3.
    pub const POP: Protocol = mailbox("POP3", "PopEnabled", false);
    /// Exchange Web Services.
    pub const EWS: Protocol = mailbox("EWS", "EwsEnabled", true);
    /// The web mail.
    pub const OWA: Protocol = mailbox("OWA", "OWAEnabled", true);
    /// ActiveSync.
    pub const ACTIVE_SYNC: Protocol = mailbox("ActiveSync", "ActiveSyncEnabled", true);
    /// Submission over SMTP.
    pub const SMTP: Protocol = Protocol {
        name: "SMTP",
        attribute: Some("SmtpClientAuthenticationDisabled"),
        inverse: true,
        needs_mailbox: false,
        stateless: false,
    };
    /// Remote PowerShell.
    pub const POWERSHELL: Protocol = Protocol {
        name: "PowerShell",
        attribute: Some("RemotePowerShellEnabled"),
        inverse: false,
        needs_mailbox: false,
        stateless: true,
    };
    /// Any other HTTP service (autodiscover, calendars, contacts).
    pub const HTTP: Protocol =
        Protocol { name: "HTTP", attribute: None, inverse: false, needs_mailbox: true, stateless: true };

    /// Whether the user may use it.
    pub(super) fn is_enabled(&self, user: &Recipient) -> bool {
        let open = self.attribute.and_then(|name| user.maybe(name)).is_none_or(|value| value != self.inverse);
        open && (!self.needs_mailbox || user.kind() == RecipientType::UserMailbox)
    }
}
