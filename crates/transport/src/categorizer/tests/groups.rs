//! Groups: nesting, circles, who may write to them, to whom failures go.

use super::*;
use crate::queue::ReturnPath;
use directory::Value;

const EXPANDED: &str = "250 2.1.5 RESOLVER.GRP.Expanded; distribution list expanded";

/// The fates, sorted: members come in the order of their GUIDs.
fn ends(lines: Vec<String>) -> Vec<String> {
    let is_fate = |line: &String| !line.chars().next().is_some_and(char::is_uppercase);
    let mut fates: Vec<String> = lines.into_iter().filter(is_fate).collect();
    fates.sort();
    fates
}

#[tokio::test]
async fn nested_groups_loops_and_duplicates() {
    let world = World::new().await;
    let (a, b) = (world.mailbox("a").await, world.mailbox("b").await);
    let inner = world.group("inner", &[a, b]).await;
    let outer = world.group("outer", &[a, inner]).await;
    world.commit(move |draft| draft.add_member(inner, outer)).await;
    let mut lines = plan(&world, &STRANGER, &["outer@rialto.test", "b@rialto.test"]);
    assert_eq!(ends(lines.clone()), ["expanded inner", "expanded outer", "mailbox a", "mailbox b"]);
    lines.retain(|line| line.starts_with("EXPAND"));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("EXPAND outer >") && lines[0].ends_with(EXPANDED), "{lines:?}");
}

#[tokio::test]
async fn strangers_may_not_write_to_a_group_that_needs_logon() {
    let world = World::new().await;
    let a = world.mailbox("a").await;
    let group = world.group("team", &[a]).await;
    world.edit(group, "RequireSenderAuthenticationEnabled", true).await;
    let lines = plan(&world, &STRANGER, &["team@rialto.test"]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("fail team: 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup"));
    let colleague = Facts { trusted: true, ..STRANGER };
    assert_eq!(ends(plan(&world, &colleague, &["team@rialto.test"])), ["expanded team", "mailbox a"]);
}

#[tokio::test]
async fn members_of_every_kind_and_dynamic_groups() {
    let world = World::new().await;
    let a = world.mailbox("a").await;
    let contact = world.contact("outside", "x@ext.example").await;
    world.edit(a, "Department", "Sales").await;
    let sales = world.dynamic_group("sales", "Department -eq 'Sales'").await;
    world.group("everyone", &[sales, contact]).await;
    assert_eq!(
        ends(plan(&world, &STRANGER, &["everyone@rialto.test"])),
        ["expanded everyone", "expanded sales", "mailbox a", "relay x@ext.example"]
    );
    assert_eq!(ends(plan(&world, &STRANGER, &["sales@rialto.test"])), ["expanded sales", "mailbox a"]);
}

#[tokio::test]
async fn an_empty_group_is_no_failure() {
    let world = World::new().await;
    world.group("empty", &[]).await;
    assert_eq!(
        plan(&world, &STRANGER, &["empty@rialto.test"]),
        ["expanded empty".to_owned(), format!("EXPAND empty >  {EXPANDED}"),]
    );
}

#[tokio::test]
async fn a_message_for_two_groups_of_which_one_holds_the_other_is_no_loop() {
    let world = World::new().await;
    let a = world.mailbox("a").await;
    let inner = world.group("inner", &[a]).await;
    world.group("outer", &[inner]).await;
    let lines = ends(plan(&world, &STRANGER, &["inner@rialto.test", "outer@rialto.test"]));
    assert_eq!(lines, ["expanded inner", "expanded outer", "mailbox a"]);
}

#[tokio::test]
async fn a_circle_inside_a_group_is_reported_for_the_member() {
    let world = World::new().await;
    let (a, b) = (world.mailbox("a").await, world.mailbox("b").await);
    let c = world.mailbox("c").await;
    world.edit(a, "ForwardingAddress", Value::Link(b)).await;
    world.edit(b, "ForwardingAddress", Value::Link(a)).await;
    world.group("team", &[a, c]).await;
    let lines = ends(plan(&world, &STRANGER, &["team@rialto.test"]));
    assert!(lines.contains(&"mailbox c".into()), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("fail a: 554 5.4.6")), "{lines:?}");
}

#[tokio::test]
async fn report_settings_choose_the_return_path() {
    let world = World::new().await;
    let (a, boss) = (world.mailbox("a").await, world.mailbox("boss").await);
    let group = world.group("team", &[a]).await;
    world.edit(group, "ManagedBy", Value::Link(boss)).await;
    let return_path = || {
        let recipients = [RcptTo::new(address("team@rialto.test"))];
        let routed = categorize(&world.view(), &STRANGER, &recipients).routed.remove(1);
        assert!(routed.through_group);
        routed.return_path
    };
    assert_eq!(return_path(), ReturnPath::Sender);
    world.edit(group, "ReportToOriginatorEnabled", false).await;
    assert_eq!(return_path(), ReturnPath::Null);
    world.edit(group, "ReportToManagerEnabled", true).await;
    assert_eq!(return_path(), ReturnPath::Address(address("boss@rialto.test")));
}
