//! A mailbox on its way from one database to another: the target becomes row for row what the source is, so
//! that identities, UIDs, change numbers, flags and bytes are the same afterwards.
//!
//! Changes are taken over folder by folder in the order of their change numbers, the folders in turns. A fresh copy is nothing but
//! all changes since zero; what happens to the source meanwhile comes with the next pages. Each page is one
//! commit of the target that also says how far the move has come: a move that was killed goes on there.
//! Whoever moves a mailbox calls, in this order: [`Database::begin_transfer`], [`Transfer::step`] until nothing is
//! left, [`Transfer::lock`], `step` again, [`Transfer::settle`], [`Transfer::verify`], [`Transfer::activate`]; then
//! the directory says where the mailbox is, [`Source::soft_delete`] and
//! [`Database::finish_transfer`]. All of it waits for the disk. The source may be on another server.

mod incoming;
mod lifecycle;
mod mirror;
mod outgoing;
mod rows;
mod source;

pub use lifecycle::TransferState;
pub use source::{Answer, Question, Source};

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use base::Guid;
use bytes::Bytes;
use engine::Read;

use self::{
    incoming::Batch,
    outgoing::{Outgoing, Page},
    rows::{BadRow, Hold, MoveRow, arrivals, kind},
    source::{Body, Found},
};
use crate::{
    Damage, Finding, Mailbox, StoreError,
    keys::{self, table},
    read::scan_items,
    rows::Place,
    types::{FolderId, ItemId},
};

/// How much one commit of a move takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageLimits {
    /// Items.
    pub items: usize,
    /// Bytes of bodies; one item may be larger. Together they must fit into a segment of the target's log.
    pub bytes: u64,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { items: 512, bytes: 4 << 20 }
    }
}

/// A move as the target knows it.
#[derive(Clone)]
pub struct Transfer {
    hold: Hold,
    source: Source,
    target: Mailbox,
    /// The folder of the last page.
    last: Arc<AtomicU32>,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Items brought so far, those that have left again included.
    pub items: u64,
    /// Their sizes, bytes.
    pub bytes: u64,
}

/// An item that could not be read in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadItem {
    /// Its folder.
    pub folder: FolderId,
    /// Its UID there.
    pub uid: u32,
    /// Why, for administrators.
    pub reason: String,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It took over changes; there may be more.
    Took {
        /// Items new to the target.
        items: usize,
        /// Their sizes, bytes.
        bytes: u64,
        /// The folder that they are in. Folders take turns, in the order of their numbers.
        folder: u32,
        /// The folder had more than that.
        more: bool,
    },
    /// There was nothing to take over.
    UpToDate,
}

/// Rows compared in one view.
const COMPARE_PAGE: usize = 2048;

impl Transfer {
    /// The move.
    pub fn id(&self) -> Guid {
        self.hold.id
    }
    /// The mailbox it fills.
    pub fn target(&self) -> &Mailbox {
        &self.target
    }
    /// The mailbox it takes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How far it has come.
    pub fn progress(&self) -> Result<Progress, StoreError> {
        let key = keys::arrival(self.target.id, kind::MOVE, 0);
        let row: Option<MoveRow> = self.target.database.view(|view| keys::get(view, &key))?;
        let row = row.ok_or(StoreError::NoTransfer(self.hold.id))?;
        Ok(row.progress())
    }

    /// What could not be read so far and is still in the source.
    pub fn bad_items(&self) -> Result<Vec<BadItem>, StoreError> {
        let item =
            |row: BadRow| BadItem { folder: FolderId(row.folder.into()), uid: row.uid, reason: row.text };
        Ok(mirror::bad_items(&self.source, &self.target)?.into_iter().map(item).collect())
    }

    /// Takes over the next changes. Waits for the disk.
    pub fn step(&self, limits: PageLimits) -> Result<Step, StoreError> {
        let cursors = self.target.database.view(|view| arrivals(view, self.target.id, kind::CURSOR))?;
        let last = self.last.load(Ordering::Relaxed);
        let Some(page) = self.source.page(cursors, last, limits)? else { return Ok(Step::UpToDate) };
        let (folder, more) = (page.folder, page.more);
        self.last.store(folder, Ordering::Relaxed);
        let batch = self.gather(page)?;
        let fresh = batch.items.iter().filter(|(_, body)| body.is_some());
        let taken = fresh.fold((0, 0), |(items, bytes), (item, _)| (items + 1, bytes + u64::from(item.len)));
        let id = self.target.id;
        self.target.database.change(move |txn, _| incoming::write(txn, id, batch)).wait()?;
        Ok(Step::Took { items: taken.0, bytes: taken.1, folder, more })
    }

    /// Reads what a page of changes means for the target.
    fn gather(&self, page: Page) -> Result<Batch, StoreError> {
        let Page { folder, mut items, mut bad, vanished, compare, cursor, more: _ } = page;
        let mut left: Vec<ItemId> = self.target.database.view(|view| {
            let mut ids = Vec::new();
            for uid in &vanished {
                let key = keys::item(self.target.id, folder, *uid);
                ids.extend(keys::get::<crate::rows::ItemRow>(view, &key)?.map(|row| row.id));
            }
            Ok::<_, StoreError>(ids)
        })?;
        if compare {
            left.extend(self.strays(folder)?);
        }
        let mut gone = Vec::new();
        for (id, found) in self.source.items(&left)? {
            match found {
                Found::Item(item) => items.push(*item),
                Found::Gone => gone.push(id),
                // It is counted where it is now.
                Found::Unreadable => {}
            }
        }
        let known = self.target.database.view(|view| {
            let known = |item: &Outgoing| view.get(&keys::by_id(table::DETAIL, self.target.id, item.id));
            items.iter().map(|item| Ok(known(item)?.is_some())).collect::<Result<Vec<bool>, StoreError>>()
        })?;
        let fresh = items.iter().zip(&known).filter(|(_, known)| !**known).map(|(item, _)| item.id);
        let mut bodies = self.source.bodies(&fresh.collect::<Vec<_>>())?.into_iter();
        let mut with_bodies: Vec<(Outgoing, Option<Bytes>)> = Vec::with_capacity(items.len());
        for (item, is_known) in items.into_iter().zip(known) {
            if is_known {
                with_bodies.push((item, None));
                continue;
            }
            match bodies.next() {
                Some(Body::Whole(body)) => with_bodies.push((item, Some(body))),
                Some(Body::Bad(why)) => {
                    let row = BadRow::told(item.place.folder, item.place.uid, why);
                    bad.push((row.number(Some(item.id)), row));
                }
                // What left meanwhile is no bad item: the next page says that it left.
                Some(Body::Gone) | None => {}
            }
        }
        Ok(Batch { folder, items: with_bodies, gone, bad, cursor })
    }

    /// Items that the target has in a folder and the source has not.
    fn strays(&self, folder: u32) -> Result<Vec<ItemId>, StoreError> {
        let (mut strays, mut from) = (Vec::new(), 0);
        loop {
            let rows = self
                .target
                .database
                .view(|view| incoming::in_folder(view, self.target.id, folder, from, COMPARE_PAGE))?;
            let places = rows.iter().map(|(uid, _)| Place { folder, uid: *uid }).collect();
            let present = self.source.present(places)?;
            strays.extend(
                rows.iter().zip(present).filter(|(_, is_there)| !is_there).map(|((_, row), _)| row.id),
            );
            match rows.last() {
                Some((last, _)) if rows.len() == COMPARE_PAGE && *last < u32::MAX => from = last + 1,
                _ => return Ok(strays),
            }
        }
    }

    /// Makes everything but items alike, and leaves out what could not be read: folders, settings, rules,
    /// associated items, counters, what vanished, deliveries. Right when the source is locked; before that it
    /// takes work off the time of the lock.
    pub fn settle(&self) -> Result<(), StoreError> {
        mirror::settle(&self.source, &self.target)?;
        let bad = mirror::bad_items(&self.source, &self.target)?;
        if bad.is_empty() { Ok(()) } else { mirror::leave_out(&self.target, bad) }
    }

    /// Counts the items of every folder on both sides; an empty answer means that none is missing.
    pub fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        let bad = mirror::bad_items(&self.source, &self.target)?;
        let mut findings = Vec::new();
        for (number, expected) in self.source.counts()? {
            let left_out = bad.iter().filter(|row| row.folder == number).count() as u64;
            let (mut items, mut from) = (0u64, 0u32);
            loop {
                let mut page = 0;
                self.target.database.view(|view| {
                    scan_items(view, self.target.id, number, &[from..=u32::MAX], &mut |uid, _| {
                        (page, from) = (page + 1, uid.saturating_add(1));
                        if page < COMPARE_PAGE {
                            std::ops::ControlFlow::Continue(())
                        } else {
                            std::ops::ControlFlow::Break(())
                        }
                    })
                })?;
                items += page as u64;
                if page < COMPARE_PAGE {
                    break;
                }
            }
            if items + left_out != expected {
                let text = format!(
                    "the source has {expected} items, the target {items}, and {left_out} could not be read"
                );
                let folder = Some(FolderId(number.into()));
                findings.push(Finding { damage: Damage::Orphan, folder, text });
            }
        }
        Ok(findings)
    }
}
