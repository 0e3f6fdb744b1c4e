//! An encoder of LZ77 with Huffman codes for the tests: greedy matches, flattened code lengths.

use std::collections::HashMap;

/// One chunk's plain text packed, without the stream's header.
pub(super) fn pack(plain: &[u8]) -> Vec<u8> {
    let symbols = symbols(plain);
    let mut counts = [0u32; 512];
    symbols.iter().for_each(|s| counts[s.code] += 1);
    // A code needs a partner to be complete.
    if counts.iter().filter(|c| **c > 0).count() < 2 {
        counts[usize::from(counts[0] > 0)] += 1;
    }
    let lengths = lengths(&counts);
    let codes = codes(&lengths);
    let mut packed: Vec<u8> = lengths.chunks(2).map(|pair| (pair[0] | pair[1] << 4) as u8).collect();
    let mut writer = Writer::new(&mut packed);
    for symbol in &symbols {
        writer.bits(codes[symbol.code], lengths[symbol.code]);
        symbol.length.iter().for_each(|byte| writer.out.push(*byte));
        writer.bits(symbol.extra.0, symbol.extra.1);
    }
    writer.flush();
    packed
}

struct Symbol {
    code: usize,
    /// Bytes of a long length.
    length: Vec<u8>,
    /// The distance's low bits and how many.
    extra: (u32, u32),
}

fn symbols(plain: &[u8]) -> Vec<Symbol> {
    let mut seen: HashMap<[u8; 3], usize> = HashMap::new();
    let (mut at, mut all) = (0, Vec::new());
    while at < plain.len() {
        let key = plain[at..].first_chunk::<3>().copied();
        let found = key.and_then(|key| seen.insert(key, at));
        let Some(from) = found else {
            all.push(Symbol { code: plain[at].into(), length: Vec::new(), extra: (0, 0) });
            at += 1;
            continue;
        };
        let length = (0..plain.len() - at).take_while(|i| plain[from + i] == plain[at + i]).count();
        all.push(matched(at - from, length));
        at += length;
    }
    all
}

fn matched(distance: usize, length: usize) -> Symbol {
    let width = distance.ilog2();
    let rest = length - 3;
    let bytes = match rest {
        0..15 => Vec::new(),
        15..270 => vec![(rest - 15) as u8],
        _ => [&[255], &(rest as u16).to_le_bytes()[..]].concat(),
    };
    let code = 256 + (width as usize) * 16 + rest.min(15);
    Symbol { code, length: bytes, extra: (distance as u32 - (1 << width), width) }
}

/// Huffman's code lengths; counts are halved until none is longer than 15.
fn lengths(counts: &[u32; 512]) -> Vec<u32> {
    let mut counts = counts.to_vec();
    loop {
        let mut lengths = vec![0; 512];
        let mut groups: Vec<(u32, Vec<usize>)> =
            (0..512).filter(|s| counts[*s] > 0).map(|s| (counts[s], vec![s])).collect();
        while groups.len() > 1 {
            groups.sort_by_key(|g| std::cmp::Reverse(g.0));
            let (a, b) = (groups.pop().unwrap(), groups.pop().unwrap());
            let members = [a.1, b.1].concat();
            members.iter().for_each(|s| lengths[*s] += 1);
            groups.push((a.0 + b.0, members));
        }
        if lengths.iter().all(|l| *l <= 15) {
            return lengths;
        }
        counts.iter_mut().filter(|c| **c > 0).for_each(|c| *c = *c / 2 + 1);
    }
}

fn codes(lengths: &[u32]) -> Vec<u32> {
    let (mut code, mut codes) = (0, vec![0; 512]);
    for length in 1..=15 {
        for symbol in (0..512).filter(|s| lengths[*s] == length) {
            codes[symbol] = code;
            code += 1;
        }
        code <<= 1;
    }
    codes
}

/// Bits go into words whose places are kept free, since bytes of lengths come in between: the reader is always
/// one word ahead.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    places: [usize; 2],
    word: u32,
    free: u32,
}

impl<'o> Writer<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        let first = out.len();
        out.extend([0; 4]);
        Writer { out, places: [first, first + 2], word: 0, free: 16 }
    }

    fn bits(&mut self, bits: u32, count: u32) {
        for at in (0..count).rev() {
            // The reader takes the next word as soon as it has used more than sixteen bits.
            if self.free == 0 {
                self.put();
            }
            self.word = self.word << 1 | bits >> at & 1;
            self.free -= 1;
        }
    }

    fn put(&mut self) {
        let place = self.places[0];
        self.out[place..place + 2].copy_from_slice(&(self.word as u16).to_le_bytes());
        self.places = [self.places[1], self.out.len()];
        self.out.extend([0; 2]);
        (self.word, self.free) = (0, 16);
    }

    fn flush(&mut self) {
        self.word <<= self.free;
        let place = self.places[0];
        self.out[place..place + 2].copy_from_slice(&(self.word as u16).to_le_bytes());
    }
}
