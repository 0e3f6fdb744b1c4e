//! Every clause of the forwarding scenario and of the mail flow semantics, against a small directory.

mod delivery;
mod forwarding;
mod groups;
mod simulation;

use base::SmtpAddress;
use wire::smtp::RcptTo;

use super::{Facts, Fate, Plan, categorize};
use crate::world::{World, address};

/// A stranger's message of 10 KB.
pub(super) const STRANGER: Facts<'static> =
    Facts { sender: None, trusted: false, system: false, size: 10_000, forwarded_by: &[] };

/// The plan for a message, one line for each recipient and event.
pub(super) fn plan(world: &World, facts: &Facts<'_>, to: &[&str]) -> Vec<String> {
    let recipients: Vec<RcptTo> = to.iter().map(|to| RcptTo::new(address(to))).collect();
    lines(&categorize(&world.view(), facts, &recipients))
}

fn short(address: &SmtpAddress) -> &str {
    address.as_str().strip_suffix("@rialto.test").unwrap_or(address.as_str())
}

fn lines(plan: &Plan) -> Vec<String> {
    let routed = plan.routed.iter().map(|routed| {
        let to = short(&routed.address);
        match &routed.fate {
            Fate::Mailbox { .. } => format!("mailbox {to}"),
            Fate::Relay(_) => format!("relay {to}"),
            Fate::Fail(reply) => format!("fail {to}: {reply}"),
            Fate::Drop(reply) => format!("drop {to}: {reply}"),
            Fate::Expanded => format!("expanded {to}"),
        }
    });
    let notes = plan.notes.iter().map(|note| {
        let to: Vec<&str> = note.recipients.iter().map(short).collect();
        let from = note.related.as_ref().map_or("-", short);
        format!("{} {from} > {} {}", note.event.name(), to.join(" "), note.status).trim_end().to_owned()
    });
    routed.chain(notes).collect()
}
