//! Property tags and values, and their byte form.

use base::{Guid, Timestamp};
use bytes::Bytes;

use crate::codec::{Reader, Writer};

/// A property's identifier (high 16 bits) and type (low 16 bits), as `PR_SUBJECT_W` = 0x0037001F.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyTag(pub u32);

impl PropertyTag {
    /// The identifier; 0x8000 and above are named properties, numbered per mailbox.
    pub const fn id(self) -> u16 {
        (self.0 >> 16) as u16
    }
    /// The type (MS-OXCDATA section 2.11.1).
    pub const fn property_type(self) -> u16 {
        self.0 as u16
    }
}

/// A property's value.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyValue {
    /// PtypInteger16
    Integer16(i16),
    /// PtypInteger32
    Integer32(i32),
    /// PtypInteger64
    Integer64(i64),
    /// PtypFloating64
    Floating64(f64),
    /// PtypBoolean
    Boolean(bool),
    /// PtypString
    String(String),
    /// PtypTime
    Time(Timestamp),
    /// PtypGuid
    Guid(Guid),
    /// PtypBinary
    Binary(Bytes),
    /// PtypMultipleInteger32
    Integers(Vec<i32>),
    /// PtypMultipleInteger64
    Integers64(Vec<i64>),
    /// PtypMultipleString
    Strings(Vec<String>),
    /// PtypMultipleTime
    Times(Vec<Timestamp>),
    /// PtypMultipleGuid
    Guids(Vec<Guid>),
    /// PtypMultipleBinary
    Binaries(Vec<Bytes>),
}

use PropertyValue as V;

impl PropertyValue {
    /// The type's number (MS-OXCDATA section 2.11.1).
    pub const fn property_type(&self) -> u16 {
        match self {
            V::Integer16(_) => 0x0002,
            V::Integer32(_) => 0x0003,
            V::Floating64(_) => 0x0005,
            V::Boolean(_) => 0x000b,
            V::Integer64(_) => 0x0014,
            V::String(_) => 0x001f,
            V::Time(_) => 0x0040,
            V::Guid(_) => 0x0048,
            V::Binary(_) => 0x0102,
            V::Integers(_) => 0x1003,
            V::Integers64(_) => 0x1014,
            V::Strings(_) => 0x101f,
            V::Times(_) => 0x1040,
            V::Guids(_) => 0x1048,
            V::Binaries(_) => 0x1102,
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        match self {
            V::Integer16(n) => out.number(zigzag((*n).into())),
            V::Integer32(n) => out.number(zigzag((*n).into())),
            V::Integer64(n) => out.number(zigzag(*n)),
            V::Floating64(n) => out.bytes(&n.to_le_bytes()),
            V::Boolean(b) => out.byte((*b).into()),
            V::String(text) => out.text(text),
            V::Time(time) => out.fixed(time.micros),
            V::Guid(guid) => out.bytes(&guid.0),
            V::Binary(bytes) => out.blob(bytes),
            V::Integers(all) => list(out, all, |out, n| out.number(zigzag((*n).into()))),
            V::Integers64(all) => list(out, all, |out, n| out.number(zigzag(*n))),
            V::Strings(all) => list(out, all, |out, text| out.text(text)),
            V::Times(all) => list(out, all, |out, time| out.fixed(time.micros)),
            V::Guids(all) => list(out, all, |out, guid| out.bytes(&guid.0)),
            V::Binaries(all) => list(out, all, |out, bytes| out.blob(bytes)),
        }
    }

    pub(crate) fn decode(property_type: u16, from: &mut Reader<'_>) -> Option<Self> {
        Some(match property_type {
            0x0002 => V::Integer16(integer(from)?.try_into().ok()?),
            0x0003 => V::Integer32(integer(from)?.try_into().ok()?),
            0x0005 => V::Floating64(f64::from_le_bytes(from.array()?)),
            0x000b => V::Boolean(from.byte()? != 0),
            0x0014 => V::Integer64(integer(from)?),
            0x001f => V::String(from.text()?.to_owned()),
            0x0040 => V::Time(Timestamp { micros: from.fixed()? }),
            0x0048 => V::Guid(Guid(from.array()?)),
            0x0102 => V::Binary(Bytes::copy_from_slice(from.blob()?)),
            0x1003 => V::Integers(items(from, |from| integer(from)?.try_into().ok())?),
            0x1014 => V::Integers64(items(from, integer)?),
            0x101f => V::Strings(items(from, |from| from.text().map(str::to_owned))?),
            0x1040 => V::Times(items(from, |from| from.fixed().map(|micros| Timestamp { micros }))?),
            0x1048 => V::Guids(items(from, |from| from.array().map(Guid))?),
            0x1102 => V::Binaries(items(from, |from| from.blob().map(Bytes::copy_from_slice))?),
            _ => return None,
        })
    }
}

/// Small numbers of either sign become small unsigned ones.
fn zigzag(n: i64) -> u64 {
    (n.cast_unsigned() << 1) ^ (n >> 63).cast_unsigned()
}

fn integer(from: &mut Reader<'_>) -> Option<i64> {
    let n = from.number()?;
    Some((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
}

fn list<T>(out: &mut Writer, all: &[T], each: impl Fn(&mut Writer, &T)) {
    out.number(all.len() as u64);
    all.iter().for_each(|one| each(out, one));
}

fn items<T>(from: &mut Reader<'_>, each: impl Fn(&mut Reader<'_>) -> Option<T>) -> Option<Vec<T>> {
    let len = from.number()?;
    // Every element takes at least one byte: a damaged length cannot make us reserve memory.
    (len <= from.0.len() as u64).then_some(())?;
    (0..len).map(|_| each(from)).collect()
}
