//! Who is in a role group, and so has its roles.

use std::sync::Arc;

use base::Guid;
use directory::{Object, Scope, View};

use super::role_group::{NOUN, managed};
use crate::{Cmdlet, Failure, Outcome, call::Call, recipient};

/// `Get-RoleGroupMember`
pub static GET: Cmdlet = Cmdlet::run("Get-RoleGroupMember", get, &["ResultSize", "ReadFromDomainController"]);
/// `Add-RoleGroupMember`
pub static ADD: Cmdlet = Cmdlet::run("Add-RoleGroupMember", add, &["Member"]);
/// `Remove-RoleGroupMember`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-RoleGroupMember", remove, &["Member"]).asking();
/// `Update-RoleGroupMember`
pub static UPDATE: Cmdlet = Cmdlet::run("Update-RoleGroupMember", update, &["Members"]).asking();

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = NOUN.named(call, &view)?;
    let mut members: Vec<&Arc<Object>> =
        view.members_of(group.guid).filter_map(|guid| view.get(guid)).collect();
    members.sort_by_key(|member| member.name.to_lowercase());
    let show = recipient::recipient::NOUN.shower(call.cx, &view);
    call.write_all(members.into_iter().map(|member| show(member)));
    Ok(())
}

/// The role group and the member that a call names.
fn pair(call: &Call<'_>) -> Outcome<(Arc<Object>, Arc<Object>)> {
    let view = call.cx.directory.snapshot();
    let group = managed(call, &view)?;
    let member = call.identity("Member").ok_or_else(|| Failure::missing("Member"))?;
    Ok((group, view.resolve(&member, Scope::Recipients)?))
}

fn add(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!("Adding \"{}\" to role group \"{}\"", member.name, group.name))? {
        call.commit(move |draft| draft.add_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!("Removing \"{}\" from role group \"{}\"", member.name, group.name))? {
        call.commit(move |draft| draft.remove_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = managed(call, &view)?;
    let wanted = recipient::recipients(call, &view, "Members")?;
    if !call.should_process(&format!("Updating the members of role group \"{}\"", group.name))? {
        return Ok(());
    }
    Ok(call.commit(move |draft| replace_members(draft, group.guid, &wanted))?)
}

/// Puts exactly these into a group.
fn replace_members(
    draft: &mut directory::Draft<'_>,
    group: Guid,
    wanted: &[Guid],
) -> Result<(), directory::DirectoryError> {
    let present: Vec<Guid> = View::members_of(draft, group).collect();
    for member in present.iter().filter(|member| !wanted.contains(member)) {
        draft.remove_member(group, *member)?;
    }
    for member in wanted.iter().filter(|member| !present.contains(member)) {
        draft.add_member(group, *member)?;
    }
    Ok(())
}
