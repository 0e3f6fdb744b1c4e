//! Who may do what, by the roles that reach them.
#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod support;

use std::sync::Arc;

use base::Guid;
use directory::{
    Directory, Draft, Edit, NewObject, Scope, Value, View,
    schema::{GROUP, MANAGEMENT_ROLE, ROLE_ASSIGNMENT},
    seed::seed,
    verbs::{EnableMailbox, MailIdentity, NewGroup, NewMailbox, NewUser, new_group, new_mailbox},
};
use proptest::prelude::*;
use trust::{
    Access,
    access::{self, Role, built_in, built_in_roles, write_entry},
};

struct House {
    directory: Directory,
    _dir: tempfile::TempDir,
}

fn mailbox(draft: &mut Draft<'_>, name: &str) -> Guid {
    let identity = MailIdentity { alias: Some(name.into()), primary_smtp_address: None };
    let user = NewUser { name: name.into(), ..NewUser::default() };
    new_mailbox(draft, NewMailbox { user, mailbox: EnableMailbox { identity, ..Default::default() } })
        .unwrap()
        .guid
}

async fn house(seeded: bool) -> House {
    let dir = tempfile::tempdir().unwrap();
    let directory = support::open(dir.path(), support::clock());
    directory
        .commit(move |draft| {
            seed(draft, &support::organization())?;
            let boss = mailbox(draft, "boss");
            mailbox(draft, "ana");
            if seeded {
                assert!(access::seed(draft, &[boss])?);
            }
            Ok(())
        })
        .await
        .unwrap();
    House { directory, _dir: dir }
}

impl House {
    fn view(&self) -> Arc<View> {
        self.directory.snapshot()
    }
    fn guid(&self, name: &str) -> Guid {
        self.view().resolve(name, Scope::Recipients).unwrap().guid
    }
    fn access(&self, name: &str) -> Access {
        Access::of(&self.view(), self.guid(name))
    }
    async fn change(&self, change: impl FnOnce(&mut Draft<'_>) + Send + 'static) {
        let commit = self.directory.commit(move |draft| {
            change(draft);
            Ok(())
        });
        commit.await.unwrap();
    }
}

#[tokio::test]
async fn older_folders_get_roles_once() {
    let house = house(false).await;
    assert!(house.access("boss").is_nothing());
    let boss = house.guid("boss");
    assert!(house.directory.commit(move |draft| access::seed(draft, &[boss])).await.unwrap());
    let roles = house.view().of_class(&MANAGEMENT_ROLE).count();
    assert_eq!(roles, built_in_roles().len());
    assert!(house.access("boss").may_use("New-Mailbox"));
    assert!(
        house.access("ana").may_use("Get-Mailbox"),
        "by the default policy, given to those who were there"
    );
    assert!(!house.access("ana").may_use("New-Mailbox"));
    assert!(!house.directory.commit(move |draft| access::seed(draft, &[boss])).await.unwrap());
    assert_eq!(house.view().of_class(&MANAGEMENT_ROLE).count(), roles);
}

#[tokio::test]
async fn rights_come_by_security_groups_and_go_with_accounts() {
    let house = house(true).await;
    let (ana, recipients) = (house.guid("ana"), house.guid("Recipient Management"));
    let before = house.view().access_changes();
    house
        .change(move |draft| {
            for (name, security) in [("safe", true), ("plain", false)] {
                let identity = MailIdentity { alias: Some(name.into()), primary_smtp_address: None };
                let new = NewGroup {
                    name: name.into(),
                    identity,
                    security,
                    members: vec![ana],
                    ..Default::default()
                };
                new_group(draft, new).unwrap();
            }
            let plain = draft.resolve("plain", Scope::Recipients).unwrap().guid;
            draft.add_member(recipients, plain).unwrap();
        })
        .await;
    assert!(house.view().access_changes() > before);
    assert!(!house.access("ana").may_use("New-Mailbox"), "a group that is not for rights gives none");
    let safe = house.guid("safe");
    house.change(move |draft| draft.add_member(recipients, safe).unwrap()).await;
    let access = house.access("ana");
    assert!(access.may_use("New-Mailbox") && access.may_set("Set-Mailbox", "Office"));
    assert!(!access.may_use("New-ManagementRoleAssignment"));
    assert!(access::confers_rights(&house.view(), safe) && access::confers_rights(&house.view(), ana));
    house
        .change(move |draft| _ = draft.modify(ana, vec![("AccountDisabled", Edit::set(true))]).unwrap())
        .await;
    assert!(house.access("ana").is_nothing());
}

#[tokio::test]
async fn an_assignment_goes_with_its_assignee_and_a_role_in_use_stays() {
    let house = house(true).await;
    let ana = house.guid("ana");
    let assignments = |house: &House| house.view().of_class(&ROLE_ASSIGNMENT).count();
    let before = assignments(&house);
    let role = house.view().resolve("Journaling", Scope::Class(&MANAGEMENT_ROLE)).unwrap().guid;
    house
        .change(move |draft| {
            let new = NewObject::new(&ROLE_ASSIGNMENT, "Journaling-ana");
            draft.create(new.with("Role", Value::Link(role)).with("User", Value::Link(ana))).unwrap();
        })
        .await;
    assert!(house.access("ana").may_use("New-JournalRule"));
    assert!(house.directory.commit(move |draft| draft.delete(role)).await.is_err());
    house.change(move |draft| draft.delete(ana).unwrap()).await;
    assert_eq!(assignments(&house), before);
}

#[tokio::test]
async fn only_what_is_delegated_may_be_assigned() {
    let house = house(true).await;
    let view = house.view();
    let role = |name: &str| view.resolve(name, Scope::Class(&MANAGEMENT_ROLE)).unwrap();
    assert!(house.access("boss").may_assign(&view, &role("Mailbox Import Export")));
    assert!(!house.access("boss").may_use("New-MailboxExportRequest"), "may give it, does not have it");
    assert!(!house.access("ana").may_assign(&view, &role("Journaling")));
    let group = view.resolve("Help Desk", Scope::Class(&GROUP)).unwrap();
    assert!(house.access("boss").may_manage(&view, &group, false));
    assert!(!house.access("ana").may_manage(&view, &group, true));
}

/// What a role of one's own says of one cmdlet: nothing, all of it, or these parameters.
fn entry() -> impl Strategy<Value = Option<Option<Vec<Box<str>>>>> {
    let parameters = prop::collection::vec(prop::sample::select(PARAMETERS.to_vec()), 0..4);
    let parameters = parameters.prop_map(|names| names.into_iter().map(Into::into).collect());
    prop::option::of(prop::option::of(parameters))
}

const CMDLETS: [&str; 4] = ["Get-Mailbox", "Set-Mailbox", "Set-User", "New-Mailbox"];
const PARAMETERS: [&str; 5] = ["Alias", "Office", "Password", "LitigationHoldEnabled", "City"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However entries are written into roles made from roles, none allows what one above it does not.
    #[test]
    fn a_role_never_has_more_than_its_parent(
        levels in prop::collection::vec(prop::collection::vec(entry(), 4), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let house = house(true).await;
            house.change(move |draft| {
                let mut parent = draft.resolve("Mail Recipients", Scope::Class(&MANAGEMENT_ROLE)).unwrap().guid;
                for (depth, entries) in levels.iter().enumerate() {
                    let kept = CMDLETS.iter().zip(entries);
                    let kept = kept.filter_map(|(name, entry)| Some(write_entry(name, entry.as_ref()?.as_deref())));
                    let new = NewObject::new(&MANAGEMENT_ROLE, format!("Level {depth}"))
                        .with("RoleType", "MailRecipients")
                        .with("Parent", Value::Link(parent))
                        .with("RoleEntries", Value::Multi(kept.map(Value::from).collect()));
                    parent = draft.create(new).unwrap().guid;
                }
            }).await;
            let view = house.view();
            for object in view.of_class(&MANAGEMENT_ROLE).filter(|role| built_in(&role.name).is_none()) {
                let own = Role::of(&view, object).unwrap();
                let above = Role::of(&view, view.get(object.link("Parent").unwrap()).unwrap()).unwrap();
                for cmdlet in CMDLETS {
                    assert!(!own.holds(cmdlet) || above.holds(cmdlet));
                    for parameter in PARAMETERS {
                        assert!(!own.allows(cmdlet, parameter) || above.allows(cmdlet, parameter));
                    }
                }
            }
        });
    }
}
