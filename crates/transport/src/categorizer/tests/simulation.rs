//! Random graphs of forwards and groups: every message ends, nobody gets two copies, nothing vanishes.

use std::collections::{HashMap, HashSet};

use base::{Guid, Rng, rng::SeededRng};
use directory::{Edit, Value};

use super::*;

const MAILBOXES: usize = 10;
const GROUPS: usize = 4;
const CONTACTS: usize = 3;
const ROUNDS: u64 = 300;

struct Graph {
    world: World,
    mailboxes: Vec<Guid>,
    groups: Vec<Guid>,
    contacts: Vec<Guid>,
}

impl Graph {
    async fn new() -> Self {
        let world = World::new().await;
        let (mut mailboxes, mut groups, mut contacts) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..MAILBOXES {
            mailboxes.push(world.mailbox(&format!("m{n}")).await);
        }
        for n in 0..GROUPS {
            groups.push(world.group(&format!("g{n}"), &[]).await);
        }
        contacts.push(world.contact("c0", "x@open.example").await);
        contacts.push(world.contact("c1", "m1@rialto.test").await);
        contacts.push(world.contact("c2", "c1@rialto.test").await);
        world.remote("open.example", true).await;
        Self { world, mailboxes, groups, contacts }
    }

    fn everyone(&self) -> Vec<Guid> {
        [&self.mailboxes[..], &self.groups[..], &self.contacts[..]].concat()
    }

    /// Draws a new graph, in one transaction.
    async fn shuffle(&self, rng: &SeededRng) {
        let everyone = self.everyone();
        let any = |rng: &SeededRng| everyone[rng.below(everyone.len() as u64) as usize];
        let mut edits = Vec::new();
        for mailbox in &self.mailboxes {
            let (object, address) = match rng.below(8) {
                0..4 => (Edit::set(Value::Link(any(rng))), Edit::clear()),
                4 => {
                    let n = rng.below(MAILBOXES as u64);
                    (Edit::clear(), Edit::set(crate::world::proxy(&format!("m{n}@rialto.test"))))
                }
                5 => {
                    let open = ["x@open.example", "x@closed.example", "gone@rialto.test"];
                    let to = open[rng.below(3) as usize];
                    (Edit::clear(), Edit::set(crate::world::proxy(to)))
                }
                _ => (Edit::clear(), Edit::clear()),
            };
            let keep = Edit::set(rng.below(3) == 0);
            edits.push((*mailbox, object, address, keep));
        }
        let members: Vec<(Guid, HashSet<Guid>)> =
            self.groups.iter().map(|group| (*group, (0..rng.below(5)).map(|_| any(rng)).collect())).collect();
        self.world
            .commit(move |draft| {
                for (mailbox, object, address, keep) in edits {
                    let edits = vec![
                        ("ForwardingAddress", object),
                        ("ForwardingSmtpAddress", address),
                        ("DeliverToMailboxAndForward", keep),
                    ];
                    draft.modify(mailbox, edits)?;
                }
                for (group, members) in members {
                    for old in draft.members_of(group).collect::<Vec<_>>() {
                        draft.remove_member(group, old)?;
                    }
                    for member in members.into_iter().filter(|member| *member != group) {
                        draft.add_member(group, member)?;
                    }
                }
                Ok(())
            })
            .await;
    }
}

#[tokio::test]
async fn every_message_ends_and_nobody_gets_two_copies() {
    let graph = Graph::new().await;
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(0..ROUNDS, |seed: u64| seed..seed + 1) {
        let rng = SeededRng::new(seed);
        graph.shuffle(&rng).await;
        let names: Vec<String> = (0..MAILBOXES)
            .map(|n| format!("m{n}"))
            .chain((0..GROUPS).map(|n| format!("g{n}")))
            .chain((0..CONTACTS).map(|n| format!("c{n}")))
            .collect();
        let to: Vec<RcptTo> = (0..=rng.below(3))
            .map(|_| {
                RcptTo::new(address(&format!(
                    "{}@rialto.test",
                    names[rng.below(names.len() as u64) as usize]
                )))
            })
            .collect();
        let plan = categorize(&graph.world.view(), &STRANGER, &to);
        check(&graph, seed, &to, &plan);
    }
}

fn check(graph: &Graph, seed: u64, to: &[RcptTo], plan: &Plan) {
    let context = || format!("SEED={seed}: to {to:?}\n{:#?}", lines(plan));
    let mut copies: HashMap<String, usize> = HashMap::new();
    for routed in &plan.routed {
        assert!(routed.root < to.len(), "{}", context());
        if matches!(routed.fate, Fate::Mailbox { .. } | Fate::Relay(_)) {
            *copies.entry(routed.address.key()).or_default() += 1;
        }
    }
    assert!(copies.values().all(|n| *n == 1), "two copies\n{}", context());
    // An independent look: whoever can be reached and keeps mail, gets it; if nobody does, somebody is told.
    let expected = reachable_keepers(graph, to);
    let mailboxes: HashSet<Guid> = plan
        .routed
        .iter()
        .filter_map(|routed| match routed.fate {
            Fate::Mailbox { owner, .. } => Some(owner),
            _ => None,
        })
        .collect();
    assert_eq!(mailboxes, expected.keepers, "{}", context());
    let told = plan.routed.iter().any(|r| !matches!(r.fate, Fate::Expanded));
    assert!(told || expected.empty_group, "it vanished\n{}", context());
}

struct Reached {
    keepers: HashSet<Guid>,
    /// A group without members was reached: mail to it is taken and goes to nobody.
    empty_group: bool,
}

/// The mailboxes that keep a copy, by plain reachability.
fn reachable_keepers(graph: &Graph, to: &[RcptTo]) -> Reached {
    let view = graph.world.view();
    let mut waiting: Vec<Guid> =
        to.iter().map(|to| view.recipient_by_address(&to.address).unwrap().guid).collect();
    let (mut seen, mut keepers) = (HashSet::new(), HashSet::new());
    while let Some(guid) = waiting.pop() {
        if !seen.insert(guid) {
            continue;
        }
        let recipient = view.recipient(guid).unwrap();
        let by_address = |address: Option<SmtpAddress>| {
            address.and_then(|address| view.recipient_by_address(&address)).map(|found| found.guid)
        };
        if graph.groups.contains(&guid) {
            waiting.extend(view.members_of(guid));
        } else if graph.contacts.contains(&guid) {
            waiting.extend(by_address(recipient.external_email_address()));
        } else {
            let object = recipient.forwarding_address();
            let smtp = recipient.forwarding_smtp_address();
            if (object.is_none() && smtp.is_none()) || recipient.deliver_to_mailbox_and_forward() {
                keepers.insert(guid);
            }
            waiting.extend(object.or_else(|| by_address(smtp)));
        }
    }
    let is_empty = |guid: &&Guid| graph.groups.contains(guid) && view.members_of(**guid).next().is_none();
    let empty_group = seen.iter().find(is_empty).is_some();
    Reached { keepers, empty_group }
}
