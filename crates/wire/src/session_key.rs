//! The session key of PowerShell remoting (MS-PSRP sections 2.2.2.3, 2.2.2.4, 2.2.5.1.24): the client sends an
//! RSA key, the server answers with an AES key under it, and secure strings travel under that.

use std::fmt;

use aes::Aes256;
use base::Rng;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};
use rsa::{
    BigUint, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey,
    rand_core::{self, CryptoRng, RngCore},
    traits::PublicKeyParts,
};

use crate::secret::Secret;

/// The modulus, bits: the protocol knows no other size.
const BITS: usize = 2048;
const MODULUS: usize = BITS / 8;
/// `PUBLICKEYBLOB` of an RSA key for key exchange: type, version, algorithm, `RSA1`, bits.
const PUBLIC_HEADER: [u8; 16] = [6, 2, 0, 0, 0, 0xa4, 0, 0, b'R', b'S', b'A', b'1', 0, 8, 0, 0];
/// `SIMPLEBLOB` of an AES-256 key under an RSA key.
const SESSION_HEADER: [u8; 12] = [1, 2, 0, 0, 0x10, 0x66, 0, 0, 0, 0xa4, 0, 0];
/// The longest text of a secure string as it travels, bytes of base64: .NET allows 65,536 characters.
const SECURE_MAX: usize = 256 << 10;
/// Nothing is sent under a key of this protocol but with this vector.
const VECTOR: [u8; 16] = [0; 16];

/// A key or a secure string that cannot be used. Says no more, so that it tells a peer nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session key or the secure string cannot be used")]
pub struct KeyError;

/// What the client makes and keeps for one exchange.
pub struct KeyPair(RsaPrivateKey);

impl KeyPair {
    /// A fresh pair; takes a fraction of a second.
    ///
    /// # Errors
    /// Where no primes were found.
    pub fn generate(rng: &dyn Rng) -> Result<Self, KeyError> {
        RsaPrivateKey::new(&mut Random(rng), BITS).map(KeyPair).map_err(|_| KeyError)
    }

    /// The `PublicKey` of a PUBLIC_KEY message.
    pub fn public(&self) -> String {
        let mut blob = PUBLIC_HEADER.to_vec();
        blob.extend(little(self.0.e(), 4));
        blob.extend(little(self.0.n(), MODULUS));
        STANDARD.encode(blob)
    }

    /// Reads the `EncryptedSessionKey` of the answer.
    ///
    /// # Errors
    /// Where it is not for this pair.
    pub fn session_key(&self, answer: &str, rng: &dyn Rng) -> Result<SessionKey, KeyError> {
        let mut key = blob(answer, &SESSION_HEADER, MODULUS)?;
        key.reverse();
        let plain = self.0.decrypt_blinded(&mut Random(rng), Pkcs1v15Encrypt, &key).map_err(|_| KeyError)?;
        plain.try_into().map(SessionKey).map_err(|_| KeyError)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}

/// The key under which secure strings travel.
#[derive(Clone)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// A fresh key: the server's part.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut key = [0; 32];
        rng.fill(&mut key);
        SessionKey(key)
    }

    /// The `EncryptedSessionKey` for the owner of this `PublicKey`.
    ///
    /// # Errors
    /// Where the peer's is no 2048-bit RSA key.
    pub fn for_peer(&self, public: &str, rng: &dyn Rng) -> Result<String, KeyError> {
        let parts = blob(public, &PUBLIC_HEADER, 4 + MODULUS)?;
        let (exponent, modulus) = parts.split_at(4);
        let odd = |bytes: &[u8]| bytes.first().is_some_and(|low| low & 1 == 1);
        let full = modulus.last().is_some_and(|high| high & 0x80 != 0);
        if !odd(exponent) || !odd(modulus) || !full {
            return Err(KeyError);
        }
        let (n, e) = (BigUint::from_bytes_le(modulus), BigUint::from_bytes_le(exponent));
        let peer = RsaPublicKey::new(n, e).map_err(|_| KeyError)?;
        let mut key = peer.encrypt(&mut Random(rng), Pkcs1v15Encrypt, &self.0).map_err(|_| KeyError)?;
        key.reverse();
        Ok(STANDARD.encode([&SESSION_HEADER[..], &key].concat()))
    }

    /// A secure string's text as CLIXML's `SS` carries it.
    pub fn protect(&self, secret: &Secret) -> String {
        let plain: Vec<u8> = secret.0.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cipher = cbc::Encryptor::<Aes256>::new(&self.0.into(), &VECTOR.into());
        STANDARD.encode(cipher.encrypt_padded_vec_mut::<Pkcs7>(&plain))
    }

    /// What an `SS` says.
    ///
    /// # Errors
    /// Where it is not under this key, too long, or no UTF-16.
    pub fn reveal(&self, text: &str) -> Result<Secret, KeyError> {
        if text.len() > SECURE_MAX {
            return Err(KeyError);
        }
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError)?;
        let cipher = cbc::Decryptor::<Aes256>::new(&self.0.into(), &VECTOR.into());
        let plain = cipher.decrypt_padded_vec_mut::<Pkcs7>(&bytes).map_err(|_| KeyError)?;
        let (pairs, rest) = plain.as_chunks();
        let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        match String::from_utf16(&units) {
            Ok(text) if rest.is_empty() => Ok(Secret(text)),
            _ => Err(KeyError),
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(***)")
    }
}

/// What follows a blob's header; it must be of this size.
fn blob(text: &str, header: &[u8], size: usize) -> Result<Vec<u8>, KeyError> {
    if text.len() > 2 * (header.len() + size) {
        return Err(KeyError);
    }
    let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError)?;
    let rest = bytes.strip_prefix(header).filter(|rest| rest.len() == size);
    rest.map(<[u8]>::to_vec).ok_or(KeyError)
}

/// A number's bytes, the lowest first.
fn little(number: &BigUint, size: usize) -> Vec<u8> {
    let mut bytes = number.to_bytes_le();
    bytes.resize(size, 0);
    bytes
}

/// The house's randomness as the crates want it.
struct Random<'r>(&'r dyn Rng);

impl RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Random<'_> {}

#[cfg(test)]
mod tests {
    use base::rng::SeededRng;

    use super::*;

    #[test]
    fn a_key_is_agreed_and_secrets_travel_under_it() {
        let rng = SeededRng::new(7);
        let client = KeyPair::generate(&rng).unwrap();
        let server = SessionKey::generate(&rng);
        let answer = server.for_peer(&client.public(), &rng).unwrap();
        assert!(answer.starts_with("AQIAABBmAAAApAAA"), "{answer}");
        let agreed = client.session_key(&answer, &rng).unwrap();
        for text in ["", "P@ssw0rd", "\u{1f600} ünïcode", &"x".repeat(10_000)] {
            let secret = Secret(text.to_owned());
            assert_eq!(agreed.reveal(&server.protect(&secret)), Ok(secret));
        }
        let stranger = SessionKey::generate(&rng);
        let (kept, other) =
            (server.protect(&Secret("secret".into())), stranger.protect(&Secret("secret".into())));
        assert_ne!(kept, other);
        assert!(stranger.reveal(&kept).is_err());
        assert!(!format!("{agreed:?}{client:?}").contains(&format!("{:?}", agreed.0)));
    }

    /// The example of MS-PSRP section 2.2.2.3 and what must not pass for a key.
    #[test]
    fn public_keys_are_checked() {
        let example = "BgIAAACkAABSU0ExAAgAAAEAAQBxLtiI7U4s5gkx4zzFaRyhCgTwSYWBdxx6MfjJMXcuLewnq7RvIo6yfgcN2s8FXrel\
                       Hs8y34S0fdvM/fbSXjaacKOQoLVvOgyVf1x7EODpDADW2Tj9RIz52hcsVzNFfkfT4EhMvcJbDIqtEwIF6BmjHc5yNPsy\
                       wTFD6QU50BIySeV7IT3qhjxihQEbMt/shf0DcFX07JIs37FPPZpesaviyG3RZjhQbfCbJ66vlea+1ocVYgqM7W98ZIeH\
                       lRT2XhrPSD+hwriUcfG3oOJIILpo2acpAxcz8KCEOkpocH4wA/IgF+9UcaeanOkBXqK3xc9LPtVuQ7otZYa+zvrTZXe4";
        let rng = SeededRng::new(1);
        let key = SessionKey::generate(&rng);
        assert!(key.for_peer(example, &rng).is_ok());
        let bytes = STANDARD.decode(example).unwrap();
        let even = [&bytes[..20], &[0x70], &bytes[21..]].concat();
        let short = [&bytes[..275], &[0x38]].concat();
        let exponent = [&bytes[..16], &[1, 0, 0, 0], &bytes[20..]].concat();
        for bad in [even, short, exponent, bytes[..275].to_vec(), vec![]] {
            assert_eq!(key.for_peer(&STANDARD.encode(bad), &rng), Err(KeyError));
        }
        assert_eq!(key.for_peer("not base64", &rng), Err(KeyError));
        assert!(key.reveal("AAAA").is_err() && key.reveal(&"A".repeat(SECURE_MAX + 4)).is_err());
    }
}
