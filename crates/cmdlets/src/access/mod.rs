//! Who may do what: management roles, role groups, assignments, scopes and policies.

pub mod management_role;
pub mod management_role_assignment;
pub mod management_role_entry;
pub mod management_scope;
pub mod role_assignment_policy;
pub mod role_group;
pub mod role_group_member;

use std::sync::Arc;

use base::Guid;
use directory::{
    DirectoryError, Draft, NAME_MAX, NewObject, Object, Scope, Value as Stored, View,
    schema::{MANAGEMENT_ROLE, ROLE_ASSIGNMENT},
};
use powershell::{Value, value::PsObject};
use trust::access::{self, Role};

use crate::{Failure, Outcome, call::Call, convert};

/// The roles that `-Roles` names, which the caller may assign.
fn roles(call: &Call<'_>, view: &View) -> Outcome<Vec<Arc<Object>>> {
    let role = |name: &Arc<str>| {
        let role = view.resolve(name, Scope::Class(&MANAGEMENT_ROLE))?;
        may_assign(call, view, &role)?;
        Ok(role)
    };
    call.list("Roles").iter().map(role).collect()
}

/// Fails where the caller may not assign a role.
fn may_assign(call: &Call<'_>, view: &View, role: &Object) -> Outcome {
    if call.access.may_assign(view, role) { Ok(()) } else { Err(access::not_delegated(role).into()) }
}

/// What a role allows; an error where it descends from none that is known.
fn role_of(view: &View, role: &Object) -> Outcome<Role> {
    let unknown = || Failure::invalid(format!("The management role \"{}\" isn't complete.", role.name));
    Role::of(view, role).ok_or_else(unknown)
}

/// A role assignment about to be made.
#[derive(Clone, Default)]
struct NewAssignment {
    /// Made from the role and the assignee where it is not given.
    name: Option<String>,
    role: Guid,
    assignee: Guid,
    delegating: bool,
    scopes: Vec<(&'static str, Stored)>,
}

impl NewAssignment {
    fn make(self, draft: &mut Draft<'_>) -> Result<Arc<Object>, DirectoryError> {
        let name = match self.name {
            Some(name) => name,
            None => {
                let (role, assignee) = (draft.existing(self.role)?, draft.existing(self.assignee)?);
                let kind = if self.delegating { "-Delegating" } else { "" };
                free_name(draft, &format!("{}-{}{kind}", role.name, assignee.name))
            }
        };
        let kind = if self.delegating { "DelegatingOrgWide" } else { "Regular" };
        let new = NewObject::new(&ROLE_ASSIGNMENT, name)
            .with("Role", Stored::Link(self.role))
            .with("User", Stored::Link(self.assignee))
            .with("RoleAssignmentDelegationType", kind);
        draft.create(self.scopes.into_iter().fold(new, |new, (name, value)| new.with(name, value)))
    }
}

/// A name no assignment has yet, cut to what fits.
fn free_name(view: &View, wanted: &str) -> String {
    let taken =
        |name: &str| view.of_class(&ROLE_ASSIGNMENT).any(|other| other.name.eq_ignore_ascii_case(name));
    let cut = |max: usize| wanted.chars().take(max).collect::<String>().trim_end().to_owned();
    let numbered = (1..).map(|n| format!("{}-{n}", cut(NAME_MAX - 8)));
    std::iter::once(cut(NAME_MAX)).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// `RoleAssignments` and `AssignedRoles` of whoever roles are assigned to.
fn extend_assignee(view: &View, object: &Object, roles: &str, out: &mut PsObject) {
    let mut assignments: Vec<_> = access::assignments_of(view, object.guid).collect();
    assignments.sort_by_key(|assignment| assignment.name.to_lowercase());
    let regular = |a: &&&Arc<Object>| a.text("RoleAssignmentDelegationType") == Some("Regular");
    let mut assigned: Vec<_> = assignments.iter().filter(regular).filter_map(|a| a.link("Role")).collect();
    let mut seen = std::collections::HashSet::new();
    assigned.retain(|role| seen.insert(*role));
    let assigned = assigned.into_iter().filter_map(|role| view.get(role)).map(|role| convert::identity(role));
    out.set(roles, Value::multi(assigned.collect()));
    out.set("RoleAssignments", Value::multi(assignments.iter().map(|a| convert::identity(a)).collect()));
}
