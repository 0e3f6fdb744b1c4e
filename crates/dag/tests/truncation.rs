//! Truncation over time: copies that fall behind, are suspended, seeded, run short of space and change places.
#![expect(clippy::unwrap_used, reason = "tests")]

use base::Guid;
use dag::machine::{
    GENERATION_BYTES as MB,
    truncation::{Loose, Other, Own, Rules, cut, global},
};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Copy {
    received: u64,
    replayed: u64,
    checkpoint: u64,
    oldest: u64,
    lagged: bool,
    suspended: bool,
    short: bool,
}

/// What happens next; numbers choose the copy and how much.
#[derive(Clone, Copy, Debug)]
enum Event {
    Write(u64),
    Receive(usize, u64),
    Replay(usize, u64),
    Checkpoint(usize),
    Suspend(usize, bool),
    Space(usize, bool),
    Backup,
    /// Another copy that has everything becomes active.
    Switch(usize),
    /// A copy that is lost is made anew from the active one.
    Seed(usize),
}

fn any_event() -> impl Strategy<Value = Event> {
    let at = 0usize..5;
    prop_oneof![
        4 => (1u64..40).prop_map(Event::Write),
        6 => (at.clone(), 1u64..60).prop_map(|(at, n)| Event::Receive(at, n)),
        6 => (at.clone(), 1u64..60).prop_map(|(at, n)| Event::Replay(at, n)),
        3 => at.clone().prop_map(Event::Checkpoint),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, on)| Event::Suspend(at, on)),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, on)| Event::Space(at, on)),
        1 => Just(Event::Backup),
        1 => at.clone().prop_map(Event::Switch),
        1 => at.prop_map(Event::Seed),
    ]
}

struct Group {
    rules: Rules,
    active: usize,
    copies: Vec<Copy>,
    /// What the active copy told last.
    told: u64,
}

fn server(at: usize) -> Guid {
    Guid([u8::try_from(at).unwrap(); 16])
}

impl Group {
    fn new(count: usize, rules: Rules, lagged: bool) -> Self {
        let copy = Copy {
            received: 0,
            replayed: 0,
            checkpoint: 0,
            oldest: 0,
            lagged: false,
            suspended: false,
            short: false,
        };
        let mut copies = vec![copy; count];
        if let Some(last) = copies.last_mut().filter(|_| lagged && count > 1) {
            last.lagged = true;
        }
        Self { rules, active: 0, copies, told: 0 }
    }

    fn end(&self) -> u64 {
        self.copies[self.active].received
    }

    fn happen(&mut self, event: Event) {
        let count = self.copies.len();
        let (active, end, oldest) = (self.active, self.end(), self.copies[self.active].oldest);
        let lost = |copy: &Copy| copy.received < oldest;
        match event {
            Event::Write(n) => {
                let copy = &mut self.copies[active];
                copy.received += n * MB / 3;
                copy.replayed = copy.received;
            }
            Event::Receive(at, n) => {
                let copy = &mut self.copies[at % count];
                if !copy.suspended && !lost(copy) {
                    copy.received = end.min(copy.received + n * MB / 3);
                }
            }
            Event::Replay(at, n) => {
                let copy = &mut self.copies[at % count];
                if !copy.suspended && !copy.lagged {
                    copy.replayed = copy.received.min(copy.replayed + n * MB / 3);
                }
            }
            Event::Checkpoint(at) => {
                let copy = &mut self.copies[at % count];
                copy.checkpoint = copy.replayed;
            }
            Event::Suspend(at, on) => {
                if at % count != active {
                    self.copies[at % count].suspended = on;
                }
            }
            Event::Space(at, short) => self.copies[at % count].short = short,
            Event::Backup => self.rules.backed_up = end,
            Event::Switch(at) => {
                let copy = &mut self.copies[at % count];
                if copy.received == end && !copy.suspended && !copy.lagged {
                    copy.replayed = end;
                    self.active = at % count;
                }
            }
            Event::Seed(at) => {
                let from = self.copies[active];
                let copy = &mut self.copies[at % count];
                if lost(copy) {
                    let base = Copy { lagged: copy.lagged, suspended: false, short: copy.short, ..from };
                    *copy = Copy { received: from.replayed, oldest: from.checkpoint, ..base };
                }
            }
        }
    }

    fn own(&self, at: usize) -> Own {
        let copy = self.copies[at];
        Own {
            active: at == self.active,
            oldest: copy.oldest,
            end: copy.received,
            checkpoint: copy.checkpoint,
            aged: copy.received,
            free_bytes: if copy.short { 0 } else { 1 << 50 },
        }
    }

    /// Every copy cuts; which were lost before, and which are now.
    fn truncate(&mut self) -> (Vec<Guid>, Vec<Guid>) {
        let passive = (0..self.copies.len()).filter(|at| *at != self.active);
        let others: Vec<Other> = passive
            .map(|at| {
                let Copy { received, replayed, lagged, suspended, .. } = self.copies[at];
                Other { server: server(at), received, replayed, lagged, suspended }
            })
            .collect();
        let active = self.own(self.active);
        let before = others.iter().filter(|other| other.received < active.oldest);
        let before: Vec<Guid> = before.map(|other| other.server).collect();
        let found = global(&self.rules, &active, &others);
        self.told = found.below;
        for at in 0..self.copies.len() {
            let own = self.own(at);
            let cut = cut(&self.rules, &own, self.told);
            assert!(cut >= own.oldest, "copy {at} puts back what it cut");
            assert!(cut <= own.checkpoint.max(own.oldest), "copy {at} cuts what its recovery needs");
            assert!(
                self.rules.circular || cut <= self.rules.backed_up.max(own.oldest),
                "copy {at} cuts what is not backed up"
            );
            self.copies[at].oldest = cut;
        }
        (before, found.lost)
    }
}

proptest! {
    /// With normal truncation no copy is ever lost, whatever happens, and the log does not grow for ever: where all
    /// copies are up to date everything up to the checkpoint goes.
    #[test]
    fn normal_truncation_loses_nobody(
        count in 1usize..6,
        lagged in any::<bool>(),
        circular in any::<bool>(),
        events in prop::collection::vec(any_event(), 0..300),
    ) {
        let rules = Rules { circular, backed_up: 0, loose: Loose::default() };
        let mut group = Group::new(count, rules, lagged);
        for event in events {
            group.happen(event);
            let (_, lost) = group.truncate();
            prop_assert_eq!(lost, vec![]);
        }
        for at in 0..count {
            group.happen(Event::Suspend(at, false));
            group.happen(Event::Receive(at, 1 << 20));
            group.happen(Event::Replay(at, 1 << 20));
            group.happen(Event::Checkpoint(at));
        }
        group.happen(Event::Backup);
        group.truncate();
        let active = group.copies[group.active];
        prop_assert!(active.checkpoint - active.oldest < MB, "{active:?}");
    }

    /// With loose truncation the active copy gives up one copy at a time; who is given up stays so until it is seeded.
    #[test]
    fn loose_truncation_gives_up_one_at_a_time(
        count in 2usize..6,
        protect in 1usize..4,
        logs in 0u64..20,
        events in prop::collection::vec(any_event(), 0..300),
    ) {
        let loose = Loose { min_copies_to_protect: protect, min_logs_to_protect: Some(logs), ..Loose::default() };
        let mut group = Group::new(count, Rules { circular: true, backed_up: 0, loose }, false);
        for event in events {
            // A new active copy that was short of space itself may have cut more before than the one it follows.
            if !matches!(event, Event::Switch(_)) {
                group.happen(event);
            }
            let (before, lost) = group.truncate();
            prop_assert!(before.iter().all(|server| lost.contains(server)));
            prop_assert!(lost.len() <= 1, "{lost:?}");
            prop_assert!(lost.is_empty() || count - 1 > protect);
        }
    }
}
