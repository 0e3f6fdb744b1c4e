//! Where a body lies.

/// Where a body lies: a position in the log, stable for the body's life, the same on every copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyRef {
    /// Position of the first byte in the log (bytes since the log began).
    pub position: u64,
    /// Length, bytes.
    pub len: u32,
    /// CRC-32C of the body.
    pub crc: u32,
}

impl BodyRef {
    /// Length of the encoded form, bytes.
    pub const ENCODED_LEN: usize = 16;

    /// Little endian: position, len, crc.
    pub fn encode(&self) -> [u8; Self::ENCODED_LEN] {
        let mut out = [0; Self::ENCODED_LEN];
        out[..8].copy_from_slice(&self.position.to_le_bytes());
        out[8..12].copy_from_slice(&self.len.to_le_bytes());
        out[12..].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    /// The inverse of [`BodyRef::encode`]; `None` unless exactly that long.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::ENCODED_LEN] = bytes.try_into().ok()?;
        Some(Self {
            position: u64::from_le_bytes(bytes[..8].try_into().ok()?),
            len: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
            crc: u32::from_le_bytes(bytes[12..].try_into().ok()?),
        })
    }
}
