//! The look at what has waited long: expired recipients are returned, delays are reported once.

use wire::smtp::Reply;

use super::Step;
use crate::{
    TransportError,
    core::NEVER,
    dsn::Action,
    queue::{Hop, Next, Recipient},
    settle::Settlement,
    track::Source,
};

impl Step<'_> {
    pub(super) async fn review(self) -> Result<Next, TransportError> {
        if self.job.hop == Hop::Poison {
            return Ok(Next::Ready { deadline: NEVER });
        }
        let (core, view, message) = (self.core, self.core.view(), &self.queued.message);
        let settings = core.settings();
        let now = core.now();
        let expired = now >= message.received.plus(settings.message_expiration_timeout);
        let delayed = now >= message.received.plus(settings.delay_notification_timeout);
        let hop_error = core.schedule.lock().last_error(self.job.queue);
        let mut settlement = Settlement::new(core, &view, &self.queued);
        let mut stay = Vec::new();
        for (index, recipient) in self.recipients() {
            let last = if recipient.last_error.is_empty() { &hop_error } else { &recipient.last_error };
            if expired {
                settlement.fail(&recipient, expiry(last), Source::Queue, None);
                settlement.remove(index);
            } else if delayed && !recipient.delay_reported {
                let status =
                    Reply::said(450, (4, 4, 7), with_last_error("QUEUE.Delayed; message delayed", last));
                settlement.report(&recipient, Action::Delayed, status, None);
                let reported = Recipient { delay_reported: true, ..recipient };
                settlement.update(index, reported.clone());
                stay.push(reported);
            } else {
                stay.push(recipient);
            }
        }
        settlement.commit().await?;
        let due = stay.iter().map(|recipient| recipient.next_try).min().unwrap_or(now);
        if due <= now && !stay.is_empty() {
            return Ok(Next::Ready { deadline: core.deadline(&settings, message, &stay) });
        }
        Ok(self.next(&stay, due))
    }
}

fn expiry(last_error: &str) -> Reply {
    Reply::said(550, (5, 4, 7), with_last_error("QUEUE.Expired; message expired", last_error))
}

fn with_last_error(text: &str, last_error: &str) -> String {
    if last_error.is_empty() { text.to_owned() } else { format!("{text}; last error: {last_error}") }
}
