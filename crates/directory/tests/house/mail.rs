//! Recipients: addresses, policies, kinds, forwarding, and becoming and ceasing to be mail-enabled.

use base::SmtpAddress;
use directory::{
    Edit, NewObject, Recipient, RecipientType, Value,
    schema::EMAIL_ADDRESS_POLICY,
    verbs::{
        EnableMailbox, MailIdentity, NewContact, NewMailUser, NewUser, convert_mailbox, disable_mailbox,
        enable_mailbox, new_accepted_domain, new_mail_contact, new_mail_user, new_user, remove_mailbox,
        set_recipient,
    },
};

use crate::{house, mailbox};

fn address(text: &str) -> SmtpAddress {
    text.parse().unwrap()
}

fn proxies(recipient: &Recipient) -> Vec<String> {
    recipient.email_addresses().map(ToString::to_string).collect()
}

fn proxy(text: &str) -> Value {
    Value::Proxy(text.parse().unwrap())
}

fn contact(name: &str, external: &str) -> NewContact {
    NewContact {
        name: name.into(),
        external_email_address: address(external),
        identity: MailIdentity::default(),
        display_name: None,
        first_name: None,
        initials: None,
        last_name: None,
        organizational_unit: None,
    }
}

#[tokio::test]
async fn kinds_and_addresses_of_new_recipients() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            mailbox(draft, "Nuno Mota");
            new_mail_contact(draft, contact("Extern", "someone@ext.example"))?;
            let user = NewUser { name: "Partner".into(), ..NewUser::default() };
            new_mail_user(
                draft,
                NewMailUser {
                    user,
                    external_email_address: address("partner@away.example"),
                    identity: MailIdentity::default(),
                },
            )
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    for (at, kind, addresses) in [
        ("nuno@rialto.test", RecipientType::UserMailbox, vec!["SMTP:nuno@rialto.test"]),
        (
            "someone@EXT.example",
            RecipientType::MailContact,
            vec!["SMTP:someone@ext.example", "smtp:Extern@rialto.test"],
        ),
        (
            "partner@rialto.test",
            RecipientType::MailUser,
            vec!["SMTP:partner@away.example", "smtp:Partner@rialto.test"],
        ),
    ] {
        let recipient = view.recipient_by_address(&address(at)).unwrap();
        assert_eq!(
            (recipient.kind(), proxies(&recipient)),
            (kind, addresses.iter().map(ToString::to_string).collect())
        );
    }
    let partner = view.by_alias("partner").unwrap();
    assert_eq!(partner.external_email_address(), Some(address("partner@away.example")));
    let details = partner.get("recipienttypedetails").unwrap().to_string();
    assert_eq!(details, "MailUser");
}

#[tokio::test]
async fn forwarding_is_read_as_set() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            let nuno = mailbox(draft, "nuno");
            let other = new_mail_contact(draft, contact("Extern", "someone@ext.example"))?;
            set_recipient(
                draft,
                nuno.guid,
                vec![
                    ("ForwardingSmtpAddress", Edit::set(proxy("x@ext.example"))),
                    ("ForwardingAddress", Edit::set(Value::Link(other.guid))),
                    ("DeliverToMailboxAndForward", Edit::set(true)),
                ],
            )
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let (nuno, other) = (view.by_alias("nuno").unwrap(), view.by_alias("extern").unwrap());
    assert_eq!(nuno.forwarding_smtp_address(), Some(address("x@ext.example")));
    assert_eq!(nuno.forwarding_address(), Some(other.guid));
    assert!(nuno.deliver_to_mailbox_and_forward());
    let gone = other.guid;
    directory.commit(move |draft| draft.delete(gone)).await.unwrap();
    assert_eq!(directory.snapshot().by_alias("nuno").unwrap().forwarding_address(), None, "links end");
}

#[tokio::test]
async fn proxy_addresses_are_unique_everywhere() {
    let (directory, _dir) = house().await;
    directory.commit(|draft| Ok(mailbox(draft, "nuno"))).await.unwrap();
    let error = directory
        .commit(|draft| new_mail_contact(draft, contact("Other", "NUNO@rialto.test")))
        .await
        .unwrap_err();
    assert_eq!(error.kind, base::FaultKind::AlreadyExists);
    assert!(error.public_text.contains(
        "is already being used by the proxy addresses or LegacyExchangeDN of \"rialto.test/Users/nuno\""
    ));
    assert!(directory.snapshot().by_alias("Other").is_none(), "a refused change leaves no trace");
    // A made-up alias avoids the one in use, a given one is refused.
    let second = directory
        .commit(|draft| new_mail_contact(draft, contact("Nuno.", "second@ext.example")))
        .await
        .unwrap();
    assert_eq!(second.text("Alias"), Some("Nuno2"));
    let taken = directory
        .commit(|draft| {
            let mut new = contact("Third", "third@ext.example");
            new.identity.alias = Some("nuno".into());
            new_mail_contact(draft, new)
        })
        .await;
    assert!(taken.unwrap_err().public_text.contains("Alias \"nuno\" is already being used"));
}

#[tokio::test]
async fn reply_addresses_stay_in_order() {
    let (directory, _dir) = house().await;
    let guid = directory.commit(|draft| Ok(mailbox(draft, "nuno").guid)).await.unwrap();
    let set =
        |edits: Vec<(&'static str, Edit)>| directory.commit(move |draft| set_recipient(draft, guid, edits));
    let now = || proxies(&directory.snapshot().recipient(guid).unwrap());
    let add = |text: &str| Edit::AddRemove { add: vec![proxy(text)], remove: vec![] };
    let remove = |text: &str| Edit::AddRemove { add: vec![], remove: vec![proxy(text)] };

    assert!(set(vec![("EmailAddresses", add("n@rialto.test"))]).await.unwrap());
    set(vec![("EmailAddresses", add("smtp:N@rialto.test"))]).await.unwrap();
    assert_eq!(now().len(), 2);
    let refused = set(vec![("PrimarySmtpAddress", Edit::set("boss@rialto.test"))]).await.unwrap_err();
    assert!(refused.public_text.contains("automatically generated based on e-mail address policies"));
    set(vec![
        ("EmailAddressPolicyEnabled", Edit::set(false)),
        ("PrimarySmtpAddress", Edit::set("boss@rialto.test")),
    ])
    .await
    .unwrap();
    assert_eq!(now(), ["smtp:nuno@rialto.test", "smtp:N@rialto.test", "SMTP:boss@rialto.test"]);
    set(vec![("EmailAddresses", add("SMTP:nuno@rialto.test"))]).await.unwrap();
    assert_eq!(now(), ["SMTP:nuno@rialto.test", "smtp:N@rialto.test", "smtp:boss@rialto.test"]);
    set(vec![("EmailAddresses", remove("nuno@rialto.test"))]).await.unwrap();
    assert_eq!(now(), ["SMTP:N@rialto.test", "smtp:boss@rialto.test"]);
    let two = Edit::Replace(vec![proxy("SMTP:a@rialto.test"), proxy("SMTP:b@rialto.test")]);
    assert!(set(vec![("EmailAddresses", two)]).await.is_err());
    assert!(set(vec![("EmailAddresses", Edit::clear())]).await.is_err());
    // Back under the policy: the generated address is the reply address again, nothing is lost.
    set(vec![("EmailAddressPolicyEnabled", Edit::set(true))]).await.unwrap();
    assert_eq!(now(), ["SMTP:nuno@rialto.test", "smtp:N@rialto.test", "smtp:boss@rialto.test"]);
    set(vec![("Alias", Edit::set("nmota"))]).await.unwrap();
    assert_eq!(now()[0], "SMTP:nmota@rialto.test");
    assert!(set(vec![("Alias", Edit::set("two words"))]).await.is_err());
}

#[tokio::test]
async fn policies_by_priority_and_filter() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            new_accepted_domain(draft, "sales.test", "sales.test".parse()?, None)?;
            let templates = ["SMTP:%g.%s@sales.test", "smtp:%1g%s@rialto.test"];
            draft.create(
                NewObject::new(&EMAIL_ADDRESS_POLICY, "Sales")
                    .with("EnabledEmailAddressTemplates", Value::Multi(templates.map(Value::from).into()))
                    .with("RecipientFilter", "LastName -like 'S*'")
                    .with("Priority", 1),
            )?;
            mailbox(draft, "Ana Silva");
            mailbox(draft, "Rui Costa");
            Ok(())
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let of = |alias: &str| proxies(&view.by_alias(alias).unwrap());
    assert_eq!(of("ana"), ["SMTP:Ana.Silva@sales.test", "smtp:ASilva@rialto.test"]);
    assert_eq!(of("rui"), ["SMTP:rui@rialto.test"]);
    let domain = view.accepted_domain_for("sales.test").unwrap().guid;
    let used = directory.commit(move |draft| draft.delete(domain)).await.unwrap_err();
    assert!(used.public_text.contains("is used by the e-mail address policy \"Sales\""));
    let stray = directory
        .commit(|draft| {
            draft.create(
                NewObject::new(&EMAIL_ADDRESS_POLICY, "Stray")
                    .with("EnabledEmailAddressTemplates", "SMTP:%m@elsewhere.test"),
            )
        })
        .await;
    assert!(stray.unwrap_err().public_text.contains("isn't an accepted domain"));
}

#[tokio::test]
async fn mailboxes_come_and_go() {
    let (directory, _dir) = house().await;
    let guid = directory
        .commit(|draft| Ok(new_user(draft, NewUser { name: "nuno".into(), ..NewUser::default() })?.guid))
        .await
        .unwrap();
    let kind = || directory.snapshot().recipient(guid).unwrap().kind();
    assert_eq!(kind(), RecipientType::User);
    let enabled =
        directory.commit(move |draft| enable_mailbox(draft, guid, EnableMailbox::default())).await.unwrap();
    assert_eq!(kind(), RecipientType::UserMailbox);
    assert!(
        directory.commit(move |draft| enable_mailbox(draft, guid, EnableMailbox::default())).await.is_err()
    );
    directory.commit(move |draft| convert_mailbox(draft, guid, "SharedMailbox")).await.unwrap();
    let details = directory.snapshot().get(guid).unwrap().get("RecipientTypeDetails").unwrap().to_string();
    assert_eq!(details, "SharedMailbox");
    let gone = directory.commit(move |draft| disable_mailbox(draft, guid)).await.unwrap();
    assert_eq!(Some(gone.mailbox), enabled.guid_of("ExchangeGuid"));
    assert_eq!(kind(), RecipientType::User);
    assert!(directory.snapshot().recipient_by_address(&address("nuno@rialto.test")).is_none());
    assert!(directory.commit(move |draft| remove_mailbox(draft, guid)).await.is_err(), "no mailbox now");
}
