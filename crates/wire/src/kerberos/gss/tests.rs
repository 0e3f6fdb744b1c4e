//! Messages of a context, and of those that are not of it.

use base::rng::SeededRng;
use proptest::prelude::*;

use super::*;
use crate::kerberos::EncryptionType;

fn key(kind: EncryptionType) -> Key {
    Key::new(kind, &vec![5; kind.key_len()]).unwrap()
}

/// A message as the initiator sends it, rotated as far as it likes.
fn sent(key: &Key, number: u64, flags: u8, extra: u16, rotated: u16, message: &[u8]) -> Vec<u8> {
    let mut header = vec![5, 4, flags, 0xff];
    header.extend(extra.to_be_bytes());
    header.extend([0, 0]);
    header.extend(number.to_be_bytes());
    let plain = [message, &vec![0; extra.into()], &header].concat();
    let mut body = key.encrypt(usage::INITIATOR_SEAL, &plain, &SeededRng::new(number));
    let length = body.len();
    body.rotate_right(usize::from(rotated) % length);
    header[6..8].copy_from_slice(&rotated.to_be_bytes());
    [header, body].concat()
}

#[test]
fn each_message_once() {
    let key = key(EncryptionType::Aes256Sha1);
    let mut context = Context::new(key.clone(), true, 40, 7);
    let first = sent(&key, 7, SEALED | ACCEPTOR_KEY, 0, 28, b"first");
    assert_eq!(context.unwrap(&first).as_deref(), Ok(&b"first"[..]));
    assert_eq!(context.unwrap(&first), Err(KerberosError::Crypto));
    // Numbers may be left out, but not go back.
    let later = sent(&key, 20, SEALED | ACCEPTOR_KEY, 16, 0, b"later");
    assert_eq!(context.unwrap(&later).as_deref(), Ok(&b"later"[..]));
    assert_eq!(context.unwrap(&sent(&key, 19, 6, 0, 28, b"x")), Err(KerberosError::Crypto));
    // Not encrypted, not under our key, or one of ours that comes back.
    for flags in [ACCEPTOR_KEY, SEALED, SEALED | ACCEPTOR_KEY | BY_ACCEPTOR] {
        assert_eq!(context.unwrap(&sent(&key, 30, flags, 0, 28, b"x")), Err(KerberosError::Crypto));
    }
    let Sealed { header, data } = context.wrap(b"ours", &SeededRng::new(1));
    assert_eq!((header.len(), data.len()), (60, 4));
    assert_eq!(header[8..16], 40u64.to_be_bytes());
    assert!(context.unwrap(&[header, data].concat()).is_err());
}

#[test]
fn signatures() {
    let key = key(EncryptionType::Aes128Sha256);
    let mut context = Context::new(key.clone(), true, 1, 1);
    let mut token = [4, 4, ACCEPTOR_KEY, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 9].to_vec();
    let checksum = key.checksum(usage::INITIATOR_SIGN, &[b"list", &token]);
    token.extend(checksum);
    assert_eq!(context.verify(b"lost", &token), Err(KerberosError::Crypto));
    assert_eq!(context.verify(b"list", &token), Ok(()));
    assert_eq!(context.verify(b"list", &token), Err(KerberosError::Crypto));
    let ours = context.sign(b"list");
    assert_eq!(key.verify(usage::ACCEPTOR_SIGN, &[b"list", &ours[..16]], &ours[16..]), Ok(()));
    assert!(context.verify(b"list", &ours).is_err());
}

#[test]
fn what_a_client_wishes() {
    let mut bytes = vec![16, 0, 0, 0];
    bytes.extend([0; 16]);
    bytes.extend([0x3e, 0, 0, 0]);
    assert_eq!(read_wishes(Some(&(CHECKSUM, bytes.clone()))), Ok(Wishes { flags: 0x3e, bindings: None }));
    bytes[4..20].copy_from_slice(&channel_hash(b"tls-server-end-point:x"));
    let wishes = read_wishes(Some(&(CHECKSUM, bytes.clone()))).unwrap();
    assert_eq!(wishes.bindings, Some(channel_hash(b"tls-server-end-point:x")));
    assert!(read_wishes(Some(&(CHECKSUM, bytes[..20].to_vec()))).is_err());
    assert!(read_wishes(Some(&(16, bytes))).is_err());
    assert!(read_wishes(None).is_err());
}

proptest! {
    #[test]
    fn what_is_wrapped_is_one_token(message: Vec<u8>, seed: u64, rotated: u16) {
        for kind in [EncryptionType::Aes128Sha1, EncryptionType::Aes256Sha384] {
            let key = key(kind);
            let mut context = Context::new(key.clone(), false, 0, 0);
            let Sealed { header, data } = context.wrap(&message, &SeededRng::new(seed));
            prop_assert_eq!(data.len(), message.len());
            let mut body = [&header[HEADER..], &data].concat();
            let turn = usize::from(u16::from_be_bytes([header[6], header[7]]));
            body.rotate_left(turn);
            let plain = key.decrypt(usage::ACCEPTOR_SEAL, &body).unwrap();
            prop_assert_eq!(&plain[..message.len()], &*message);
            let token = sent(&key, seed, SEALED, 3, rotated, &message);
            prop_assert_eq!(context.unwrap(&token), Ok(message.clone()));
        }
    }

    #[test]
    fn anything_is_refused(bytes: Vec<u8>, rest: Vec<u8>) {
        let mut context = Context::new(key(EncryptionType::Aes128Sha1), true, 0, 0);
        prop_assert!(context.unwrap(&bytes).is_err());
        prop_assert!(context.unwrap(&[&[5, 4, 6, 0xff, 0, 9, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], &*rest].concat()).is_err());
        prop_assert!(context.verify(b"x", &bytes).is_err());
        let _ = read_first(&bytes);
    }
}
