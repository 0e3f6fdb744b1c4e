//! Management role assignments: who has a role, and over what.

use std::sync::Arc;

use base::Guid;
use directory::{
    Edit, Object, Scope, Value as Stored, View,
    schema::{
        GROUP, MAILBOX_DATABASE, MANAGEMENT_ROLE, MANAGEMENT_SCOPE, ROLE_ASSIGNMENT, ROLE_ASSIGNMENT_POLICY,
        SERVER, USER,
    },
};
use powershell::{Value, value::PsObject};
use trust::access::{self, Grant, Reach};

use super::{NewAssignment, management_scope, may_assign};
use crate::{Cmdlet, Failure, Noun, Outcome, call::Call, convert};

/// The noun, also for those who look an assignment up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&[
        "User",
        "AssignmentMethod",
        "Identity",
        "EffectiveUserName",
        "AssignmentChain",
        "RoleAssigneeType",
        "RoleAssignee",
        "Role",
        "RoleAssignmentDelegationType",
        "CustomRecipientWriteScope",
        "CustomConfigWriteScope",
        "RecipientReadScope",
        "ConfigReadScope",
        "RecipientWriteScope",
        "ConfigWriteScope",
        "Enabled",
        "RoleAssigneeName",
    ]],
    extend: Some(|_, view, object, out| extend(view, object, out)),
    ..Noun::new(
        "ManagementRoleAssignment",
        &ROLE_ASSIGNMENT,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ExchangeRoleAssignmentPresentation"],
    )
};

/// `Get-ManagementRoleAssignment`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-ManagementRoleAssignment",
    get,
    &[
        "AssignmentMethod",
        "ConfigWriteScope",
        "CustomConfigWriteScope",
        "CustomRecipientWriteScope",
        "Delegating",
        "Enabled",
        "Exclusive",
        "ExclusiveConfigWriteScope",
        "ExclusiveRecipientWriteScope",
        "GetEffectiveUsers",
        "RecipientOrganizationalUnitScope",
        "RecipientWriteScope",
        "Role",
        "RoleAssignee",
        "RoleAssigneeType",
        "WritableDatabase",
        "WritableRecipient",
        "WritableServer",
    ],
);
/// `New-ManagementRoleAssignment`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-ManagementRoleAssignment",
    new,
    &[
        "Role",
        "User",
        "SecurityGroup",
        "Policy",
        "Delegating",
        SCOPES[0],
        SCOPES[1],
        SCOPES[2],
        SCOPES[3],
        SCOPES[4],
        SCOPES[5],
    ],
);
/// `Set-ManagementRoleAssignment`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-ManagementRoleAssignment",
    set,
    &["Enabled", SCOPES[0], SCOPES[1], SCOPES[2], SCOPES[3], SCOPES[4], SCOPES[5]],
);
/// `Remove-ManagementRoleAssignment`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-ManagementRoleAssignment", remove, &[]).asking();

/// Parameters that limit what an assignment reaches.
const SCOPES: [&str; 6] = [
    "CustomRecipientWriteScope",
    "ExclusiveRecipientWriteScope",
    "RecipientOrganizationalUnitScope",
    "RecipientRelativeWriteScope",
    "CustomConfigWriteScope",
    "ExclusiveConfigWriteScope",
];

/// `RoleAssigneeType` of an assignee.
fn assignee_type(assignee: &Object) -> &'static str {
    match assignee.class {
        class if *class == GROUP && access::is_role_group(assignee) => "RoleGroup",
        class if *class == GROUP => "SecurityGroup",
        class if *class == ROLE_ASSIGNMENT_POLICY => "RoleAssignmentPolicy",
        _ => "User",
    }
}

/// The word for what a scope to write is.
fn scope_word(reach: &Reach, recipients: bool) -> &'static str {
    match (reach, recipients) {
        (Reach::Implicit(implicit), _) => implicit.name(),
        (Reach::Unit(_), _) => "OU",
        (Reach::Custom(custom), true) if custom.exclusive => "ExclusiveRecipientScope",
        (Reach::Custom(_), true) => "CustomRecipientScope",
        (Reach::Custom(custom), false) if custom.exclusive => "ExclusiveConfigScope",
        (Reach::Custom(_), false) => "CustomConfigScope",
    }
}

fn assignee<'a>(view: &'a View, assignment: &Object) -> Option<&'a Arc<Object>> {
    view.get(assignment.link("User")?)
}

fn extend(view: &View, object: &Object, out: &mut PsObject) {
    let assignee = assignee(view, object);
    let kind = assignee.map(|assignee| assignee_type(assignee)).unwrap_or_default();
    let effective = match kind {
        "User" => assignee.map(|user| user.name.to_string()).unwrap_or_default(),
        "RoleAssignmentPolicy" => "All Policy Assignees".to_owned(),
        _ => "All Group Members".to_owned(),
    };
    out.set("AssignmentMethod", Value::string("Direct"));
    out.set("EffectiveUserName", Value::string(effective));
    out.set("RoleAssigneeType", Value::string(kind));
    out.set("RoleAssignee", assignee.map_or(Value::Null, |assignee| convert::identity(assignee)));
    out.set("RoleAssigneeName", assignee.map_or(Value::Null, |assignee| Value::string(&*assignee.name)));
    if let Some(unit) = object.link("RecipientOrganizationalUnitScope").and_then(|guid| view.get(guid)) {
        out.set("CustomRecipientWriteScope", convert::identity(unit));
    }
    let Some(reach) = Grant::reach_of(view, object) else { return };
    for (name, word) in [
        ("RecipientReadScope", scope_word(&reach.recipient_read, true)),
        ("ConfigReadScope", scope_word(&reach.config_read, false)),
        ("RecipientWriteScope", scope_word(&reach.recipient_write, true)),
        ("ConfigWriteScope", scope_word(&reach.config_write, false)),
    ] {
        out.set(name, Value::string(word));
    }
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = match call.identity("Identity") {
        Some(identity) => {
            let found = view.matching(&identity, Scope::Class(&ROLE_ASSIGNMENT));
            if found.is_empty() && !identity.contains('*') {
                return Err(view.not_found(&identity).into());
            }
            found
        }
        None => access::all_assignments(&view).cloned().collect(),
    };
    by_role_and_assignee(call, &view, &mut found)?;
    by_kind(call, &view, &mut found);
    by_scope(call, &view, &mut found)?;
    by_reach(call, &view, &mut found)?;
    let show = NOUN.shower(call.cx, &view);
    if !call.switch("GetEffectiveUsers") {
        call.write_all(found.iter().map(|assignment| show(assignment)));
        return Ok(());
    }
    let rows = found.iter().flat_map(|assignment| {
        let users =
            assignee(&view, assignment).map(|assignee| effective(&view, assignee)).unwrap_or_default();
        users.into_iter().map(|(user, method)| {
            let mut row = show(assignment);
            if let Value::Object(object) = &mut row {
                object.edit(|row| {
                    row.set("EffectiveUserName", Value::string(&*user.name));
                    row.set("AssignmentMethod", Value::string(method));
                });
            }
            row
        })
    });
    let rows: Vec<Value> = rows.collect();
    call.write_all(rows);
    Ok(())
}

/// The people an assignee stands for, each with the way the assignment comes to them.
fn effective(view: &View, assignee: &Arc<Object>) -> Vec<(Arc<Object>, &'static str)> {
    match assignee_type(assignee) {
        "User" => vec![(assignee.clone(), "Direct")],
        "RoleAssignmentPolicy" => {
            let users = view.linking_to(assignee.guid).filter(|object| *object.class == USER);
            users.map(|user| (user.clone(), "RoleAssignmentPolicy")).collect()
        }
        method => {
            let reached = |user: &&Arc<Object>| access::assignees_of(view, user).contains(&assignee.guid);
            view.of_class(&USER).filter(reached).map(|user| (user.clone(), method)).collect()
        }
    }
}

fn by_role_and_assignee(call: &Call<'_>, view: &View, found: &mut Vec<Arc<Object>>) -> Outcome {
    if let Some(role) = call.identity("Role") {
        let role = view.resolve(&role, Scope::Class(&MANAGEMENT_ROLE))?.guid;
        found.retain(|assignment| assignment.link("Role") == Some(role));
    }
    if let Some(name) = call.identity("RoleAssignee") {
        let assignee = view.resolve(&name, Scope::Any)?;
        let methods = call.list("AssignmentMethod");
        let wanted =
            |method: &str| methods.is_empty() || methods.iter().any(|m| m.eq_ignore_ascii_case(method));
        let reaching = access::assignees_of(view, &assignee);
        found.retain(|assignment| {
            let Some(to) = assignment.link("User") else { return false };
            let method = match view.get(to) {
                _ if to == assignee.guid => "Direct",
                Some(object) => assignee_type(object),
                None => "",
            };
            reaching.contains(&to) && wanted(method)
        });
    }
    Ok(())
}

fn by_kind(call: &Call<'_>, view: &View, found: &mut Vec<Arc<Object>>) {
    if let Some(kind) = call.text("RoleAssigneeType") {
        found.retain(|one| {
            assignee(view, one).is_some_and(|to| assignee_type(to).eq_ignore_ascii_case(&kind))
        });
    }
    let delegating = |one: &Object| one.text("RoleAssignmentDelegationType") == Some("DelegatingOrgWide");
    let reach = |one: &Object| Grant::reach_of(view, one);
    if call.get("Delegating").is_some() {
        found.retain(|one| delegating(one) == call.switch("Delegating"));
    }
    if call.get("Enabled").is_some() {
        found.retain(|one| one.flag("Enabled") == call.switch("Enabled"));
    }
    if call.get("Exclusive").is_some() {
        let exclusive = |reach: &Reach| reach.custom().is_some_and(|custom| custom.exclusive);
        found.retain(|one| {
            reach(one).is_some_and(|grant| {
                (exclusive(&grant.recipient_write) || exclusive(&grant.config_write))
                    == call.switch("Exclusive")
            })
        });
    }
    if let Some(word) = call.text("RecipientWriteScope") {
        found.retain(|one| {
            reach(one).is_some_and(|g| scope_word(&g.recipient_write, true).eq_ignore_ascii_case(&word))
        });
    }
    if let Some(word) = call.text("ConfigWriteScope") {
        found.retain(|one| {
            reach(one).is_some_and(|g| scope_word(&g.config_write, false).eq_ignore_ascii_case(&word))
        });
    }
}

fn by_scope(call: &Call<'_>, view: &View, found: &mut Vec<Arc<Object>>) -> Outcome {
    for (parameter, link) in [
        ("CustomRecipientWriteScope", "CustomRecipientWriteScope"),
        ("ExclusiveRecipientWriteScope", "CustomRecipientWriteScope"),
        ("CustomConfigWriteScope", "CustomConfigWriteScope"),
        ("ExclusiveConfigWriteScope", "CustomConfigWriteScope"),
    ] {
        if let Some(name) = call.identity(parameter) {
            let scope = view.resolve(&name, Scope::Class(&MANAGEMENT_SCOPE))?;
            let exclusive = parameter.starts_with("Exclusive");
            found.retain(|one| one.link(link) == Some(scope.guid) && scope.flag("Exclusive") == exclusive);
        }
    }
    if let Some(name) = call.identity("RecipientOrganizationalUnitScope") {
        let unit = management_scope::unit(view, &name)?.guid;
        found.retain(|one| one.link("RecipientOrganizationalUnitScope") == Some(unit));
    }
    Ok(())
}

/// `-WritableRecipient` and the like: the assignments by which an object may be changed.
fn by_reach(call: &Call<'_>, view: &View, found: &mut Vec<Arc<Object>>) -> Outcome {
    for (parameter, scope) in [
        ("WritableRecipient", Scope::Recipients),
        ("WritableServer", Scope::Class(&SERVER)),
        ("WritableDatabase", Scope::Class(&MAILBOX_DATABASE)),
    ] {
        let Some(name) = call.identity(parameter) else { continue };
        let object = view.resolve(&name, scope)?;
        found.retain(|one| {
            let person = one.link("User").unwrap_or(Guid::EMPTY);
            Grant::of(view, one).is_some_and(|grant| grant.writes(view, person, &object))
        });
    }
    Ok(())
}

/// The scopes a call gives, as edits of an assignment. One of each kind at most; the last word is the newest.
fn scopes(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, Edit)>> {
    let given: Vec<&str> = SCOPES.into_iter().filter(|name| call.get(name).is_some()).collect();
    let (recipients, config): (Vec<&str>, Vec<&str>) =
        given.iter().partition(|name| !name.contains("Config"));
    if recipients.len() > 1 || config.len() > 1 {
        return Err(Failure::invalid(format!(
            "An assignment takes one recipient scope and one configuration scope: choose between {}.",
            given.join(", ")
        )));
    }
    let mut edits = Vec::new();
    for name in recipients {
        // A new recipient scope stands in the place of the one before.
        let mut kinds = [
            ("CustomRecipientWriteScope", Edit::clear()),
            ("RecipientOrganizationalUnitScope", Edit::clear()),
            ("RecipientRelativeWriteScope", Edit::clear()),
        ];
        let place = match name {
            "RecipientOrganizationalUnitScope" => 1,
            "RecipientRelativeWriteScope" => 2,
            _ => 0,
        };
        kinds[place].1 = one_scope(call, view, name)?;
        edits.extend(kinds);
    }
    for name in config {
        edits.push(("CustomConfigWriteScope", one_scope(call, view, name)?));
    }
    Ok(edits)
}

fn one_scope(call: &Call<'_>, view: &View, name: &str) -> Outcome<Edit> {
    let Some(given) = call.identity(name) else { return Ok(Edit::clear()) };
    match name {
        "RecipientOrganizationalUnitScope" => {
            Ok(Edit::set(Stored::Link(management_scope::unit(view, &given)?.guid)))
        }
        "RecipientRelativeWriteScope" => {
            let attribute = ROLE_ASSIGNMENT.attribute(name);
            let parsed = attribute.map(|attribute| attribute.parse(&given)).transpose();
            Ok(parsed.map_err(directory::DirectoryError::from)?.map_or_else(Edit::clear, Edit::set))
        }
        _ => {
            let scope = view.resolve(&given, Scope::Class(&MANAGEMENT_SCOPE))?;
            let is_recipient = scope.text("ScopeRestrictionType") == Some("RecipientScope");
            let (exclusive, config) = (name.starts_with("Exclusive"), name.contains("Config"));
            if scope.flag("Exclusive") != exclusive || is_recipient == config {
                let kind = if scope.flag("Exclusive") { "an exclusive" } else { "a regular" };
                let of = scope.text("ScopeRestrictionType").unwrap_or_default();
                return Err(Failure::invalid(format!(
                    "The scope \"{}\" is {kind} {of}: it isn't one for {name}.",
                    scope.name
                )));
            }
            Ok(Edit::set(Stored::Link(scope.guid)))
        }
    }
}

/// The scopes for the assignments of a new role group.
pub(super) fn new_scopes(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, Stored)>> {
    let value = |(name, edit)| match edit {
        Edit::Replace(values) => values.into_iter().next().map(|value| (name, value)),
        Edit::AddRemove { .. } => None,
    };
    Ok(scopes(call, view)?.into_iter().filter_map(value).collect())
}

/// Whom the role is to be assigned to.
fn new_assignee(call: &Call<'_>, view: &View, role: &Object) -> Outcome<Arc<Object>> {
    let end_user = role.text("RoleType").is_some_and(|kind| kind.starts_with("My"));
    if let Some(policy) = call.identity("Policy") {
        let policy = view.resolve(&policy, Scope::Class(&ROLE_ASSIGNMENT_POLICY))?;
        let limited = SCOPES.iter().any(|name| call.get(name).is_some());
        return match (end_user, limited) {
            (false, _) => Err(Failure::invalid(format!(
                "The role \"{}\" can't be assigned to a policy: it isn't an end-user role.",
                role.name
            ))),
            (true, true) => Err(Failure::invalid("An assignment to a policy takes no scope.")),
            (true, false) => Ok(policy),
        };
    }
    if let Some(user) = call.identity("User") {
        return Ok(view.resolve(&user, Scope::Class(&USER))?);
    }
    let group = call.identity("SecurityGroup").ok_or_else(|| Failure::missing("SecurityGroup"))?;
    let group = view.resolve(&group, Scope::Class(&GROUP))?;
    if group.has_flag("GroupType", "SecurityEnabled") {
        return Ok(group);
    }
    Err(Failure::invalid(format!(
        "The group \"{}\" isn't a security group: roles can't be assigned to it.",
        group.name
    )))
}

fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let role = call.identity("Role").ok_or_else(|| Failure::missing("Role"))?;
    let role = view.resolve(&role, Scope::Class(&MANAGEMENT_ROLE))?;
    may_assign(call, &view, &role)?;
    let assignee = new_assignee(call, &view, &role)?;
    let new = NewAssignment {
        name: call.text("Name").map(|name| name.to_string()),
        role: role.guid,
        assignee: assignee.guid,
        delegating: call.switch("Delegating"),
        scopes: new_scopes(call, &view)?,
    };
    let action = format!("Assigning management role \"{}\" to \"{}\"", role.name, assignee.name);
    NOUN.make(call, &action, Box::new(move |draft| new.make(draft)))
}

/// The assignment a call names, whose role the caller may assign.
fn own(call: &Call<'_>) -> Outcome<Arc<Object>> {
    let view = call.cx.directory.snapshot();
    let assignment = NOUN.named(call, &view)?;
    if let Some(role) = assignment.link("Role").and_then(|guid| view.get(guid)) {
        may_assign(call, &view, role)?;
    }
    Ok(assignment)
}

fn set(call: &mut Call<'_>) -> Outcome {
    let assignment = own(call)?;
    let mut edits = scopes(call, &call.cx.directory.snapshot())?;
    if call.get("Enabled").is_some() {
        edits.push(("Enabled", Edit::set(call.switch("Enabled"))));
    }
    if call.should_process(&format!("Setting management role assignment \"{}\"", assignment.name))? {
        call.commit(move |draft| draft.modify_system(assignment.guid, edits))?;
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let assignment = own(call)?;
    if call.should_process(&format!("Removing management role assignment \"{}\"", assignment.name))? {
        call.commit(move |draft| draft.delete(assignment.guid))?;
    }
    Ok(())
}
