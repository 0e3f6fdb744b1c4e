//! Searches that are followed: what comes into their result, and what leaves it, is told (RFC 5267).

use services::mailbox::Changes;
use wire::imap::Search;

use super::{
    criteria::Test,
    reply::{Failure, Outcome, done},
    results::{write_head, write_numbers},
    search::fitting,
    session::Session,
};

/// Searches one session may follow.
const FOLLOWED_MAX: usize = 8;
/// A test that must read whole messages is not followed (`Test::cost`).
const COST_MAX: u8 = 2;

/// A search that is followed.
pub(super) struct Followed {
    tag: String,
    uid: bool,
    test: Test,
    /// The UIDs of its result, ascending.
    members: Vec<u32>,
}

impl Session {
    /// Follows the search from now on, if it asks for that.
    pub(super) fn follow(
        &mut self,
        tag: &str,
        uid: bool,
        search: &Search,
        found: &[u32],
    ) -> Result<(), Failure> {
        if !search.results.is_some_and(|wanted| wanted.update) {
            return Ok(());
        }
        let (_, view) = self.selected()?;
        let test = Test::new(&search.key, view, self.server.clock.now().secs());
        self.followed.retain(|followed| followed.tag != tag);
        if test.cost() > COST_MAX || self.followed.len() == FOLLOWED_MAX {
            self.link.say(&format!("* NO [NOUPDATE \"{tag}\"] This search is not followed\r\n"));
            return Ok(());
        }
        self.followed.push(Followed { tag: tag.to_owned(), uid, test, members: found.to_vec() });
        Ok(())
    }

    pub(super) fn cancel_update(&mut self, tags: &[String]) -> Outcome {
        self.followed.retain(|followed| !tags.contains(&followed.tag));
        done("Completed")
    }

    /// Tells how changes, which the client was told of, touch the results.
    pub(super) fn update_followed(&mut self, changes: &Changes) -> Result<(), Failure> {
        let (Some(view), Some(mailbox)) = (&self.view, &self.mailbox) else { return Ok(()) };
        for followed in &mut self.followed {
            // What is expunged leaves every result; the client knows.
            followed.members.retain(|uid| changes.vanished.binary_search(uid).is_err());
            let fits = fitting(mailbox, changes.changed.clone(), &followed.test)?;
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for uid in changes.changed.iter().map(|item| item.uid) {
                let fits = fits.binary_search_by_key(&uid, |item| item.uid).is_ok();
                match (followed.members.binary_search(&uid), fits) {
                    (Err(at), true) => {
                        followed.members.insert(at, uid);
                        added.push(uid);
                    }
                    (Ok(at), false) => {
                        followed.members.remove(at);
                        removed.push(uid);
                    }
                    _ => {}
                }
            }
            for (word, uids) in [(" ADDTO (0 ", added), (" REMOVEFROM (0 ", removed)] {
                let numbers = view.numbers(&uids, followed.uid);
                if !numbers.is_empty() {
                    let out = &mut self.link.output;
                    write_head(out, &followed.tag, followed.uid);
                    out.extend_from_slice(word.as_bytes());
                    write_numbers(out, &numbers);
                    out.extend_from_slice(b")\r\n");
                }
            }
        }
        Ok(())
    }
}
