//! From the submission queue: recipients become mailboxes, next hops, failures; and the second look at what
//! no connector could carry.

use base::EnhancedTimeSpan;
use wire::smtp::{Notify, RcptTo, Reply};

use super::Step;
use crate::{
    TransportError,
    accept::facts,
    categorizer::{Fate, Routed, categorize},
    dsn::Action,
    queue::{Hop, Next, Recipient},
    routing,
    settle::Settlement,
    track::{EventId, Source},
};

/// What the sender of a message to a group is told, where he asked.
const GROUP_EXPANDED: Reply = Reply::new(250, (2, 1, 5), "RESOLVER.GRP.Expanded; distribution list expanded");

/// How long messages wait for the directory to be up to date.
const BEHIND: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(1);

impl Step<'_> {
    pub(super) async fn categorize(self) -> Result<Next, TransportError> {
        let (core, view) = (self.core, self.core.view());
        let (id, message) = (self.queued.id, &self.queued.message);
        if !core.directory.is_current() {
            // Whom the directory does not know may exist.
            let recipients = self.recipients();
            let recipients = recipients.iter().map(|(_, recipient)| recipient);
            let deadline = core.deadline(&core.settings(), message, recipients);
            return Ok(Next::At { due: core.now().plus(BEHIND), deadline });
        }
        let waiting = self.recipients();
        let envelope: Vec<RcptTo> = waiting.iter().map(|(_, recipient)| recipient.to.clone()).collect();
        let plan = categorize(&view, &facts(message), &envelope);
        core.record_notes(id, message, &plan.notes);
        let mut settlement = Settlement::new(core, &view, &self.queued);
        for (index, _) in &waiting {
            settlement.remove(*index);
        }
        for routed in plan.routed {
            let Some((_, root)) = waiting.get(routed.root) else { continue };
            let recipient = onward(root, &routed);
            match routed.fate {
                Fate::Mailbox { database, mailbox, .. } => {
                    settlement.add(Recipient { hop: Hop::Mailbox(database), mailbox, ..recipient });
                }
                Fate::Relay(hop) => settlement.add(Recipient { hop, ..recipient }),
                Fate::Fail(reply) => settlement.fail(&recipient, reply, Source::Routing, None),
                Fate::Drop(reply) => {
                    let related = routed.forwarded_by.last().map_or("", |by| by.as_str());
                    let event = core.event(id, message, Source::Routing, EventId::Drop);
                    let event = crate::track::Event { related, ..event };
                    core.record(event, &[(&recipient.to.address, &reply.to_string())]);
                }
                Fate::Expanded => _ = settlement.report(&recipient, Action::Expanded, GROUP_EXPANDED, None),
            }
        }
        settlement.commit().await?;
        Ok(Next::Done)
    }

    /// Looks again for a connector: there was none, or it is gone.
    pub(super) async fn reroute(self) -> Result<Next, TransportError> {
        let (core, view) = (self.core, self.core.view());
        let mut settlement = Settlement::new(core, &view, &self.queued);
        let mut stay = Vec::new();
        for (index, recipient) in self.recipients() {
            let hop = match recipient.to.address.domain().parse() {
                Ok(domain) => routing::next_hop(&view, &domain, self.queued.message.size),
                Err(_) => Hop::Unreachable,
            };
            if hop == self.job.hop {
                stay.push(recipient);
            } else {
                settlement.update(index, Recipient { hop, ..recipient });
            }
        }
        settlement.commit().await?;
        let settings = core.settings();
        if stay.is_empty() {
            return Ok(Next::Done);
        }
        let deadline = core.deadline(&settings, &self.queued.message, &stay);
        Ok(Next::At { due: core.now().plus(settings.message_retry_interval), deadline })
    }
}

/// The row of a recipient of the plan: what the sender asked for goes along, as far as it reaches.
fn onward(root: &Recipient, routed: &Routed) -> Recipient {
    let notify = match root.to.notify {
        Some(notify) if routed.through_group => Some(Notify { success: false, ..notify }),
        notify => notify,
    };
    let original = root.original.clone().unwrap_or_else(|| root.to.address.clone());
    let is_other = original != routed.address && !routed.through_group;
    Recipient {
        to: RcptTo { address: routed.address.clone(), notify, orcpt: root.to.orcpt.clone() },
        original: is_other.then_some(original),
        return_path: routed.return_path.clone(),
        forwarded_by: routed.forwarded_by.clone(),
        ..Recipient::new(root.to.clone())
    }
}
