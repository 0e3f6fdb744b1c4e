//! The messages a service reads and writes: AP-REQ with its ticket and authenticator, AP-REP, KRB-ERROR (RFC 4120
//! section 5).

use base::{Rng, Timestamp};

use super::{EncryptionType, KerberosError, Key, usage};
use crate::der::{self, Reader, field, integer, sequence, tag};

/// The protocol's version.
const VERSION: i64 = 5;
const AP_REQ: u8 = 14;
const AP_REP: u8 = 15;
const KRB_ERROR: u8 = 30;
const TICKET: u8 = 1;
const AUTHENTICATOR: u8 = 2;
const ENC_TICKET_PART: u8 = 3;
const ENC_AP_REP_PART: u8 = 27;
/// The longest name or realm, bytes.
const NAME_MAX: usize = 256;
/// The most components of a name.
const COMPONENTS_MAX: usize = 8;
/// `NT-SRV-INST`, a service on a host.
const SERVICE_NAME: i64 = 2;

/// A principal's name without its realm, component by component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(pub Vec<String>);

/// Something encrypted, and for which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted<'a> {
    /// The encryption type's number.
    pub kind: i64,
    /// The version of the key, if that was said.
    pub version: Option<u32>,
    /// The message.
    pub message: &'a [u8],
}

impl Encrypted<'_> {
    /// Decrypts it.
    ///
    /// # Errors
    /// Where the key is of another type, or another one.
    pub fn open(&self, key: &Key, usage: u32) -> Result<Vec<u8>, KerberosError> {
        if key.kind() as i64 != self.kind {
            return Err(KerberosError::EncryptionType(self.kind));
        }
        Ok(key.decrypt(usage, self.message)?)
    }
}

/// What a client shows: a ticket for this service, and the proof that it is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApReq<'a> {
    /// The ticket is under the key of another ticket, not of a service.
    pub use_session_key: bool,
    /// The realm of the service.
    pub realm: String,
    /// The service. Nothing proves this but that its key opens the ticket.
    pub service: Name,
    /// The ticket, under the service's key.
    pub ticket: Encrypted<'a>,
    /// The authenticator, under the ticket's key.
    pub authenticator: Encrypted<'a>,
}

/// What the realm says in a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// It may not be used yet.
    pub invalid: bool,
    /// The key that realm, client and service share.
    pub key: Key,
    /// The client's realm.
    pub realm: String,
    /// The client.
    pub client: Name,
    /// It holds from here …
    pub start: Timestamp,
    /// … to here.
    pub end: Timestamp,
}

/// What the client says in an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// The client's realm, as in the ticket.
    pub realm: String,
    /// The client, as in the ticket.
    pub client: Name,
    /// The checksum's type and bytes: GSS puts its own things there.
    pub checksum: Option<(i64, Vec<u8>)>,
    /// The client's clock.
    pub time: Timestamp,
    /// A key for this exchange.
    pub subkey: Option<Key>,
    /// The number of the client's first message.
    pub sequence: u32,
}

/// The bytes that encode [`ApReq`].
///
/// # Errors
/// Where they do not.
pub fn read_ap_req(bytes: &[u8]) -> Result<ApReq<'_>, KerberosError> {
    let mut body = application(bytes, AP_REQ)?;
    if body.integer(0)? != VERSION || body.integer(1)? != i64::from(AP_REQ) {
        return Err(KerberosError::Malformed);
    }
    let options = flags(body.field(2, tag::BIT_STRING)?)?;
    let mut ticket = Reader::new(body.field(3, tag::application(TICKET))?).inside(tag::SEQUENCE)?;
    if ticket.integer(0)? != VERSION {
        return Err(KerberosError::Malformed);
    }
    let realm = text(ticket.field(1, tag::GENERAL_STRING)?)?;
    let service = name(ticket.field(2, tag::SEQUENCE)?)?;
    let encrypted_ticket = encrypted(ticket.field(3, tag::SEQUENCE)?)?;
    let authenticator = encrypted(body.field(4, tag::SEQUENCE)?)?;
    let use_session_key = options & 1 << 30 != 0;
    Ok(ApReq { use_session_key, realm, service, ticket: encrypted_ticket, authenticator })
}

/// What a ticket holds, decrypted.
///
/// # Errors
/// Where it is something else.
pub fn read_ticket(bytes: &[u8]) -> Result<Ticket, KerberosError> {
    let mut body = application(bytes, ENC_TICKET_PART)?;
    let invalid = flags(body.field(0, tag::BIT_STRING)?)? & 1 << 24 != 0;
    let key = key(body.field(1, tag::SEQUENCE)?)?;
    let realm = text(body.field(2, tag::GENERAL_STRING)?)?;
    let client = name(body.field(3, tag::SEQUENCE)?)?;
    body.field(4, tag::SEQUENCE)?;
    let logon = time(body.field(5, tag::TIME)?)?;
    let start = body.optional_field(6, tag::TIME)?.map(time).transpose()?.unwrap_or(logon);
    let end = time(body.field(7, tag::TIME)?)?;
    Ok(Ticket { invalid, key, realm, client, start, end })
}

/// What an authenticator holds, decrypted.
///
/// # Errors
/// Where it is something else.
pub fn read_authenticator(bytes: &[u8]) -> Result<Authenticator, KerberosError> {
    let mut body = application(bytes, AUTHENTICATOR)?;
    if body.integer(0)? != VERSION {
        return Err(KerberosError::Malformed);
    }
    let realm = text(body.field(1, tag::GENERAL_STRING)?)?;
    let client = name(body.field(2, tag::SEQUENCE)?)?;
    let checksum = body.optional_field(3, tag::SEQUENCE)?.map(typed).transpose()?;
    let micros = body.integer(4)?;
    if !(0..1_000_000).contains(&micros) {
        return Err(KerberosError::Malformed);
    }
    let mut time = time(body.field(5, tag::TIME)?)?;
    time.micros += micros;
    let subkey = body.optional_field(6, tag::SEQUENCE)?.map(key).transpose()?;
    // Some write numbers above 2^31 as negative ones.
    let sequence = match body.optional_field(7, tag::INTEGER)? {
        Some(number) => der::to_integer(number)? as u32,
        None => 0,
    };
    Ok(Authenticator { realm, client, checksum, time, subkey, sequence })
}

/// The answer to an authenticator: that the service could read it, and the keys and numbers from here on.
pub fn write_ap_rep(
    authenticator: &Authenticator,
    session: &Key,
    subkey: &Key,
    sequence: u32,
    rng: &dyn Rng,
) -> Vec<u8> {
    let micros = authenticator.time.micros.rem_euclid(1_000_000);
    let secret = der::element(tag::OCTET_STRING, subkey.reveal());
    let part = sequence_of(&[
        (0, &written_time(authenticator.time)),
        (1, &integer(micros)),
        (2, &sequence_of(&[(0, &integer(subkey.kind() as i64)), (1, &secret)])),
        (3, &integer(sequence.into())),
    ]);
    let part = der::element(tag::application(ENC_AP_REP_PART), &part);
    let message = der::element(tag::OCTET_STRING, &session.encrypt(usage::ANSWER, &part, rng));
    let encrypted = sequence_of(&[(0, &integer(session.kind() as i64)), (2, &message)]);
    let body = sequence_of(&[(0, &integer(VERSION)), (1, &integer(AP_REP.into())), (2, &encrypted)]);
    der::element(tag::application(AP_REP), &body)
}

/// Why a client is refused, in words it knows (RFC 4120 section 7.5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the RFC's own names")]
pub enum ErrorCode {
    Integrity = 31,
    TicketExpired = 32,
    TicketNotYetValid = 33,
    Repeat = 34,
    NotUs = 35,
    Skew = 37,
    MessageType = 40,
    NoKey = 45,
    Generic = 60,
}

/// The message that refuses a client.
pub fn write_error(code: ErrorCode, now: Timestamp, realm: &str, service: &Name) -> Vec<u8> {
    let general = |text: &String| der::element(tag::GENERAL_STRING, text.as_bytes());
    let components: Vec<Vec<u8>> = service.0.iter().map(general).collect();
    let service = sequence_of(&[(0, &integer(SERVICE_NAME)), (1, &sequence(&components))]);
    let body = sequence_of(&[
        (0, &integer(VERSION)),
        (1, &integer(KRB_ERROR.into())),
        (4, &written_time(now)),
        (5, &integer(now.micros.rem_euclid(1_000_000))),
        (6, &integer(code as i64)),
        (9, &general(&realm.to_owned())),
        (10, &service),
    ]);
    der::element(tag::application(KRB_ERROR), &body)
}

fn sequence_of(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let fields: Vec<Vec<u8>> = fields.iter().map(|(number, inner)| field(*number, inner)).collect();
    sequence(&fields)
}

/// The SEQUENCE of a message.
fn application(bytes: &[u8], number: u8) -> Result<Reader<'_>, KerberosError> {
    Ok(Reader::new(bytes).inside(tag::application(number))?.inside(tag::SEQUENCE)?)
}

/// KerberosFlags: at least 32 bits, the first is the highest.
fn flags(bits: &[u8]) -> Result<u32, KerberosError> {
    match bits {
        [0, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(KerberosError::Malformed),
    }
}

fn text(bytes: &[u8]) -> Result<String, KerberosError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KerberosError::Malformed)?;
    let good = !text.is_empty() && text.len() <= NAME_MAX && !text.chars().any(char::is_control);
    good.then(|| text.to_owned()).ok_or(KerberosError::Malformed)
}

/// PrincipalName. Its type is a hint and nothing else (RFC 4120 section 6.2).
fn name(bytes: &[u8]) -> Result<Name, KerberosError> {
    let mut body = Reader::new(bytes);
    body.integer(0)?;
    let mut components = Reader::new(body.field(1, tag::SEQUENCE)?);
    let mut name = Vec::new();
    while !components.is_empty() {
        if name.len() == COMPONENTS_MAX {
            return Err(KerberosError::Malformed);
        }
        name.push(text(components.expect(tag::GENERAL_STRING)?)?);
    }
    if name.is_empty() { Err(KerberosError::Malformed) } else { Ok(Name(name)) }
}

/// EncryptedData.
fn encrypted(bytes: &[u8]) -> Result<Encrypted<'_>, KerberosError> {
    let mut body = Reader::new(bytes);
    let kind = body.integer(0)?;
    let version = body.optional_field(1, tag::INTEGER)?.map(der::to_integer).transpose()?;
    let message = body.field(2, tag::OCTET_STRING)?;
    Ok(Encrypted { kind, version: version.map(|version| version as u32), message })
}

/// Checksum and EncryptionKey: a type and bytes.
fn typed(bytes: &[u8]) -> Result<(i64, Vec<u8>), KerberosError> {
    let mut body = Reader::new(bytes);
    Ok((body.integer(0)?, body.field(1, tag::OCTET_STRING)?.to_vec()))
}

fn key(bytes: &[u8]) -> Result<Key, KerberosError> {
    let (number, bytes) = typed(bytes)?;
    let kind = EncryptionType::from_number(number).ok_or(KerberosError::EncryptionType(number))?;
    Ok(Key::new(kind, &bytes)?)
}

/// KerberosTime: `YYYYMMDDhhmmssZ`, nothing else.
fn time(bytes: &[u8]) -> Result<Timestamp, KerberosError> {
    let (digits, b"Z") = bytes.split_at_checked(14).ok_or(KerberosError::Malformed)? else {
        return Err(KerberosError::Malformed);
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(KerberosError::Malformed);
    }
    let number =
        |from: usize, to: usize| digits[from..to].iter().fold(0, |sum, &d| sum * 10 + i64::from(d - b'0'));
    let [year, month, day] = [number(0, 4), number(4, 6), number(6, 8)];
    let [hour, minute, second] = [number(8, 10), number(10, 12), number(12, 14)];
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return Err(KerberosError::Malformed);
    }
    let days = days_before(year, month, day);
    Ok(Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, years beginning in March.
const fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 306 + 5) / 10
        + day
        - 719_469
}

fn written_time(time: Timestamp) -> Vec<u8> {
    der::element(tag::TIME, time.to_jiff().strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
}
