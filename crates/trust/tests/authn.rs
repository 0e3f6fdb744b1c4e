//! Logging on, as every protocol does it: names, passwords, what closes the door, what guessing costs.
#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod support;

use std::{sync::Arc, time::Duration};

use base::{Guid, clock::ManualClock, rng::SystemRng};
use directory::{
    Directory, Edit,
    seed::seed,
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewUser, new_mailbox, new_user, set_password},
};
use trust::{Attempt, Authenticator, Identity, Protocol, password};

const PASSWORD: &str = "correct horse";

struct House {
    directory: Directory,
    authenticator: Authenticator,
    clock: Arc<ManualClock>,
    nuno: Guid,
    _dir: tempfile::TempDir,
}

async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = support::clock();
    let directory = support::open(dir.path(), clock.clone());
    let hashed = password::hash(PASSWORD, &SystemRng).unwrap();
    let nuno = directory
        .commit(move |draft| {
            seed(draft, &support::organization())?;
            let user = NewUser {
                name: "Nuno Mota".into(),
                user_principal_name: Some("nuno.mota@rialto.test".into()),
                sam_account_name: Some("nmota".into()),
                password: Some(hashed),
                ..NewUser::default()
            };
            let identity = MailIdentity { alias: Some("nuno".into()), primary_smtp_address: None };
            let mailbox = EnableMailbox { identity, ..EnableMailbox::default() };
            Ok(new_mailbox(draft, NewMailbox { user, mailbox })?.guid)
        })
        .await
        .unwrap();
    let authenticator = Authenticator::new(directory.clone(), clock.clone(), Arc::new(SystemRng)).unwrap();
    House { directory, authenticator, clock, nuno, _dir: dir }
}

impl House {
    async fn try_over(
        &self,
        protocol: &'static Protocol,
        login: &str,
        password: &str,
    ) -> Result<Identity, &'static str> {
        let attempt = Attempt { login, password, protocol, source: [192, 0, 2, 1].into() };
        self.authenticator.authenticate(attempt).await.map_err(|fault| fault.code)
    }
    async fn imap(&self, login: &str, password: &str) -> Result<Identity, &'static str> {
        self.try_over(&Protocol::IMAP, login, password).await
    }
    async fn set(&self, name: &'static str, value: bool) {
        let guid = self.nuno;
        self.directory.commit(move |draft| draft.modify(guid, vec![(name, Edit::set(value))])).await.unwrap();
    }
}

#[tokio::test]
async fn every_form_of_a_login_name() {
    let house = house().await;
    for login in [
        "nuno.mota@rialto.test",
        "NUNO@rialto.test",
        "RIALTO\\nmota",
        "rialto.test\\NMOTA",
        "nmota",
        "nuno",
        " nuno ",
    ] {
        let identity = house.imap(login, PASSWORD).await.unwrap_or_else(|code| panic!("{login}: {code}"));
        assert_eq!((identity.user, identity.name.as_str()), (house.nuno, "nuno.mota@rialto.test"));
        assert_eq!(identity.address.unwrap().as_str(), "nuno@rialto.test");
    }
    for login in ["", "nobody", "OTHER\\nmota", "nobody@rialto.test", "Nuno Mota", "EX1", "Users"] {
        assert_eq!(house.imap(login, PASSWORD).await.unwrap_err(), "LogonFailure", "{login}");
    }
    assert_eq!(house.imap("nuno", "wrong horse").await.unwrap_err(), "LogonFailure");
    assert_eq!(house.imap("nuno", "").await.unwrap_err(), "LogonFailure");
    assert_eq!(house.imap("nuno", &"x".repeat(100_000)).await.unwrap_err(), "LogonFailure");
}

#[tokio::test]
async fn what_closes_the_door() {
    let house = house().await;
    house.set("ImapEnabled", false).await;
    assert_eq!(house.imap("nuno", PASSWORD).await.unwrap_err(), "ProtocolDisabled");
    assert!(house.try_over(&Protocol::POP, "nuno", PASSWORD).await.is_ok());
    assert!(house.try_over(&Protocol::SMTP, "nuno", PASSWORD).await.is_ok());
    house.set("SmtpClientAuthenticationDisabled", true).await;
    assert_eq!(house.try_over(&Protocol::SMTP, "nuno", PASSWORD).await.unwrap_err(), "ProtocolDisabled");
    house.set("AccountDisabled", true).await;
    assert_eq!(house.try_over(&Protocol::POP, "nuno", PASSWORD).await.unwrap_err(), "AccountDisabled");
    assert_eq!(house.try_over(&Protocol::POP, "nuno", "wrong").await.unwrap_err(), "LogonFailure");
    house.set("AccountDisabled", false).await;
    house.set("ResetPasswordOnNextLogon", true).await;
    assert_eq!(house.try_over(&Protocol::POP, "nuno", PASSWORD).await.unwrap_err(), "PasswordMustChange");
}

#[tokio::test]
async fn an_account_without_mailbox_or_password() {
    let house = house().await;
    let hashed = password::hash(PASSWORD, &SystemRng).unwrap();
    house
        .directory
        .commit(move |draft| {
            new_user(draft, NewUser { name: "bare".into(), ..NewUser::default() })?;
            let admin = NewUser { name: "admin".into(), password: Some(hashed), ..NewUser::default() };
            new_user(draft, admin)
        })
        .await
        .unwrap();
    assert_eq!(house.imap("bare", PASSWORD).await.unwrap_err(), "LogonFailure");
    assert_eq!(house.imap("admin", PASSWORD).await.unwrap_err(), "ProtocolDisabled");
    assert!(house.try_over(&Protocol::POWERSHELL, "admin", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_new_password_holds_at_once() {
    let house = house().await;
    house.imap("nuno", PASSWORD).await.unwrap();
    let (guid, hashed) = (house.nuno, house.authenticator.hash("another horse").await.unwrap());
    house.directory.commit(move |draft| set_password(draft, guid, hashed)).await.unwrap();
    assert_eq!(house.imap("nuno", PASSWORD).await.unwrap_err(), "LogonFailure");
    assert!(house.imap("nuno", "another horse").await.is_ok());
}

#[tokio::test]
async fn guesses_are_counted_across_protocols_and_come_back() {
    let house = house().await;
    let protocols = [&Protocol::IMAP, &Protocol::POP, &Protocol::SMTP];
    let logins = ["nuno", "nmota", "nuno@rialto.test"];
    for i in 0..10 {
        let outcome = house.try_over(protocols[i % 3], logins[i % 3], "guess number x").await;
        assert_eq!(outcome.unwrap_err(), "LogonFailure");
    }
    assert_eq!(house.imap("nuno", PASSWORD).await.unwrap_err(), "LogonFailure", "the right one is too late");
    house.clock.advance(Duration::from_secs(61));
    assert!(house.imap("nuno", PASSWORD).await.is_ok());
    // Who has just logged on goes on working while somebody else guesses.
    for _ in 0..12 {
        let _ = house.imap("nuno", "guess number y").await;
    }
    assert!(house.imap("nuno", PASSWORD).await.is_ok());
    house.clock.advance(Duration::from_secs(301));
    for _ in 0..12 {
        let _ = house.imap("nuno", "guess number z").await;
    }
    assert_eq!(
        house.imap("nuno", PASSWORD).await.unwrap_err(),
        "LogonFailure",
        "remembered for minutes only"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_once_are_all_counted() {
    let house = Arc::new(house().await);
    let guesses = (0..50).map(|i| {
        let house = house.clone();
        tokio::spawn(async move { house.imap("nuno", &format!("guess number {i}")).await.is_ok() })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert!(!guess.await.unwrap());
    }
    assert_eq!(house.imap("nuno", PASSWORD).await.unwrap_err(), "LogonFailure");
}

#[tokio::test]
async fn unknown_names_take_as_long_as_wrong_passwords() {
    let house = house().await;
    let mut times = [Duration::ZERO; 2];
    for _ in 0..4 {
        for (time, login) in times.iter_mut().zip(["nuno", "nobody"]) {
            let start = std::time::Instant::now();
            assert!(house.imap(login, "wrong horse").await.is_err());
            *time += start.elapsed();
        }
    }
    let (known, unknown) = (times[0].as_secs_f64(), times[1].as_secs_f64());
    assert!((0.4..2.5).contains(&(known / unknown)), "known {known} s, unknown {unknown} s");
}

#[tokio::test]
async fn who_was_authenticated_elsewhere_must_be_known_enabled_and_allowed() {
    let house = house().await;
    let vouched = |user, protocol| house.authenticator.vouched(user, protocol).map_err(|fault| fault.code);
    assert_eq!(vouched(house.nuno, &Protocol::IMAP).unwrap().name, "nuno.mota@rialto.test");
    assert_eq!(vouched(Guid([9; 16]), &Protocol::IMAP).unwrap_err(), "LogonFailure");
    house.set("ImapEnabled", false).await;
    assert_eq!(vouched(house.nuno, &Protocol::IMAP).unwrap_err(), "ProtocolDisabled");
    assert!(vouched(house.nuno, &Protocol::POP).is_ok());
    house.set("AccountDisabled", true).await;
    assert_eq!(vouched(house.nuno, &Protocol::POP).unwrap_err(), "AccountDisabled");
}
