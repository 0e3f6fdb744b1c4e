//! Identities: every form an administrator types, and the two errors.

use base::FaultKind;
use directory::{
    RecipientType, Scope,
    schema::SERVER,
    verbs::{MailIdentity, NewContact, new_mail_contact},
};

use crate::{house, mailbox};

#[tokio::test]
async fn every_form_of_an_identity() {
    let (directory, _dir) = house().await;
    let nuno = directory.commit(|draft| Ok(mailbox(draft, "Nuno Mota"))).await.unwrap();
    let view = directory.snapshot();
    let legacy = nuno.text("LegacyExchangeDN").unwrap();
    assert!(legacy.starts_with("/o=First Organization/ou=Exchange Administrative Group"));
    let (guid, mailbox_guid) = (nuno.guid.to_string(), nuno.guid_of("ExchangeGuid").unwrap().to_string());
    for identity in [
        "Nuno Mota",
        "nuno mota",
        "nuno",
        "NUNO@rialto.test",
        "smtp:nuno@rialto.test",
        "RIALTO\\nuno",
        "rialto.test\\nuno",
        "CN=Nuno Mota,CN=Users,DC=rialto,DC=test",
        "rialto.test/Users/Nuno Mota",
        " nuno ",
        &guid,
        &mailbox_guid,
        legacy,
    ] {
        let found = view.resolve(identity, Scope::Kinds(&[RecipientType::UserMailbox]));
        assert_eq!(found.map(|o| o.guid).ok(), Some(nuno.guid), "{identity}");
    }
    let server = view.servers().next().unwrap().guid;
    for identity in ["EX1", "ex1.rialto.test", "EX1.Rialto.Test"] {
        let found = view.resolve(identity, Scope::Class(&SERVER));
        assert_eq!(found.map(|o| o.guid).ok(), Some(server), "{identity}");
    }
    assert_eq!(nuno.identity(), "rialto.test/Users/Nuno Mota");
    assert!(view.resolve("OTHER\\nuno", Scope::Any).is_err());
    assert!(view.resolve("nuno", Scope::Kinds(&[RecipientType::MailContact])).is_err());
}

#[tokio::test]
async fn not_found_and_ambiguous() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            let names = [("One", "a@ext.example"), ("Two", "b@ext.example")];
            for (name, address) in names {
                let contact = NewContact {
                    name: name.into(),
                    external_email_address: address.parse().unwrap(),
                    identity: MailIdentity::default(),
                    display_name: Some("Ana".into()),
                    first_name: None,
                    initials: None,
                    last_name: None,
                    organizational_unit: None,
                };
                new_mail_contact(draft, contact)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let fault = |identity: &str| base::Fault::from(view.resolve(identity, Scope::Recipients).unwrap_err());
    let missing = fault("x");
    assert_eq!(
        (missing.kind, missing.code, missing.public_text.as_str()),
        (
            FaultKind::NotFound,
            "ManagementObjectNotFoundException",
            "The operation couldn't be performed because object 'x' couldn't be found on 'ex1.rialto.test'."
        )
    );
    let several = fault("ana");
    assert_eq!(
        (several.kind, several.code, several.public_text.as_str()),
        (
            FaultKind::Ambiguous,
            "ManagementObjectAmbiguousException",
            "The operation couldn't be performed because 'ana' matches multiple entries."
        )
    );
    assert_eq!(view.matching("ana", Scope::Recipients).len(), 2);
    assert_eq!(view.matching("O*", Scope::Recipients).len(), 1);
    assert_eq!(view.matching("nobody*", Scope::Any).len(), 0);
    assert!(view.resolve("", Scope::Any).is_err());
    assert!(view.resolve(&"x".repeat(100_000), Scope::Any).is_err());
}
