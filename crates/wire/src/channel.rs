//! What a client binds its proof to, so that nobody between can use it: the end of TLS that it sees (RFC 5929).

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::der::{DerError, Reader, tag};

/// Signature algorithms whose hash is another one than SHA-256: sha384WithRSAEncryption, ecdsa-with-SHA384, and the
/// same with SHA-512.
const SHA384: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]];
const SHA512: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]];

/// `tls-server-end-point` of a server's certificate (DER): its hash, made with the hash that it was signed with, or
/// with SHA-256 where that is weak or unknown.
///
/// # Errors
/// Where it is no certificate.
pub fn server_end_point(certificate: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut body = Reader::new(certificate).inside(tag::SEQUENCE)?;
    body.expect(tag::SEQUENCE)?;
    let algorithm = body.inside(tag::SEQUENCE)?.expect(tag::OID)?;
    let hash = match algorithm {
        known if SHA384.contains(&known) => Sha384::digest(certificate).to_vec(),
        known if SHA512.contains(&known) => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    };
    Ok([b"tls-server-end-point:", &*hash].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{element, sequence};

    #[test]
    fn the_hash_it_was_signed_with() {
        let certificate = |algorithm: &[u8]| {
            let algorithm = sequence(&[element(tag::OID, algorithm)]);
            sequence(&[sequence(&[]), algorithm, element(tag::BIT_STRING, &[0])])
        };
        for (algorithm, length) in [(SHA384[0], 48), (SHA384[1], 48), (SHA512[1], 64), (&[0x2a, 3][..], 32)] {
            let end = server_end_point(&certificate(algorithm)).unwrap();
            assert_eq!(end.strip_prefix(b"tls-server-end-point:").unwrap().len(), length);
        }
        assert_eq!(server_end_point(b"0"), Err(DerError));
    }
}
