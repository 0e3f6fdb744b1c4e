//! Role groups: people who have the same management roles.

use std::sync::Arc;

use base::Guid;
use directory::{NewObject, Object, Scope, Value as Stored, View, schema::GROUP, seed::ensure_unit};
use trust::access::{self, ORGANIZATION_MANAGEMENT, ROLE_GROUPS, SECURITY_GROUPS};

use super::{NewAssignment, extend_assignee, management_role_assignment::new_scopes, roles};
use crate::{Cmdlet, Failure, Make, Noun, Outcome, call::Call, convert, recipient};

/// The noun, also for those who look a role group up.
pub(crate) static NOUN: Noun = Noun {
    scope: Scope::RoleGroups,
    shows: crate::Shows::LikeSet("Set-RoleGroup"),
    order: &[&[
        "ManagedBy",
        "RoleAssignments",
        "Roles",
        "DisplayName",
        "Members",
        "SamAccountName",
        "Description",
        "RoleGroupType",
        "LinkedGroup",
        "Capabilities",
    ]],
    extend: Some(|_, view, object, out| {
        extend_assignee(view, object, "Roles", out);
        let members = view.members_of(object.guid).filter_map(|guid| view.get(guid));
        out.set(
            "Members",
            powershell::Value::multi(members.map(|member| convert::identity(member)).collect()),
        );
        let assigned = out.get("Roles").cloned().unwrap_or_default();
        out.set("AssignedRoles", assigned);
    }),
    create: Some(create),
    takes: &[
        "Name",
        "Members",
        "Roles",
        "ManagedBy",
        "SamAccountName",
        "CustomRecipientWriteScope",
        "CustomConfigWriteScope",
        "RecipientOrganizationalUnitScope",
    ],
    ..Noun::new("RoleGroup", &GROUP, &["Microsoft.Exchange.Data.Directory.Management.RoleGroup"])
};

/// `Get-RoleGroup`
pub static GET: Cmdlet = Cmdlet::get("Get-RoleGroup", &NOUN);
/// `New-RoleGroup`
pub static NEW: Cmdlet = Cmdlet::new("New-RoleGroup", &NOUN);
/// `Set-RoleGroup`
pub static SET: Cmdlet =
    Cmdlet::run("Set-RoleGroup", set, &["Name", "Description", "DisplayName", "ManagedBy"]);
/// `Remove-RoleGroup`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-RoleGroup", remove, &[]).asking();

/// The role group a call names, which the caller manages.
pub(super) fn managed(call: &Call<'_>, view: &View) -> Outcome<Arc<Object>> {
    let group = NOUN.named(call, view)?;
    let bypass = call.switch("BypassSecurityGroupManagerCheck");
    if call.access.may_manage(view, &group, bypass) { Ok(group) } else { Err(access::not_a_manager().into()) }
}

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let name = call.needed("Name")?.to_string();
    let roles = roles(call, view)?;
    let scopes = new_scopes(call, view)?;
    let members = recipient::recipients(call, view, "Members")?;
    let managers = managers(call, view)?;
    let account = call.text("SamAccountName").map_or_else(|| name.clone(), |account| account.to_string());
    Ok(Box::new(move |draft| {
        let unit = ensure_unit(draft, SECURITY_GROUPS)?;
        let unit = draft.existing(unit)?.dn();
        let group = draft.create(NewObject {
            container: Some(unit),
            ..NewObject::new(&GROUP, name)
                .with("GroupType", "Universal, SecurityEnabled")
                .with("RoleGroupType", "Standard")
                .with("SamAccountName", account)
                .with("ManagedBy", Stored::Multi(managers.into_iter().map(Stored::Link).collect()))
        })?;
        for member in members {
            draft.add_member(group.guid, member)?;
        }
        for role in roles {
            let scopes = scopes.clone();
            NewAssignment { role: role.guid, assignee: group.guid, scopes, ..Default::default() }
                .make(draft)?;
        }
        draft.existing(group.guid)
    }))
}

/// Who may say who is in the group: those given, else Organization Management and whoever made it.
fn managers(call: &Call<'_>, view: &View) -> Outcome<Vec<Guid>> {
    if call.get("ManagedBy").is_some() {
        return recipient::recipients(call, view, "ManagedBy");
    }
    let organization = view.resolve(ORGANIZATION_MANAGEMENT, Scope::RoleGroups).ok().map(|group| group.guid);
    Ok(organization.into_iter().chain(call.person.user).collect())
}

fn set(call: &mut Call<'_>) -> Outcome {
    managed(call, &call.cx.directory.snapshot())?;
    NOUN.set(call)
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let group = managed(call, &call.cx.directory.snapshot())?;
    if ROLE_GROUPS.iter().any(|own| own.name.eq_ignore_ascii_case(&group.name)) {
        return Err(Failure::invalid(format!(
            "The built-in role group \"{}\" can't be removed.",
            group.name
        )));
    }
    if call.should_process(&format!("Removing role group \"{}\"", group.name))? {
        call.commit(move |draft| draft.delete(group.guid))?;
    }
    Ok(())
}
