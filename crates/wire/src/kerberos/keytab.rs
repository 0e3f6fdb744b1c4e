//! Keytab files, version 2 (the format of MIT Kerberos, Heimdal, Samba and Active Directory's `ktpass`).

use super::{EncryptionType, Key, messages::Name};

/// What is not a keytab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeytabError {
    /// It is something else, or is cut off.
    #[error("the file is not a keytab of version 2")]
    Malformed,
    /// It holds more than any service has.
    #[error("the keytab holds more than {ENTRIES_MAX} keys")]
    TooMany,
}

/// A key of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The realm.
    pub realm: String,
    /// The service.
    pub service: Name,
    /// Which of the keys it has had.
    pub version: u32,
    /// The key.
    pub key: Key,
}

/// Keys of a file at most.
pub const ENTRIES_MAX: usize = 256;

/// The keys of a keytab, leaving out those whose encryption type is not spoken.
///
/// # Errors
/// Where it is none.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, KeytabError> {
    let mut rest = bytes.strip_prefix(&[5, 2]).ok_or(KeytabError::Malformed)?;
    let mut entries = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = i32::from_be_bytes(*length);
        // The file may end in zeros; a negative length is a hole.
        if length == 0 {
            break;
        }
        let (record, after) =
            after.split_at_checked(length.unsigned_abs() as usize).ok_or(KeytabError::Malformed)?;
        rest = after;
        if length > 0 {
            entries.extend(entry(Fields(record)).ok_or(KeytabError::Malformed)?);
        }
        if entries.len() > ENTRIES_MAX {
            return Err(KeytabError::TooMany);
        }
    }
    Ok(entries)
}

/// One record; the inner nothing is a key of another type.
fn entry(mut record: Fields<'_>) -> Option<Option<Entry>> {
    let components = record.short()?;
    let realm = record.text()?;
    let service = (0..components).map(|_| record.text()).collect::<Option<Vec<_>>>()?;
    let _name_type = record.take(4)?;
    let _time = record.take(4)?;
    let short_version = u32::from(*record.take(1)?.first()?);
    let kind = EncryptionType::from_number(record.short()?.into());
    let secret = record.counted()?;
    // Where there is room, the whole version follows the byte that it once was.
    let version = record.take(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let version = version.filter(|&version| version != 0).unwrap_or(short_version);
    let key = kind.and_then(|kind| Key::new(kind, secret).ok());
    Some(key.map(|key| Entry { realm, service: Name(service), version, key }))
}

/// What is left of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
    fn short(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.short()?;
        self.take(length.into())
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.counted()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u16, key: &[u8], version: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 2];
        for text in ["RIALTO.TEST", "HTTP", "mail.rialto.test"] {
            out.extend((text.len() as u16).to_be_bytes());
            out.extend(text.as_bytes());
        }
        out.extend([0, 0, 0, 1, 0, 0, 0, 0, 3]);
        out.extend(kind.to_be_bytes());
        out.extend((key.len() as u16).to_be_bytes());
        out.extend(key);
        out.extend(version);
        [&(out.len() as i32).to_be_bytes(), &*out].concat()
    }

    #[test]
    fn keys_holes_and_old_types() {
        let hole = [&(-5i32).to_be_bytes()[..], &[1; 5]].concat();
        let file = [
            &[5, 2][..],
            &record(18, &[7; 32], &[0, 0, 1, 3]),
            &hole,
            &record(23, &[7; 16], &[]),
            &record(17, &[8; 16], &[]),
            &[0; 8],
        ];
        let file = file.concat();
        let entries = read(&file).unwrap();
        let seen: Vec<_> = entries.iter().map(|entry| (entry.key.kind() as i64, entry.version)).collect();
        assert_eq!(seen, [(18, 259), (17, 3)]);
        assert_eq!(entries[0].realm, "RIALTO.TEST");
        assert_eq!(entries[0].service.0, ["HTTP", "mail.rialto.test"]);
        assert_eq!(read(&file[..40]), Err(KeytabError::Malformed));
        assert_eq!(read(b"\x05\x01"), Err(KeytabError::Malformed));
        let many = record(17, &[8; 16], &[]).repeat(ENTRIES_MAX + 1);
        assert_eq!(read(&[&[5, 2], &*many].concat()), Err(KeytabError::TooMany));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&[&[5, 2], &*bytes].concat());
        }
    }
}
