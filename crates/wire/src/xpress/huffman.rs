//! One chunk of LZ77 with Huffman codes (MS-XCA section 2.2.4). A chunk is at most 64 KiB of plain text and so
//! has one table of codes.

use super::XpressError;

/// Symbols: 256 literals, then matches by length and distance.
const SYMBOLS: usize = 512;
/// The longest code, bits.
const CODE_MAX: u32 = 15;
/// The code lengths stand before the codes, two to a byte.
const TABLE: usize = SYMBOLS / 2;
/// The shortest match, bytes.
const MATCH_MIN: usize = 3;
/// A length that does not fit into its symbol.
const LENGTH_LONG: usize = 15;

pub(super) struct Decoder<'p> {
    /// For every possible next 15 bits: the symbol and the length of its code.
    table: Vec<(u16, u8)>,
    input: &'p [u8],
    /// The next bits, the first one highest.
    bits: u32,
    /// How many bits beyond 16 are there.
    extra: i32,
}

impl<'p> Decoder<'p> {
    pub(super) fn new(chunk: &'p [u8]) -> Result<Self, XpressError> {
        let (lengths, input) = chunk.split_at_checked(TABLE).ok_or(XpressError::Short)?;
        let mut decoder = Decoder { table: table(lengths)?, input, bits: 0, extra: 16 };
        decoder.bits = u32::from(decoder.word()?) << 16;
        decoder.bits |= u32::from(decoder.word()?);
        Ok(decoder)
    }

    /// Appends exactly `size` bytes to `plain`; matches reach back into this chunk only, since each has been
    /// packed on its own.
    pub(super) fn unpack(mut self, size: usize, plain: &mut Vec<u8>) -> Result<(), XpressError> {
        let start = plain.len();
        let end = start + size;
        while plain.len() < end {
            let (symbol, length) = self.table[(self.bits >> (32 - CODE_MAX)) as usize];
            self.drop_bits(u32::from(length))?;
            if let Ok(literal) = u8::try_from(symbol) {
                plain.push(literal);
                continue;
            }
            let kind = usize::from(symbol) - 256;
            let length = self.match_length(kind % 16)?;
            let distance = self.distance((kind / 16) as u32)?;
            if distance > plain.len() - start || length > end - plain.len() {
                return Err(XpressError::Corrupt);
            }
            copy(plain, distance, length);
        }
        Ok(())
    }

    fn match_length(&mut self, short: usize) -> Result<usize, XpressError> {
        if short < LENGTH_LONG {
            return Ok(short + MATCH_MIN);
        }
        let length = match self.byte()? {
            255 => usize::from(self.word()?),
            length => usize::from(length) + LENGTH_LONG,
        };
        if length < LENGTH_LONG { Err(XpressError::Corrupt) } else { Ok(length + MATCH_MIN) }
    }

    fn distance(&mut self, width: u32) -> Result<usize, XpressError> {
        // No shift by 32: a width of 0 takes no bits.
        let low = if width == 0 { 0 } else { self.bits >> (32 - width) };
        self.drop_bits(width)?;
        Ok((1 << width | low) as usize)
    }

    fn drop_bits(&mut self, count: u32) -> Result<(), XpressError> {
        self.bits <<= count;
        self.extra -= count as i32;
        if self.extra < 0 {
            // What lies behind the end reads as zeros: the encoder pads, but some leave the padding out.
            let word = if self.input.is_empty() { 0 } else { self.word()? };
            self.bits |= u32::from(word) << -self.extra;
            self.extra += 16;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, XpressError> {
        let (first, rest) = self.input.split_first().ok_or(XpressError::Short)?;
        self.input = rest;
        Ok(*first)
    }

    fn word(&mut self) -> Result<u16, XpressError> {
        let (word, rest) = self.input.split_first_chunk().ok_or(XpressError::Short)?;
        self.input = rest;
        Ok(u16::from_le_bytes(*word))
    }
}

/// Copies `length` bytes from `distance` before the end; they may overlap what is being written.
fn copy(plain: &mut Vec<u8>, distance: usize, length: usize) {
    let from = plain.len() - distance;
    if distance >= length {
        plain.extend_from_within(from..from + length);
        return;
    }
    // A repeated pattern: each round doubles what can be taken at once.
    let end = plain.len() + length;
    while plain.len() < end {
        let part = (plain.len() - from).min(end - plain.len());
        plain.extend_from_within(from..from + part);
    }
}

/// The codes for their lengths: shorter first, then by symbol. They must use every bit pattern.
fn table(lengths: &[u8]) -> Result<Vec<(u16, u8)>, XpressError> {
    let length = |symbol: usize| lengths[symbol / 2] >> (symbol % 2 * 4) & 15;
    let mut table = Vec::with_capacity(1 << CODE_MAX);
    for wanted in 1..=CODE_MAX as u8 {
        let span = 1usize << (CODE_MAX - u32::from(wanted));
        for symbol in (0..SYMBOLS).filter(|symbol| length(*symbol) == wanted) {
            if table.len() + span > 1 << CODE_MAX {
                return Err(XpressError::Corrupt);
            }
            table.resize(table.len() + span, (symbol as u16, wanted));
        }
    }
    if table.len() == 1 << CODE_MAX { Ok(table) } else { Err(XpressError::Corrupt) }
}
