//! What a new organisation holds, and what its configuration objects refuse.

use directory::{
    Edit, Scope, Value, schema,
    seed::seed,
    verbs::{
        NewReceiveConnector, NewSendConnector, make_default_domain, new_accepted_domain,
        new_receive_connector, new_remote_domain, new_send_connector,
    },
};

use crate::{house, mailbox, open, rialto};

#[tokio::test]
async fn seeds_what_setup_leaves_behind_and_only_once() {
    let (directory, _dir) = house().await;
    let view = directory.snapshot();
    let objects = view.len();
    assert!(!directory.commit(|draft| seed(draft, &rialto())).await.unwrap().created);
    assert_eq!(directory.snapshot().len(), objects);

    let server = view.servers().next().unwrap();
    assert_eq!(server.text("Fqdn"), Some("ex1.rialto.test"));
    assert_eq!(view.default_domain().unwrap().name.as_ref(), "rialto.test");
    let default = view.remote_domain_for("anything.example").unwrap();
    assert_eq!((default.name.as_ref(), default.flag("AutoForwardEnabled")), ("Default", false));
    assert!(!default.flag("AutoReplyEnabled") && default.flag("DeliveryReportEnabled"));

    let mut connectors: Vec<String> = view
        .receive_connectors(server.guid)
        .map(|c| {
            let bindings: Vec<String> = c.values("Bindings").iter().map(ToString::to_string).collect();
            format!("{} | {} | {}", c.identity(), c.text("TransportRole").unwrap(), bindings.join(" "))
        })
        .collect();
    connectors.sort();
    assert_eq!(
        connectors,
        [
            "EX1\\Client Frontend EX1 | FrontendTransport | [::]:587 0.0.0.0:587",
            "EX1\\Client Proxy EX1 | HubTransport | [::]:465 0.0.0.0:465",
            "EX1\\Default EX1 | HubTransport | [::]:2525 0.0.0.0:2525",
            "EX1\\Default Frontend EX1 | FrontendTransport | [::]:25 0.0.0.0:25",
            "EX1\\Outbound Proxy Frontend EX1 | FrontendTransport | [::]:717 0.0.0.0:717",
        ]
    );
    let frontend =
        view.resolve("EX1\\Default Frontend EX1", Scope::Class(&schema::RECEIVE_CONNECTOR)).unwrap();
    assert_eq!(frontend.count("MaxInboundConnection"), base::Unlimited::Limited(5000));
    assert_eq!(frontend.size("MaxMessageSize").to_string(), "36 MB (37,748,736 bytes)");
    assert!(frontend.has_flag("PermissionGroups", "AnonymousUsers"));
    let database = view.databases().next().unwrap();
    assert_eq!(database.size("IssueWarningQuota").to_string(), "1.899 GB (2,039,480,320 bytes)");
    assert_eq!(
        database.dn().as_str(),
        "CN=DB1,CN=Databases,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,\
         CN=First Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=rialto,DC=test"
    );
}

#[tokio::test]
async fn the_most_specific_remote_domain_wins() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            new_remote_domain(draft, "ExternalDomain", "ext.example".parse()?)?;
            new_remote_domain(draft, "Parents", "*.example".parse()?)?;
            new_remote_domain(draft, "Deep", "*.deep.ext.example".parse()?)
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    for (domain, name) in [
        ("ext.example", "ExternalDomain"),
        ("EXT.Example", "ExternalDomain"),
        ("other.example", "Parents"),
        ("a.b.example", "Parents"),
        ("a.ext.example", "Parents"),
        ("example", "Parents"),
        ("deep.ext.example", "Deep"),
        ("x.deep.ext.example", "Deep"),
        ("notexample", "Default"),
        ("example.com", "Default"),
    ] {
        let found = view.remote_domain_for(domain).unwrap();
        assert_eq!(found.name.as_ref(), name, "{domain}");
        assert_eq!(found.flag("AutoForwardEnabled"), name != "Default");
    }
    let twice = directory.commit(|draft| new_remote_domain(draft, "Again", "ext.example".parse()?)).await;
    assert!(twice.unwrap_err().to_string().contains("already being used by \"ExternalDomain\""));
    let default = view.resolve("Default", Scope::Class(&schema::REMOTE_DOMAIN)).unwrap().guid;
    assert!(directory.commit(move |draft| draft.delete(default)).await.is_err());
    let guid = view.resolve("ExternalDomain", Scope::Class(&schema::REMOTE_DOMAIN)).unwrap().guid;
    directory.commit(move |draft| draft.delete(guid)).await.unwrap();
    assert_eq!(directory.snapshot().remote_domain_for("ext.example").unwrap().name.as_ref(), "Parents");
    assert_eq!(
        view.remote_domain_for("ext.example").unwrap().name.as_ref(),
        "ExternalDomain",
        "old views stay"
    );
}

#[tokio::test]
async fn accepted_domains() {
    let (directory, _dir) = house().await;
    let relay = directory
        .commit(|draft| {
            new_accepted_domain(draft, "Subs", "*.partner.test".parse()?, Some("InternalRelay"))?;
            new_accepted_domain(draft, "second", "second.test".parse()?, Some("ExternalRelay"))
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let kind =
        |domain: &str| view.accepted_domain_for(domain).map(|d| d.text("DomainType").unwrap().to_owned());
    assert_eq!(kind("rialto.test").as_deref(), Some("Authoritative"));
    assert_eq!(kind("a.partner.test").as_deref(), Some("InternalRelay"));
    assert_eq!(kind("second.test").as_deref(), Some("ExternalRelay"));
    assert_eq!(kind("sub.second.test"), None);
    let guid = relay.guid;
    directory
        .commit(move |draft| {
            draft.modify(guid, vec![("MatchSubDomains", Edit::set(true))])?;
            make_default_domain(draft, guid)
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    assert_eq!(view.default_domain().unwrap().guid, guid);
    assert!(view.accepted_domain_for("sub.second.test").is_some());
    assert!(directory.commit(move |draft| draft.delete(guid)).await.is_err(), "the default stays");
}

#[tokio::test]
async fn receive_connectors_do_not_collide() {
    let (directory, _dir) = house().await;
    let server = directory.snapshot().servers().next().unwrap().guid;
    let new = move |role: &'static str, binding: &str, range: &str| NewReceiveConnector {
        name: format!("{role} {binding} {range}").replace(['/', ':'], "_").trim().to_owned(),
        server,
        usage: "Internet",
        transport_role: role,
        bindings: vec![binding.parse().unwrap()],
        remote_ip_ranges: if range.is_empty() { vec![] } else { vec![range.parse().unwrap()] },
        attributes: vec![],
    };
    let relay = new("FrontendTransport", "0.0.0.0:25", "10.0.0.5");
    directory.commit(move |draft| new_receive_connector(draft, relay)).await.unwrap();
    let same = new("FrontendTransport", "0.0.0.0:25", "");
    let error = directory.commit(move |draft| new_receive_connector(draft, same)).await.unwrap_err();
    assert!(
        error.public_text.contains("conflict with the settings on Receive connector \"EX1\\Default Frontend")
    );
    let other_role = new("HubTransport", "192.0.2.1:25", "10.0.0.6");
    let error = directory.commit(move |draft| new_receive_connector(draft, other_role)).await.unwrap_err();
    assert!(error.public_text.ends_with("must listen on unique local IP address & port bindings."));
}

#[tokio::test]
async fn send_connectors_route_by_mx_or_smart_host() {
    let (directory, _dir) = house().await;
    let new = NewSendConnector {
        name: "Internet".into(),
        address_spaces: vec!["*".parse().unwrap()],
        smart_hosts: vec!["relay.example".into()],
        ..NewSendConnector::default()
    };
    let connector = directory.commit(|draft| new_send_connector(draft, new)).await.unwrap();
    assert!(!connector.flag("DNSRoutingEnabled"));
    assert_eq!(connector.values("AddressSpaces")[0].to_string(), "SMTP:*;1");
    assert_eq!(connector.links("SourceTransportServers").count(), 1);
    let guid = connector.guid;
    let both =
        directory.commit(move |draft| draft.modify(guid, vec![("DNSRoutingEnabled", Edit::set(true))])).await;
    assert!(both.is_err());
}

#[tokio::test]
async fn a_database_with_mailboxes_stays() {
    let (directory, _dir) = house().await;
    directory.commit(|draft| Ok(mailbox(draft, "nuno"))).await.unwrap();
    let database = directory.snapshot().databases().next().unwrap().guid;
    let error = directory.commit(move |draft| draft.delete(database)).await.unwrap_err();
    assert!(error.public_text.starts_with("This mailbox database contains one or more mailboxes"));
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let (directory, dir) = house().await;
    directory
        .commit(|draft| {
            let nuno = mailbox(draft, "nuno");
            new_remote_domain(draft, "ExternalDomain", "ext.example".parse()?)?;
            draft.modify(
                nuno.guid,
                vec![("CustomAttribute1", Edit::set("x")), ("Title", Edit::set(Value::from("Dr")))],
            )
        })
        .await
        .unwrap();
    let before = directory.snapshot();
    directory.close().unwrap();
    drop(directory);
    let after = open(dir.path()).snapshot();
    assert_eq!(after.change(), before.change());
    assert_eq!(after.len(), before.len());
    for class in schema::CLASSES {
        for (a, b) in before.of_class(class).zip(after.of_class(class)) {
            assert_eq!(
                (a.guid, a.dn(), a.change, a.when_created),
                (b.guid, b.dn(), b.change, b.when_created)
            );
            assert!(a.stored().eq(b.stored()), "{}", a.identity());
        }
    }
    assert_eq!(after.remote_domain_for("ext.example").unwrap().name.as_ref(), "ExternalDomain");
}
