//! Forwarding and remote domains: every clause of the scenario.

use super::*;
use crate::queue::Hop;
use directory::Value;

const BLOCKED: &str =
    "drop x@ext.example: 250 2.1.5 RESOLVER.MSGTYPE.AF; handled AutoForward addressed to external recipient";
const FORWARDED: &str = "250 2.1.5 RESOLVER.FWD.Forwarded; recipient forward";

fn redirect(from: &str, to: &str) -> String {
    format!("REDIRECT {from} > {to} {FORWARDED}")
}

async fn forward_smtp(world: &World, name: &str, to: &str, keep: bool) -> base::Guid {
    let mailbox = world.mailbox(name).await;
    world.edit(mailbox, "ForwardingSmtpAddress", crate::world::proxy(to)).await;
    world.edit(mailbox, "DeliverToMailboxAndForward", keep).await;
    mailbox
}

async fn forward_to(world: &World, from: base::Guid, to: base::Guid, keep: bool) {
    world.edit(from, "ForwardingAddress", Value::Link(to)).await;
    world.edit(from, "DeliverToMailboxAndForward", keep).await;
}

#[tokio::test]
async fn a_forward_to_an_smtp_address_obeys_the_remote_domain() {
    let world = World::new().await;
    forward_smtp(&world, "nuno", "x@ext.example", true).await;
    forward_smtp(&world, "ana", "x@ext.example", false).await;
    assert_eq!(world.view().of_class(&directory::schema::REMOTE_DOMAIN).count(), 1);
    let to = |name: &str| plan(&world, &STRANGER, &[&format!("{name}@rialto.test")]);
    // The built-in `*` of an on-premises organisation forbids it; the local copy is kept or not.
    assert_eq!(to("nuno"), ["mailbox nuno", BLOCKED]);
    assert_eq!(to("ana"), [BLOCKED]);
    // A new remote domain allows it.
    let own = world.remote("ext.example", true).await;
    assert_eq!(to("nuno"), ["mailbox nuno", "relay x@ext.example", &redirect("nuno", "x@ext.example")]);
    assert_eq!(to("ana"), ["relay x@ext.example", &redirect("ana", "x@ext.example")]);
    // And can be told not to.
    world.edit(own, "AutoForwardEnabled", false).await;
    assert_eq!(to("nuno"), ["mailbox nuno", BLOCKED]);
}

#[tokio::test]
async fn the_most_specific_remote_domain_wins() {
    let world = World::new().await;
    let star = world.view().remote_domain_for("any").unwrap().guid;
    forward_smtp(&world, "nuno", "x@a.ext.example", true).await;
    let leaves = || plan(&world, &STRANGER, &["nuno@rialto.test"]).contains(&"relay x@a.ext.example".into());
    assert!(!leaves());
    world.edit(star, "AutoForwardEnabled", true).await;
    assert!(leaves(), "the fallback");
    let wide = world.remote("*.example", false).await;
    assert!(!leaves(), "*.example is more specific than *");
    let narrow = world.remote("*.ext.example", true).await;
    assert!(leaves(), "*.ext.example is more specific than *.example");
    world.edit(wide, "AutoForwardEnabled", true).await;
    let exact = world.remote("a.ext.example", false).await;
    assert!(!leaves(), "the exact domain beats all");
    world.commit(move |draft| draft.delete(exact)).await;
    world.edit(narrow, "AutoForwardEnabled", false).await;
    assert!(!leaves());
}

#[tokio::test]
async fn a_forwarding_address_is_a_recipient_and_not_subject_to_remote_domains() {
    let world = World::new().await;
    let nuno = world.mailbox("nuno").await;
    let ana = world.mailbox("ana").await;
    let contact = world.contact("outside", "x@ext.example").await;
    let mail_user = world.mail_user("partner", "y@ext.example").await;
    let group = world.group("team", &[ana, contact]).await;
    // Members come in the order of their GUIDs.
    let members = if ana < contact { "ana outside" } else { "outside ana" };
    let mut expect: Vec<(base::Guid, bool, Vec<String>)> = Vec::new();
    for keep in [true, false] {
        let kept = |rest: &[&str], note: &str| {
            let mut lines: Vec<String> = Vec::new();
            lines.extend(keep.then(|| "mailbox nuno".to_owned()));
            lines.extend(rest.iter().map(|line| (*line).to_owned()));
            lines.push(redirect("nuno", note));
            lines
        };
        expect.push((ana, keep, kept(&["mailbox ana"], "ana")));
        expect.push((contact, keep, kept(&["relay x@ext.example"], "outside")));
        expect.push((mail_user, keep, kept(&["relay y@ext.example"], "partner")));
        let mut team = kept(&["expanded team", "mailbox ana", "relay x@ext.example"], "team");
        team.push(format!(
            "EXPAND team > {members} 250 2.1.5 RESOLVER.GRP.Expanded; distribution list expanded"
        ));
        expect.push((group, keep, team));
    }
    for (target, keep, mut lines) in expect {
        forward_to(&world, nuno, target, keep).await;
        let mut found = plan(&world, &STRANGER, &["nuno@rialto.test"]);
        found.sort();
        lines.sort();
        assert_eq!(found, lines);
    }
}

#[tokio::test]
async fn with_both_set_the_forwarding_address_wins() {
    let world = World::new().await;
    let ana = world.mailbox("ana").await;
    world.remote("ext.example", true).await;
    let nuno = forward_smtp(&world, "nuno", "x@ext.example", false).await;
    forward_to(&world, nuno, ana, false).await;
    assert_eq!(plan(&world, &STRANGER, &["nuno@rialto.test"]), ["mailbox ana", &redirect("nuno", "ana")]);
    world.clear(nuno, "ForwardingAddress").await;
    assert!(plan(&world, &STRANGER, &["nuno@rialto.test"])[0].starts_with("relay x@"));
}

#[tokio::test]
async fn deliver_and_forward_without_a_forward_means_nothing() {
    let world = World::new().await;
    let nuno = world.mailbox("nuno").await;
    world.edit(nuno, "DeliverToMailboxAndForward", true).await;
    assert_eq!(plan(&world, &STRANGER, &["nuno@rialto.test"]), ["mailbox nuno"]);
}

#[tokio::test]
async fn a_forward_inside_the_organisation_is_not_subject_to_remote_domains() {
    let world = World::new().await;
    world.mailbox("ana").await;
    world.accepted("relay.test", "InternalRelay").await;
    world.accepted("far.test", "ExternalRelay").await;
    forward_smtp(&world, "a", "ana@rialto.test", false).await;
    forward_smtp(&world, "b", "nobody@rialto.test", false).await;
    forward_smtp(&world, "c", "someone@relay.test", false).await;
    forward_smtp(&world, "d", "someone@far.test", false).await;
    let first = |name: &str| plan(&world, &STRANGER, &[&format!("{name}@rialto.test")]).remove(0);
    assert_eq!(first("a"), "mailbox ana");
    assert_eq!(first("b"), "fail nobody: 550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found");
    assert_eq!(first("c"), "relay someone@relay.test");
    assert!(first("d").starts_with("drop someone@far.test: 250 2.1.5 RESOLVER.MSGTYPE.AF"));
}

#[tokio::test]
async fn an_smtp_forward_to_a_contacts_address_is_still_an_auto_forward() {
    let world = World::new().await;
    let contact = world.contact("outside", "x@ext.example").await;
    let proxies =
        vec![crate::world::proxy("outside@rialto.test"), Value::Proxy("smtp:x@ext.example".parse().unwrap())];
    world.edit(contact, "EmailAddresses", Value::Multi(proxies.into())).await;
    forward_smtp(&world, "nuno", "x@ext.example", false).await;
    assert_eq!(plan(&world, &STRANGER, &["nuno@rialto.test"]), [BLOCKED]);
}

#[tokio::test]
async fn mutual_forwards() {
    let world = World::new().await;
    let (a, b) = (world.mailbox("a").await, world.mailbox("b").await);
    forward_to(&world, a, b, true).await;
    forward_to(&world, b, a, true).await;
    let to_a = plan(&world, &STRANGER, &["a@rialto.test"]);
    let circle =
        ["mailbox a", "mailbox b", &redirect("a", "b"), &redirect("b", "a"), "DUPLICATEREDIRECT b > a"];
    assert_eq!(to_a, circle);
    let mut both = plan(&world, &STRANGER, &["a@rialto.test", "b@rialto.test"]);
    both.retain(|line| line.starts_with("mailbox") || line.starts_with("fail"));
    assert_eq!(both, ["mailbox a", "mailbox b"], "once each");
    // Nobody keeps a copy: it comes back.
    forward_to(&world, a, b, false).await;
    forward_to(&world, b, a, false).await;
    let fail = |name: &str| format!("fail {name}: 554 5.4.6 RESOLVER.FWD.Loop; forwarding loop detected");
    assert!(plan(&world, &STRANGER, &["a@rialto.test"]).contains(&fail("a")));
    let both = plan(&world, &STRANGER, &["a@rialto.test", "b@rialto.test"]);
    assert!(both.contains(&fail("a")) && both.contains(&fail("b")));
    // One of the two keeps: the circle ends there.
    forward_to(&world, b, a, true).await;
    let mixed = plan(&world, &STRANGER, &["a@rialto.test"]);
    assert!(mixed.contains(&"mailbox b".into()) && !mixed.iter().any(|line| line.starts_with("fail")));
}

#[tokio::test]
async fn a_forward_to_oneself_and_through_an_own_group() {
    let world = World::new().await;
    let a = world.mailbox("a").await;
    forward_to(&world, a, a, false).await;
    assert!(plan(&world, &STRANGER, &["a@rialto.test"])[0].starts_with("fail a: 554 5.4.6"));
    let group = world.group("team", &[a]).await;
    forward_to(&world, a, group, false).await;
    let lines = plan(&world, &STRANGER, &["a@rialto.test"]);
    assert!(
        lines.contains(&"fail a: 554 5.4.6 RESOLVER.FWD.Loop; forwarding loop detected".into()),
        "{lines:?}"
    );
    forward_to(&world, a, group, true).await;
    let lines = plan(&world, &STRANGER, &["a@rialto.test"]);
    assert!(lines.contains(&"mailbox a".into()) && !lines.iter().any(|line| line.starts_with("fail")));
}

#[tokio::test]
async fn what_returns_from_outside_is_not_forwarded_again() {
    let world = World::new().await;
    world.remote("ext.example", true).await;
    forward_smtp(&world, "keeps", "x@ext.example", true).await;
    forward_smtp(&world, "passes", "x@ext.example", false).await;
    let been = [address("keeps@rialto.test"), address("Passes@rialto.test")];
    let facts = Facts { forwarded_by: &been, ..STRANGER };
    assert_eq!(plan(&world, &facts, &["keeps@rialto.test"]), ["mailbox keeps"]);
    assert!(plan(&world, &facts, &["passes@rialto.test"])[0].starts_with("fail passes: 554 5.4.6"));
    let recipients = [RcptTo::new(address("keeps@rialto.test"))];
    let outward = categorize(&world.view(), &STRANGER, &recipients).routed.remove(1);
    assert_eq!(
        outward.forwarded_by,
        [address("keeps@rialto.test")],
        "the copy that leaves names the mailbox"
    );
}

#[tokio::test]
async fn the_hosted_kind_returns_forwards_that_leave() {
    let world = World::new().await;
    world.remote("ext.example", true).await;
    let nuno = forward_smtp(&world, "nuno", "x@ext.example", true).await;
    let organization = world.view().organization().unwrap().guid;
    for (mode, returned) in [("Automatic", true), ("Off", true), ("On", false)] {
        world.edit(organization, "AutoForwardingMode", mode).await;
        let lines = plan(&world, &STRANGER, &["nuno@rialto.test"]);
        assert_eq!(lines[1].starts_with("fail x@ext.example: 550 5.7.520 Access denied, Your organization does not allow external forwarding"), returned, "{mode} {lines:?}");
    }
    let star = world.view().remote_domain_for("ext.example").unwrap().guid;
    world.edit(star, "AutoForwardEnabled", false).await;
    assert_eq!(plan(&world, &STRANGER, &["nuno@rialto.test"])[1], BLOCKED, "any block wins");
    let contact = world.contact("outside", "y@ext.example").await;
    forward_to(&world, nuno, contact, true).await;
    world.edit(organization, "AutoForwardingMode", "Off").await;
    assert!(plan(&world, &STRANGER, &["nuno@rialto.test"])[1].contains("5.7.520"));
}

#[tokio::test]
async fn forwarded_copies_go_by_the_connector_of_their_domain_and_keep_the_return_path() {
    let world = World::new().await;
    let all = world.connector("Internet", &["*"], &[]).await;
    let partner = world.connector("Partner", &["ext.example"], &["[192.0.2.1]"]).await;
    world.contact("outside", "x@ext.example").await;
    world.contact("other", "y@sub.ext.example").await;
    let recipients = ["outside@rialto.test", "other@rialto.test"].map(|to| RcptTo::new(address(to)));
    let plan = categorize(&world.view(), &STRANGER, &recipients);
    assert_eq!(plan.routed[0].fate, Fate::Relay(Hop::SmartHost(partner)));
    assert_eq!(plan.routed[1].fate, Fate::Relay(Hop::Domain(all, "sub.ext.example".parse().unwrap())));
    assert_eq!(plan.routed[0].return_path, crate::queue::ReturnPath::Sender);
}
