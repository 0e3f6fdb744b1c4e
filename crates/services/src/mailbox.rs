//! Folders and items of one opened mailbox, as every protocol sees them.
//!
//! Reads are synchronous, may wait for the disk (see [`Mailbox::aside`]) and answer from durable state;
//! changes are async and resolve when durable. A
//! change that was begun happens even if its future is dropped.

use std::sync::Arc;

use base::{Fault, Timestamp};
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use wire::mime::Summary;

use crate::{Caller, sessions::Session};

pub use store::{
    Changes, Contents, FlagChange, Flags, Folder, FolderId, FolderRole, FolderStatus, Item, ItemId,
    Provenance, UidRanges,
};

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message, as it is to be read again.
    pub bytes: Bytes,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE.
    pub received: Timestamp,
}

impl From<NewMessage> for store::NewMessage {
    fn from(new: NewMessage) -> Self {
        let NewMessage { bytes, flags, received } = new;
        let summary = Summary::parse(&bytes).encode();
        store::NewMessage { parts: vec![bytes], summary, class: "IPM.Note".into(), flags, received }
    }
}

/// How much room a mailbox takes, and may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all items that count.
    pub bytes: u64,
    /// The most they may become; `None` is unlimited.
    pub limit: Option<u64>,
}

/// Reads of all sessions under way at once: the disk is no faster with more, and each holds what it read.
static READERS: Semaphore = Semaphore::const_new(16);

/// A mailbox opened by a caller whose access was checked.
#[derive(Clone)]
pub struct Mailbox {
    store: store::Mailbox,
    caller: Arc<Caller>,
    limits: store::Limits,
    /// Counted and seen until the last clone goes.
    session: Arc<Option<Session>>,
}

impl Mailbox {
    /// The mailbox as `caller` may use it. Whoever calls this has checked the access; `limits` are the
    /// directory's quotas.
    pub(crate) fn new(
        store: store::Mailbox,
        caller: Caller,
        limits: store::Limits,
        session: Option<Session>,
    ) -> Self {
        if let Some(session) = &session {
            session.opened(store.database().clock().now());
        }
        Self { store, caller: Arc::new(caller), limits, session: Arc::new(session) }
    }
    /// Who opened it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
    /// Reads where waiting for the disk holds nobody else up: for bodies, and for much of anything.
    pub async fn aside<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<R, Fault> + Send + 'static,
    ) -> Result<R, Fault> {
        let mailbox = self.clone();
        let _turn = READERS.acquire().await.map_err(Fault::internal)?;
        tokio::task::spawn_blocking(move || read(&mailbox)).await.map_err(Fault::internal)?
    }
    /// Turns true when the mailbox's database is not served here any more: the session is to end, so that its client
    /// finds the server that has it.
    pub fn offline(&self) -> watch::Receiver<bool> {
        self.store.database().offline()
    }
    /// The mailbox, unless a move is taking it to another database or has, or its database is not served here any
    /// more: what it held here is not the truth any more. Changes are refused by the store itself.
    fn here(&self) -> Result<&store::Mailbox, Fault> {
        self.store.available()?;
        Ok(self.touched())
    }
    /// The mailbox, of which something is about to be asked.
    fn touched(&self) -> &store::Mailbox {
        if let Some(session) = &*self.session {
            session.touch(self.store.database().clock().now());
        }
        &self.store
    }
    /// All folders of the visible tree, parents before children.
    pub fn folders(&self) -> Result<Vec<Folder>, Fault> {
        Ok(self.here()?.folders()?)
    }
    /// A folder's figures.
    pub fn status(&self, folder: FolderId) -> Result<FolderStatus, Fault> {
        Ok(self.here()?.status(folder)?)
    }
    /// Makes a folder; `FaultKind::AlreadyExists` where the name is taken.
    pub async fn create_folder(
        &self,
        parent: Option<FolderId>,
        name: &str,
        class: &str,
    ) -> Result<FolderId, Fault> {
        Ok(self.touched().create_folder(parent, name, class).await?)
    }
    /// Renames and, where the parent differs, moves a folder as the caller knows it; `FaultKind::NotFound` where
    /// somebody else was faster. Default folders keep their place.
    pub async fn rename_folder(
        &self,
        folder: &Folder,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), Fault> {
        Ok(self.touched().rename_known_folder(folder, parent, name).await?)
    }
    /// Deletes a folder, its items and associated items. Default folders and folders with children refuse.
    pub async fn delete_folder(&self, folder: FolderId) -> Result<(), Fault> {
        Ok(self.touched().delete_folder(folder).await?)
    }
    /// Sets the IMAP subscription.
    pub async fn subscribe(&self, folder: FolderId, subscribed: bool) -> Result<(), Fault> {
        Ok(self.touched().subscribe(folder, subscribed).await?)
    }
    /// What a session is told of a folder when it opens it.
    pub fn contents(&self, folder: FolderId) -> Result<Contents, Fault> {
        Ok(self.here()?.contents(folder)?)
    }
    /// Items in the ranges, ascending, at most `limit`; go on after the last UID returned.
    pub fn items(&self, folder: FolderId, ranges: &UidRanges, limit: usize) -> Result<Vec<Item>, Fault> {
        Ok(self.here()?.items(folder, ranges, limit)?)
    }
    /// The header summary cached at delivery (`wire::mime::Summary`, its encoded form), one per item asked
    /// for; empty where an item is gone.
    pub fn summaries(&self, items: &[ItemId]) -> Result<Vec<Bytes>, Fault> {
        Ok(self.here()?.summaries(items)?)
    }
    /// What [`Mailbox::items`] and [`Mailbox::summaries`] give, from one view: the fast way to envelopes.
    pub fn items_with_summaries(
        &self,
        folder: FolderId,
        ranges: &UidRanges,
        limit: usize,
    ) -> Result<Vec<(Item, Bytes)>, Fault> {
        Ok(self.here()?.items_with_summaries(folder, ranges, limit)?)
    }
    /// The bytes as they were received, to the byte.
    pub fn body(&self, item: ItemId) -> Result<Bytes, Fault> {
        Ok(self.here()?.body(item)?)
    }
    /// Stores messages, all or none; resolves to their UIDs, in order. `FaultKind::TooLarge` past quota.
    pub async fn append(&self, folder: FolderId, messages: Vec<NewMessage>) -> Result<Vec<u32>, Fault> {
        let messages = messages.into_iter().map(Into::into).collect();
        Ok(self.touched().append_all(folder, messages, self.limits).await?)
    }
    /// Stores a message in `target` and removes the item `uid` of `folder`, both or neither; resolves to the
    /// new UID. What is removed stays recoverable.
    pub async fn replace(
        &self,
        folder: FolderId,
        uid: u32,
        target: FolderId,
        message: NewMessage,
    ) -> Result<u32, Fault> {
        Ok(self.touched().replace_item(folder, uid, target, message.into(), self.limits).await?)
    }
    /// Where items come from, one answer an item; `None` where it is gone.
    pub fn provenances(&self, items: &[ItemId]) -> Result<Vec<Option<Provenance>>, Fault> {
        Ok(self.here()?.provenances(items)?)
    }
    /// The sizes of a folder's items that are marked \Deleted, bytes.
    pub fn deleted_size(&self, folder: FolderId) -> Result<u64, Fault> {
        Ok(self.here()?.deleted_size(folder)?)
    }
    /// How full the mailbox is.
    pub fn usage(&self) -> Result<Usage, Fault> {
        let bytes = self.here()?.statistics()?.size;
        Ok(Usage { bytes, limit: self.limits.prohibit_send_receive })
    }
    /// What programs noted about a folder, or about the mailbox (`None`), by name.
    pub fn metadata(&self, folder: Option<FolderId>) -> Result<Vec<(String, Bytes)>, Fault> {
        Ok(self.here()?.metadata(owner(folder))?)
    }
    /// Sets (`Some`) and removes (`None`) such notes, all or none.
    pub async fn set_metadata(
        &self,
        folder: Option<FolderId>,
        changes: Vec<(String, Option<Bytes>)>,
    ) -> Result<(), Fault> {
        Ok(self.touched().set_metadata(owner(folder), changes).await?)
    }
    /// Changes flags; items whose modseq is above `unchanged_since` are left alone and returned as UIDs.
    pub async fn change_flags(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        change: FlagChange,
        flags: Flags,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<u32>, Fault> {
        Ok(self.touched().change_flags(folder, ranges, change, flags, unchanged_since).await?)
    }
    /// Copies (bodies are shared, not copied); resolves to pairs of old and new UID, ascending by old.
    pub async fn copy(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
    ) -> Result<Vec<(u32, u32)>, Fault> {
        Ok(self.touched().copy(folder, ranges, target, self.limits).await?)
    }
    /// Moves, atomically; resolves to pairs of old and new UID.
    pub async fn move_items(
        &self,
        folder: FolderId,
        ranges: UidRanges,
        target: FolderId,
    ) -> Result<Vec<(u32, u32)>, Fault> {
        Ok(self.touched().move_items(folder, ranges, target).await?)
    }
    /// Removes the items in the ranges that are marked \Deleted; they stay recoverable for the database's
    /// retention. Resolves to their UIDs.
    pub async fn expunge(&self, folder: FolderId, ranges: UidRanges) -> Result<Vec<u32>, Fault> {
        Ok(self.touched().expunge(folder, ranges, store::Removal::Recoverable).await?)
    }
    /// What changed after `modseq`.
    pub fn changes_since(&self, folder: FolderId, modseq: u64) -> Result<Changes, Fault> {
        Ok(self.here()?.changes_since(folder, modseq)?)
    }
    /// Wakes whenever anything changes in the mailbox.
    pub fn watch_all(&self) -> Result<watch::Receiver<u64>, Fault> {
        Ok(self.here()?.watch_all()?)
    }
    /// Wakes whenever the folder's modseq moves; holds the newest value.
    pub fn watch(&self, folder: FolderId) -> Result<watch::Receiver<u64>, Fault> {
        Ok(self.here()?.watch(folder)?)
    }
}

fn owner(folder: Option<FolderId>) -> store::Owner {
    folder.map_or(store::Owner::Mailbox, store::Owner::Folder)
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Arc};

    use base::{FaultKind, Guid, clock::SystemClock, disk::SystemDisk};

    use super::*;
    use crate::Client;

    const INBOX: FolderId = FolderRole::Inbox.folder();

    fn open(dir: &std::path::Path, limits: store::Limits) -> Mailbox {
        let engine = engine::Options {
            dir: dir.to_owned(),
            name: "DB01".into(),
            segment_bytes: 1 << 20,
            cache_bytes: 1 << 20,
            checkpoint_bytes: 1 << 20,
            disk: Arc::new(SystemDisk),
            clock: Arc::new(SystemClock),
        };
        let database = store::Database::open(store::Config { guid: Guid([1; 16]), engine }).unwrap();
        let guid = Guid([2; 16]);
        let new = store::NewMailbox { guid, display_name: "Ana".into(), culture: "en".into() };
        database.create_mailbox(new).wait().unwrap();
        let client = Client { protocol: "IMAP4", address: Ipv4Addr::LOCALHOST.into(), agent: None };
        let caller = Caller { user: guid, name: "Ana".into(), address: None, client };
        Mailbox::new(database.mailbox(guid).unwrap(), caller, limits, None)
    }

    fn new(bytes: Bytes) -> NewMessage {
        NewMessage { bytes, flags: Flags::default(), received: Timestamp::from_secs(1) }
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn an_appended_message_comes_back_to_the_byte_with_its_summary() {
        let dir = tempfile::tempdir().unwrap();
        let mailbox = open(dir.path(), store::Limits::default());
        // Bare line feeds, a NUL, bytes that are no text: stored as they are.
        let message = Bytes::from_static(b"Subject: =?utf-8?q?ol=C3=A1?=\nX: \x00\xff\r\n\r\nbody\n.\r\n");
        let uid = run(mailbox.append(INBOX, vec![new(message.clone())]));
        let page = mailbox.items_with_summaries(INBOX, &vec![1..=u32::MAX], 10).unwrap();
        let (item, summary) = page.into_iter().next().unwrap();
        assert_eq!((uid.unwrap(), item.size as usize), (vec![item.uid], message.len()));
        assert_eq!(Summary::decode(summary).unwrap().subject(), "olá");
        assert_eq!(mailbox.body(item.id).unwrap(), message);
    }

    #[test]
    fn faults_have_the_kinds_protocols_tell_apart() {
        let dir = tempfile::tempdir().unwrap();
        let limits = store::Limits { prohibit_send_receive: Some(3), ..store::Limits::default() };
        let mailbox = open(dir.path(), limits);
        let full = run(mailbox.append(INBOX, vec![new("four".into())]));
        let full = full.unwrap_err();
        assert_eq!((full.kind, full.code), (FaultKind::TooLarge, "QuotaExceeded"));
        let taken = run(mailbox.create_folder(None, "drafts", "")).unwrap_err();
        assert_eq!(taken.kind, FaultKind::AlreadyExists);
        assert_eq!(mailbox.status(FolderId(99)).unwrap_err().kind, FaultKind::NotFound);
        assert_eq!(run(mailbox.delete_folder(INBOX)).unwrap_err().kind, FaultKind::AccessDenied);
    }
}
