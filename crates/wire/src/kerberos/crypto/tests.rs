//! The RFCs' own examples, and what is encrypted comes back.

use base::rng::SeededRng;
use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(kind: EncryptionType, text: &str) -> Key {
    Key::new(kind, &hex(text)).unwrap()
}

const KINDS: [EncryptionType; 4] = [
    EncryptionType::Aes128Sha1,
    EncryptionType::Aes256Sha1,
    EncryptionType::Aes128Sha256,
    EncryptionType::Aes256Sha384,
];

#[test]
fn stretched_constants() {
    assert_eq!(n_fold(b"kerberos").to_vec(), hex("6b65726265726f737b9b5b2b93132b93"));
}

/// RFC 3962, appendix B.
#[test]
fn ciphertext_stealing() {
    let cipher = Cipher::new(b"chicken teriyaki");
    for (plain, encrypted) in [
        ("I would like the ", "c6353568f2bf8cb4d8a580362da7ff7f97"),
        ("I would like the General Gau's ", "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
        (
            "I would like the General Gau's C",
            "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
        ),
    ] {
        let mut message = plain.as_bytes().to_vec();
        cipher.encrypt(&mut message);
        assert_eq!(message, hex(encrypted), "{plain}");
        cipher.decrypt(&mut message);
        assert_eq!(message, plain.as_bytes());
    }
}

#[test]
fn derived_keys_sha1() {
    let short = key(EncryptionType::Aes128Sha1, "42263C6E89F4FC28B8DF68EE09799F15");
    assert_eq!(short.derive(2, CHECKING, 16), hex("34280A382BC92769B2DA2F9EF066854B"));
    assert_eq!(short.derive(2, ENCRYPTING, 16), hex("5B14FC4E250E14DDF9DCCF1AF6674F53"));
    assert_eq!(short.derive(2, SIGNING, 16), hex("4ED31063621684F09AE8D89991AF3E8F"));
}

/// RFC 8009, appendix A.
#[test]
fn derived_keys_and_checksums_sha2() {
    let short = key(EncryptionType::Aes128Sha256, "3705D96080C17728A0E800EAB6E0D23C");
    assert_eq!(short.derive(2, CHECKING, 16), hex("B31A018A48F54776F403E9A396325DC3"));
    assert_eq!(short.derive(2, ENCRYPTING, 16), hex("9B197DD1E8C5609D6E67C3E37C62C72E"));
    let long =
        key(EncryptionType::Aes256Sha384, "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52");
    assert_eq!(long.derive(2, SIGNING, 24), hex("69B16514E3CD8E56B82010D5C73012B622C4D00FFC23ED1F"));
    let text: Vec<u8> = (0..0x15).collect();
    assert_eq!(short.checksum(2, &[&text]), hex("D78367186643D67B411CBA9139FC1DEE"));
    assert_eq!(
        long.checksum(2, &[&text[..5], &text[5..]]),
        hex("45EE791567EEFCA37F4AC1E0222DE80D43C3BFA06699672A")
    );
    let confounder = hex("7E5895EAF2672435BAD817F545A37148").try_into().unwrap();
    assert_eq!(
        short.encrypt_with(2, b"", confounder),
        hex("EF85FB890BB8472F4DAB20394DCA781DAD877EDA39D50C870C0D5A0A8E48C718")
    );
}

proptest! {
    #[test]
    fn what_is_encrypted_comes_back(plain: Vec<u8>, kind in 0..4usize, seed: u64, flip: prop::sample::Index) {
        let kind = KINDS[kind];
        let rng = SeededRng::new(seed);
        let key = Key::new(kind, &vec![9; kind.key_len()]).unwrap().fresh(&rng);
        let mut message = key.encrypt(7, &plain, &rng);
        prop_assert_eq!(message.len(), CONFOUNDER + plain.len() + kind.checksum_len());
        prop_assert_eq!(key.decrypt(7, &message), Ok(plain));
        prop_assert_eq!(key.decrypt(8, &message), Err(CryptoError));
        let at = flip.index(message.len());
        message[at] ^= 1;
        prop_assert_eq!(key.decrypt(7, &message), Err(CryptoError));
    }

    #[test]
    fn anything_is_refused(message: Vec<u8>, kind in 0..4usize) {
        let kind = KINDS[kind];
        let key = Key::new(kind, &vec![9; kind.key_len()]).unwrap();
        prop_assert_eq!(key.decrypt(2, &message), Err(CryptoError));
        prop_assert!(key.verify(2, &[b"x"], &message).is_err());
    }
}
