//! The door, mailboxes, forwards, failures and reports within the house.

use super::*;

fn said(refusal: Result<(), Refusal>) -> String {
    match refusal {
        Ok(()) => "OK".into(),
        Err(Refusal::Said(reply)) => reply.to_string(),
        Err(Refusal::Failed(fault)) => format!("{fault:?}"),
    }
}

#[tokio::test]
async fn plain_mail_is_in_the_mailbox_before_it_is_acknowledged() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.world.mailbox("ana").await;
    let to = ["nuno@rialto.test", "ana@rialto.test"];
    let id = house.accept(mail("x@ext.example", &to, "Bom dia")).await.unwrap();
    for name in ["nuno", "ana"] {
        let inbox = house.inbox(name);
        assert_eq!(inbox.len(), 1);
        assert!(
            inbox[0].starts_with("Return-Path: <x@ext.example>\r\nReceived: from x\r\nFrom: <x@ext.example>")
        );
        assert!(inbox[0].ends_with("Bom dia\r\n"));
    }
    assert_eq!(house.queues(), [], "no queue record was needed");
    assert_eq!(house.events(), ["RECEIVE SMTP nuno;ana", "DELIVER STOREDRIVER nuno;ana Inbox;Inbox"]);
    let found =
        house.transport.search_tracking(&Filter { internal_id: Some(id), ..Filter::default() }, 9).unwrap();
    assert_eq!(found[0].get(Column::ClientIp), "192.0.2.9");
    assert_eq!(found[0].get(Column::ConnectorId), "EX01\\Default Frontend EX01");
    assert_eq!(found[0].get(Column::MessageSubject), "Ponte");
    assert_ne!(id, house.accept(mail("x@ext.example", &to, "again")).await.unwrap());
    assert_eq!(house.inbox("nuno").len(), 2);
}

#[tokio::test]
async fn the_door_knows_whom_it_relays_for() {
    let house = House::new().await;
    let nuno = house.world.mailbox("nuno").await;
    let group = house.world.group("team", &[nuno]).await;
    house.world.edit(group, "RequireSenderAuthenticationEnabled", true).await;
    house.world.accepted("shared.test", "InternalRelay").await;
    let door = house.transport.door(Arc::new(NoLogon));
    let stranger = session();
    let user = Session {
        identity: Some(Identity {
            user: nuno,
            name: "nuno".into(),
            address: Some(address("nuno@rialto.test")),
        }),
        ..session()
    };
    let from = MailFrom { sender: Some(address("x@ext.example")), ..MailFrom::default() };
    let own = MailFrom { sender: Some(address("nuno@rialto.test")), ..MailFrom::default() };
    let not_found = "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found";
    for (to, as_stranger, as_user) in [
        ("nuno@rialto.test", "OK", "OK"),
        ("nobody@rialto.test", not_found, not_found),
        ("x@shared.test", "OK", "OK"),
        ("x@elsewhere.example", "550 5.7.1 Unable to relay", "OK"),
        ("user%elsewhere.example@rialto.test", not_found, not_found),
        ("\"x@elsewhere.example\"@rialto.test", not_found, not_found),
    ] {
        let to = RcptTo::new(address(to));
        assert_eq!(said(door.recipient(&stranger, &from, &to).await), as_stranger, "{to:?}");
        assert_eq!(said(door.recipient(&user, &own, &to).await), as_user, "{to:?}");
    }
    let team = RcptTo::new(address("team@rialto.test"));
    assert!(said(door.recipient(&stranger, &from, &team).await).starts_with("550 5.7.133 "));
    assert_eq!(said(door.recipient(&user, &own, &team).await), "OK");
    assert_eq!(said(door.sender(&user, &own).await), "OK");
    assert!(said(door.sender(&user, &from).await).starts_with("550 5.7.60 "));
    assert_eq!(said(door.sender(&stranger, &from).await), "OK");
}

#[tokio::test]
async fn whom_a_directory_that_is_behind_lacks_may_exist() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let directory = &house.transport.core.directory;
    directory.set_behind(true);
    let door = house.transport.door(Arc::new(NoLogon));
    let from = MailFrom { sender: Some(address("x@ext.example")), ..MailFrom::default() };
    let to = RcptTo::new(address("ana@rialto.test"));
    assert!(said(door.recipient(&session(), &from, &to).await).starts_with("451 4.3.0 "));
    house.accept(mail("x@ext.example", &["ana@rialto.test", "nuno@rialto.test"], "hello")).await.unwrap();
    house.idle().await;
    assert!(house.inbox("nuno").is_empty());
    house.world.mailbox("ana").await;
    directory.set_behind(false);
    house.later(Duration::from_secs(2)).await;
    assert_eq!((house.inbox("ana").len(), house.inbox("nuno").len()), (1, 1));
}

#[tokio::test]
async fn forwards_go_by_the_queue_and_the_log_says_why_they_did_not_leave() {
    let house = House::new().await;
    house.world.connector("Internet", &["*"], &[]).await;
    let nuno = house.world.mailbox("nuno").await;
    house.world.edit(nuno, "ForwardingSmtpAddress", crate::world::proxy("x@ext.example")).await;
    house.world.edit(nuno, "DeliverToMailboxAndForward", true).await;
    house.accept(mail("s@sender.example", &["nuno@rialto.test"], "one")).await.unwrap();
    assert_eq!(house.queues().len(), 1);
    house.idle().await;
    assert_eq!(house.inbox("nuno").len(), 1);
    assert!(house.courier.carried.lock().is_empty());
    assert_eq!(
        house.events(),
        [
            "RECEIVE SMTP nuno",
            "DROP ROUTING x@ext.example 250 2.1.5 RESOLVER.MSGTYPE.AF; handled AutoForward addressed to external recipient",
            "DELIVER STOREDRIVER nuno Inbox",
        ]
    );
    house.world.remote("ext.example", true).await;
    house.accept(mail("s@sender.example", &["nuno@rialto.test"], "two")).await.unwrap();
    house.idle().await;
    assert_eq!(house.inbox("nuno").len(), 2);
    let carried = house.courier.carried.lock().clone();
    assert_eq!(carried.len(), 1);
    let letter = &carried[0].1;
    assert_eq!(letter.envelope.to[0].address, address("x@ext.example"));
    assert_eq!(letter.envelope.from.sender, Some(address("s@sender.example")), "the reverse path is kept");
    assert_eq!(&letter.parts[0][..], b"X-MS-Exchange-Inbox-Rules-Loop: nuno@rialto.test\r\n");
    let events = house.events()[3..].to_vec();
    assert_eq!(
        events[1],
        "REDIRECT ROUTING x@ext.example 250 2.1.5 RESOLVER.FWD.Forwarded; recipient forward"
    );
    assert!(events.contains(&"SEND SMTP x@ext.example 250 2.0.0 OK".into()), "{events:?}");
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn failures_come_back_once_and_never_for_a_notification() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    let a = house.world.mailbox("a").await;
    house.world.edit(a, "ForwardingAddress", directory::Value::Link(a)).await;
    house.accept(mail("nuno@rialto.test", &["a@rialto.test"], "round")).await.unwrap();
    house.idle().await;
    let inbox = house.inbox("nuno");
    assert_eq!(inbox.len(), 1);
    for part in [
        "Return-Path: <>\r\n",
        "Subject: Undeliverable: Ponte",
        "Status: 5.4.6",
        "In-Reply-To: <m1@ext.example>",
    ] {
        assert!(inbox[0].contains(part), "{part} in {}", inbox[0]);
    }
    let events = house.events();
    assert!(
        events.contains(&"FAIL ROUTING a 554 5.4.6 RESOLVER.FWD.Loop; forwarding loop detected".into()),
        "{events:?}"
    );
    assert!(events.contains(&"DSN DSN nuno".into()), "{events:?}");
    // The same without a sender: recorded, and that is all.
    house.accept(mail("", &["a@rialto.test"], "bounce")).await.unwrap();
    house.idle().await;
    assert!(house.events().last().unwrap().starts_with("BADMAIL ROUTING a"));
    assert_eq!(house.queues(), []);
    assert_eq!(house.inbox("nuno").len(), 1);
}

#[tokio::test]
async fn a_full_mailbox_is_reported_and_the_others_get_theirs() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.world.mailbox("ana").await;
    let full = house.world.mailbox("full").await;
    house.world.edit(full, "UseDatabaseQuotaDefaults", false).await;
    let quota = directory::Value::Quota(base::ByteQuantifiedSize(10).into());
    house.world.edit(full, "ProhibitSendReceiveQuota", quota).await;
    let to = ["full@rialto.test", "ana@rialto.test"];
    house.accept(mail("nuno@rialto.test", &to, "big")).await.unwrap();
    house.idle().await;
    assert_eq!((house.inbox("ana").len(), house.inbox("full").len()), (1, 0));
    assert!(house.inbox("nuno")[0].contains("550 5.2.2 STOREDRV.Deliver; mailbox full"));
    assert_eq!(house.queues(), []);
}

#[tokio::test]
async fn who_asked_hears_of_deliveries() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.world.mailbox("ana").await;
    let mut asking = mail("nuno@rialto.test", &["ana@rialto.test"], "x");
    asking.envelope.to[0].notify = Some(wire::smtp::Notify { success: true, failure: true, delay: false });
    house.accept(asking).await.unwrap();
    house.idle().await;
    assert!(house.inbox("nuno")[0].contains("Action: delivered\r\nStatus: 2.1.5\r\n"));
}

#[tokio::test]
async fn programs_submit_in_their_users_name() {
    let house = House::new().await;
    let nuno = house.world.mailbox("nuno").await;
    house.world.mailbox("ana").await;
    let Mail { mut envelope, parts, message_id } = mail("", &["ana@rialto.test"], "x");
    envelope.from.sender = None;
    let submission = crate::Submission { user: nuno, envelope, parts, message_id, client: "OWA".into() };
    house.transport.submit(submission).await.unwrap();
    assert!(house.inbox("ana")[0].starts_with("Return-Path: <nuno@rialto.test>"));
    assert_eq!(house.events()[0], "RECEIVE STOREDRIVER ana");
}

#[tokio::test]
async fn a_dismounted_database_makes_mail_wait() {
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.stores.dismount(house.world.database).unwrap();
    house.accept(mail("x@ext.example", &["nuno@rialto.test"], "wait")).await.unwrap();
    house.idle().await;
    assert_eq!(house.queues(), [("db01".to_owned(), QueueStatus::Retry, 1)]);
    for failures in 2..=3 {
        house.later(Duration::from_secs(1)).await;
        assert_eq!(house.transport.queues().last().unwrap().info.retry_count, failures);
    }
    mount(&house.stores, &house.world).await;
    house.idle().await;
    assert_eq!(house.queues(), [], "nobody waits for the next attempt");
    assert_eq!(house.inbox("nuno").len(), 1);
}

#[tokio::test]
async fn a_mailbox_that_is_being_moved_makes_mail_wait_for_seconds_and_go_with_it() {
    use directory::{Edit, NewObject, Value, schema::MAILBOX_DATABASE};
    let house = House::new().await;
    house.world.mailbox("nuno").await;
    house.accept(mail("x@ext.example", &["nuno@rialto.test"], "before")).await.unwrap();
    house.idle().await;
    let owner = house.world.view().recipient_by_address(&address("nuno@rialto.test")).unwrap();
    let guid = owner.mailbox_guid().unwrap();
    let mailbox = house.stores.get(house.world.database).unwrap().mailbox(guid).unwrap();
    mailbox.lock().await.unwrap();
    house.accept(mail("x@ext.example", &["nuno@rialto.test"], "while")).await.unwrap();
    house.idle().await;
    let deferred = "DEFER STOREDRIVER nuno 432 4.3.2 STOREDRV.Deliver; the mailbox is being moved";
    assert!(house.events().iter().any(|event| event.starts_with(deferred)), "{:?}", house.events());
    mailbox.unlock().await.unwrap();
    house.later(Duration::from_secs(2)).await;
    assert_eq!((house.queues(), house.inbox("nuno").len()), (vec![], 2));

    mailbox.lock().await.unwrap();
    house.accept(mail("x@ext.example", &["nuno@rialto.test"], "after")).await.unwrap();
    house.idle().await;
    let server = house.world.view().servers().next().unwrap().guid;
    let database = NewObject::new(&MAILBOX_DATABASE, "DB02").with("Server", Value::Link(server));
    let second = house.world.create(database).await;
    let engine = engine_options(house.world.dir.path(), "DB02", &house.world.clock, &house.world.disk);
    let stores = house.stores.clone();
    let mount = move || stores.mount(store::Config { guid: second, engine }).map(|_| ());
    tokio::task::spawn_blocking(mount).await.unwrap().unwrap();
    let user = owner.guid;
    let switch = vec![("Database", Edit::set(Value::Link(second)))];
    house.world.commit(move |draft| draft.modify_system(user, switch)).await;
    house.later(Duration::from_secs(2)).await;
    let items = |database| {
        let mailbox = house.stores.get(database).unwrap().mailbox(guid).unwrap();
        mailbox.statistics().unwrap().items
    };
    assert_eq!(house.queues(), []);
    assert_eq!((items(house.world.database), items(second)), (2, 1), "the old one is as it was");
}

#[tokio::test]
async fn a_large_group_takes_several_commits_and_everyone_gets_one_copy() {
    use directory::{NewObject, Value, schema::USER};
    const MEMBERS: usize = 1100;
    let house = House::new().await;
    let group = house.world.group("all", &[]).await;
    let (database, rng) = (house.world.database, house.world.rng.clone());
    house
        .world
        .commit(move |draft| {
            for n in 0..MEMBERS {
                let user = NewObject::new(&USER, format!("u{n}"))
                    .with("Alias", format!("u{n}"))
                    .with("EmailAddresses", crate::world::proxy(&format!("u{n}@rialto.test")))
                    .with("ExchangeGuid", Value::Guid(Guid::new(&*rng)))
                    .with("Database", Value::Link(database));
                let user = draft.create(user)?.guid;
                draft.add_member(group, user)?;
            }
            Ok(())
        })
        .await;
    house.accept(mail("x@ext.example", &["all@rialto.test"], "to everyone")).await.unwrap();
    house.idle().await;
    assert!((0..MEMBERS).all(|n| house.inbox(&format!("u{n}")).len() == 1));
    assert_eq!(house.queues(), []);
    let delivered = house.events().iter().filter(|event| event.starts_with("DELIVER ")).count();
    assert_eq!(delivered, 3);
    let old = house.transport.core.spool.oldest().unwrap();
    assert_eq!(old, None);
}

#[tokio::test]
async fn the_short_way_queues_only_those_it_could_not_serve() {
    let house = House::new().await;
    house.world.mailbox("ana").await;
    let full = house.world.mailbox("full").await;
    house.world.edit(full, "UseDatabaseQuotaDefaults", false).await;
    let quota = directory::Value::Quota(base::ByteQuantifiedSize(10).into());
    house.world.edit(full, "ProhibitSendReceiveQuota", quota).await;
    house.accept(mail("", &["full@rialto.test", "ana@rialto.test"], "x")).await.unwrap();
    assert_eq!(house.inbox("ana").len(), 1);
    house.idle().await;
    assert_eq!(
        house.events(),
        [
            "RECEIVE SMTP full;ana",
            "DELIVER STOREDRIVER ana Inbox",
            "FAIL STOREDRIVER full 550 5.2.2 STOREDRV.Deliver; mailbox full",
            "BADMAIL STOREDRIVER full 550 5.2.2 STOREDRV.Deliver; mailbox full",
        ]
    );
}
