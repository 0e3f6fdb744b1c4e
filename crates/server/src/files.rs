//! Small whole files of the data folder, read at once and replaced atomically.

use std::{io, io::IoSlice, path::Path};

use base::{
    Disk,
    disk::{OpenMode, SystemDisk},
};

use crate::error::ServerError;

/// The largest file read this way, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The whole file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, ServerError> {
    let failed = |e| ServerError::io(path.display().to_string(), e);
    let file = match SystemDisk.open(path, OpenMode::Existing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let len = file.len().map_err(failed)?;
    if len > MAX_BYTES {
        return Err(ServerError::Usage(format!("{} is too large ({len} bytes)", path.display())));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).map_err(failed)?;
    Ok(Some(bytes))
}

/// Fails for a file with a secret that every user of the machine can read.
pub(crate) fn refuse_readable_by_others(secret: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::PermissionsExt;
    let shown = secret.display();
    let mode = secret.metadata().map_err(|e| ServerError::io(shown.to_string(), e))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(ServerError::Usage(format!(
            "{shown} can be read by every user of this machine: run `chmod 600 {shown}`"
        )));
    }
    Ok(())
}

/// Writes a file (mode 0600) so that a reader sees the old content or the new, whatever dies.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), ServerError> {
    let failed = |e| ServerError::io(path.display().to_string(), e);
    let draft = path.with_extension("new");
    let file = SystemDisk.open(&draft, OpenMode::OpenOrCreate).map_err(failed)?;
    file.set_len(0).map_err(failed)?;
    file.write_all_at(&[IoSlice::new(content)], 0).map_err(failed)?;
    file.sync_data().map_err(failed)?;
    SystemDisk.rename(&draft, path).map_err(failed)?;
    path.parent().map_or(Ok(()), |dir| SystemDisk.sync_dir(dir)).map_err(failed)
}
