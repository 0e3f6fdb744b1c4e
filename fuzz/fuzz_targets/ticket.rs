//! Any bytes as what a client logs on with: tokens of SPNEGO, Kerberos' messages, protected messages, encrypted bodies.
//! The first byte says as which. Nobody gets in; what is read is what was there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    channel,
    kerberos::{
        EncryptionType, Key,
        gss::{self, Context},
        keytab, messages,
    },
    spnego::{self, FromClient},
    wsman::encrypted,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 8 {
        0 => {
            if let Ok(FromClient::Init { mechanisms, signed, token, .. }) = spnego::read(bytes) {
                assert!(mechanisms.len() <= 32 && signed.len() <= bytes.len());
                assert!(token.is_none_or(|token| token.len() < bytes.len()));
            }
        }
        1 => {
            if let Ok(message) = gss::read_first(bytes).and_then(messages::read_ap_req) {
                assert!(message.ticket.message.len() + message.authenticator.message.len() < bytes.len());
            }
        }
        2 => drop(messages::read_ticket(bytes)),
        3 => drop(messages::read_authenticator(bytes)),
        4 => {
            if let Ok(keys) = keytab::read(bytes) {
                assert!(keys.len() <= keytab::ENTRIES_MAX);
            }
        }
        5 => {
            if let Some(message) = encrypted::read(bytes) {
                assert!(message.token.len() < bytes.len());
            }
        }
        6 => drop(channel::server_end_point(bytes)),
        _ => {
            let key = Key::new(EncryptionType::Aes128Sha1, &[7; 16]).expect("a key of its length");
            let mut context = Context::new(key, true, 0, 0);
            assert!(context.unwrap(bytes).is_err() && context.verify(b"", bytes).is_err());
        }
    }
});
