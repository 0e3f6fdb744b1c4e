//! SPNEGO (RFC 4178, MS-SPNG): client and server agree on a mechanism, inside which they then talk.

use crate::{
    der::{DerError, Reader, element, field, sequence, tag},
    kerberos::gss::unframe,
};

/// SPNEGO itself, 1.3.6.1.5.5.2.
pub const SPNEGO: &[u8] = &[0x2b, 6, 1, 5, 5, 2];
/// What a client speaks who sends NTLM without an envelope.
pub const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";
/// NTLM, 1.3.6.1.4.1.311.2.2.10.
pub const NTLM: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10];
/// The most mechanisms a client may offer.
const MECHANISMS_MAX: usize = 32;

/// A client's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// The first.
    Init {
        /// The mechanisms, the one it likes best first: object identifiers.
        mechanisms: Vec<&'a [u8]>,
        /// All of them as they came: what is signed in the end.
        signed: &'a [u8],
        /// The first token of the first mechanism.
        token: Option<&'a [u8]>,
        /// A signature of the mechanisms.
        signature: Option<&'a [u8]>,
    },
    /// A further one.
    Further {
        /// The next token of the mechanism that was chosen.
        token: Option<&'a [u8]>,
        /// A signature of the mechanisms.
        signature: Option<&'a [u8]>,
    },
}

/// How far the two have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Done.
    Completed = 0,
    /// More has to come.
    Incomplete = 1,
    /// Nothing will come of it.
    Reject = 2,
    /// More has to come, at the end a signature of the mechanisms.
    RequestMic = 3,
}

/// The server's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromServer<'a> {
    /// How far the two have come.
    pub state: State,
    /// The mechanism chosen, in the first answer.
    pub mechanism: Option<&'a [u8]>,
    /// Its token.
    pub token: Option<&'a [u8]>,
    /// A signature of the mechanisms.
    pub signature: Option<&'a [u8]>,
}

/// Reads a client's token.
///
/// # Errors
/// Where it is none.
pub fn read(bytes: &[u8]) -> Result<FromClient<'_>, DerError> {
    if bytes.first() == Some(&tag::context(1)) {
        let mut body = Reader::new(bytes).inside(tag::context(1))?.inside(tag::SEQUENCE)?;
        body.optional_field(0, tag::ENUMERATED)?;
        body.optional_field(1, tag::OID)?;
        let token = body.optional_field(2, tag::OCTET_STRING)?;
        return Ok(FromClient::Further { token, signature: body.optional_field(3, tag::OCTET_STRING)? });
    }
    let (SPNEGO, body) = unframe(bytes).map_err(|_| DerError)? else { return Err(DerError) };
    let mut body = Reader::new(body).inside(tag::context(0))?.inside(tag::SEQUENCE)?;
    let mut signed = body.inside(tag::context(0))?;
    let whole = signed.rest();
    let mut list = signed.inside(tag::SEQUENCE)?;
    let mut mechanisms = Vec::new();
    while !list.is_empty() {
        if mechanisms.len() == MECHANISMS_MAX {
            return Err(DerError);
        }
        mechanisms.push(list.expect(tag::OID)?);
    }
    body.optional(tag::context(1))?;
    let token = body.optional_field(2, tag::OCTET_STRING)?;
    let signature = body.optional_field(3, tag::OCTET_STRING)?;
    Ok(FromClient::Init { mechanisms, signed: whole, token, signature })
}

/// The bytes of the server's token.
pub fn write(answer: FromServer<'_>) -> Vec<u8> {
    let octets = |number, bytes| field(number, &element(tag::OCTET_STRING, bytes));
    let mut fields = vec![field(0, &element(tag::ENUMERATED, &[answer.state as u8]))];
    fields.extend(answer.mechanism.map(|mechanism| field(1, &element(tag::OID, mechanism))));
    fields.extend(answer.token.map(|token| octets(2, token)));
    fields.extend(answer.signature.map(|signature| octets(3, signature)));
    element(tag::context(1), &sequence(&fields))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kerberos::gss::{KERBEROS, KERBEROS_OF_WINDOWS};

    fn init(mechanisms: &[&[u8]], token: &[u8]) -> Vec<u8> {
        let list: Vec<Vec<u8>> = mechanisms.iter().map(|oid| element(tag::OID, oid)).collect();
        let body = sequence(&[field(0, &sequence(&list)), field(2, &element(tag::OCTET_STRING, token))]);
        let body = [element(tag::OID, SPNEGO), element(tag::context(0), &body)].concat();
        element(tag::application(0), &body)
    }

    #[test]
    fn what_windows_offers() {
        let bytes = init(&[KERBEROS_OF_WINDOWS, KERBEROS, NTLM], b"token");
        let FromClient::Init { mechanisms, signed, token, signature } = read(&bytes).unwrap() else {
            panic!()
        };
        assert_eq!(mechanisms, [KERBEROS_OF_WINDOWS, KERBEROS, NTLM]);
        assert_eq!((token, signature), (Some(&b"token"[..]), None));
        assert_eq!(signed[0], tag::SEQUENCE);
        let too_many = init(&[KERBEROS; MECHANISMS_MAX + 1], b"");
        assert_eq!(read(&too_many), Err(DerError));
    }

    #[test]
    fn an_answer_reads_like_a_further_token() {
        let answer = FromServer {
            state: State::RequestMic,
            mechanism: Some(KERBEROS),
            token: Some(b"token"),
            signature: Some(b"signature"),
        };
        let further = FromClient::Further { token: Some(b"token"), signature: Some(b"signature") };
        assert_eq!(read(&write(answer)), Ok(further));
        let reject = FromServer { state: State::Reject, mechanism: None, token: None, signature: None };
        assert_eq!(write(reject), [0xa1, 7, 0x30, 5, 0xa0, 3, 10, 1, 2]);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = read(&bytes);
            let mut near = init(&[KERBEROS_OF_WINDOWS, KERBEROS], &bytes);
            let at = at.index(near.len());
            near[at] = byte;
            let _ = read(&near);
            let _ = read(&near[..at]);
        }
    }
}
