//! The source of a move, wherever it is: the questions that a move asks of it, and their answers. All of them may
//! be asked again: the answer may have been lost on the way.

use std::{collections::BTreeMap, sync::Arc};

use base::Guid;
use bytes::Bytes;
use engine::{EngineError, Read};
use serde::{Deserialize, Serialize};

use super::{
    PageLimits, mirror,
    mirror::Rows,
    outgoing::{self, Outgoing, Page},
    rows::{Cursor, Hold, kind},
};
use crate::{
    FolderId, Mailbox, MailboxState, StoreError,
    codec::Row,
    keys::{self, table},
    mailbox::DisconnectReason,
    read::figures,
    rows::{Detail, MailboxRow, Place, Totals},
    types::{ItemId, MailboxId},
    write::set_locked,
};

/// Items or places in one question.
const LIST_MAX: usize = 2048;

/// What a move asks of its source. Opaque to whoever carries it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question(Ask);

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Ask {
    /// Whose are you, and how large?
    Own,
    /// What has changed after these? The last page was of this folder.
    Page { cursors: BTreeMap<u64, Cursor>, last: u32, limits: PageLimits },
    /// How are these items now?
    Items(Vec<ItemId>),
    /// The body of this one.
    Body(ItemId),
    /// Is anything in these places?
    Present(Vec<Place>),
    /// The counters of every folder.
    Figures,
    /// How many items are in each folder?
    Counts,
    /// Rows that are compared.
    Rows { table: u8, begin: Vec<u8>, from: Vec<u8> },
    /// What has been delivered?
    Deliveries { from: Vec<u8> },
    /// What is this folder called?
    Path(u64),
    /// Be locked, or unlocked.
    Hold(Hold, bool),
    /// You were moved away.
    SoftDelete,
}

/// What the source says to a [`Question`].
#[derive(Debug)]
pub struct Answer(Told);

#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Own {
        row: Vec<u8>,
        totals: Vec<u8>,
    },
    Page(Option<Page>),
    Items(Vec<(ItemId, Found)>),
    /// The body goes beside it.
    Body(#[serde(skip)] Bytes),
    BadBody(String),
    NoBody,
    Present(Vec<bool>),
    Figures(BTreeMap<u32, Vec<u8>>),
    Counts(BTreeMap<u32, u64>),
    Rows(Rows, Option<Vec<u8>>),
    Path(Vec<String>),
    Done,
}

/// An item that was asked for by its identity.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Found {
    Item(Box<Outgoing>),
    Gone,
    /// It is there and damaged.
    Unreadable,
}

/// A body that was asked for.
pub(super) enum Body {
    Whole(Bytes),
    /// It cannot be read, and why.
    Bad(String),
    /// Its item is gone.
    Gone,
}

impl Question {
    /// Asks a mailbox that is here. Waits for the disk.
    pub fn answer(self, mailbox: &Mailbox) -> Result<Answer, StoreError> {
        let told = answer(mailbox, self.0)?;
        // What was read is good only if nobody else had the database by then.
        mailbox.database.check_online()?;
        Ok(Answer(told))
    }
}

impl Answer {
    /// For the wire: what is said, and a body that goes beside it as it is.
    pub fn encode(self) -> Result<(Vec<u8>, Bytes), StoreError> {
        let said = postcard::to_stdvec(&self.0).map_err(|error| StoreError::Away(error.to_string()))?;
        let body = if let Told::Body(body) = self.0 { body } else { Bytes::new() };
        Ok((said, body))
    }

    /// From the wire; nothing where it is not understood.
    pub fn decode(said: &[u8], body: Bytes) -> Option<Self> {
        let told = match postcard::from_bytes(said).ok()? {
            Told::Body(_) => Told::Body(body),
            other => other,
        };
        Some(Self(told))
    }
}

/// Asks several questions at once and gives their answers in this order. Waits for them.
type Asking = dyn Fn(Vec<Question>) -> Result<Vec<Answer>, StoreError> + Send + Sync;

/// The mailbox that a move takes from; clones share it.
#[derive(Clone)]
pub struct Source {
    database: Guid,
    mailbox: MailboxId,
    asking: Arc<Asking>,
}

impl From<&Mailbox> for Source {
    fn from(mailbox: &Mailbox) -> Self {
        let (here, database) = (mailbox.clone(), mailbox.database.guid());
        Self::new(database, mailbox.id, move |all| all.into_iter().map(|one| one.answer(&here)).collect())
    }
}

impl Source {
    /// A mailbox of a database, and how it is asked, wherever it is.
    pub fn new(
        database: Guid,
        mailbox: MailboxId,
        asking: impl Fn(Vec<Question>) -> Result<Vec<Answer>, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { database, mailbox, asking: Arc::new(asking) }
    }

    /// Its database.
    pub fn database(&self) -> Guid {
        self.database
    }
    /// Its number there.
    pub fn id(&self) -> MailboxId {
        self.mailbox
    }

    /// Items and bytes, Recoverable Items included.
    pub fn size(&self) -> Result<(u64, u64), StoreError> {
        let (_, totals) = self.own()?;
        Ok((totals.items + totals.recoverable, totals.size + totals.recoverable_size))
    }

    /// The path of a folder, for people; nothing where there is none.
    pub fn path(&self, folder: FolderId) -> Result<Vec<String>, StoreError> {
        match self.ask(Ask::Path(folder.0))? {
            Told::Path(path) => Ok(path),
            _ => Err(misunderstood()),
        }
    }

    /// Keeps the mailbox as one that was moved away, where it still belongs to its user. Nothing where it is gone.
    pub fn soft_delete(&self) -> Result<(), StoreError> {
        self.done(Ask::SoftDelete)
    }

    pub(super) fn hold(&self, hold: Hold, locked: bool) -> Result<(), StoreError> {
        self.done(Ask::Hold(hold, locked))
    }

    pub(super) fn own(&self) -> Result<(MailboxRow, Totals), StoreError> {
        match self.ask(Ask::Own)? {
            Told::Own { row, totals } => Ok((MailboxRow::from_bytes(&row)?, Totals::from_bytes(&totals)?)),
            _ => Err(misunderstood()),
        }
    }

    pub(super) fn page(
        &self,
        cursors: BTreeMap<u64, Cursor>,
        last: u32,
        limits: PageLimits,
    ) -> Result<Option<Page>, StoreError> {
        match self.ask(Ask::Page { cursors, last, limits })? {
            Told::Page(page) => Ok(page),
            _ => Err(misunderstood()),
        }
    }

    pub(super) fn items(&self, ids: &[ItemId]) -> Result<Vec<(ItemId, Found)>, StoreError> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(LIST_MAX) {
            let Told::Items(found) = self.ask(Ask::Items(ids.to_vec()))? else { return Err(misunderstood()) };
            all.extend(found);
        }
        Ok(all)
    }

    /// A body for each, in this order.
    pub(super) fn bodies(&self, ids: &[ItemId]) -> Result<Vec<Body>, StoreError> {
        let mut bodies = Vec::with_capacity(ids.len());
        for ids in ids.chunks(LIST_MAX) {
            let answers = (self.asking)(ids.iter().map(|id| Question(Ask::Body(*id))).collect())?;
            if answers.len() != ids.len() {
                return Err(misunderstood());
            }
            for answer in answers {
                bodies.push(match answer.0 {
                    Told::Body(body) => Body::Whole(body),
                    Told::BadBody(why) => Body::Bad(why),
                    Told::NoBody => Body::Gone,
                    _ => return Err(misunderstood()),
                });
            }
        }
        Ok(bodies)
    }

    /// Whether something is there, for each, in this order.
    pub(super) fn present(&self, places: Vec<Place>) -> Result<Vec<bool>, StoreError> {
        let mut all = Vec::with_capacity(places.len());
        for some in places.chunks(LIST_MAX) {
            match self.ask(Ask::Present(some.to_vec()))? {
                Told::Present(present) if present.len() == some.len() => all.extend(present),
                _ => return Err(misunderstood()),
            }
        }
        Ok(all)
    }

    pub(super) fn figures(&self) -> Result<BTreeMap<u32, Vec<u8>>, StoreError> {
        match self.ask(Ask::Figures)? {
            Told::Figures(figures) => Ok(figures),
            _ => Err(misunderstood()),
        }
    }

    /// Items of each folder.
    pub(super) fn counts(&self) -> Result<BTreeMap<u32, u64>, StoreError> {
        match self.ask(Ask::Counts)? {
            Told::Counts(counts) => Ok(counts),
            _ => Err(misunderstood()),
        }
    }

    pub(super) fn rows(
        &self,
        table: u8,
        begin: &[u8],
        from: &[u8],
    ) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
        self.some_rows(Ask::Rows { table, begin: begin.to_vec(), from: from.to_vec() }, from)
    }

    pub(super) fn deliveries(&self, from: Vec<u8>) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
        self.some_rows(Ask::Deliveries { from: from.clone() }, &from)
    }

    /// Rows from one key on, and where to go on, which is further on.
    fn some_rows(&self, ask: Ask, from: &[u8]) -> Result<(Rows, Option<Vec<u8>>), StoreError> {
        match self.ask(ask)? {
            Told::Rows(rows, next) if next.as_deref().is_none_or(|next| next > from) => Ok((rows, next)),
            _ => Err(misunderstood()),
        }
    }

    fn done(&self, ask: Ask) -> Result<(), StoreError> {
        match self.ask(ask)? {
            Told::Done => Ok(()),
            _ => Err(misunderstood()),
        }
    }

    fn ask(&self, ask: Ask) -> Result<Told, StoreError> {
        let answer = (self.asking)(vec![Question(ask)])?.pop();
        answer.map(|answer| answer.0).ok_or_else(misunderstood)
    }
}

fn misunderstood() -> StoreError {
    StoreError::Away(
        "the server that has the mailbox answered something else: are both of one release?".into(),
    )
}

fn answer(mailbox: &Mailbox, ask: Ask) -> Result<Told, StoreError> {
    let (database, id) = (&mailbox.database, mailbox.id);
    Ok(match ask {
        Ask::Own => database.view(|view| {
            let row = view.get(&keys::mailbox(table::MAILBOX, id))?.ok_or(StoreError::NoMailbox)?;
            let totals = view.get(&keys::mailbox(table::TOTALS, id))?.ok_or(StoreError::NoMailbox)?;
            Ok::<_, StoreError>(Told::Own { row: row.to_vec(), totals: totals.to_vec() })
        })?,
        Ask::Page { cursors, last, limits } => {
            let limits = PageLimits { items: limits.items.min(LIST_MAX), ..limits };
            Told::Page(database.view(|view| outgoing::next_page(view, id, &cursors, last, limits))?)
        }
        Ask::Items(ids) => Told::Items(items(mailbox, ids)?),
        Ask::Body(item) => body(mailbox, item)?,
        Ask::Present(places) => Told::Present(database.view(|view| {
            let is_there = |at: Place| Ok(view.get(&keys::item(id, at.folder, at.uid))?.is_some());
            places.into_iter().map(is_there).collect::<Result<_, StoreError>>()
        })?),
        Ask::Figures => Told::Figures(mirror::all_figures(mailbox)?),
        Ask::Counts => Told::Counts(counts(mailbox)?),
        Ask::Rows { table, begin, from } if mirror::is_mirrored(table, &begin) => {
            let (rows, next) = mirror::page_of(mailbox, table, &begin, &from)?;
            Told::Rows(rows, next)
        }
        Ask::Rows { .. } => return Err(misunderstood()),
        Ask::Deliveries { from } => {
            let (rows, next) = mirror::deliveries_of(mailbox, from)?;
            Told::Rows(rows, next)
        }
        Ask::Path(folder) => {
            let found = mailbox.all_folders()?.into_iter().find(|one| one.id.0 == folder);
            Told::Path(found.map(|folder| folder.path).unwrap_or_default())
        }
        Ask::Hold(hold, locked) => set_held(mailbox, hold, locked)?,
        Ask::SoftDelete => soft_delete(mailbox)?,
    })
}

fn items(mailbox: &Mailbox, ids: Vec<ItemId>) -> Result<Vec<(ItemId, Found)>, StoreError> {
    mailbox.database.view(|view| {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let found = match outgoing::by_id(view, mailbox.id, id) {
                Ok(Some(item)) => Found::Item(Box::new(item)),
                Ok(None) => Found::Gone,
                Err(StoreError::Row(_) | StoreError::NoItem(_)) => Found::Unreadable,
                Err(error) => return Err(error),
            };
            all.push((id, found));
        }
        Ok(all)
    })
}

fn body(mailbox: &Mailbox, id: ItemId) -> Result<Told, StoreError> {
    let key = keys::by_id(table::DETAIL, mailbox.id, id);
    let Some(detail) = mailbox.database.view(|view| view.get(&key))? else { return Ok(Told::NoBody) };
    match mailbox.database.engine().read_body(&Detail::decode(&detail)?.body) {
        Ok(body) => Ok(Told::Body(body)),
        Err(error @ (EngineError::Gone(_) | EngineError::Corrupt(_))) => {
            let still = mailbox.database.view(|view| outgoing::by_id(view, mailbox.id, id))?;
            let why = StoreError::from(error).to_string();
            Ok(still.map_or(Told::NoBody, |_| Told::BadBody(why)))
        }
        Err(error) => Err(error.into()),
    }
}

fn counts(mailbox: &Mailbox) -> Result<BTreeMap<u32, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for folder in mailbox.all_folders()? {
        let number = folder.id.number()?;
        let figures = mailbox.database.view(|view| figures(view, mailbox.id, number))?;
        counts.insert(number, figures.items.into());
    }
    Ok(counts)
}

/// Locks or unlocks for whoever has taken the move up last.
fn set_held(mailbox: &Mailbox, hold: Hold, locked: bool) -> Result<Told, StoreError> {
    let id = mailbox.id;
    let change = mailbox.database.change(move |txn, _| {
        let key = keys::arrival(id, kind::HOLD, 0);
        let known: Option<Hold> = keys::get(txn, &key)?;
        if known.is_some_and(|known| known.id == hold.id && known.turn > hold.turn) {
            return Err(StoreError::Superseded(hold.id));
        }
        set_locked(txn, id, locked)?;
        if known != Some(hold) {
            txn.put(&key, &hold.to_bytes());
        }
        Ok(())
    });
    change.wait()?;
    if locked {
        mailbox.database.watchers().end(id);
    }
    Ok(Told::Done)
}

fn soft_delete(mailbox: &Mailbox) -> Result<Told, StoreError> {
    match mailbox.statistics().map(|statistics| statistics.state) {
        Ok(MailboxState::Connected) => mailbox.disconnect(DisconnectReason::SoftDeleted).wait()?,
        Ok(_) | Err(StoreError::NoMailbox) => {}
        Err(error) => return Err(error),
    }
    Ok(Told::Done)
}
