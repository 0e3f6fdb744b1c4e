//! What can go wrong inside a mailbox.

use base::{Fault, FaultKind, Guid};
use engine::EngineError;

use crate::types::{FolderId, ItemId};

/// Failures of the store's verbs.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database below.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No database of this GUID is mounted here.
    #[error("mailbox database {0} is not mounted")]
    NotMounted(Guid),
    /// The folder holds another database than the directory says.
    #[error("the files belong to database {found}, not to {wanted}")]
    WrongDatabase {
        /// What the directory asked for.
        wanted: Guid,
        /// What the files say.
        found: Guid,
    },
    /// The database was written by a newer version of the server.
    #[error("the database has schema version {0}, which this server does not know")]
    NewerSchema(u32),
    /// No such mailbox in this database.
    #[error("the mailbox does not exist in this database")]
    NoMailbox,
    /// A move is taking the mailbox to another database, or has.
    #[error("the mailbox is being moved to another database; try again in a moment")]
    Moving,
    /// Another server has taken the move up since.
    #[error("another server has taken up move {0}")]
    Superseded(Guid),
    /// The server that has the source of a move does not answer, or not as it should; it may pass.
    #[error("{0}")]
    Away(String),
    /// The move does not fill a mailbox of this database, or is past that.
    #[error("move {0} fills no mailbox of this database")]
    NoTransfer(Guid),
    /// A mailbox of this GUID exists already.
    #[error("mailbox {0} exists already")]
    MailboxExists(Guid),
    /// No such folder.
    #[error("folder {} does not exist", .0.0)]
    NoFolder(FolderId),
    /// No such item.
    #[error("item {} does not exist", .0.0)]
    NoItem(ItemId),
    /// The name is taken.
    #[error("a folder named \"{0}\" exists already")]
    FolderExists(String),
    /// Not a folder name.
    #[error("\"{0}\" isn't a valid folder name")]
    FolderName(String),
    /// Default folders keep their name and place.
    #[error("this default folder can't be renamed, moved or deleted")]
    DefaultFolder,
    /// The folder has folders below it.
    #[error("the folder has subfolders")]
    HasChildren,
    /// A folder can't be moved below itself.
    #[error("a folder can't be moved into one of its own subfolders")]
    Cycle,
    /// A fixed limit; the text says which.
    #[error("{0}")]
    Limit(&'static str),
    /// The mailbox may not grow further.
    #[error("the mailbox is full: {size} of {limit} bytes are in use")]
    Quota {
        /// What is used, bytes.
        size: u64,
        /// What is allowed, bytes.
        limit: u64,
    },
    /// A row that does not decode. Nothing was changed.
    #[error("a {0} row is damaged")]
    Row(&'static str),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        use StoreError as E;
        let text = error.to_string();
        let (kind, code) = match &error {
            E::Engine(_) => {
                let E::Engine(engine) = error else { return Fault::internal(error) };
                return engine.into();
            }
            E::NotMounted(_) => (FaultKind::Unavailable, Fault::OFFLINE),
            E::NoMailbox => (FaultKind::NotFound, "ErrorNonExistentMailbox"),
            E::Moving => (FaultKind::Unavailable, Fault::MOVING),
            E::Superseded(_) => (FaultKind::Conflict, Fault::MOVING),
            E::Away(_) => (FaultKind::Unavailable, Fault::OFFLINE),
            E::NoTransfer(_) => (FaultKind::NotFound, "MapiExceptionNotFound"),
            E::MailboxExists(_) => (FaultKind::AlreadyExists, "MailboxAlreadyExists"),
            E::NoFolder(_) => (FaultKind::NotFound, "ErrorFolderNotFound"),
            E::NoItem(_) => (FaultKind::NotFound, "ErrorItemNotFound"),
            E::FolderExists(_) => (FaultKind::AlreadyExists, "ErrorFolderExists"),
            E::FolderName(_) => (FaultKind::Invalid, "ErrorInvalidFolderName"),
            E::DefaultFolder => (FaultKind::AccessDenied, "ErrorDeleteDistinguishedFolder"),
            E::HasChildren => (FaultKind::Conflict, "ErrorFolderHasSubfolders"),
            E::Cycle => (FaultKind::Invalid, "ErrorMoveCopyFailed"),
            E::Limit(_) => (FaultKind::TooLarge, "LimitExceeded"),
            E::Quota { .. } => (FaultKind::TooLarge, "QuotaExceeded"),
            E::WrongDatabase { .. } | E::NewerSchema(_) | E::Row(_) => return Fault::internal(error),
        };
        Fault::new(kind, code, text)
    }
}
