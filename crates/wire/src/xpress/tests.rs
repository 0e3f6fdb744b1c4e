//! Published examples, there and back through the tests' encoder, and what is refused.

use proptest::prelude::*;

use super::{encoder::pack, *};

/// A chunk of a stream: packed by LZ77 and Huffman.
fn chunk(plain: &[u8], packed: &[u8]) -> Vec<u8> {
    let sizes = [plain.len(), packed.len()].map(|n| (u16::try_from(n - 1).unwrap()).to_le_bytes());
    [&sizes[0][..], &sizes[1], packed].concat()
}

/// A table with these bytes and zeros elsewhere, then the codes.
fn packed(table: &[(usize, &[u8])], codes: &[u8]) -> Vec<u8> {
    let mut all = vec![0; 256];
    for (at, bytes) in table {
        all[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    [&all, codes].concat()
}

/// The two examples of MS-XCA section 3.2.
#[test]
fn the_specifications_examples() {
    let alphabet = packed(
        &[
            (0x30, &[0x50, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x45, 0x44, 0x04]),
            (0x80, &[4]),
        ],
        &[
            0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f, 0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 0x04,
            0, 0, 0, 0,
        ],
    );
    let plain = b"abcdefghijklmnopqrstuvwxyz";
    assert_eq!(unpack(&chunk(plain, &alphabet), 26).as_deref(), Ok(&plain[..]));

    let repeated = packed(
        &[(0x30, &[0x30, 0x23]), (0x80, &[0x02]), (0x8f, &[0x20])],
        &[0xa8, 0xdc, 0, 0, 0xff, 0x26, 0x01],
    );
    let plain = b"abc".repeat(100);
    assert_eq!(unpack(&chunk(&plain, &repeated), 1000), Ok(plain));
}

#[test]
fn long_matches_and_many_chunks() {
    let plain = vec![b'x'; 65_536];
    let one = chunk(&plain, &pack(&plain));
    let three = [&one[..], &store(b"between"), &one].concat();
    let all = unpack(&three, 1 << 20).unwrap();
    assert_eq!(all, [&plain[..], b"between", &plain].concat());
    assert_eq!(unpack(&three, all.len() - 1), Err(XpressError::TooLarge));
    assert_eq!(unpack(&three[..three.len() - 1], 1 << 20), Err(XpressError::Short));
}

#[test]
fn what_is_corrupt_is_refused() {
    let plain = b"abcabcabcabc".repeat(20);
    let good = pack(&plain);
    // Codes that leave patterns unused, and codes that are too many.
    for byte in [0x00, 0x11] {
        let mut bad = good.clone();
        bad[..256].fill(byte);
        assert_eq!(unpack(&chunk(&plain, &bad), 1000), Err(XpressError::Corrupt));
    }
    // A match that reaches back before the chunk.
    let early = packed(&[(0x80, &[0x10]), (0x90, &[0x01])], &[0; 8]);
    assert_eq!(unpack(&chunk(&[0; 9], &early), 1000), Err(XpressError::Corrupt));
    assert_eq!(unpack(&[0, 0, 0], 10), Err(XpressError::Short));
}

proptest! {
    #[test]
    fn what_is_packed_unpacks(parts in proptest::collection::vec((any::<Vec<u8>>(), 1usize..300), 1..8)) {
        let plain: Vec<u8> = parts.iter().flat_map(|(bytes, times)| bytes.repeat(*times)).take(65_536).collect();
        prop_assume!(!plain.is_empty());
        let packed = pack(&plain);
        prop_assume!(packed.len() != plain.len() && packed.len() <= 65_536);
        prop_assert_eq!(unpack(&chunk(&plain, &packed), 65_536), Ok(plain));
    }

    #[test]
    fn what_is_stored_unpacks(plain in any::<Vec<u8>>(), times in 1usize..2000) {
        let plain = plain.repeat(times);
        prop_assert_eq!(unpack(&store(&plain), plain.len()), Ok(plain));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        sizes in any::<[u16; 1]>(),
        table in proptest::collection::vec(prop_oneof![Just(0u8), Just(0x11), Just(0x12), any::<u8>()], 256),
        codes in any::<Vec<u8>>(),
    ) {
        let body = [&table[..], &codes].concat();
        let header = [sizes[0].to_le_bytes(), ((body.len() - 1) as u16).to_le_bytes()].concat();
        let _ = unpack(&[&header[..], &body].concat(), 1 << 16);
    }

    #[test]
    fn damaged_streams_never_panic(plain in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        prop_assume!(!plain.is_empty());
        let mut packed = pack(&plain.repeat(9));
        let at = at.index(packed.len());
        packed[at] ^= 1 << bit;
        let _ = unpack(&chunk(&plain.repeat(9), &packed), 1 << 16);
    }
}
