//! Bringing a group's members to what is wanted: by its active copy, one step after the other, so that at every moment
//! those who decide can.

use std::collections::BTreeSet;

use super::{Group, GroupError, ServerId, Standing};

/// A copy that lacks more entries than this does not begin to decide.
const BEHIND_MAX: u64 = 1000;

/// Who is to belong to a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who decides.
    pub voters: BTreeSet<ServerId>,
    /// Who only receives.
    pub learners: BTreeSet<ServerId>,
}

/// The next step to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Add(ServerId),
    Decide(BTreeSet<ServerId>),
    HandOver(ServerId),
    Remove(BTreeSet<ServerId>),
}

impl Wanted {
    fn all(&self) -> BTreeSet<ServerId> {
        self.voters.union(&self.learners).copied().collect()
    }

    /// What the active copy does next; nothing where all is as wanted, or others must catch up first.
    fn next(&self, me: ServerId, now: &Standing) -> Option<Step> {
        let all = self.all();
        let is_member = |server: &ServerId| now.voters.contains(server) || now.learners.contains(server);
        if let Some(new) = all.iter().find(|server| !is_member(server)) {
            return Some(Step::Add(*new));
        }
        let keeps_up = |server: &ServerId| {
            let received = now.received.iter().find(|(member, _)| member == server);
            let received = received.and_then(|(_, index)| *index);
            // One that was never heard of may not even be there.
            *server == me || received.is_some_and(|received| received + BEHIND_MAX >= now.last.index)
        };
        let voters: BTreeSet<ServerId> = self
            .voters
            .iter()
            .filter(|server| now.voters.contains(*server) || keeps_up(server))
            .copied()
            .collect();
        // Nobody leaves before those who come in their place can decide.
        let voters = if voters.len() < self.voters.len() {
            voters.union(&now.voters).copied().collect()
        } else {
            voters
        };
        if !voters.is_empty() && voters != now.voters {
            if !voters.contains(&me) {
                let heir = voters.iter().find(|server| now.voters.contains(*server));
                let both = || voters.union(&now.voters).copied().collect();
                return Some(heir.map_or_else(|| Step::Decide(both()), |heir| Step::HandOver(*heir)));
            }
            return Some(Step::Decide(voters));
        }
        let gone: BTreeSet<ServerId> = now.learners.difference(&all).copied().collect();
        (!gone.is_empty()).then_some(Step::Remove(gone))
    }
}

impl Group {
    /// On the active copy: takes the next step to the members that are wanted. True when there was one.
    pub async fn arrange(&self, wanted: &Wanted) -> Result<bool, GroupError> {
        let now = self.standing();
        if !now.is_active {
            return Ok(false);
        }
        let Some(step) = wanted.next(self.me(), &now) else { return Ok(false) };
        tracing::info!(?step, "the members of a group change");
        match step {
            Step::Add(server) => self.add_learner(server).await?,
            Step::Decide(voters) => self.set_voters(voters).await?,
            Step::HandOver(to) => self.hand_over(to).await?,
            Step::Remove(learners) => self.remove_learners(learners).await?,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use base::Guid;
    use engine::EntryId;
    use proptest::prelude::*;

    use super::*;

    fn server(number: u8) -> ServerId {
        Guid([number; 16])
    }

    fn apply(step: Step, now: &mut Standing, me: &mut ServerId) {
        match step {
            Step::Add(server) => _ = now.learners.insert(server),
            Step::Decide(voters) => {
                now.learners.extend(now.voters.difference(&voters).copied());
                now.learners.retain(|learner| !voters.contains(learner));
                now.voters = voters;
            }
            Step::HandOver(to) => *me = to,
            Step::Remove(gone) => now.learners.retain(|learner| !gone.contains(learner)),
        }
    }

    proptest! {
        #[test]
        fn it_is_reached_step_by_step(
            before in proptest::collection::btree_set(0u8..6, 1..4),
            voters in proptest::collection::btree_set(0u8..6, 1..4),
            learners in proptest::collection::btree_set(0u8..6, 0..4),
        ) {
            let set = |numbers: &BTreeSet<u8>| numbers.iter().copied().map(server).collect::<BTreeSet<_>>();
            let wanted = Wanted { voters: set(&voters), learners: set(&(&learners - &voters)) };
            let mut me = server(*before.first().unwrap());
            let mut now = Standing {
                active: Some(me),
                is_active: true,
                term: 1,
                last: EntryId { term: 1, index: 5000 },
                applied: EntryId { term: 1, index: 5000 },
                voters: set(&before),
                settled: set(&before),
                learners: BTreeSet::new(),
                received: Vec::new(),
                quorum_heard: None,
                stranded: Vec::new(),
            };
            for _ in 0..20 {
                // Everybody catches up between two steps.
                now.received = (0..6).map(|number| (server(number), Some(5000))).collect();
                let Some(step) = wanted.next(me, &now) else { break };
                if let Step::Decide(next) = &step {
                    prop_assert!(next.contains(&me));
                    prop_assert!(!next.is_disjoint(&now.voters));
                }
                apply(step, &mut now, &mut me);
            }
            prop_assert_eq!(&now.voters, &wanted.voters);
            prop_assert_eq!(&now.learners, &wanted.learners);
        }
    }

    #[test]
    fn whoever_lags_behind_does_not_decide_yet() {
        let two = BTreeSet::from([server(1), server(2)]);
        let now = Standing {
            active: Some(server(1)),
            is_active: true,
            term: 1,
            last: EntryId { term: 1, index: 5000 },
            applied: EntryId { term: 1, index: 5000 },
            voters: BTreeSet::from([server(1)]),
            settled: BTreeSet::from([server(1)]),
            learners: BTreeSet::from([server(2)]),
            received: vec![(server(2), Some(10))],
            quorum_heard: None,
            stranded: Vec::new(),
        };
        let wanted = Wanted { voters: two.clone(), learners: BTreeSet::new() };
        assert_eq!(wanted.next(server(1), &now), None);
        let caught_up = Standing { received: vec![(server(2), Some(4990))], ..now };
        assert_eq!(wanted.next(server(1), &caught_up), Some(Step::Decide(two)));
    }
}
