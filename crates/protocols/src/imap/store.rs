//! STORE: changing flags (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3).

use services::mailbox::{FlagChange, Flags};
use wire::imap::{Ranges, SequenceSet, Store, set, write};

use super::{
    pages::{self, Pages},
    reply::{Failure, Outcome, done, done_with},
    session::Session,
    view::tell_flags,
};

impl Session {
    pub(super) async fn store(&mut self, uid: bool, set: &SequenceSet, store: Store) -> Outcome {
        self.enabled.condstore |= store.unchanged_since.is_some();
        // What others did is told first, so that what comes after is this command's doing.
        self.tell_news(false).await?;
        let (mailbox, view) = self.selected_for_change()?;
        let (folder, ranges) = (view.folder, view.ranges(set, uid));
        let change = match store.add {
            None => FlagChange::Replace,
            Some(true) => FlagChange::Add,
            Some(false) => FlagChange::Remove,
        };
        let flags = Flags { system: store.flags.system, keywords: store.flags.keywords };
        let mut failed =
            mailbox.change_flags(folder, ranges.clone(), change, flags, store.unchanged_since).await?;
        failed.sort_unstable();
        let done_ranges = without(&ranges, &failed);
        // A silent client that follows modification sequences is still told them (RFC 7162 section 3.1.3).
        if !store.silent || self.enabled.condstore {
            self.tell_stored(done_ranges.clone()).await?;
        }
        if let Some(view) = &mut self.view {
            view.told(done_ranges);
            if !failed.is_empty() {
                let mut code = b"MODIFIED ".to_vec();
                write::set(&mut code, &set::from_sorted(view.numbers(&failed, uid)));
                return done_with(
                    String::from_utf8_lossy(&code).into_owned(),
                    "Some messages had changed already",
                );
            }
        }
        done("Completed")
    }

    /// Tells the flags of every message in the ranges.
    async fn tell_stored(&mut self, ranges: Ranges) -> Result<(), Failure> {
        let (mailbox, view) = self.selected()?;
        let mut pages = Pages::new(mailbox, view.folder, ranges);
        while let Some(page) = pages.next(pages::items).await? {
            if let Some(view) = &mut self.view {
                view.introduce(&page, &mut self.link.output);
                for item in page {
                    if let Some(number) = view.sequence(item.uid) {
                        tell_flags(&mut self.link.output, number, &item, self.enabled);
                    }
                }
            }
            self.link.relieve().await?;
        }
        Ok(())
    }
}

/// The ranges without some UIDs, which ascend.
fn without(ranges: &Ranges, uids: &[u32]) -> Ranges {
    if uids.is_empty() {
        return ranges.clone();
    }
    let mut from = 1;
    let mut others: Ranges = Vec::with_capacity(uids.len() + 1);
    for uid in uids {
        if from < *uid {
            others.push(from..=uid - 1);
        }
        from = uid.saturating_add(1);
    }
    others.push(from..=u32::MAX);
    set::intersect(ranges, &others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_without() {
        assert_eq!(without(&vec![1..=5, 8..=9], &[]), [1..=5, 8..=9]);
        assert_eq!(without(&vec![1..=5, 8..=9], &[1, 3, 9]), [2..=2, 4..=5, 8..=8]);
        assert_eq!(without(&vec![3..=4], &[3, 4]), []);
    }
}
