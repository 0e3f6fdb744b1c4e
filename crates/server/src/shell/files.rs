//! The person's own files, for `Get-Content`, `Export-Csv` and script files: the shell runs as that person.

use std::{fs, io, io::Write, path::Path};

use powershell::runspace::Files;

/// The largest file read, bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Files as the operating system lets this user have them.
pub(super) struct LocalFiles;

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

/// A script's text: UTF-8, or UTF-16 with a byte order mark, as Windows editors save.
pub(super) fn decode(bytes: &[u8]) -> String {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn scripts_in_every_encoding() {
        assert_eq!(super::decode(b"a"), "a");
        assert_eq!(super::decode(b"\xff\xfea\0"), "a");
        assert_eq!(super::decode(b"\xfe\xff\0a"), "a");
        assert_eq!(super::decode(b"\xef\xbb\xbfa"), "a");
    }
}
