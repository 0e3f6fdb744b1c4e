//! What a session is told of a folder when it opens it: the stored listing and what happened since.

use std::ops::{ControlFlow, RangeInclusive};

use engine::Read;

use super::{
    changes::{after_change, vanished},
    folders::status_of,
    items::{figures, scan_items},
};
use crate::{
    Mailbox, StoreError,
    keys::{self, table},
    rows::{Figures, Keywords, Listing},
    types::{Contents, FolderId, MailboxId},
};

impl Mailbox {
    /// All that a session needs to know of a folder when it opens it, from one view. How long it takes
    /// hangs on what changed since the listing was written last, not on the size of the folder.
    pub fn contents(&self, folder: FolderId) -> Result<Contents, StoreError> {
        let number = folder.number()?;
        self.database.view(|view| {
            let figures = figures(view, self.id, number)?;
            let mut listing = listing(view, self.id, number, &figures)?;
            let first_unseen = if figures.unread > 0 {
                listing.skip_seen(view, self.id, number, figures.items)?;
                Some(listing.seen_below)
            } else {
                None
            };
            let mut keywords = Vec::new();
            if !listing.keywords.is_empty() {
                let names = keys::get::<Keywords>(view, &keys::mailbox(table::KEYWORDS, self.id))?;
                let mut names = names.unwrap_or_default().0;
                let named = |number: &u16| names.get_mut(usize::from(*number)).map(std::mem::take);
                keywords.extend(listing.keywords.iter().filter_map(named));
            }
            let uids = expand(&listing.uids, figures.items);
            Ok(Contents { status: status_of(&figures), uids, first_unseen, keywords })
        })
    }

    /// Every UID of the folder, ascending.
    pub fn uids(&self, folder: FolderId) -> Result<Vec<u32>, StoreError> {
        let number = folder.number()?;
        self.database.view(|view| {
            let figures = figures(view, self.id, number)?;
            Ok(expand(&listing(view, self.id, number, &figures)?.uids, figures.items))
        })
    }
}

fn expand(ranges: &[RangeInclusive<u32>], count: u32) -> Vec<u32> {
    let mut uids = Vec::with_capacity(count as usize);
    uids.extend(ranges.iter().cloned().flatten());
    uids
}

/// The listing of a folder as it stands.
pub(crate) fn listing(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    figures: &Figures,
) -> Result<Listing, StoreError> {
    let key = keys::folder(table::LISTING, mailbox, folder);
    let mut listing: Listing = keys::get(read, &key)?.unwrap_or_default();
    if listing.modseq < figures.vanished_floor {
        // Older than what is remembered of vanished items: read the folder through.
        listing = Listing::default();
    }
    listing.catch_up(read, mailbox, folder)?;
    listing.modseq = figures.modseq;
    Ok(listing)
}

impl Listing {
    /// Takes in what happened since it was written.
    fn catch_up(&mut self, read: &impl Read, mailbox: MailboxId, folder: u32) -> Result<(), StoreError> {
        let (since, last) = (self.modseq, self.last());
        if last > 0 {
            for uid in changed_below(read, mailbox, folder, since, last)? {
                if let Some(row) = keys::get(read, &keys::item(mailbox, folder, uid))? {
                    self.note(uid, &row);
                }
            }
            self.remove(vanished(read, mailbox, folder, since)?);
        }
        // What came later has higher UIDs.
        let fresh = [last.saturating_add(1)..=u32::MAX];
        scan_items(read, mailbox, folder, &fresh, &mut |uid, row| {
            self.note(uid, &row);
            self.push(uid);
            ControlFlow::Continue(())
        })
    }

    /// Moves `seen_below` up to the first unseen item, passing over at most `most` seen ones.
    pub(crate) fn skip_seen(
        &mut self,
        read: &impl Read,
        mailbox: MailboxId,
        folder: u32,
        most: u32,
    ) -> Result<(), StoreError> {
        let mut passed = 0;
        scan_items(read, mailbox, folder, &[self.seen_below..=u32::MAX], &mut |uid, row| {
            self.seen_below = uid;
            if row.is_unread() || passed == most {
                return ControlFlow::Break(());
            }
            passed += 1;
            self.seen_below = uid.saturating_add(1);
            ControlFlow::Continue(())
        })
    }
}

/// UIDs up to `last` that were changed after a change number.
fn changed_below(
    read: &impl Read,
    mailbox: MailboxId,
    folder: u32,
    since: u64,
    last: u32,
) -> Result<Vec<u32>, StoreError> {
    let mut uids = Vec::new();
    let mut outcome = Ok(());
    let (from, to) = after_change(table::CHANGE, mailbox, folder, since);
    let (from, to) = (std::ops::Bound::Excluded(&from[..]), std::ops::Bound::Included(&to[..]));
    read.scan(from, to, false, &mut |_, value| {
        outcome = keys::uid_of(value).map(|uid| uids.extend((uid <= last).then_some(uid)));
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| uids)
}
