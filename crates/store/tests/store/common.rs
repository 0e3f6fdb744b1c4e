//! A database in a temporary folder, and messages to put in it.

use std::{path::Path, sync::Arc};

use base::{Guid, Timestamp, clock::ManualClock, disk::SystemDisk};
use bytes::Bytes;
use store::{
    Config, Database, Delivery, DeliveryId, Flags, FolderId, FolderRole, Limits, Mailbox, NewMailbox,
    NewMessage, Recipient,
};

pub(crate) const GUID: Guid = Guid([7; 16]);
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_412_281);

pub(crate) fn config(dir: &Path) -> Config {
    Config {
        guid: GUID,
        engine: engine::Options {
            dir: dir.to_owned(),
            name: "DB01".into(),
            segment_bytes: 2 << 20,
            cache_bytes: 8 << 20,
            checkpoint_bytes: 1 << 20,
            disk: Arc::new(SystemDisk),
            clock: Arc::new(ManualClock::new(NOW)),
        },
    }
}

pub(crate) fn open(dir: &Path) -> Database {
    Database::open(config(dir)).unwrap()
}

pub(crate) fn mailbox(database: &Database, number: u8) -> Mailbox {
    let guid = Guid([number; 16]);
    let new = NewMailbox { guid, display_name: format!("User {number}"), culture: "en-GB".into() };
    database.create_mailbox(new).wait().unwrap();
    database.mailbox(guid).unwrap()
}

pub(crate) fn message(text: &str) -> NewMessage {
    NewMessage {
        parts: vec![Bytes::copy_from_slice(text.as_bytes())],
        summary: Bytes::from(format!("summary of {text}")),
        class: "IPM.Note".into(),
        flags: Flags::default(),
        received: NOW,
    }
}

pub(crate) fn append_to(mailbox: &Mailbox, folder: FolderId, text: &str) -> u32 {
    mailbox.append(folder, message(text), Limits::default()).wait().unwrap()
}

pub(crate) fn append(mailbox: &Mailbox, role: FolderRole, text: &str) -> u32 {
    append_to(mailbox, role.folder(), text)
}

pub(crate) fn to_inbox(mailbox: &Mailbox) -> Recipient {
    Recipient {
        mailbox: mailbox.id(),
        folder: FolderRole::Inbox.folder(),
        flags: 0,
        limits: Limits::default(),
    }
}

pub(crate) fn delivery(id: u8, recipients: Vec<Recipient>, text: &str) -> Delivery {
    Delivery {
        id: DeliveryId([id; 16]),
        recipients,
        parts: vec![Bytes::from_static(b"Received: here\r\n"), Bytes::copy_from_slice(text.as_bytes())],
        summary: Bytes::from(format!("summary of {text}")),
        class: "IPM.Note".into(),
        received: NOW,
    }
}

/// Waits for a future on this thread.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
