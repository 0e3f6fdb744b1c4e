//! Named properties: a mailbox's own numbers, from 0x8000 up, for properties known by set and name
//! (MS-OXCPRPT section 2.2.12).

use std::ops::{Bound, ControlFlow};

use base::Guid;
use engine::{Read, Txn};

use crate::{
    Change, Mailbox, StoreError,
    codec::{Reader, Row, Writer},
    keys::{self, table},
    types::MailboxId,
};

/// The name of a property that has no tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyName {
    /// A number within a property set.
    Number(Guid, u32),
    /// A text within a property set.
    Text(Guid, String),
}

/// The first and last identifiers of named properties.
pub(crate) const FIRST: u16 = 0x8000;
const LAST: u16 = 0xfffe;
/// Length of a name, bytes.
const NAME_LEN_MAX: usize = 254;

impl Row for PropertyName {
    const NAME: &'static str = "property name";
    fn encode(&self, out: &mut Writer) {
        match self {
            PropertyName::Number(set, number) => {
                out.bytes(&set.0);
                out.byte(0);
                out.bytes(&number.to_be_bytes());
            }
            PropertyName::Text(set, text) => {
                out.bytes(&set.0);
                out.byte(1);
                out.bytes(text.as_bytes());
            }
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let set = Guid(from.array()?);
        match from.byte()? {
            0 => Some(PropertyName::Number(set, u32::from_be_bytes(from.array()?))),
            1 => Some(PropertyName::Text(set, str::from_utf8(from.0).ok()?.to_owned())),
            _ => None,
        }
    }
}

impl Mailbox {
    /// The identifiers of named properties; those the mailbox has not met are given one.
    pub fn name_properties(&self, names: Vec<PropertyName>) -> Change<Vec<u16>> {
        let mailbox = self.id;
        self.change(move |ledger| {
            let mut ids = Vec::with_capacity(names.len());
            for name in &names {
                ids.push(named(ledger.txn, mailbox, name)?);
            }
            Ok(ids)
        })
    }

    /// The identifiers of named properties the mailbox has met.
    pub fn named_properties(&self, names: &[PropertyName]) -> Result<Vec<Option<u16>>, StoreError> {
        self.database.view(|view| names.iter().map(|name| known(view, &name_key(self.id, name))).collect())
    }

    /// The name behind an identifier.
    pub fn property_name(&self, id: u16) -> Result<Option<PropertyName>, StoreError> {
        self.database.view(|view| keys::get(view, &keys::name_of(self.id, id)))
    }
}

/// The identifier of a named property; one that the mailbox has not met is given one.
pub(crate) fn named(txn: &mut Txn<'_>, mailbox: MailboxId, name: &PropertyName) -> Result<u16, StoreError> {
    if matches!(name, PropertyName::Text(_, text) if text.is_empty() || text.len() > NAME_LEN_MAX) {
        return Err(StoreError::Limit("a property name has 1 to 254 bytes"));
    }
    let key = name_key(mailbox, name);
    if let Some(id) = known(txn, &key)? {
        return Ok(id);
    }
    let id = next_id(txn, mailbox)?;
    txn.put(&key, &u64::from(id).to_bytes());
    txn.put(&keys::name_of(mailbox, id), &name.to_bytes());
    Ok(id)
}

fn name_key(mailbox: MailboxId, name: &PropertyName) -> Vec<u8> {
    let mut key = keys::mailbox(table::NAMED, mailbox).to_vec();
    key.extend(name.to_bytes());
    key
}

fn known(read: &impl Read, key: &[u8]) -> Result<Option<u16>, StoreError> {
    Ok(keys::get::<u64>(read, key)?.and_then(|id| id.try_into().ok()))
}

/// One more than the last identifier given.
fn next_id(read: &impl Read, mailbox: MailboxId) -> Result<u16, StoreError> {
    let (from, to) = (keys::name_of(mailbox, 0), keys::name_of(mailbox, u16::MAX));
    let mut last = None;
    read.scan(Bound::Included(&from), Bound::Included(&to), true, &mut |key, _| {
        last = keys::tail(key).map(u16::from_be_bytes);
        ControlFlow::Break(())
    })?;
    match last {
        None => Ok(FIRST),
        Some(LAST..) => Err(StoreError::Limit("the mailbox has too many named properties")),
        Some(last) => Ok(last + 1),
    }
}
