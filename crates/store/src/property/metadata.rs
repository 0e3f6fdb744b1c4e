//! Metadata that programs attach to a mailbox or a folder under names of their own (RFC 5464): one property
//! holds them all, name after value.

use base::Guid;
use bytes::Bytes;

use super::{PropertyBag, PropertyName, PropertyTag, PropertyValue, named::named};
use crate::{Change, Mailbox, Owner, StoreError, keys, write::limited};

/// Entries one mailbox or folder may have.
const ENTRIES_MAX: usize = 256;
/// `PS_PUBLIC_STRINGS`
const PUBLIC_STRINGS: Guid = Guid([0x29, 0x03, 0x02, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46]);

fn property() -> PropertyName {
    PropertyName::Text(PUBLIC_STRINGS, "urn:ietf:params:imap:metadata".into())
}

impl Mailbox {
    /// The entries of a mailbox or folder, by name.
    pub fn metadata(&self, owner: Owner) -> Result<Vec<(String, Bytes)>, StoreError> {
        let Some(id) = self.named_properties(&[property()])?.pop().flatten() else { return Ok(Vec::new()) };
        Ok(entries(&self.properties(owner)?, id))
    }

    /// Sets (`Some`) and removes (`None`) entries, all or none.
    pub fn set_metadata(&self, owner: Owner, changes: Vec<(String, Option<Bytes>)>) -> Change<()> {
        self.change(move |ledger| {
            let id = named(ledger.txn, ledger.mailbox, &property())?;
            let key = owner.key(ledger.mailbox);
            let mut bag: PropertyBag = keys::get(ledger.txn, &key)?.unwrap_or_default();
            let mut entries = entries(&bag, id);
            for (name, value) in changes {
                entries.retain(|(known, _)| *known != name);
                entries.extend(value.map(|value| (name, value)));
            }
            if entries.len() > ENTRIES_MAX {
                return Err(StoreError::Limit("a folder has at most 256 metadata entries"));
            }
            entries.sort_unstable();
            let flat: Vec<Bytes> =
                entries.into_iter().flat_map(|(name, value)| [Bytes::from(name), value]).collect();
            if flat.is_empty() {
                bag.remove(id);
            } else {
                bag.set(id, PropertyValue::Binaries(flat));
            }
            if bag.is_empty() {
                ledger.txn.delete(&key);
            } else {
                ledger.txn.put(&key, &limited(&bag)?);
            }
            if let Owner::Folder(folder) = owner {
                ledger.folder(folder.number()?)?;
            }
            Ok(())
        })
    }
}

fn entries(bag: &PropertyBag, id: u16) -> Vec<(String, Bytes)> {
    let value = bag.get(PropertyTag(u32::from(id) << 16 | 0x1102));
    let Some(PropertyValue::Binaries(flat)) = value else { return Vec::new() };
    let pairs = flat.chunks_exact(2);
    pairs.map(|pair| (String::from_utf8_lossy(&pair[0]).into_owned(), pair[1].clone())).collect()
}
