//! The roles, role groups, assignments and policy of a new organisation; older ones get what they lack.

use base::Guid;
use directory::{
    DirectoryError, Draft, Edit, NewObject, Scope, Value,
    schema::{
        ADMIN_AUDIT_LOG_CONFIG, CONTAINER, GROUP, MANAGEMENT_ROLE, ROLE_ASSIGNMENT, ROLE_ASSIGNMENT_POLICY,
        USER,
    },
};

use super::builtin::{self, BuiltIn, ORGANIZATION_MANAGEMENT, ROLE_GROUPS};

/// The organisational unit of role groups.
pub const SECURITY_GROUPS: &str = "Microsoft Exchange Security Groups";
/// The policy of mailboxes that were given no other.
pub const DEFAULT_POLICY: &str = "Default Role Assignment Policy";

/// Makes what is missing, once for each version of the tables; `administrators` become members of
/// Organization Management when it is made. True where anything was made.
pub fn seed(draft: &mut Draft<'_>, administrators: &[Guid]) -> Result<bool, DirectoryError> {
    let Some(organization) = draft.organization().cloned() else { return Ok(false) };
    let applied = organization.int("RBACConfigurationVersion").unwrap_or(0);
    if applied >= builtin::VERSION {
        return Ok(false);
    }
    if applied == 0 {
        make_groups(draft, administrators)?;
        make_policy(draft)?;
        make_audit_config(draft)?;
    }
    // Roles before their parts.
    let (whole, parts): (Vec<_>, Vec<_>) = builtin::roles().iter().partition(|role| role.parent.is_none());
    for role in whole.into_iter().chain(parts) {
        if existing(draft, role.name, &MANAGEMENT_ROLE).is_none() {
            make_role(draft, role)?;
        }
    }
    let version = Edit::set(Value::Int(builtin::VERSION));
    draft.modify_system(organization.guid, vec![("RBACConfigurationVersion", version)])
}

fn existing(draft: &Draft<'_>, name: &str, class: &'static directory::schema::Class) -> Option<Guid> {
    draft.resolve(name, Scope::Class(class)).ok().map(|object| object.guid)
}

fn make_groups(draft: &mut Draft<'_>, administrators: &[Guid]) -> Result<(), DirectoryError> {
    let unit = match existing(draft, SECURITY_GROUPS, &CONTAINER) {
        Some(unit) => draft.existing(unit)?,
        None => draft.create(NewObject::new(&CONTAINER, SECURITY_GROUPS))?,
    };
    for group in
        ROLE_GROUPS.iter().filter(|group| existing(draft, group.name, &GROUP).is_none()).collect::<Vec<_>>()
    {
        draft.create(NewObject {
            container: Some(unit.dn()),
            ..NewObject::new(&GROUP, group.name)
                .with("GroupType", "Universal, SecurityEnabled")
                .with("RoleGroupType", "Standard")
                .with("SamAccountName", group.name)
                .with("Description", group.description)
        })?;
    }
    let managers = draft.resolve(ORGANIZATION_MANAGEMENT, Scope::Class(&GROUP))?.guid;
    let groups: Vec<Guid> =
        ROLE_GROUPS.iter().filter_map(|group| existing(draft, group.name, &GROUP)).collect();
    for group in groups {
        draft.modify_system(
            group,
            vec![("ManagedBy", Edit::set(Value::Multi([Value::Link(managers)].into())))],
        )?;
    }
    for administrator in administrators {
        if !draft.is_member(managers, *administrator) {
            draft.add_member(managers, *administrator)?;
        }
    }
    Ok(())
}

/// The default policy, given to every mailbox that has none.
fn make_policy(draft: &mut Draft<'_>) -> Result<(), DirectoryError> {
    if draft.default_role_assignment_policy().is_some() {
        return Ok(());
    }
    let description =
        "What people may change of what is their own, unless another policy is assigned to them.";
    let policy = NewObject::new(&ROLE_ASSIGNMENT_POLICY, DEFAULT_POLICY).with("IsDefault", true);
    let policy = draft.create(policy.with("Description", description))?.guid;
    let mailboxes = draft.of_class(&USER).filter(|user| user.link("Database").is_some());
    let without = mailboxes.filter(|user| user.link("RoleAssignmentPolicy").is_none());
    for user in without.map(|user| user.guid).collect::<Vec<_>>() {
        draft.modify_system(user, vec![("RoleAssignmentPolicy", Edit::set(Value::Link(policy)))])?;
    }
    Ok(())
}

fn make_audit_config(draft: &mut Draft<'_>) -> Result<(), DirectoryError> {
    if draft.admin_audit_log_config().is_some() {
        return Ok(());
    }
    let all = || Value::Multi([Value::text("*")].into());
    let config = NewObject::new(&ADMIN_AUDIT_LOG_CONFIG, "Admin Audit Log Settings");
    draft.create(config.with("AdminAuditLogCmdlets", all()).with("AdminAuditLogParameters", all()))?;
    Ok(())
}

/// A role and the assignments it comes with.
fn make_role(draft: &mut Draft<'_>, role: &BuiltIn) -> Result<(), DirectoryError> {
    let parent = role.parent.and_then(|name| existing(draft, name, &MANAGEMENT_ROLE)).map(Value::Link);
    let new = NewObject::new(&MANAGEMENT_ROLE, role.name).with("RoleType", role.role_type());
    let guid = draft.create(new.with_some("Parent", parent))?.guid;
    if role.parent.is_some() {
        return Ok(());
    }
    if !role.delegated && !role.is_end_user() {
        assign(draft, role, guid, ORGANIZATION_MANAGEMENT, false)?;
    }
    assign(draft, role, guid, ORGANIZATION_MANAGEMENT, true)?;
    for group in &role.groups {
        assign(draft, role, guid, group, false)?;
    }
    let policy = draft.default_role_assignment_policy().filter(|_| role.in_policy).map(|policy| policy.guid);
    match policy {
        Some(policy) => {
            make_assignment(draft, &format!("{}-{DEFAULT_POLICY}", role.name), guid, policy, false)
        }
        None => Ok(()),
    }
}

fn assign(
    draft: &mut Draft<'_>,
    role: &BuiltIn,
    guid: Guid,
    group: &str,
    delegating: bool,
) -> Result<(), DirectoryError> {
    // A role group that somebody removed stays away.
    let Some(assignee) = existing(draft, group, &GROUP) else { return Ok(()) };
    let kind = if delegating { "-Delegating" } else { "" };
    make_assignment(draft, &format!("{}-{group}{kind}", role.name), guid, assignee, delegating)
}

fn make_assignment(
    draft: &mut Draft<'_>,
    name: &str,
    role: Guid,
    assignee: Guid,
    delegating: bool,
) -> Result<(), DirectoryError> {
    let kind = if delegating { "DelegatingOrgWide" } else { "Regular" };
    let name: String = name.chars().take(directory::NAME_MAX).collect();
    let new = NewObject::new(&ROLE_ASSIGNMENT, name.trim_end())
        .with("Role", Value::Link(role))
        .with("User", Value::Link(assignee))
        .with("RoleAssignmentDelegationType", kind);
    draft.create(new).map(|_| ())
}
