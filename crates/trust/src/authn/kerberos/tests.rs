//! Tickets made as a realm makes them, shown as a client shows them: what lets in, and what does not.

use base::{
    clock::ManualClock,
    rng::{SeededRng, SystemRng},
};
use proptest::prelude::*;
use wire::{
    der::{element, field, integer, sequence, tag},
    spnego,
};

use super::*;

const NOW: i64 = 1_795_412_281;
const REALM: &str = "RIALTO.TEST";
const TLS: [u8; 16] = [9; 16];

fn key(byte: u8) -> Key {
    Key::new(EncryptionType::Aes256Sha1, &[byte; 32]).unwrap()
}

fn entry(realm: &str, service: &[&str], byte: u8) -> keytab::Entry {
    let service = Name(service.iter().map(|&part| part.to_owned()).collect());
    keytab::Entry { realm: realm.into(), service, version: 3, key: key(byte) }
}

fn acceptor_of(keys: Vec<keytab::Entry>, domains: &[(&str, &str)]) -> Acceptor {
    let domains: Vec<_> =
        domains.iter().map(|(realm, domain)| ((*realm).to_owned(), (*domain).to_owned())).collect();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(NOW)));
    Acceptor::new(keys, None, &domains, (clock, Arc::new(SystemRng))).unwrap()
}

fn acceptor() -> Acceptor {
    acceptor_of(vec![entry(REALM, &["HTTP", "mail.rialto.test"], 1)], &[])
}

/// What a client shows; each field can be made wrong.
#[derive(Clone)]
struct Client {
    service_key: Key,
    user: &'static str,
    realm: &'static str,
    authenticator_user: &'static str,
    ticket_flags: u32,
    start: i64,
    end: i64,
    time: i64,
    flags: u32,
    bindings: [u8; 16],
    options: u32,
}

impl Default for Client {
    fn default() -> Self {
        Client {
            service_key: key(1),
            user: "nuno",
            realm: REALM,
            authenticator_user: "nuno",
            ticket_flags: 0,
            start: NOW - 60,
            end: NOW + 3600,
            time: NOW,
            flags: gss::MUTUAL,
            bindings: [0; 16],
            options: 0,
        }
    }
}

fn string(text: &str) -> Vec<u8> {
    element(tag::GENERAL_STRING, text.as_bytes())
}

fn time(seconds: i64) -> Vec<u8> {
    let text = Timestamp::from_secs(seconds).to_string();
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    element(tag::TIME, format!("{digits}Z").as_bytes())
}

fn name(text: &str) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = text.split('/').map(string).collect();
    sequence(&[field(0, &integer(1)), field(1, &sequence(&parts))])
}

fn bits(flags: u32) -> Vec<u8> {
    element(tag::BIT_STRING, &[&[0][..], &flags.to_be_bytes()].concat())
}

fn encrypted(key: &Key, usage: u32, body: Vec<u8>, application: u8) -> Vec<u8> {
    let plain = element(tag::application(application), &body);
    let message = element(tag::OCTET_STRING, &key.encrypt(usage, &plain, &SystemRng));
    sequence(&[field(0, &integer(key.kind() as i64)), field(1, &integer(3)), field(2, &message)])
}

impl Client {
    fn token(&self) -> Vec<u8> {
        let session = key(7);
        let secret = sequence(&[
            field(0, &integer(session.kind() as i64)),
            field(1, &element(tag::OCTET_STRING, session.reveal())),
        ]);
        let part = sequence(&[
            field(0, &bits(self.ticket_flags)),
            field(1, &secret),
            field(2, &string(self.realm)),
            field(3, &name(self.user)),
            field(4, &sequence(&[])),
            field(5, &time(self.start)),
            field(7, &time(self.end)),
        ]);
        let ticket = sequence(&[
            field(0, &integer(5)),
            field(1, &string(REALM)),
            field(2, &name("HTTP/mail.rialto.test")),
            field(3, &encrypted(&self.service_key, usage::TICKET, part, 3)),
        ]);
        let wishes = [&[16, 0, 0, 0][..], &self.bindings, &self.flags.to_le_bytes()].concat();
        let checksum =
            sequence(&[field(0, &integer(0x8003)), field(1, &element(tag::OCTET_STRING, &wishes))]);
        let authenticator = sequence(&[
            field(0, &integer(5)),
            field(1, &string(self.realm)),
            field(2, &name(self.authenticator_user)),
            field(3, &checksum),
            field(4, &integer(17)),
            field(5, &time(self.time)),
            field(7, &integer(100)),
        ]);
        let request = sequence(&[
            field(0, &integer(5)),
            field(1, &integer(14)),
            field(2, &bits(self.options)),
            field(3, &element(tag::application(1), &ticket)),
            field(4, &encrypted(&session, usage::AUTHENTICATOR, authenticator, 2)),
        ]);
        let request = element(tag::application(14), &request);
        let body = [&element(tag::OID, gss::KERBEROS), &[1, 0][..], &request].concat();
        element(tag::application(0), &body)
    }

    fn shown(&self, channel: Channel) -> Result<Proven, Refusal> {
        acceptor().accept(&self.token(), channel).map(|(proven, _)| proven)
    }
}

fn refused(client: Client) -> Refusal {
    client.shown(Channel::Tls(TLS)).unwrap_err()
}

#[test]
fn a_good_ticket() {
    let proven = Client::default().shown(Channel::Tls(TLS)).unwrap();
    assert_eq!(proven.principal.name, "nuno@RIALTO.TEST");
    assert_eq!(proven.principal.upn, "nuno@RIALTO.TEST");
    assert_eq!(proven.until.secs(), NOW + 3600 + 300);
}

#[test]
fn times() {
    let ticket = |start, end| Client { start: NOW + start, end: NOW + end, ..Client::default() };
    assert!(ticket(299, 3600).shown(Channel::Plain).is_ok());
    assert_eq!(refused(ticket(301, 3600)), Refusal::NotYetValid);
    assert!(ticket(-7200, -299).shown(Channel::Plain).is_ok());
    assert_eq!(refused(ticket(-7200, -301)), Refusal::Expired);
    for (off, good) in [(-299, true), (-301, false), (299, true), (301, false)] {
        let client = Client { time: NOW + off, ..Client::default() };
        let expected = if good { Ok(()) } else { Err(Refusal::Skew(-off)) };
        assert_eq!(client.shown(Channel::Plain).map(drop), expected);
    }
    assert_eq!(refused(Client { ticket_flags: 1 << 24, ..Client::default() }), Refusal::NotYetValid);
}

#[test]
fn another_key_client_or_variant() {
    let no_key = Client { service_key: key(2), ..Client::default() };
    assert_eq!(refused(no_key), Refusal::Key("HTTP/mail.rialto.test@RIALTO.TEST".into()));
    assert_eq!(refused(Client { authenticator_user: "ana", ..Client::default() }), Refusal::Match);
    assert_eq!(refused(Client { options: 1 << 30, ..Client::default() }), Refusal::Variant);
    assert_eq!(refused(Client { flags: gss::DCE_STYLE, ..Client::default() }), Refusal::Variant);
    for user in ["nuno/admin", "nuno@contoso.com", "CONTOSO\\nuno"] {
        let refusal = refused(Client { user, authenticator_user: user, ..Client::default() });
        assert!(matches!(refusal, Refusal::NotAUser(_)), "{user}: {refusal}");
    }
}

#[test]
fn channels() {
    let bound = |bindings| Client { bindings, ..Client::default() };
    assert!(bound(TLS).shown(Channel::Tls(TLS)).is_ok());
    assert_eq!(bound([8; 16]).shown(Channel::Tls(TLS)).unwrap_err(), Refusal::Channel);
    assert_eq!(bound(TLS).shown(Channel::Plain).unwrap_err(), Refusal::Channel);
    let one_way = Client { flags: 0, ..Client::default() };
    assert!(one_way.shown(Channel::Tls(TLS)).is_ok());
    assert_eq!(one_way.shown(Channel::Plain).unwrap_err(), Refusal::NotMutual);
}

#[test]
fn once() {
    let (acceptor, token) = (acceptor(), Client::default().token());
    assert!(acceptor.accept(&token, Channel::Plain).is_ok());
    assert_eq!(acceptor.accept(&token, Channel::Plain).unwrap_err(), Refusal::Replay);
    // Encrypted anew it is another logon, though at the same microsecond.
    assert!(acceptor.accept(&Client::default().token(), Channel::Plain).is_ok());
}

#[test]
fn realms_and_the_domains_they_stand_for() {
    let keys = || {
        vec![
            entry("CORP.CONTOSO.COM", &["HTTP", "mail.contoso.com"], 1),
            entry("RIALTO.TEST", &["http", "mail.rialto.test"], 2),
            entry("RIALTO.TEST", &["imap", "mail.rialto.test"], 4),
        ]
    };
    let acceptor = acceptor_of(keys(), &[("corp.contoso.com", "contoso.com")]);
    assert_eq!(
        acceptor.services(),
        ["HTTP/mail.contoso.com@CORP.CONTOSO.COM", "http/mail.rialto.test@RIALTO.TEST"]
    );
    let shown = |realm, byte| {
        let client = Client { realm, service_key: key(byte), ..Client::default() };
        acceptor.accept(&client.token(), Channel::Plain).map(|(proven, _)| proven.principal.upn)
    };
    assert_eq!(shown("CORP.CONTOSO.COM", 1).as_deref(), Ok("nuno@contoso.com"));
    assert_eq!(shown("Rialto.Test", 2).as_deref(), Ok("nuno@RIALTO.TEST"));
    // A realm that another one vouches for, or a key of another service, is none of ours.
    assert_eq!(shown("RIALTO.TEST", 1), Err(Refusal::Realm("RIALTO.TEST".into())));
    assert_eq!(shown("EVIL.TEST", 1), Err(Refusal::Realm("EVIL.TEST".into())));
    assert!(matches!(shown("RIALTO.TEST", 4), Err(Refusal::Key(_))));

    let seams = || -> (SharedClock, Arc<dyn base::Rng>) {
        (Arc::new(ManualClock::new(Timestamp::from_secs(NOW))), Arc::new(SeededRng::new(1)))
    };
    let one = Acceptor::new(keys(), Some("imap/MAIL.rialto.test"), &[], seams()).unwrap();
    assert_eq!(one.services(), ["imap/mail.rialto.test@RIALTO.TEST"]);
    let made = |service, domains: &[(String, String)]| Acceptor::new(keys(), service, domains, seams()).err();
    assert_eq!(made(Some("HTTP/x"), &[]), Some(SetupError::NoKeys("HTTP/x".into())));
    let foreign = [("EVIL.TEST".to_owned(), "contoso.com".to_owned())];
    assert_eq!(made(None, &foreign), Some(SetupError::Realm("EVIL.TEST".into())));
}

/// SPNEGO's first token.
fn offer(mechanisms: &[&[u8]], token: Option<&[u8]>) -> Vec<u8> {
    let list: Vec<Vec<u8>> = mechanisms.iter().map(|oid| element(tag::OID, oid)).collect();
    let mut fields = vec![field(0, &sequence(&list))];
    fields.extend(token.map(|token| field(2, &element(tag::OCTET_STRING, token))));
    let body = field(0, &sequence(&fields));
    element(tag::application(0), &[element(tag::OID, spnego::SPNEGO), body].concat())
}

fn further(token: &[u8]) -> Vec<u8> {
    element(tag::context(1), &sequence(&[field(2, &element(tag::OCTET_STRING, token))]))
}

#[test]
fn negotiations() {
    let acceptor = acceptor();
    let take = |negotiation: &mut Negotiation, token: &[u8]| {
        negotiation.step(&acceptor, token, Channel::Plain).map_err(|refused| refused.refusal)
    };
    let fresh = || Client::default().token();
    let negotiation = &mut Negotiation::default();
    assert!(matches!(take(negotiation, &fresh()), Ok(Step::Done(_, Some(_)))));
    let windows = [gss::KERBEROS_OF_WINDOWS, gss::KERBEROS, spnego::NTLM];
    assert!(matches!(take(negotiation, &offer(&windows, Some(&fresh()))), Ok(Step::Done(_, Some(_)))));
    // No token at first: one more round, no signature.
    assert!(matches!(take(negotiation, &offer(&windows, None)), Ok(Step::Continue(_))));
    assert!(matches!(take(negotiation, &further(&fresh())), Ok(Step::Done(_, Some(_)))));
    // Kerberos is not what it likes best: nothing is proved before the signature.
    let ntlm_first = offer(&[spnego::NTLM, gss::KERBEROS], Some(spnego::NTLM_SIGNATURE));
    assert!(matches!(take(negotiation, &ntlm_first), Ok(Step::Continue(_))));
    assert!(matches!(take(negotiation, &further(&fresh())), Ok(Step::Continue(_))));
    assert_eq!(take(negotiation, &further(b"x")).unwrap_err(), Refusal::Negotiation);
    assert_eq!(take(negotiation, &further(&fresh())).unwrap_err(), KerberosError::Malformed.into());
    for ntlm in [spnego::NTLM_SIGNATURE.to_vec(), offer(&[spnego::NTLM], None)] {
        assert_eq!(take(negotiation, &ntlm).unwrap_err(), Refusal::Ntlm);
    }
    assert_eq!(take(negotiation, &offer(&[b"x"], None)).unwrap_err(), Refusal::Mechanism);
}

proptest! {
    #[test]
    fn a_changed_token_lets_nobody_in(at: prop::sample::Index, byte: u8, enveloped: bool) {
        let acceptor = acceptor();
        let token = Client::default().token();
        let mut token = if enveloped { offer(&[gss::KERBEROS], Some(&token)) } else { token };
        let at = at.index(token.len());
        prop_assume!(token[at] != byte);
        token[at] = byte;
        // What is not encrypted may change: names of the service, versions, the mechanism's number.
        if let Ok(Step::Done(proven, _)) = Negotiation::default().step(&acceptor, &token, Channel::Plain) {
            prop_assert_eq!(&*proven.principal.name, "nuno@RIALTO.TEST");
        }
        let cut = Negotiation::default().step(&acceptor, &token[..at], Channel::Plain);
        prop_assert!(cut.is_err());
    }
}
