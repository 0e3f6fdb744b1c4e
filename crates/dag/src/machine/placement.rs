//! Where active copies belong: which moves `RedistributeActiveDatabases` makes.

use std::collections::BTreeMap;

use base::Guid;

/// How active copies are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// `-BalanceDbsByActivationPreference`: each on its most preferred copy.
    ByActivationPreference,
    /// `-BalanceDbsBySiteAndActivationPreference`: that, but no site has much more than its share.
    BySiteAndActivationPreference {
        /// `-AllowedDeviationFromMeanPercentage`: the width of what is allowed; half of it on either side.
        deviation_percent: u32,
    },
}

/// The product's `AllowedDeviationFromMeanPercentage`.
pub const DEVIATION_PERCENT: u32 = 20;

/// A copy that a database may be active on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its server.
    pub server: Guid,
    /// `ActivationPreference`, 1 first.
    pub preference: u32,
    /// It is healthy and nothing blocks it.
    pub activatable: bool,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Which.
    pub database: Guid,
    /// The server of its active copy.
    pub active: Guid,
    /// All its copies, the active one too.
    pub copies: Vec<Copy>,
}

/// A server of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which.
    pub server: Guid,
    /// Its site.
    pub site: String,
    /// `MaximumActiveDatabases`.
    pub maximum_active: Option<usize>,
}

/// One switchover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which database.
    pub database: Guid,
    /// From the server that has the active copy
    pub from: Guid,
    /// to this one.
    pub to: Guid,
}

/// The moves, in an order in which no server is filled over its maximum on the way. A second run right after them
/// finds nothing to do.
pub fn moves(balance: Balance, databases: &[Database], servers: &[Server]) -> Vec<Move> {
    let mut plan = Plan::new(balance, databases, servers);
    let mut steps = Vec::new();
    while let Some(step) = plan.best_step() {
        steps.push(Move {
            database: plan.databases[step.at].database.database,
            from: plan.databases[step.at].place(),
            to: plan.databases[step.at].options[step.rank],
        });
        plan.take(step);
    }
    plan.at_once().unwrap_or(steps)
}

/// Where each database is while steps are tried. Every step makes less wrong, or keeps that and is preferred more: so
/// there is an end, and from the end no step.
struct Plan<'a> {
    servers: &'a [Server],
    /// In the order of their GUIDs, so that the order they came in does not matter.
    databases: Vec<Choice<'a>>,
    /// Active databases by server.
    load: BTreeMap<Guid, usize>,
    /// Active databases by site.
    site_load: BTreeMap<&'a str, usize>,
    /// Fewest and most that a site should have.
    site_range: Option<(usize, usize)>,
}

struct Choice<'a> {
    database: &'a Database,
    /// The most preferred first; the server it is on now is always one.
    options: Vec<Guid>,
    /// Which of them it is on.
    rank: usize,
}

/// A database, and the option it moves to.
#[derive(Clone, Copy)]
struct Step {
    at: usize,
    rank: usize,
}

impl Choice<'_> {
    fn place(&self) -> Guid {
        self.options.get(self.rank).copied().unwrap_or(self.database.active)
    }
}

impl<'a> Plan<'a> {
    fn new(balance: Balance, databases: &'a [Database], servers: &'a [Server]) -> Self {
        let mut databases: Vec<Choice<'a>> = databases.iter().map(|one| choice(one, servers)).collect();
        databases.sort_by_key(|one| one.database.database);
        let site_load: BTreeMap<&str, usize> = servers.iter().map(|server| (&*server.site, 0)).collect();
        let site_range = match balance {
            Balance::ByActivationPreference => None,
            Balance::BySiteAndActivationPreference { deviation_percent } => {
                Some(range(databases.len(), site_load.len().max(1), deviation_percent))
            }
        };
        let mut plan = Self { servers, databases, load: BTreeMap::new(), site_load, site_range };
        for at in 0..plan.databases.len() {
            plan.count(plan.databases[at].place(), 1);
        }
        plan
    }

    fn server(&self, server: Guid) -> Option<&'a Server> {
        self.servers.iter().find(|one| one.server == server)
    }

    fn count(&mut self, server: Guid, change: isize) {
        let load = self.load.entry(server).or_default();
        *load = load.saturating_add_signed(change);
        if let Some(load) = self.server(server).and_then(|one| self.site_load.get_mut(&*one.site)) {
            *load = load.saturating_add_signed(change);
        }
    }

    /// How many fewer databases are over a maximum, or out of a site's range, after a move between two servers;
    /// nothing where the target is full.
    fn mended(&self, from: Guid, to: Guid) -> Option<isize> {
        let load = |server: Guid| self.load.get(&server).copied().unwrap_or(0);
        let target = self.server(to)?;
        if target.maximum_active.is_some_and(|most| load(to) >= most) {
            return None;
        }
        let source = self.server(from);
        let over = source.and_then(|one| one.maximum_active).is_some_and(|most| load(from) > most);
        let mut mended = isize::from(over);
        if let Some((least, most)) = self.site_range
            && source.is_none_or(|source| source.site != target.site)
        {
            if let Some(load) = source.and_then(|one| self.site_load.get(&*one.site)) {
                mended += isize::from(*load > most) - isize::from(*load <= least);
            }
            if let Some(load) = self.site_load.get(&*target.site) {
                mended += isize::from(*load < least) - isize::from(*load >= most);
            }
        }
        Some(mended)
    }

    /// The step that mends most; of those, the one to the copy that is preferred most over the one it leaves.
    fn best_step(&self) -> Option<Step> {
        let mut best: Option<((isize, isize), Step)> = None;
        for (at, one) in self.databases.iter().enumerate() {
            for (rank, option) in one.options.iter().enumerate().filter(|(rank, _)| *rank != one.rank) {
                let Some(mended) = self.mended(one.place(), *option) else { continue };
                let preferred = one.rank.cast_signed() - rank.cast_signed();
                let gain = (mended, preferred);
                if gain > (0, 0) && best.as_ref().is_none_or(|(known, _)| gain > *known) {
                    best = Some((gain, Step { at, rank }));
                }
            }
        }
        best.map(|(_, step)| step)
    }

    fn take(&mut self, step: Step) {
        let from = self.databases[step.at].place();
        self.databases[step.at].rank = step.rank;
        self.count(from, -1);
        self.count(self.databases[step.at].place(), 1);
    }

    /// One move for each database, where an order can be found that fills no server too much on the way.
    fn at_once(&self) -> Option<Vec<Move>> {
        let mut load: BTreeMap<Guid, usize> = BTreeMap::new();
        for one in &self.databases {
            *load.entry(one.database.active).or_default() += 1;
        }
        let moved = self.databases.iter().filter(|one| one.place() != one.database.active);
        let mut open: Vec<Move> = moved
            .map(|one| Move { database: one.database.database, from: one.database.active, to: one.place() })
            .collect();
        let mut order = Vec::with_capacity(open.len());
        while !open.is_empty() {
            let before = order.len();
            open.retain(|step| {
                let most = self.server(step.to).and_then(|one| one.maximum_active);
                let there = load.entry(step.to).or_default();
                if most.is_some_and(|most| *there >= most) {
                    return true;
                }
                *there += 1;
                load.entry(step.from).and_modify(|n| *n = n.saturating_sub(1));
                order.push(*step);
                false
            });
            if order.len() == before {
                return None;
            }
        }
        Some(order)
    }
}

/// Fewest and most of a site: half the deviation on either side of the mean, rounded up as the product's script does.
fn range(databases: usize, sites: usize, deviation_percent: u32) -> (usize, usize) {
    let percent = usize::try_from(deviation_percent).unwrap_or(usize::MAX);
    let allowed = databases.saturating_mul(percent).div_ceil(200 * sites).min(databases);
    let least = databases.saturating_sub(allowed * sites).div_ceil(sites);
    (least, (databases + allowed * sites) / sites)
}

fn choice<'a>(database: &'a Database, servers: &[Server]) -> Choice<'a> {
    let known = |copy: &&Copy| servers.iter().any(|server| server.server == copy.server);
    let usable = |copy: &&Copy| copy.activatable || copy.server == database.active;
    let mut copies: Vec<&Copy> = database.copies.iter().filter(known).filter(usable).collect();
    copies.sort_by_key(|copy| (copy.preference, copy.server));
    let mut options: Vec<Guid> = copies.iter().map(|copy| copy.server).collect();
    let rank = options.iter().position(|server| *server == database.active).unwrap_or(options.len());
    if rank == options.len() {
        options.push(database.active);
    }
    Choice { database, options, rank }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn guid(n: usize) -> Guid {
        Guid([u8::try_from(n).unwrap(); 16])
    }
    fn servers(sites: &[&str]) -> Vec<Server> {
        let server = |(n, site): (usize, &&str)| Server {
            server: guid(n),
            site: (*site).into(),
            maximum_active: None,
        };
        sites.iter().enumerate().map(server).collect()
    }
    /// A database with copies on these servers, the first preferred, active on one of them.
    fn database(n: usize, on: &[usize], active: usize) -> Database {
        let copy = |(at, server): (usize, &usize)| Copy {
            server: guid(*server),
            preference: u32::try_from(at).unwrap() + 1,
            activatable: true,
        };
        Database {
            database: guid(n),
            active: guid(active),
            copies: on.iter().enumerate().map(copy).collect(),
        }
    }
    fn apply(databases: &mut [Database], moves: &[Move]) {
        for step in moves {
            let one = databases.iter_mut().find(|one| one.database == step.database).unwrap();
            assert_eq!(one.active, step.from);
            one.active = step.to;
        }
    }
    const SITES: Balance = Balance::BySiteAndActivationPreference { deviation_percent: DEVIATION_PERCENT };

    /// The example of the product's page "Manage mailbox database copies": 16 databases on four servers.
    #[test]
    fn databases_return_to_the_copies_they_prefer() {
        let servers = servers(&["A", "A", "A", "A"]);
        let mut databases: Vec<Database> = (0..16)
            .map(|n| {
                let on: Vec<usize> = (0..4).map(|at| (n + at) % 4).collect();
                database(n, &on, if n < 10 { 2 } else { n % 4 })
            })
            .collect();
        let plan = moves(Balance::ByActivationPreference, &databases, &servers);
        assert_eq!(plan.len(), databases.iter().filter(|one| one.active != one.copies[0].server).count());
        apply(&mut databases, &plan);
        for server in 0..4 {
            assert_eq!(databases.iter().filter(|one| one.active == guid(server)).count(), 4);
        }
        assert_eq!(moves(Balance::ByActivationPreference, &databases, &servers), []);
        assert_eq!(moves(SITES, &databases, &servers), []);
    }

    #[test]
    fn what_cannot_move_stays() {
        let all = servers(&["A", "A", "A"]);
        let blocked = |mut one: Database| {
            one.copies[0].activatable = false;
            one
        };
        let full: Vec<Server> =
            all.iter().map(|server| Server { maximum_active: Some(1), ..server.clone() }).collect();
        let rows: Vec<(&str, Vec<Database>, &[Server], usize)> = vec![
            ("the preferred copy cannot", vec![blocked(database(0, &[0, 1], 1))], &all, 0),
            ("a single copy", vec![database(0, &[1], 1)], &all, 0),
            ("the server is no member", vec![database(0, &[7, 1], 1)], &all, 0),
            ("the server is full", vec![database(0, &[0], 0), database(1, &[0, 1], 1)], &full, 0),
            (
                "two full servers cannot swap",
                vec![database(0, &[0, 1], 1), database(1, &[1, 0], 0)],
                &full,
                0,
            ),
            ("room is made first", vec![database(0, &[0, 1], 1), database(1, &[2, 0], 0)], &full, 2),
        ];
        for (what, databases, servers, count) in rows {
            assert_eq!(moves(Balance::ByActivationPreference, &databases, servers).len(), count, "{what}");
        }
    }

    /// "29 to 37 of 99 databases in each of three sites", the example of the product's page.
    #[test]
    fn sites_stay_within_the_allowed_deviation() {
        let servers = servers(&["A", "B", "C"]);
        // All prefer A.
        let mut databases: Vec<Database> =
            (0..99).map(|n| database(n, if n % 2 == 0 { &[0, 1, 2] } else { &[0, 2, 1] }, 0)).collect();
        let plan = moves(SITES, &databases, &servers);
        apply(&mut databases, &plan);
        let count = |n: usize| databases.iter().filter(|one| one.active == guid(n)).count();
        let counts = [count(0), count(1), count(2)];
        assert!(counts.iter().all(|n| (29..=37).contains(n)), "{counts:?}");
        assert_eq!(counts[0], 37, "no more is moved than must be");
        assert_eq!(plan.len(), 99 - 37);
        assert_eq!(moves(SITES, &databases, &servers), []);
    }

    fn any_group() -> impl Strategy<Value = (Vec<Server>, Vec<Database>)> {
        let server = (0usize..3, prop::option::weighted(0.3, 0usize..8));
        let servers = prop::collection::vec(server, 1..6);
        let described = (any::<prop::sample::Index>(), prop::collection::vec(any::<(u8, bool)>(), 1..6));
        (servers, prop::collection::vec(described, 0..20)).prop_map(|(servers, databases)| {
            let count = servers.len();
            let servers = servers.iter().enumerate().map(|(n, (site, most))| Server {
                server: guid(n),
                site: ["A", "B", "C"][*site].into(),
                maximum_active: *most,
            });
            let databases = databases.iter().enumerate().map(|(n, (active, copies))| {
                let mut on: Vec<(usize, bool)> =
                    copies.iter().map(|(at, usable)| (usize::from(*at) % count, *usable)).collect();
                let mut seen = BTreeSet::new();
                on.retain(|one| seen.insert(one.0));
                let order: Vec<usize> = on.iter().map(|one| one.0).collect();
                let mut one = database(n, &order, order[active.index(order.len())]);
                for (copy, (_, usable)) in one.copies.iter_mut().zip(&on) {
                    copy.activatable = *usable;
                }
                one
            });
            (servers.collect(), databases.collect())
        })
    }

    proptest! {
        /// Whatever the start: each step goes to a copy that may be active, no server is filled over its maximum, the order of the input does not matter, and a second run finds nothing to do.
        #[test]
        fn placement_is_sound_and_settles((servers, mut databases) in any_group(), by_site in any::<bool>()) {
            let balance = if by_site { SITES } else { Balance::ByActivationPreference };
            let plan = moves(balance, &databases, &servers);
            let mut reversed = databases.clone();
            reversed.reverse();
            prop_assert_eq!(&moves(balance, &reversed, &servers), &plan);
            for step in &plan {
                let one = databases.iter().find(|one| one.database == step.database).unwrap();
                prop_assert!(one.copies.iter().any(|copy| copy.server == step.to && copy.activatable));
                apply(&mut databases, &[*step]);
                let there = databases.iter().filter(|one| one.active == step.to).count();
                let most = servers.iter().find(|one| one.server == step.to).unwrap().maximum_active;
                prop_assert!(most.is_none_or(|most| there <= most));
            }
            prop_assert_eq!(moves(balance, &databases, &servers), vec![]);
        }

        /// Without limits, by preference alone, everything ends on the most preferred copy that may be active.
        #[test]
        fn without_limits_the_most_preferred_copy_wins((mut servers, mut databases) in any_group()) {
            for server in &mut servers {
                server.maximum_active = None;
            }
            let plan = moves(Balance::ByActivationPreference, &databases, &servers);
            apply(&mut databases, &plan);
            for one in &databases {
                let best = one.copies.iter().find(|copy| copy.activatable || copy.server == one.active);
                prop_assert_eq!(best.map(|copy| copy.server), Some(one.active));
            }
        }
    }
}
