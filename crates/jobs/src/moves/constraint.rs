//! `DataMoveReplicationConstraint`: whether the copies of a database have what a move has brought. One function
//! says so, over whatever copies there are.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use base::{Guid, clock::SharedClock};
use dag::machine::status::{CopyStatus, Role, status};
use directory::{Object, View};

use crate::copies::Manager;

/// How long copies may take to get what was brought before the move has to wait.
const CATCHING_UP: Duration = Duration::from_secs(3);
/// How often they are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One copy of a database, as the question needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// It is the active one.
    pub active: bool,
    /// Its server.
    pub server: Guid,
    /// The site of its server.
    pub site: Guid,
    /// Whether it takes what the active one has.
    pub status: CopyStatus,
    /// Up to where it has the log, bytes.
    pub received: u64,
}

impl Copy {
    /// The only copy of a database that is not replicated.
    pub const ONLY: Copy = Copy {
        active: true,
        server: Guid::EMPTY,
        site: Guid::EMPTY,
        status: CopyStatus::Mounted,
        received: 0,
    };

    /// Whether it has what the log says up to there.
    fn is_current(&self, upto: u64) -> bool {
        self.status.is_available() && self.received >= upto
    }
}

/// The copies of a database as they stand.
pub type Copies = dyn Fn(Arc<View>, Arc<Object>) -> Seen + Send + Sync;
/// What becomes of looking.
pub type Seen = Pin<Box<dyn Future<Output = Vec<Copy>> + Send>>;

/// The copies as whoever keeps them sees them.
pub fn copies_of(manager: &Manager) -> Box<Copies> {
    let manager = manager.clone();
    Box::new(move |view, database| {
        let manager = manager.clone();
        Box::pin(async move {
            let reports = manager.reports(&view, &database).await;
            let copy = |report: &crate::copies::CopyReport| Copy {
                active: matches!(report.facts.role, Role::Active(_)),
                server: report.server,
                site: view.site_of(report.server),
                status: status(&report.facts),
                received: report.progress.received,
            };
            reports.iter().map(copy).collect()
        })
    })
}

/// Which copies must have the most recent changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// None: a move is never held back.
    Nothing,
    /// A passive copy.
    SecondCopy,
    /// A passive copy in another site than the active one's.
    SecondDatacenter,
    /// A passive copy in each site that has copies.
    AllDatacenters,
    /// Every copy.
    AllCopies,
}

/// The words of the parameter. There is no content index apart from the database here: values that ask for it
/// ask for the copies alone.
const WORDS: &[(&str, Needs)] = &[
    ("None", Needs::Nothing),
    ("SecondCopy", Needs::SecondCopy),
    ("SecondDatacenter", Needs::SecondDatacenter),
    ("AllDatacenters", Needs::AllDatacenters),
    ("AllCopies", Needs::AllCopies),
    ("CINoReplication", Needs::Nothing),
    ("CISecondCopy", Needs::SecondCopy),
    ("CISecondDatacenter", Needs::SecondDatacenter),
];

/// The constraint of a database. One that has a single copy is not held to the default, which is for replicated
/// ones, but to what an administrator has set.
fn constraint<'a>(view: &View, database: &'a Object) -> &'a str {
    let is_set = database.stored_value("DataMoveReplicationConstraint").is_some();
    if view.copies_of(database.guid).len() < 2 && !is_set {
        return "None";
    }
    database.text("DataMoveReplicationConstraint").unwrap_or("None")
}

fn needs(constraint: &str) -> Needs {
    WORDS.iter().find(|(word, _)| *word == constraint).map_or(Needs::Nothing, |(_, needs)| *needs)
}

/// Whether the copies of a database have what is in it now, as far as its constraint asks; they have a moment for
/// it. Where not, why, for people.
pub(super) async fn hold_back(
    view: &Arc<View>,
    database: &Arc<Object>,
    copies: &Copies,
    clock: &SharedClock,
) -> Result<(), String> {
    let constraint = constraint(view, database);
    if needs(constraint) == Needs::Nothing {
        return Ok(());
    }
    let (until, mut upto) = (clock.monotonic() + CATCHING_UP, None);
    loop {
        let seen = copies(view.clone(), database.clone()).await;
        // What comes in later does not count.
        upto = upto.or_else(|| seen.iter().filter(|copy| copy.active).map(|copy| copy.received).max());
        if upto.is_some_and(|upto| is_satisfied(constraint, &seen, upto)) {
            return Ok(());
        }
        let may_come = upto.is_some_and(|upto| {
            let whole: Vec<Copy> = seen.iter().map(|copy| Copy { received: upto, ..*copy }).collect();
            is_satisfied(constraint, &whole, upto)
        });
        if !may_come || clock.monotonic() >= until {
            let (name, behind) = (&database.name, behind(view, database, &seen, upto.unwrap_or(0)));
            return Err(format!(
                "the copies of database \"{name}\" do not satisfy the constraint {constraint} yet{behind}"
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The copies that do not have what the log says up to a place, as the end of a sentence: those that do not follow,
/// or else those that are late.
fn behind(view: &View, database: &Object, copies: &[Copy], upto: u64) -> String {
    let name = |copy: &Copy| {
        format!("{}\\{}", database.name, view.get(copy.server).map_or("?", |server| &server.name))
    };
    let (follow, not): (Vec<&Copy>, Vec<&Copy>) = copies.iter().partition(|copy| copy.status.is_available());
    let not = not.into_iter().map(|copy| format!("{} is {}", name(copy), copy.status));
    let late = follow.into_iter().filter(|copy| copy.received < upto);
    let late = late.map(|copy| format!("{} is {} bytes behind", name(copy), upto - copy.received));
    let mut lacking: Vec<String> = not.collect();
    if lacking.is_empty() {
        lacking.extend(late);
    }
    if lacking.is_empty() { String::new() } else { format!(": {}", lacking.join(", ")) }
}

/// Whether copies satisfy a constraint for what the log says up to a place.
pub fn is_satisfied(constraint: &str, copies: &[Copy], upto: u64) -> bool {
    let active_site = copies.iter().find(|copy| copy.active).map(|copy| copy.site);
    let passive = |copy: &&Copy| !copy.active && copy.is_current(upto);
    match needs(constraint) {
        Needs::Nothing => true,
        Needs::SecondCopy => copies.iter().any(|copy| passive(&copy)),
        Needs::SecondDatacenter => {
            copies.iter().filter(passive).any(|copy| active_site.is_none_or(|site| site != copy.site))
        }
        Needs::AllDatacenters => {
            copies.iter().all(|copy| copies.iter().filter(passive).any(|other| other.site == copy.site))
        }
        Needs::AllCopies => copies.iter().all(|copy| copy.is_current(upto)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Guid = Guid([1; 16]);
    const THERE: Guid = Guid([2; 16]);

    /// A copy: active, its site, current.
    type Seen = (bool, Guid, bool);

    fn copies(of: &[Seen]) -> Vec<Copy> {
        of.iter()
            .map(|(active, site, current)| Copy {
                active: *active,
                site: *site,
                server: Guid::EMPTY,
                status: CopyStatus::Healthy,
                received: if *current { 7 } else { 6 },
            })
            .collect()
    }

    /// The constraints that let a move through, of all.
    fn let_through(of: &[Seen]) -> Vec<&'static str> {
        let copies = copies(of);
        WORDS[..5].iter().map(|(word, _)| *word).filter(|word| is_satisfied(word, &copies, 7)).collect()
    }

    #[test]
    fn each_value_holds_back_or_lets_through_as_named() {
        let cases: [(&[Seen], &[&str]); 7] = [
            (&[(true, HERE, true)], &["None", "AllCopies"]),
            (&[(true, HERE, true), (false, HERE, false)], &["None"]),
            (
                &[(true, HERE, true), (false, HERE, true)],
                &["None", "SecondCopy", "AllDatacenters", "AllCopies"],
            ),
            (
                &[(true, HERE, true), (false, THERE, true)],
                &["None", "SecondCopy", "SecondDatacenter", "AllCopies"],
            ),
            (&[(true, HERE, true), (false, HERE, true), (false, THERE, false)], &["None", "SecondCopy"]),
            (
                &[(true, HERE, true), (false, HERE, true), (false, THERE, true)],
                &["None", "SecondCopy", "SecondDatacenter", "AllDatacenters", "AllCopies"],
            ),
            (
                &[(true, HERE, true), (false, HERE, false), (false, THERE, true)],
                &["None", "SecondCopy", "SecondDatacenter"],
            ),
        ];
        for (copies, expected) in cases {
            assert_eq!(let_through(copies), expected, "{copies:?}");
        }
    }
}
