//! Kerberos under GSS-API (RFC 4121): the first token and its answer, and what protects messages after them.

use base::Rng;
use md5::{Digest, Md5};

use super::{KerberosError, Key, crypto::CONFOUNDER, usage};
use crate::der::{self, Reader, tag};

/// Kerberos 5, 1.2.840.113554.1.2.2.
pub const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
/// The same under the number that an old Windows got wrong, 1.2.840.48018.1.2.2; Windows still offers it first.
pub const KERBEROS_OF_WINDOWS: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2];

/// The peer asks for an answer that proves who we are.
pub const MUTUAL: u32 = 2;
/// Tokens come in three steps and look otherwise (DCE RPC); nothing that comes over HTTP asks for it.
pub const DCE_STYLE: u32 = 0x1000;

/// The type of an authenticator's checksum that is none, but says what GSS has to say (RFC 4121 section 4.1.1).
const CHECKSUM: i64 = 0x8003;

const AP_REQ: [u8; 2] = [1, 0];
const AP_REP: [u8; 2] = [2, 0];
const ERROR: [u8; 2] = [3, 0];
const MIC: [u8; 2] = [4, 4];
const WRAP: [u8; 2] = [5, 4];

/// Flags of a message.
const BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_KEY: u8 = 4;

/// The head of a message token, bytes.
const HEADER: usize = 16;

/// An element under an application tag, as every mechanism's first token.
fn framed(mechanism: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut body = der::element(tag::OID, mechanism);
    parts.iter().for_each(|part| body.extend_from_slice(part));
    der::element(tag::application(0), &body)
}

/// The mechanism a first token is of, and the token itself (RFC 2743 section 3.1).
///
/// # Errors
/// Where it is not one.
pub fn unframe(token: &[u8]) -> Result<(&[u8], &[u8]), KerberosError> {
    let mut body = Reader::new(token).inside(tag::application(0))?;
    let mechanism = body.expect(tag::OID)?;
    Ok((mechanism, body.rest()))
}

/// The AP-REQ of a first token.
///
/// # Errors
/// Where it is of another mechanism, or something else.
pub fn read_first(token: &[u8]) -> Result<&[u8], KerberosError> {
    match unframe(token)? {
        (KERBEROS | KERBEROS_OF_WINDOWS, token) => {
            token.strip_prefix(&AP_REQ).ok_or(KerberosError::Malformed)
        }
        _ => Err(KerberosError::Malformed),
    }
}

/// The token of an AP-REP.
pub fn write_answer(message: &[u8]) -> Vec<u8> {
    framed(KERBEROS, &[&AP_REP, message])
}

/// The token of a KRB-ERROR.
pub fn write_error(message: &[u8]) -> Vec<u8> {
    framed(KERBEROS, &[&ERROR, message])
}

/// What a client wants, and through which channel it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// [`MUTUAL`] and others.
    pub flags: u32,
    /// The hash of the channel that it sees; none if it does not say.
    pub bindings: Option<[u8; 16]>,
}

/// What an authenticator's checksum says.
///
/// # Errors
/// Where it is a real checksum, or too short.
pub fn read_wishes(checksum: Option<&(i64, Vec<u8>)>) -> Result<Wishes, KerberosError> {
    let Some((CHECKSUM, bytes)) = checksum.map(|(kind, bytes)| (*kind, bytes)) else {
        return Err(KerberosError::Malformed);
    };
    let (&[16, 0, 0, 0], rest) = bytes.split_first_chunk().ok_or(KerberosError::Malformed)? else {
        return Err(KerberosError::Malformed);
    };
    let (&bindings, rest) = rest.split_first_chunk::<16>().ok_or(KerberosError::Malformed)?;
    let &flags = rest.first_chunk().ok_or(KerberosError::Malformed)?;
    let bindings = (bindings != [0; 16]).then_some(bindings);
    Ok(Wishes { flags: u32::from_le_bytes(flags), bindings })
}

/// The hash of a channel without addresses (RFC 4121 section 4.1.1.2), as `tls-server-end-point:` and a
/// certificate's hash are.
pub fn channel_hash(application_data: &[u8]) -> [u8; 16] {
    let mut hash = Md5::new();
    hash.update([0; 16]);
    hash.update((application_data.len() as u32).to_le_bytes());
    hash.update(application_data);
    hash.finalize().into()
}

/// An encrypted message in two parts, as WS-Management sends it: put together, they are one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What is longer than the message itself.
    pub header: Vec<u8>,
    /// As long as the message.
    pub data: Vec<u8>,
}

/// The acceptor's side of an established context. Each message has its number: those of the peer may leave some out,
/// but never return.
#[derive(Debug)]
pub struct Context {
    key: Key,
    acceptor_key: bool,
    to_send: u64,
    /// The lowest number that is taken.
    to_receive: u64,
}

impl Context {
    /// Under the key that was agreed on (the acceptor's own or not), with the numbers of the first messages.
    pub const fn new(key: Key, acceptor_key: bool, to_send: u32, to_receive: u32) -> Self {
        Context { key, acceptor_key, to_send: to_send as u64, to_receive: to_receive as u64 }
    }

    const fn flags(&self, more: u8) -> u8 {
        more | if self.acceptor_key { ACCEPTOR_KEY } else { 0 }
    }

    fn next_number(&mut self) -> [u8; 8] {
        let number = self.to_send;
        self.to_send = number.wrapping_add(1);
        number.to_be_bytes()
    }

    /// Whether a header is the peer's and its number a new one.
    fn number(&self, header: &[u8], flags: u8) -> Result<u64, KerberosError> {
        let number = header.last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let number = number.filter(|number| header[2] == self.flags(flags) && *number >= self.to_receive);
        number.ok_or(KerberosError::Crypto)
    }

    /// Encrypts a message.
    pub fn wrap(&mut self, message: &[u8], rng: &dyn Rng) -> Sealed {
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&WRAP);
        header[2] = self.flags(BY_ACCEPTOR | SEALED);
        header[3] = 0xff;
        header[8..].copy_from_slice(&self.next_number());
        let mut plain = Vec::with_capacity(message.len() + HEADER);
        plain.extend_from_slice(message);
        plain.extend_from_slice(&header);
        let mut encrypted = self.key.encrypt(usage::ACCEPTOR_SEAL, &plain, rng);
        // What follows the message goes before it: all that is longer than the message is one piece.
        let rotated = HEADER + self.key.kind().checksum_len();
        header[6..8].copy_from_slice(&(rotated as u16).to_be_bytes());
        encrypted.rotate_right(rotated);
        let data = encrypted.split_off(rotated + CONFOUNDER);
        Sealed { header: [&header, &*encrypted].concat(), data }
    }

    /// Decrypts a message of the peer's.
    ///
    /// # Errors
    /// Where it is not from the peer, was not encrypted, or came before.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let (header, body) = token.split_first_chunk::<HEADER>().ok_or(KerberosError::Malformed)?;
        if header[..2] != WRAP || header[3] != 0xff {
            return Err(KerberosError::Malformed);
        }
        let number = self.number(header, SEALED)?;
        let extra = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let rotated = usize::from(u16::from_be_bytes([header[6], header[7]]));
        if body.is_empty() {
            return Err(KerberosError::Malformed);
        }
        let mut encrypted = body.to_vec();
        encrypted.rotate_left(rotated % body.len());
        let mut plain = self.key.decrypt(usage::INITIATOR_SEAL, &encrypted)?;
        let end = plain.len().checked_sub(HEADER).ok_or(KerberosError::Malformed)?;
        let mut inner = *header;
        inner[6..8].fill(0);
        if plain[end..] != inner {
            return Err(KerberosError::Crypto);
        }
        plain.truncate(end.checked_sub(extra).ok_or(KerberosError::Malformed)?);
        self.to_receive = number.saturating_add(1);
        Ok(plain)
    }

    /// Signs a message.
    pub fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        let mut token = [0xff; HEADER];
        token[..2].copy_from_slice(&MIC);
        token[2] = self.flags(BY_ACCEPTOR);
        token[8..].copy_from_slice(&self.next_number());
        let checksum = self.key.checksum(usage::ACCEPTOR_SIGN, &[message, &token]);
        [&token, &*checksum].concat()
    }

    /// Whether the peer signed this message.
    ///
    /// # Errors
    /// Where it did not, or did before.
    pub fn verify(&mut self, message: &[u8], token: &[u8]) -> Result<(), KerberosError> {
        let (header, checksum) = token.split_first_chunk::<HEADER>().ok_or(KerberosError::Malformed)?;
        if header[..2] != MIC || header[3..8] != [0xff; 5] {
            return Err(KerberosError::Malformed);
        }
        let number = self.number(header, 0)?;
        self.key.verify(usage::INITIATOR_SIGN, &[message, header], checksum)?;
        self.to_receive = number.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
