//! The walk from the envelope's recipients to those who get a copy. Breadth first, without recursion, each
//! object opened once.

use std::collections::{HashMap, HashSet, VecDeque};

use base::{Guid, SmtpAddress};
use directory::{Recipient, RecipientType, View};
use wire::smtp::RcptTo;

use super::{Facts, Failure, Fate, Note, Plan, Routed, answers, forward::Target, restrictions::Sender};
use crate::{queue::ReturnPath, routing, track::EventId};

/// Recipients in one EXPAND event.
const NOTE_MAX: usize = 1000;

/// How a step was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    /// The envelope names it.
    Envelope,
    /// A member of a group.
    Group,
    /// The target of a forward.
    Forward,
    /// The external address of a contact or mail user.
    Contact,
}

/// One address or object to be looked at.
#[derive(Clone, Debug)]
struct Step {
    address: SmtpAddress,
    /// The object, where the way here named one.
    object: Option<Guid>,
    via: Via,
    branch: usize,
    return_path: ReturnPath,
    forwarded_by: Vec<SmtpAddress>,
    through_group: bool,
}

/// A path that must end with somebody: a recipient of the envelope, a member of a group, a forward beside a
/// kept copy.
#[derive(Debug)]
struct Branch {
    root: usize,
    /// Who is told of in a failure.
    address: SmtpAddress,
    /// It ended with a copy, a failure or a drop.
    ended: bool,
    /// It met a branch that had opened its next object before.
    met: bool,
    /// The branches on whose ending its own depends: those it met, or the members of its group.
    follows: Vec<usize>,
}

pub(super) struct Walk<'a> {
    view: &'a View,
    facts: &'a Facts<'a>,
    sender: Sender,
    plan: Plan,
    steps: VecDeque<Step>,
    branches: Vec<Branch>,
    /// Objects that were opened, and by which branch.
    opened: HashMap<Guid, usize>,
    /// External addresses that get a copy, in lower case, and by which branch.
    relayed: HashMap<String, usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(view: &'a View, facts: &'a Facts<'a>, recipients: &[RcptTo]) -> Self {
        let mut walk = Self {
            view,
            facts,
            sender: Sender::new(view, facts),
            plan: Plan::default(),
            steps: VecDeque::with_capacity(recipients.len()),
            branches: Vec::with_capacity(recipients.len()),
            opened: HashMap::with_capacity(recipients.len()),
            relayed: HashMap::new(),
        };
        for (root, recipient) in recipients.iter().enumerate() {
            let address = recipient.address.clone();
            let branch = walk.branch(root, address.clone());
            walk.steps.push_back(Step {
                address,
                object: None,
                via: Via::Envelope,
                branch,
                return_path: ReturnPath::Sender,
                forwarded_by: Vec::new(),
                through_group: false,
            });
        }
        walk
    }

    pub(super) fn run(mut self) -> Plan {
        if let Err(failure) = self.sender.may_send(self.facts) {
            for step in std::mem::take(&mut self.steps) {
                self.end(&step, Fate::Fail(failure.clone()));
            }
        }
        while let Some(step) = self.steps.pop_front() {
            self.step(step);
        }
        self.report_circles();
        self.plan
    }

    fn branch(&mut self, root: usize, address: SmtpAddress) -> usize {
        self.branches.push(Branch { root, address, ended: false, met: false, follows: Vec::new() });
        self.branches.len() - 1
    }

    fn step(&mut self, step: Step) {
        let recipient = match step.object {
            Some(guid) => self.view.recipient(guid),
            None => self.view.recipient_by_address(&step.address),
        };
        let Some(recipient) = recipient else { return self.outside(step) };
        if let Some(&other) = self.opened.get(&recipient.guid) {
            return self.meet(&step, &recipient, other);
        }
        self.note_resolution(&step, &recipient);
        if let Err(failure) = self.sender.may_write_to(self.view, self.facts, &recipient) {
            return self.end(&step, Fate::Fail(failure));
        }
        self.opened.insert(recipient.guid, step.branch);
        match recipient.kind() {
            RecipientType::UserMailbox => self.mailbox(step, &recipient),
            RecipientType::MailUser | RecipientType::MailContact => self.contact(step, &recipient),
            RecipientType::MailUniversalDistributionGroup
            | RecipientType::MailUniversalSecurityGroup
            | RecipientType::DynamicDistributionGroup => self.group(step, &recipient),
            RecipientType::User | RecipientType::Contact | RecipientType::Group => {
                self.end(&step, Fate::Fail(answers::NOT_FOUND));
            }
        }
    }

    /// A mailbox: it keeps a copy, forwards, or both.
    fn mailbox(&mut self, step: Step, owner: &Recipient) {
        let own_address = owner.primary_smtp_address().unwrap_or_else(|| step.address.clone());
        let target = Target::of(self.view, owner);
        let returned = || {
            self.facts.forwarded_by.iter().any(|by| {
                self.view.recipient_by_address(by).is_some_and(|forwarder| forwarder.guid == owner.guid)
            })
        };
        let (Some(mailbox), Some(database)) = (owner.mailbox_guid(), owner.database()) else {
            return self.end(&step, Fate::Fail(answers::NOT_FOUND));
        };
        let fate = Fate::Mailbox { mailbox, owner: owner.guid, database };
        let Some(target) = target else { return self.end_at(&step, own_address, fate) };
        let keeps = owner.deliver_to_mailbox_and_forward();
        if returned() {
            // It was forwarded from here before and came back: a second round would never end.
            let fate = if keeps { fate } else { Fate::Fail(answers::LOOP) };
            return self.end_at(&step, own_address, fate);
        }
        let mut onward = Step { via: Via::Forward, ..step.clone() };
        onward.forwarded_by.push(own_address.clone());
        if keeps {
            self.end_at(&step, own_address.clone(), fate);
            onward.branch = self.branch(self.branches[step.branch].root, own_address.clone());
        }
        self.forward(onward, target, own_address);
    }

    /// Sends a step on to where a mailbox forwards.
    fn forward(&mut self, mut onward: Step, target: Target, from: SmtpAddress) {
        let verdict = target.may_leave(self.view);
        (onward.address, onward.object) = match target {
            Target::Object(recipient, address) => (address, Some(recipient)),
            Target::Address(address) => (address, None),
        };
        if let Err(fate) = verdict {
            return self.end(&onward, fate);
        }
        self.note(EventId::Redirect, vec![onward.address.clone()], Some(from), &answers::FORWARDED);
        self.steps.push_back(onward);
    }

    /// A contact or mail user: its mail goes to its external address.
    fn contact(&mut self, step: Step, contact: &Recipient) {
        match contact.external_email_address() {
            None => self.end(&step, Fate::Fail(answers::NO_TARGET)),
            Some(address) => {
                let own = self.view.recipient_by_address(&address).filter(|r| r.guid != contact.guid);
                let object = own.map(|recipient| recipient.guid);
                let onward = Step { address, object, via: Via::Contact, ..step };
                match object {
                    Some(_) => self.steps.push_back(onward),
                    None => self.outside(onward),
                }
            }
        }
    }

    /// A group becomes its direct members; groups among them are opened in their turn.
    fn group(&mut self, step: Step, group: &Recipient) {
        let root = self.branches[step.branch].root;
        let return_path = self.group_return_path(group);
        let mut members = Vec::new();
        for member in self.view.direct_recipients(group.guid) {
            let Some(address) = member.primary_smtp_address().or_else(|| member.external_email_address())
            else {
                continue;
            };
            let branch = self.branch(root, address.clone());
            self.branches[step.branch].follows.push(branch);
            members.push(address.clone());
            self.steps.push_back(Step {
                address,
                object: Some(member.guid),
                via: Via::Group,
                branch,
                return_path: return_path.clone(),
                forwarded_by: step.forwarded_by.clone(),
                through_group: true,
            });
        }
        let own = group.primary_smtp_address().unwrap_or_else(|| step.address.clone());
        if members.is_empty() {
            self.note(EventId::Expand, Vec::new(), Some(own.clone()), &answers::EXPANDED);
        }
        for some in members.chunks(NOTE_MAX) {
            self.note(EventId::Expand, some.to_vec(), Some(own.clone()), &answers::EXPANDED);
        }
        // An empty group ends its branch; one with members leaves that to them.
        self.push(&step, own, Fate::Expanded);
        self.branches[step.branch].ended |= members.is_empty();
    }

    /// To whom failures of a group's members go (`ReportToOriginatorEnabled`, `ReportToManagerEnabled`).
    fn group_return_path(&self, group: &Recipient) -> ReturnPath {
        if group.flag("ReportToOriginatorEnabled") {
            return ReturnPath::Sender;
        }
        let manager = group.links("ManagedBy").find_map(|guid| self.view.recipient(guid));
        match manager.and_then(|manager| manager.primary_smtp_address()) {
            Some(address) if group.flag("ReportToManagerEnabled") => ReturnPath::Address(address),
            _ => ReturnPath::Null,
        }
    }

    /// An address nobody here has.
    fn outside(&mut self, step: Step) {
        let domain_type =
            self.view.accepted_domain_for(step.address.domain()).and_then(|domain| domain.text("DomainType"));
        if domain_type == Some("Authoritative") {
            return self.end(&step, Fate::Fail(answers::NOT_FOUND));
        }
        let key = step.address.key();
        if let Some(&other) = self.relayed.get(&key) {
            let address = step.address.clone();
            return self.merge(&step, address, other);
        }
        self.relayed.insert(key, step.branch);
        let fate = match step.address.domain().parse() {
            Ok(domain) => Fate::Relay(routing::next_hop(self.view, &domain, self.facts.size)),
            Err(_) => Fate::Fail(answers::BAD_DOMAIN),
        };
        self.end(&step, fate);
    }

    /// The step's object was opened before.
    fn meet(&mut self, step: &Step, recipient: &Recipient, other: usize) {
        let address = recipient.primary_smtp_address().unwrap_or_else(|| step.address.clone());
        self.merge(step, address, other);
    }

    fn merge(&mut self, step: &Step, address: SmtpAddress, other: usize) {
        let branch = &mut self.branches[step.branch];
        branch.met = true;
        branch.follows.push(other);
        let event = match step.via {
            Via::Forward => EventId::DuplicateRedirect,
            Via::Group => EventId::DuplicateExpand,
            Via::Envelope | Via::Contact => return,
        };
        self.plan.notes.push(Note {
            event,
            recipients: vec![address],
            related: step.forwarded_by.last().cloned(),
            status: String::new(),
        });
    }

    fn end(&mut self, step: &Step, fate: Fate) {
        self.end_at(step, step.address.clone(), fate);
    }

    fn end_at(&mut self, step: &Step, address: SmtpAddress, fate: Fate) {
        self.branches[step.branch].ended = true;
        self.push(step, address, fate);
    }

    fn push(&mut self, step: &Step, address: SmtpAddress, fate: Fate) {
        self.plan.routed.push(Routed {
            root: self.branches[step.branch].root,
            address,
            fate,
            return_path: step.return_path.clone(),
            forwarded_by: step.forwarded_by.clone(),
            through_group: step.through_group,
        });
    }

    fn note(
        &mut self,
        event: EventId,
        recipients: Vec<SmtpAddress>,
        related: Option<SmtpAddress>,
        status: &Failure,
    ) {
        self.plan.notes.push(Note { event, recipients, related, status: status.to_string() });
    }

    /// A recipient written to by another than its primary address.
    fn note_resolution(&mut self, step: &Step, recipient: &Recipient) {
        if step.object.is_none()
            && let Some(primary) = recipient.primary_smtp_address()
            && primary != step.address
        {
            self.plan.notes.push(Note {
                event: EventId::Resolve,
                recipients: vec![primary],
                related: Some(step.address.clone()),
                status: String::new(),
            });
        }
    }

    /// Branches that met only branches that met only … nobody: circles in which no one keeps a copy.
    fn report_circles(&mut self) {
        let mut meets: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, branch) in self.branches.iter().enumerate() {
            for &other in &branch.follows {
                meets.entry(other).or_default().push(at);
            }
        }
        let mut served: HashSet<usize> =
            self.branches.iter().enumerate().filter(|(_, b)| b.ended).map(|(at, _)| at).collect();
        let mut waiting: Vec<usize> = served.iter().copied().collect();
        while let Some(at) = waiting.pop() {
            for &by in meets.get(&at).into_iter().flatten() {
                if served.insert(by) {
                    waiting.push(by);
                }
            }
        }
        for (at, branch) in self.branches.iter().enumerate() {
            if branch.met && !served.contains(&at) {
                self.plan.routed.push(Routed {
                    root: branch.root,
                    address: branch.address.clone(),
                    fate: Fate::Fail(answers::LOOP),
                    return_path: ReturnPath::Sender,
                    forwarded_by: Vec::new(),
                    through_group: false,
                });
            }
        }
    }
}
