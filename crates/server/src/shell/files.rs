//! The person's own files, for `Get-Content`, `Export-Csv` and script files: the shell runs as that person.

use std::{fs, io, io::Write, path::Path};

use powershell::runspace::Files;

/// The largest file read, bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Files as the operating system lets this user have them.
pub(crate) struct LocalFiles;

impl Files for LocalFiles {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(path)
    }
    fn write(&self, path: &str, bytes: &[u8], append: bool) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        options.open(path)?.write_all(bytes)
    }
    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }
}
