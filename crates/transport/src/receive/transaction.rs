//! `MAIL` and `RCPT`: what the connector itself allows is checked here, the rest is asked of the intake.

use wire::smtp::{Body, MailFrom, RcptTo, Reply};

use super::{
    Intake,
    order::Phase,
    session::{Conversation, words},
};
use crate::stream::Transport;

const NEEDS_TLS: Reply = Reply::new(530, (5, 7, 0), "Must issue a STARTTLS command first");
const NOT_AUTHENTICATED: Reply = Reply::new(530, (5, 7, 1), "Client was not authenticated");
const UNSUPPORTED: Reply = Reply::new(555, (5, 5, 4), "Unsupported option");
const NEEDS_UTF8: Reply = Reply::new(553, (5, 6, 7), "SMTPUTF8 is required for this address");
pub(super) const TOO_LARGE: Reply =
    Reply::new(552, (5, 3, 4), "Message size exceeds fixed maximum message size");
const TOO_MANY_RECIPIENTS: Reply = Reply::new(452, (4, 5, 3), "Too many recipients");

impl<S: Transport, I: Intake> Conversation<'_, S, I> {
    /// `MAIL FROM:<…>`
    pub(super) async fn mail(&mut self, from: MailFrom) -> Reply {
        if let Some(reply) = self.objection_to_sender(&from) {
            return reply;
        }
        if let Err(refusal) = self.house.intake.sender(&self.session, &from).await {
            return words(refusal);
        }
        self.no_stranger();
        self.envelope.from = from;
        self.phase = Phase::Sender;
        Reply::new(250, (2, 1, 0), "Sender OK")
    }

    fn objection_to_sender(&self, from: &MailFrom) -> Option<Reply> {
        let connector = self.connector();
        let keywords = connector.keywords;
        let allowed = match &self.session.identity {
            Some(_) => connector.permissions.users || connector.permissions.anonymous,
            None => connector.permissions.anonymous || connector.auth.external_authoritative,
        };
        let unannounced = (from.smtputf8 && !keywords.smtp_utf8)
            || ((from.ret.is_some() || from.envid.is_some()) && !keywords.delivery_status_notification)
            || (from.body == Body::EightBitMime && !keywords.eight_bit_mime)
            || (from.body == Body::BinaryMime && !(keywords.binary_mime && keywords.chunking));
        let international = from.sender.as_ref().is_some_and(base::SmtpAddress::is_international);
        let too_large = from.size.is_some_and(|size| size > connector.max_message_size as u64);
        [
            (connector.require_tls && self.session.tls.is_none(), NEEDS_TLS),
            (!allowed, NOT_AUTHENTICATED),
            (unannounced, UNSUPPORTED),
            (international && !from.smtputf8, NEEDS_UTF8),
            (too_large, TOO_LARGE),
        ]
        .into_iter()
        .find_map(|(objects, reply)| objects.then_some(reply))
    }

    /// `RCPT TO:<…>`
    pub(super) async fn rcpt(&mut self, to: RcptTo) -> Reply {
        let connector = self.connector();
        let dsn = to.notify.is_some() || to.orcpt.is_some();
        if dsn && !connector.keywords.delivery_status_notification {
            return UNSUPPORTED;
        }
        if to.address.is_international() && !self.envelope.from.smtputf8 {
            return NEEDS_UTF8;
        }
        if self.envelope.to.len() >= connector.max_recipients {
            return TOO_MANY_RECIPIENTS;
        }
        match self.house.intake.recipient(&self.session, &self.envelope.from, &to).await {
            Ok(()) => {
                self.envelope.to.push(to);
                self.phase = Phase::Recipients;
                Reply::new(250, (2, 1, 5), "Recipient OK")
            }
            Err(refusal) => words(refusal),
        }
    }
}
