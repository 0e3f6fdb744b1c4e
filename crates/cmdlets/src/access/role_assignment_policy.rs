//! Role assignment policies: which roles people have over what is their own.

use directory::{DirectoryError, Draft, Edit, NewObject, View, schema::ROLE_ASSIGNMENT_POLICY};

use super::{NewAssignment, extend_assignee, roles};
use crate::{Cmdlet, Failure, Make, Noun, Outcome, call::Call};

/// The noun, also for those who look a policy up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&["IsDefault", "Description", "RoleAssignments", "AssignedRoles"]],
    extend: Some(|_, view, object, out| extend_assignee(view, object, "AssignedRoles", out)),
    special: &[("IsDefault", |_, _, _, given| {
        Ok(if given.truth() { vec![("IsDefault", Edit::set(true))] } else { Vec::new() })
    })],
    change,
    create: Some(create),
    takes: &["Name", "Roles"],
    ..Noun::new(
        "RoleAssignmentPolicy",
        &ROLE_ASSIGNMENT_POLICY,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.RoleAssignmentPolicy"],
    )
};

/// `Get-RoleAssignmentPolicy`
pub static GET: Cmdlet = Cmdlet::get("Get-RoleAssignmentPolicy", &NOUN);
/// `New-RoleAssignmentPolicy`
pub static NEW: Cmdlet = Cmdlet::new("New-RoleAssignmentPolicy", &NOUN);
/// `Set-RoleAssignmentPolicy`
pub static SET: Cmdlet = Cmdlet::set("Set-RoleAssignmentPolicy", &NOUN);
/// `Remove-RoleAssignmentPolicy`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-RoleAssignmentPolicy", &NOUN);

/// One policy is the default: making another so takes it from the one before.
fn change(draft: &mut Draft<'_>, guid: base::Guid, edits: Vec<(&str, Edit)>) -> Result<bool, DirectoryError> {
    let before = draft.default_role_assignment_policy().map(|policy| policy.guid);
    if edits.iter().any(|(name, _)| *name == "IsDefault")
        && let Some(before) = before.filter(|before| *before != guid)
    {
        draft.modify_system(before, vec![("IsDefault", Edit::clear())])?;
    }
    draft.modify_system(guid, edits)
}

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let name = call.needed("Name")?.to_string();
    let roles = roles(call, view)?;
    let end_user =
        |role: &directory::Object| role.text("RoleType").is_some_and(|kind| kind.starts_with("My"));
    if let Some(role) = roles.iter().find(|role| !end_user(role)) {
        return Err(Failure::invalid(format!(
            "The role \"{}\" can't be assigned to a policy: it isn't an end-user role.",
            role.name
        )));
    }
    Ok(Box::new(move |draft| {
        let policy = draft.create(NewObject::new(&ROLE_ASSIGNMENT_POLICY, name))?;
        for role in roles {
            NewAssignment { role: role.guid, assignee: policy.guid, ..Default::default() }.make(draft)?;
        }
        draft.existing(policy.guid)
    }))
}
