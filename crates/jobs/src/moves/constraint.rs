//! `DataMoveReplicationConstraint`: whether the copies of a database have what a move has brought. One function
//! says so, over whatever copies there are.

use base::Guid;
use directory::Object;

/// One copy of a database, as the question needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// It is the active one.
    pub active: bool,
    /// The site of its server.
    pub site: Guid,
    /// It is healthy and has the most recent changes.
    pub current: bool,
}

impl Copy {
    /// The only copy of a database that is not replicated.
    pub const ONLY: Copy = Copy { active: true, site: Guid::EMPTY, current: true };
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
pub fn constraint<'a>(database: &'a Object, copies: &[Copy]) -> &'a str {
    let is_set = database.stored_value("DataMoveReplicationConstraint").is_some();
    if copies.len() < 2 && !is_set {
        return "None";
    }
    database.text("DataMoveReplicationConstraint").unwrap_or("None")
}

/// Whether the copies satisfy a constraint.
pub fn is_satisfied(constraint: &str, copies: &[Copy]) -> bool {
    let needs =
        WORDS.iter().find(|(word, _)| *word == constraint).map_or(Needs::Nothing, |(_, needs)| *needs);
    let active_site = copies.iter().find(|copy| copy.active).map(|copy| copy.site);
    let passive = |copy: &&Copy| !copy.active && copy.current;
    match needs {
        Needs::Nothing => true,
        Needs::SecondCopy => copies.iter().any(|copy| passive(&copy)),
        Needs::SecondDatacenter => {
            copies.iter().filter(passive).any(|copy| active_site.is_none_or(|site| site != copy.site))
        }
        Needs::AllDatacenters => {
            copies.iter().all(|copy| copies.iter().filter(passive).any(|other| other.site == copy.site))
        }
        Needs::AllCopies => copies.iter().all(|copy| copy.current),
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
            .map(|(active, site, current)| Copy { active: *active, site: *site, current: *current })
            .collect()
    }

    /// The constraints that let a move through, of all.
    fn let_through(of: &[Seen]) -> Vec<&'static str> {
        let copies = copies(of);
        WORDS[..5].iter().map(|(word, _)| *word).filter(|word| is_satisfied(word, &copies)).collect()
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
