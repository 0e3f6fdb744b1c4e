//! Resolution, accepted domains, connectors, sizes, who may write to whom.

use super::*;
use crate::queue::Hop;
use base::ByteQuantifiedSize;
use directory::Value;

#[tokio::test]
async fn recipients_are_found_by_any_proxy_address() {
    let world = World::new().await;
    let nuno = world.mailbox("nuno").await;
    let proxies: Vec<Value> =
        ["SMTP:nuno@rialto.test", "smtp:n.mota@rialto.test"].map(|p| Value::Proxy(p.parse().unwrap())).into();
    world.edit(nuno, "EmailAddresses", Value::Multi(proxies.into())).await;
    assert_eq!(plan(&world, &STRANGER, &["NUNO@Rialto.test"]), ["mailbox nuno"]);
    assert_eq!(plan(&world, &STRANGER, &["n.mota@rialto.test"]), ["mailbox nuno", "RESOLVE n.mota > nuno"]);
    assert_eq!(
        plan(&world, &STRANGER, &["n.mota@rialto.test", "nuno@rialto.test", "nuno@rialto.test"]),
        ["mailbox nuno", "RESOLVE n.mota > nuno"],
        "one copy"
    );
}

#[tokio::test]
async fn domains_of_each_type() {
    let world = World::new().await;
    world.accepted("shared.test", "InternalRelay").await;
    world.accepted("far.test", "ExternalRelay").await;
    world.accepted("*.sub.test", "Authoritative").await;
    for (to, expected) in [
        ("nobody@rialto.test", "fail nobody: 550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found"),
        ("nobody@shared.test", "relay nobody@shared.test"),
        ("nobody@far.test", "relay nobody@far.test"),
        ("nobody@a.sub.test", "fail nobody@a.sub.test: 550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found"),
        ("x@ext.example", "relay x@ext.example"),
        ("x@[192.0.2.1]", "fail x@[192.0.2.1]: 550 5.1.2 RESOLVER.ADR.InvalidDomain; not a mail domain"),
    ] {
        assert_eq!(plan(&world, &STRANGER, &[to]), [expected]);
    }
}

#[tokio::test]
async fn the_next_hop_is_the_most_specific_then_the_cheapest_connector() {
    let world = World::new().await;
    let hop = |to: &str, size: u64| {
        let recipients = [RcptTo::new(address(to))];
        match categorize(&world.view(), &Facts { size, ..STRANGER }, &recipients).routed.remove(0).fate {
            Fate::Relay(hop) => hop,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(hop("x@ext.example", 1), Hop::Unreachable);
    let internet = world.connector("Internet", &["*;5"], &[]).await;
    let cheap = world.connector("Cheap", &["*;1"], &["smart.example"]).await;
    let example = world.connector("Example", &["*.example;9"], &[]).await;
    assert_eq!(hop("x@ext.example", 1), Hop::Domain(example, "ext.example".parse().unwrap()));
    assert_eq!(hop("x@ext.test", 1), Hop::SmartHost(cheap));
    world.edit(cheap, "Enabled", false).await;
    assert_eq!(hop("x@ext.test", 1), Hop::Domain(internet, "ext.test".parse().unwrap()));
    world.edit(internet, "MaxMessageSize", Value::Quota(ByteQuantifiedSize(100).into())).await;
    assert_eq!(hop("x@ext.test", 101), Hop::Unreachable);
}

#[tokio::test]
async fn sizes() {
    let world = World::new().await;
    let (a, b) = (world.mailbox("a").await, world.mailbox("b").await);
    world.edit(a, "MaxReceiveSize", Value::Quota(ByteQuantifiedSize(9_999).into())).await;
    let lines = plan(&world, &STRANGER, &["a@rialto.test", "b@rialto.test"]);
    let too_large = "fail a: 550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient";
    assert_eq!(lines, [too_large, "mailbox b"]);
    let big = Facts { size: 11 << 20, ..STRANGER };
    assert!(plan(&world, &big, &["b@rialto.test"])[0].contains("RecipSizeLimit"), "the organisation's 10 MB");
    world.edit(b, "MaxReceiveSize", Value::Quota(ByteQuantifiedSize::from_mb(20).into())).await;
    assert_eq!(plan(&world, &big, &["b@rialto.test"]), ["mailbox b"], "the recipient's own limit wins");
    // A colleague's own limit for sending.
    let sender = address("a@rialto.test");
    world.edit(a, "MaxSendSize", Value::Quota(ByteQuantifiedSize(100).into())).await;
    let colleague = Facts { sender: Some(&sender), trusted: true, ..STRANGER };
    let lines = plan(&world, &colleague, &["b@rialto.test", "x@ext.example"]);
    assert!(lines.iter().all(|line| line.contains("5.2.3 RESOLVER.RST.SendSizeLimit")), "{lines:?}");
    let system = Facts { system: true, ..big };
    assert_eq!(plan(&world, &system, &["a@rialto.test"]), ["mailbox a"]);
}

#[tokio::test]
async fn accept_and_reject_lists() {
    let world = World::new().await;
    let (a, friend, foe) =
        (world.mailbox("a").await, world.mailbox("friend").await, world.mailbox("foe").await);
    let friends = world.group("friends", &[friend]).await;
    let (friend_address, foe_address) = (address("friend@rialto.test"), address("foe@rialto.test"));
    let from = |sender, trusted| Facts { sender: Some(sender), trusted, ..STRANGER };
    let outcome = |facts: Facts<'_>| plan(&world, &facts, &["a@rialto.test"]).remove(0);
    let refused = "fail a: 550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized";
    world.edit(a, "RejectMessagesFrom", Value::Link(foe)).await;
    assert_eq!(outcome(from(&foe_address, true)), refused);
    assert_eq!(outcome(from(&foe_address, false)), refused);
    assert_eq!(outcome(from(&friend_address, true)), "mailbox a");
    world.clear(a, "RejectMessagesFrom").await;
    world.edit(a, "AcceptMessagesOnlyFromDLMembers", Value::Link(friends)).await;
    assert_eq!(outcome(from(&friend_address, true)), "mailbox a");
    assert_eq!(outcome(from(&friend_address, false)), refused, "a reverse path proves nothing");
    assert_eq!(outcome(from(&foe_address, true)), refused);
    assert_eq!(outcome(STRANGER), refused);
    world.clear(a, "AcceptMessagesOnlyFromDLMembers").await;
    world.edit(a, "RequireSenderAuthenticationEnabled", true).await;
    assert!(outcome(STRANGER).starts_with("fail a: 550 5.7.134 "));
    assert_eq!(outcome(Facts { trusted: true, ..STRANGER }), "mailbox a");
}

#[tokio::test]
async fn contacts_and_those_without_an_address() {
    let world = World::new().await;
    let a = world.mailbox("a").await;
    world.contact("self", "self@ext.example").await;
    world.contact("inner", "a@rialto.test").await;
    let broken = world.contact("broken", "b@ext.example").await;
    world.clear(broken, "ExternalEmailAddress").await;
    assert_eq!(plan(&world, &STRANGER, &["self@rialto.test"]), ["relay self@ext.example"]);
    assert_eq!(plan(&world, &STRANGER, &["inner@rialto.test"]), ["mailbox a"]);
    assert_eq!(
        plan(&world, &STRANGER, &["broken@rialto.test"]),
        ["fail broken: 550 5.2.0 RESOLVER.CON.NoTarget; no external address"]
    );
    // Two contacts that point at each other end, and somebody hears of it.
    let one = world.contact("one", "two@rialto.test").await;
    world.contact("two", "one@rialto.test").await;
    let lines = plan(&world, &STRANGER, &["one@rialto.test"]);
    assert_eq!(lines, ["fail one: 554 5.4.6 RESOLVER.FWD.Loop; forwarding loop detected"]);
    let _ = (a, one);
}
