//! Groups: members, nesting, loops, filters.

use directory::{
    Edit, Filter, Scope,
    schema::{self, CONTAINER},
    seed::ensure_unit,
    verbs::{NewDynamicGroup, NewGroup, NewUser, new_dynamic_group, new_group, new_user, set_filter},
};

use crate::{house, mailbox};

fn group(name: &str) -> NewGroup {
    NewGroup { name: name.into(), ..NewGroup::default() }
}

#[tokio::test]
async fn groups_in_groups_are_expanded_once() {
    let (directory, _dir) = house().await;
    let (all, inner, nuno, ana) = directory
        .commit(|draft| {
            let (nuno, ana) = (mailbox(draft, "nuno").guid, mailbox(draft, "ana").guid);
            let plain = new_user(draft, NewUser { name: "plain".into(), ..NewUser::default() })?.guid;
            let inner =
                new_group(draft, NewGroup { members: vec![ana, nuno, plain], ..group("inner") })?.guid;
            let all = new_group(draft, NewGroup { members: vec![nuno, inner], ..group("all") })?.guid;
            draft.add_member(inner, all)?;
            Ok((all, inner, nuno, ana))
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let expansion = view.expand(all);
    let mut members = expansion.members.clone();
    members.sort();
    let mut expected = vec![nuno, ana];
    expected.sort();
    assert_eq!(members, expected);
    assert_eq!(expansion.groups, [(all, None), (inner, Some(all))]);
    assert!(view.is_in_group(all, ana) && view.is_in_group(inner, nuno));
    assert_eq!(view.groups_of(ana).collect::<Vec<_>>(), [inner]);
    let twice = directory.commit(move |draft| draft.add_member(inner, ana)).await.unwrap_err();
    assert!(twice.public_text.contains("is already a member of the group"));
    assert!(directory.commit(move |draft| draft.add_member(all, all)).await.is_err());
    directory.commit(move |draft| draft.remove_member(inner, ana)).await.unwrap();
    assert!(!directory.snapshot().is_in_group(all, ana));
    directory.commit(move |draft| draft.delete(nuno)).await.unwrap();
    assert!(directory.snapshot().expand(all).members.is_empty(), "memberships end with the object");
    assert_eq!(view.expand(all).members.len(), 2, "an old view does not change");
}

#[tokio::test]
async fn dynamic_groups_take_in_who_fits() {
    let (directory, _dir) = house().await;
    let sales = directory
        .commit(|draft| {
            ensure_unit(draft, "Sales")?;
            for (name, department) in [("ana", "Sales"), ("rui", "Sales"), ("eva", "IT")] {
                let person = mailbox(draft, name);
                draft.modify(person.guid, vec![("Department", Edit::set(department))])?;
            }
            let new = NewDynamicGroup {
                name: "Sales people".into(),
                included_recipients: Some("MailboxUsers".into()),
                conditions: vec![("ConditionalDepartment", vec!["Sales".into()])],
                ..NewDynamicGroup::default()
            };
            Ok(new_dynamic_group(draft, new)?.guid)
        })
        .await
        .unwrap();
    let names = || {
        let view = directory.snapshot();
        let members = view.expand(sales).members;
        members.into_iter().map(|guid| view.get(guid).unwrap().name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["ana", "rui"]);
    let edit = |filter: &'static str| vec![("RecipientFilter", Edit::set(filter))];
    directory.commit(move |draft| set_filter(draft, sales, edit("Name -like 'e*'"))).await.unwrap();
    assert_eq!(names(), ["eva"]);
    let kind = directory.snapshot().get(sales).unwrap().text("RecipientFilterType").unwrap().to_owned();
    assert_eq!(kind, "Custom");
    assert!(directory.commit(move |draft| set_filter(draft, sales, edit("Name -like"))).await.is_err());
    let unit = directory.snapshot().resolve("Sales", Scope::Class(&CONTAINER)).unwrap();
    assert_eq!(unit.dn().as_str(), "OU=Sales,DC=rialto,DC=test");
}

#[tokio::test]
async fn filters_over_recipients() {
    let (directory, _dir) = house().await;
    directory
        .commit(|draft| {
            let nuno = mailbox(draft, "Nuno Mota");
            let ana = mailbox(draft, "Ana Silva");
            draft
                .modify(nuno.guid, vec![("City", Edit::set("Porto")), ("ProhibitSendQuota", quota("1GB"))])?;
            draft.modify(ana.guid, vec![("HiddenFromAddressListsEnabled", Edit::set(true))])?;
            new_group(draft, NewGroup { members: vec![ana.guid], ..group("staff") })
        })
        .await
        .unwrap();
    let view = directory.snapshot();
    let found = |text: &str| {
        let filter = Filter::parse(text).unwrap();
        let fits = view.recipients().filter(|r| filter.matches(&view, r));
        fits.map(|r| r.name.to_string()).collect::<Vec<_>>().join(",")
    };
    for (filter, names) in [
        ("City -eq 'porto'", "Nuno Mota"),
        ("City -ne 'Porto'", "staff,Ana Silva"),
        ("City -eq $null", "staff,Ana Silva"),
        ("City -ne $null", "Nuno Mota"),
        ("EmailAddresses -like '*ana@*'", "Ana Silva"),
        ("EmailAddresses -eq 'ana@rialto.test'", "Ana Silva"),
        ("PrimarySmtpAddress -eq 'nuno@rialto.test'", "Nuno Mota"),
        ("HiddenFromAddressListsEnabled -eq $true", "Ana Silva"),
        ("HiddenFromAddressListsEnabled -eq 'True'", "Ana Silva"),
        ("RecipientTypeDetails -eq 'UserMailbox' -and -not (Name -like 'N*')", "Ana Silva"),
        ("RecipientType -eq 'MailUniversalDistributionGroup'", "staff"),
        ("MemberOfGroup -eq 'CN=staff,CN=Users,DC=rialto,DC=test'", "Ana Silva"),
        ("Members -eq 'Ana Silva'", "staff"),
        ("Database -eq 'DB1' -and City -eq 'Porto'", "Nuno Mota"),
        ("ProhibitSendQuota -lt '2 GB'", "Nuno Mota"),
        ("ProhibitSendQuota -eq 'Unlimited'", "Ana Silva"),
        ("WhenCreated -gt '2026-01-01' -and Alias -like '*u*'", "Nuno Mota"),
        ("WhenCreated -lt '01/01/2020'", ""),
        ("Alias -notlike '*n*'", "staff"),
        ("Name -eq 'x' -or Name -eq 'staff' -and Name -eq 'nobody'", ""),
    ] {
        assert_eq!(found(filter), names, "{filter}");
    }
}

fn quota(text: &str) -> Edit {
    Edit::set(schema::USER.attribute("ProhibitSendQuota").unwrap().parse(text).unwrap())
}
