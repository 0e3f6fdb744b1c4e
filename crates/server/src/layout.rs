//! Where things lie in the data folder, and the lock that keeps a second instance out.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{
    Disk,
    disk::{DiskFile, OpenMode, SystemDisk},
};

use crate::error::ServerError;

/// The data folder's map.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The folder, which need not exist yet.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()) }
    }
    /// The data folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// The bootstrap configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("rialto.toml")
    }
    /// What quickstart generated: addresses and passwords, readable by the owner alone.
    pub(crate) fn quickstart(&self) -> PathBuf {
        self.root.join("quickstart.json")
    }
    /// The directory's database.
    pub(crate) fn directory(&self) -> PathBuf {
        self.root.join("directory")
    }
    /// The mail queue's database.
    pub(crate) fn queue(&self) -> PathBuf {
        self.root.join("queue")
    }
    /// Copies of other servers' mail queues, by the servers' GUIDs.
    pub(crate) fn other_queues(&self) -> PathBuf {
        self.root.join("queues")
    }
    /// What the transport notes beside its queue.
    pub(crate) fn transport(&self) -> PathBuf {
        self.root.join("transport")
    }
    /// A mailbox database, by its GUID: names may change, folders stay.
    pub(crate) fn mailbox_database(&self, guid: base::Guid) -> PathBuf {
        self.root.join("databases").join(guid.to_string())
    }
    /// What this server knows as a witness.
    pub(crate) fn witness(&self) -> PathBuf {
        self.root.join("witness")
    }
    /// Certificates and their keys.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.root.join("certificates")
    }
    /// The organisation's authority and this server's key, for links between servers.
    pub(crate) fn link_keys(&self) -> PathBuf {
        self.certificates().join("links")
    }
    /// The keys of this server as a Kerberos service, where no other file is named.
    pub(crate) fn keytab(&self) -> PathBuf {
        self.root.join("kerberos.keytab")
    }
    /// Message tracking logs.
    pub(crate) fn tracking(&self) -> PathBuf {
        self.root.join("logs").join("MessageTracking")
    }
    /// The administrator audit log.
    pub(crate) fn admin_audit(&self) -> PathBuf {
        self.root.join("logs").join("AdminAudit")
    }
    /// Where the administrator audit log begins and ends: apart from it, so that what is missing is noticed.
    pub(crate) fn admin_audit_head(&self) -> PathBuf {
        self.root.join("audit.head")
    }
    /// Event logs, one file a channel.
    pub(crate) fn events(&self) -> PathBuf {
        self.root.join("logs").join("Events")
    }
    /// The local administration socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("admin.sock")
    }

    /// Makes the folder and takes its lock, held as long as the returned handle lives.
    pub(crate) fn lock(&self) -> Result<Arc<dyn DiskFile>, ServerError> {
        let failed =
            |source| ServerError::io(format!("cannot use the data folder {}", self.root.display()), source);
        SystemDisk.create_dir_all(&self.root).map_err(failed)?;
        let file = SystemDisk.open(&self.root.join("lock"), OpenMode::OpenOrCreate).map_err(failed)?;
        if file.try_lock().map_err(failed)? {
            Ok(file)
        } else {
            Err(ServerError::AlreadyRunning(self.root.clone()))
        }
    }
}
