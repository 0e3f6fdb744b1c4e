//! Kerberos' encryption types: AES with HMAC-SHA1 (RFC 3962) and with HMAC-SHA2 (RFC 8009), over RFC 3961.
//! Nothing older is spoken.

use std::fmt;

use aes::{
    Aes128, Aes256, Block,
    cipher::{BlockDecrypt, BlockEncrypt, KeyInit},
};
use base::Rng;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

/// What AES works on, bytes; also the length of a confounder.
const BLOCK: usize = 16;
/// What goes before each message, so that equal ones look different, bytes.
pub const CONFOUNDER: usize = BLOCK;

/// A message that is not what its key made of it. Says no more, so that it tells a peer nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be decrypted")]
pub struct CryptoError;

/// An encryption type, by its registered number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionType {
    /// aes128-cts-hmac-sha1-96
    Aes128Sha1 = 17,
    /// aes256-cts-hmac-sha1-96
    Aes256Sha1 = 18,
    /// aes128-cts-hmac-sha256-128
    Aes128Sha256 = 19,
    /// aes256-cts-hmac-sha384-192
    Aes256Sha384 = 20,
}

impl EncryptionType {
    /// By number; none for those that are not spoken (DES, RC4 …).
    pub fn from_number(number: i64) -> Option<Self> {
        use EncryptionType::{Aes128Sha1, Aes128Sha256, Aes256Sha1, Aes256Sha384};
        [Aes128Sha1, Aes256Sha1, Aes128Sha256, Aes256Sha384].into_iter().find(|known| *known as i64 == number)
    }

    /// How long a key is, bytes.
    pub const fn key_len(self) -> usize {
        match self {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes128Sha256 => 16,
            EncryptionType::Aes256Sha1 | EncryptionType::Aes256Sha384 => 32,
        }
    }

    /// How long a checksum is, bytes.
    pub const fn checksum_len(self) -> usize {
        match self {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => 12,
            EncryptionType::Aes128Sha256 => 16,
            EncryptionType::Aes256Sha384 => 24,
        }
    }

    /// How long the keys that sign are, bytes.
    const fn signing_len(self) -> usize {
        match self {
            EncryptionType::Aes256Sha384 => 24,
            _ => self.key_len(),
        }
    }

    /// Whether what is signed is the encrypted message instead of the plain one.
    const fn signs_encrypted(self) -> bool {
        matches!(self, EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384)
    }
}

/// A key. Derived keys are made when they are needed: that is a few blocks of AES, or two hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    kind: EncryptionType,
    bytes: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, ***)", self.kind)
    }
}

/// The octets that tell the purposes of derived keys apart (RFC 3961 section 5.3).
const ENCRYPTING: u8 = 0xaa;
const SIGNING: u8 = 0x55;
const CHECKING: u8 = 0x99;

impl Key {
    /// A key of a type.
    ///
    /// # Errors
    /// Where it has another length.
    pub fn new(kind: EncryptionType, bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() == kind.key_len() { Ok(Key { kind, bytes: bytes.to_vec() }) } else { Err(CryptoError) }
    }

    /// A fresh key of the same type.
    pub fn fresh(&self, rng: &dyn Rng) -> Self {
        let mut bytes = vec![0; self.kind.key_len()];
        rng.fill(&mut bytes);
        Key { kind: self.kind, bytes }
    }

    /// Its type.
    pub const fn kind(&self) -> EncryptionType {
        self.kind
    }

    /// The secret itself, for a message that hands it over.
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts for a purpose, signed.
    pub fn encrypt(&self, usage: u32, plain: &[u8], rng: &dyn Rng) -> Vec<u8> {
        let mut confounder = [0; CONFOUNDER];
        rng.fill(&mut confounder);
        self.encrypt_with(usage, plain, confounder)
    }

    fn encrypt_with(&self, usage: u32, plain: &[u8], confounder: [u8; CONFOUNDER]) -> Vec<u8> {
        let mut message = Vec::with_capacity(CONFOUNDER + plain.len() + self.kind.checksum_len());
        message.extend_from_slice(&confounder);
        message.extend_from_slice(plain);
        let signing = self.derive(usage, SIGNING, self.kind.signing_len());
        let signed_plain = (!self.kind.signs_encrypted()).then(|| self.sign(&signing, &[&message]));
        Cipher::new(&self.derive(usage, ENCRYPTING, self.kind.key_len())).encrypt(&mut message);
        let signature = signed_plain.unwrap_or_else(|| self.sign(&signing, &[&[0; BLOCK], &message]));
        message.extend_from_slice(&signature);
        message
    }

    /// Decrypts what was encrypted for a purpose.
    ///
    /// # Errors
    /// Where the signature is not right.
    pub fn decrypt(&self, usage: u32, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let length = message.len().checked_sub(self.kind.checksum_len()).ok_or(CryptoError)?;
        let (encrypted, signature) = message.split_at(length);
        if encrypted.len() < CONFOUNDER {
            return Err(CryptoError);
        }
        let signing = self.derive(usage, SIGNING, self.kind.signing_len());
        if self.kind.signs_encrypted() {
            self.check(&signing, &[&[0; BLOCK], encrypted], signature)?;
        }
        let mut plain = encrypted.to_vec();
        Cipher::new(&self.derive(usage, ENCRYPTING, self.kind.key_len())).decrypt(&mut plain);
        if !self.kind.signs_encrypted() {
            self.check(&signing, &[&plain], signature)?;
        }
        plain.drain(..CONFOUNDER);
        Ok(plain)
    }

    /// The checksum of some parts, one after the other, for a purpose.
    pub fn checksum(&self, usage: u32, parts: &[&[u8]]) -> Vec<u8> {
        self.sign(&self.derive(usage, CHECKING, self.kind.signing_len()), parts)
    }

    /// Whether a checksum is that of these parts.
    ///
    /// # Errors
    /// Where it is not.
    pub fn verify(&self, usage: u32, parts: &[&[u8]], checksum: &[u8]) -> Result<(), CryptoError> {
        self.check(&self.derive(usage, CHECKING, self.kind.signing_len()), parts, checksum)
    }

    fn sign(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let length = self.kind.checksum_len();
        match self.kind {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                signature::<Hmac<Sha1>>(key, parts, length)
            }
            EncryptionType::Aes128Sha256 => signature::<Hmac<Sha256>>(key, parts, length),
            EncryptionType::Aes256Sha384 => signature::<Hmac<Sha384>>(key, parts, length),
        }
    }

    /// Compares in a time that does not depend on where they differ.
    fn check(&self, key: &[u8], parts: &[&[u8]], wanted: &[u8]) -> Result<(), CryptoError> {
        let made = self.sign(key, parts);
        let same_length = made.len() == wanted.len();
        let difference = made.iter().zip(wanted).fold(0, |sum, (a, b)| sum | (a ^ b));
        if same_length && std::hint::black_box(difference) == 0 { Ok(()) } else { Err(CryptoError) }
    }

    /// The key for a purpose (RFC 3961 section 5.1, RFC 8009 section 3).
    fn derive(&self, usage: u32, purpose: u8, length: usize) -> Vec<u8> {
        let [a, b, c, d] = usage.to_be_bytes();
        let constant = [a, b, c, d, purpose];
        let bits = (length as u32 * 8).to_be_bytes();
        let parts: [&[u8]; 4] = [&[0, 0, 0, 1], &constant, &[0], &bits];
        match self.kind {
            EncryptionType::Aes128Sha256 => signature::<Hmac<Sha256>>(&self.bytes, &parts, length),
            EncryptionType::Aes256Sha384 => signature::<Hmac<Sha384>>(&self.bytes, &parts, length),
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => {
                let cipher = Cipher::new(&self.bytes);
                let mut block = Block::from(n_fold(&constant));
                let mut key = Vec::with_capacity(length);
                while key.len() < length {
                    cipher.encrypt_block(&mut block);
                    key.extend_from_slice(&block);
                }
                key
            }
        }
    }
}

fn signature<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]], length: usize) -> Vec<u8> {
    // An HMAC takes a key of any length.
    let Ok(mut mac) = <M as Mac>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    let mut bytes = mac.finalize().into_bytes().to_vec();
    bytes.truncate(length);
    bytes
}

/// Stretches a constant to a block (RFC 3961 section 5.1): copies of it, each turned right by 13 bits more, added up
/// in ones' complement.
fn n_fold(constant: &[u8]) -> [u8; BLOCK] {
    let bits = constant.len() * 8;
    let bit = |index: usize| u32::from(constant[index / 8] >> (7 - index % 8) & 1);
    // A byte of the long string: `copy` times 13 bits before its place in the constant.
    let byte_at = |place: usize| {
        let (copy, place) = (place / constant.len(), place % constant.len());
        (0..8).fold(0, |byte, n| byte << 1 | bit((place * 8 + n + (bits - 13) * copy) % bits))
    };
    let mut sums = [0; BLOCK];
    let whole = (1..=constant.len()).map(|blocks| blocks * BLOCK).find(|bytes| bytes % constant.len() == 0);
    (0..whole.unwrap_or(0)).for_each(|place| sums[place % BLOCK] += byte_at(place));
    let mut carry = 0;
    // What is carried out of the highest byte comes in at the lowest again: three times around, it has settled.
    for place in (0..3 * BLOCK).rev() {
        let sum = sums[place % BLOCK] + carry;
        sums[place % BLOCK] = sum & 0xff;
        carry = sum >> 8;
    }
    sums.map(|sum| sum as u8)
}

/// AES in CBC mode with ciphertext stealing (RFC 3962 section 5), from an empty vector.
enum Cipher {
    Short(Box<Aes128>),
    Long(Box<Aes256>),
}

impl Cipher {
    fn new(key: &[u8]) -> Self {
        match <[u8; 16]>::try_from(key) {
            Ok(key) => Cipher::Short(Box::new(Aes128::new(&key.into()))),
            Err(_) => {
                let mut long = [0; 32];
                long.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
                Cipher::Long(Box::new(Aes256::new(&long.into())))
            }
        }
    }

    fn encrypt_block(&self, block: &mut Block) {
        match self {
            Cipher::Short(aes) => aes.encrypt_block(block),
            Cipher::Long(aes) => aes.encrypt_block(block),
        }
    }

    fn decrypt_block(&self, block: &mut Block) {
        match self {
            Cipher::Short(aes) => aes.decrypt_block(block),
            Cipher::Long(aes) => aes.decrypt_block(block),
        }
    }

    /// Of at least one block.
    fn encrypt(&self, message: &mut [u8]) {
        let mut before = Block::default();
        for chunk in message.chunks_mut(BLOCK) {
            // A last block that is not full is filled with zeros: what comes of it takes its predecessor's place.
            before.iter_mut().zip(&*chunk).for_each(|(byte, plain)| *byte ^= plain);
            self.encrypt_block(&mut before);
            chunk.copy_from_slice(&before[..chunk.len()]);
        }
        steal(message, &before);
    }

    /// Of at least one block.
    fn decrypt(&self, message: &mut [u8]) {
        let Some(last) = last_block(message.len()) else {
            return self.decrypt_chain(message, Block::default());
        };
        let (chain, end) = message.split_at_mut(last - BLOCK);
        let vector = chain.last_chunk::<BLOCK>().map_or_else(Block::default, |block| (*block).into());
        self.decrypt_chain(chain, Block::default());
        let (next_to_last, tail) = end.split_at_mut(BLOCK);
        let mut block = Block::clone_from_slice(next_to_last);
        self.decrypt_block(&mut block);
        // The block that was cut is what is left of the tail, and the end of what was decrypted.
        let mut cut = block;
        cut[..tail.len()].copy_from_slice(tail);
        tail.iter_mut().zip(&block).for_each(|(byte, key)| *byte ^= key);
        self.decrypt_block(&mut cut);
        next_to_last.iter_mut().zip(cut.iter().zip(&vector)).for_each(|(to, (a, b))| *to = a ^ b);
    }

    fn decrypt_chain(&self, message: &mut [u8], mut vector: Block) {
        for chunk in message.chunks_exact_mut(BLOCK) {
            let encrypted = Block::clone_from_slice(chunk);
            let mut block = encrypted;
            self.decrypt_block(&mut block);
            chunk.iter_mut().zip(block.iter().zip(&vector)).for_each(|(to, (a, b))| *to = a ^ b);
            vector = encrypted;
        }
    }
}

/// Where the last block begins, full or not, of a message of several.
const fn last_block(length: usize) -> Option<usize> {
    if length <= BLOCK { None } else { Some((length - 1) / BLOCK * BLOCK) }
}

/// Puts the last whole block before the one that it was stolen from.
fn steal(message: &mut [u8], last_whole: &Block) {
    let Some(last) = last_block(message.len()) else { return };
    let (front, tail) = message.split_at_mut(last);
    let place = &mut front[last - BLOCK..];
    tail.copy_from_slice(&place[..tail.len()]);
    place.copy_from_slice(last_whole);
}

#[cfg(test)]
mod tests;
