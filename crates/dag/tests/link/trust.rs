//! Who may link with whom.

use std::sync::Arc;

use base::{Guid, clock::SharedClock, clock::SystemClock};
use bytes::Bytes;
use dag::link::{
    Audience, Guest, Host, LinkError, Status,
    authority::{Authority, ServerKey},
};

use crate::support::{LONG, Organization, Server, TEST, run};

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// Waits until the link to a server has failed for this reason.
async fn fails(from: &Server, to: &Server, why: &str) {
    let failed = |state: &dag::link::LinkState| {
        state.status == Status::Down && state.failure.as_ref().is_some_and(|failure| failure.contains(why))
    };
    from.until(to.guid, why, failed).await;
}

#[test]
fn another_authority_is_refused_on_both_ends() {
    run(async {
        let (ours, theirs) = (Organization::new(), Organization::new());
        let (a, stranger) = (ours.server(), theirs.outsider());
        let address = stranger.links.address().unwrap().to_string();
        ours.enter(&stranger, address);
        fails(&a, &stranger, "certificate").await;
        // And the other way round.
        theirs.enter(&a, a.links.address().unwrap().to_string());
        fails(&stranger, &a, "certificate").await;
        assert!(!a.links.state(stranger.guid).unwrap().incoming);
    });
}

#[test]
fn a_server_that_is_not_the_one_expected_is_refused() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let absent = organization.outsider();
        // Its address leads to another server.
        organization.enter(&absent, b.links.address().unwrap().to_string());
        fails(&a, &absent, "certificate not valid for name").await;
    });
}

#[test]
fn a_certificate_for_another_key_is_not_the_server() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        // Whoever has stolen the authority's key makes itself a certificate in the name of a server.
        let forged = organization.identity(b.guid, &ServerKey::generate().unwrap());
        let thief =
            Server { guid: b.guid, key: ServerKey::generate().unwrap(), links: organization.start(forged) };
        fails(&thief, &a, "does not, or no longer, know this one").await;
        let key = Some(b.key.fingerprint());
        let addresses = vec![thief.links.address().unwrap().to_string()];
        organization.change(|roster| _ = roster.insert(b.guid, Host { addresses, key }));
        fails(&a, &b, "with another key").await;
    });
}

#[test]
fn a_removed_server_is_cut_off_at_once_and_not_let_in_again() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let (_echo_a, _echo_b) = (a.echo(), b.echo());
        assert_eq!(a.call(&b, b"before").await.unwrap(), "before");
        assert_eq!(b.call(&a, b"before").await.unwrap(), "before");
        a.until(b.guid, "linked both ways", |state| state.incoming).await;
        // The one that is removed keeps its own idea of the roster.
        let own = Organization {
            authority: Authority::from_der(
                organization.authority.certificate(),
                &organization.authority.key(),
            )
            .unwrap(),
            roster: tokio::sync::watch::channel(organization.roster.borrow().clone()).0,
        };
        let b = Server { links: own.start(own.identity(b.guid, &b.key)), guid: b.guid, key: b.key };
        b.until_up(&a).await;
        let guid = b.guid;
        organization.change(|roster| _ = roster.remove(&guid));
        assert!(a.links.state(b.guid).is_none());
        assert_eq!(a.call(&b, b"after").await.unwrap_err(), LinkError::Stranger(b.guid));
        fails(&b, &a, "does not, or no longer, know this one").await;
        // Known again, it is let in again.
        organization.enter(&b, b.links.address().unwrap().to_string());
        b.until_up(&a).await;
        assert_eq!(b.call(&a, b"again").await.unwrap(), "again");
    });
}

#[test]
fn guests_reach_what_is_for_guests_and_nothing_else() {
    run(async {
        let organization = Organization::new();
        let a = organization.server();
        let _for_servers = a.echo();
        let address = a.links.address().unwrap().to_string();
        let pin = organization.authority.fingerprint();
        let guest = Guest::connect(&address, pin, &clock()).await.unwrap();
        assert_eq!(guest.call(TEST, Vec::new(), LONG).await.unwrap_err(), LinkError::NoSuchService);
        let _for_guests = a.links.register_call(Audience::Guests, TEST, |peer, request| async move {
            assert_eq!(peer.server, Guid::EMPTY);
            Ok(vec![request])
        });
        assert_eq!(guest.call(TEST, vec!["let me in".into()], LONG).await.unwrap(), "let me in");
        let long = Bytes::from(vec![0; 1 << 20]);
        let error = guest.call(TEST, vec![long], LONG).await.unwrap_err();
        assert!(matches!(error, LinkError::TooLong { .. }), "{error}");
        // A guest who expects another organisation finds none.
        let error = Guest::connect(&address, [0; 32], &clock()).await.err().unwrap();
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    });
}

#[test]
fn guests_are_few_at_a_time() {
    run(async {
        let organization = Organization::new();
        let a = organization.server();
        let _for_guests =
            a.links.register_call(Audience::Guests, TEST, |_, request| async move { Ok(vec![request]) });
        let (address, pin) = (a.links.address().unwrap().to_string(), organization.authority.fingerprint());
        let mut guests = Vec::new();
        let refused = loop {
            let guest = Guest::connect(&address, pin, &clock()).await.unwrap();
            match guest.call(TEST, Vec::new(), LONG).await {
                Ok(_) => guests.push(guest),
                Err(error) => break error,
            }
        };
        assert_eq!(guests.len(), 8);
        assert!(matches!(&refused, LinkError::Lost(why) if why.contains("too many")), "{refused}");
        guests.clear();
        let later = async {
            while Guest::connect(&address, pin, &clock())
                .await
                .unwrap()
                .call(TEST, Vec::new(), LONG)
                .await
                .is_err()
            {}
        };
        tokio::time::timeout(LONG, later).await.unwrap();
    });
}

#[test]
fn an_authority_is_kept_as_two_files_that_must_belong_together() {
    let (one, other) = (Organization::new().authority, Organization::new().authority);
    let again = Authority::from_der(one.certificate(), &one.key()).unwrap();
    assert_eq!(again.fingerprint(), one.fingerprint());
    assert!(Authority::from_der(one.certificate(), &other.key()).is_err());
    assert!(Authority::from_der(b"nothing", &one.key()).is_err());
    let key = ServerKey::generate().unwrap();
    assert_eq!(ServerKey::from_der(&key.to_der()).unwrap().fingerprint(), key.fingerprint());
}
