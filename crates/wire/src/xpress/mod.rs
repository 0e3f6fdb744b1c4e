//! `rsp:CompressionType=xpress` of WS-Management's shell (MS-WSMV section 2.2.4.38): a stream of chunks of up
//! to 64 KiB, each compressed by LZ77 and Huffman (MS-XCA section 2.2) or stored. We read both and store.

mod huffman;

use huffman::Decoder;

/// The most bytes of plain text a chunk holds.
const CHUNK: usize = 1 << 16;
/// A chunk's header: two little-endian `u16`, the plain and the packed size, each less one.
const HEADER: usize = 4;

/// The bytes are not such a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XpressError {
    /// A header or a chunk ends early.
    #[error("the compressed data ends early")]
    Short,
    /// The prefix codes, a match or the size do not fit.
    #[error("the compressed data is corrupt")]
    Corrupt,
    /// It would unpack to more than was allowed.
    #[error("the compressed data unpacks to more than is allowed")]
    TooLarge,
}

/// Unpacks a stream of chunks to at most `limit` bytes.
///
/// # Errors
/// Where it is no such stream, or larger than `limit`.
pub fn unpack(mut packed: &[u8], limit: usize) -> Result<Vec<u8>, XpressError> {
    let mut plain = Vec::new();
    while !packed.is_empty() {
        let (header, rest) = packed.split_at_checked(HEADER).ok_or(XpressError::Short)?;
        let size = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]])) + 1;
        let (plain_size, packed_size) = (size(0), size(2));
        let (chunk, rest) = rest.split_at_checked(packed_size).ok_or(XpressError::Short)?;
        if plain.len() + plain_size > limit {
            return Err(XpressError::TooLarge);
        }
        if plain_size == packed_size {
            plain.extend_from_slice(chunk);
        } else {
            Decoder::new(chunk)?.unpack(plain_size, &mut plain)?;
        }
        packed = rest;
    }
    Ok(plain)
}

/// A stream of stored chunks.
pub fn store(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(plain.len() + plain.len().div_ceil(CHUNK) * HEADER);
    for chunk in plain.chunks(CHUNK) {
        // A chunk has 1 to 65536 bytes.
        let size = ((chunk.len() - 1) as u16).to_le_bytes();
        packed.extend_from_slice(&size);
        packed.extend_from_slice(&size);
        packed.extend_from_slice(chunk);
    }
    packed
}

#[cfg(test)]
mod encoder;
#[cfg(test)]
mod tests;
