//! Role assignments: whom they reach, and what they grant.

use std::{collections::HashSet, sync::Arc};

use base::Guid;
use directory::{
    Object, View,
    schema::{GROUP, ROLE_ASSIGNMENT},
};

use super::{
    builtin::Implicit,
    role::Role,
    scope::{Custom, Reach},
};

/// One role that somebody has, and what they have it over.
#[derive(Clone)]
pub struct Grant {
    /// The assignment.
    pub assignment: Guid,
    /// The role.
    pub role: Role,
    /// Recipients that may be looked at.
    pub recipient_read: Reach,
    /// Recipients that may be changed.
    pub recipient_write: Reach,
    /// Configuration that may be looked at.
    pub config_read: Reach,
    /// Configuration that may be changed.
    pub config_write: Reach,
}

impl Grant {
    /// What a regular, enabled assignment grants; nothing for one that delegates or is switched off.
    pub fn of(view: &View, assignment: &Object) -> Option<Self> {
        let regular = assignment.text("RoleAssignmentDelegationType") != Some("DelegatingOrgWide");
        if !regular || !assignment.flag("Enabled") {
            return None;
        }
        Self::reach_of(view, assignment)
    }

    /// The role and scopes of any assignment. A scope that is set stands in the place of the role's own to
    /// write; one to read is always the role's.
    pub fn reach_of(view: &View, assignment: &Object) -> Option<Self> {
        let role = Role::of(view, view.get(assignment.link("Role")?)?)?;
        let scopes = role.root().scopes;
        let custom = |name: &str| {
            let scope = assignment.link(name).and_then(|guid| view.get(guid));
            scope.map(|scope| Reach::Custom(Arc::new(Custom::of(view, scope))))
        };
        let unit = || {
            let unit = assignment.link("RecipientOrganizationalUnitScope").and_then(|guid| view.get(guid));
            unit.map(|unit| Reach::Unit(unit.dn()))
        };
        let relative =
            || assignment.text("RecipientRelativeWriteScope").and_then(Implicit::parse).map(Reach::Implicit);
        let recipient_write = custom("CustomRecipientWriteScope")
            .or_else(unit)
            .or_else(relative)
            .map(|reach| within(reach, scopes.recipient_write));
        let config_write = custom("CustomConfigWriteScope").map(|reach| within(reach, scopes.config_write));
        Some(Grant {
            assignment: assignment.guid,
            recipient_read: Reach::Implicit(scopes.recipient_read),
            recipient_write: recipient_write.unwrap_or(Reach::Implicit(scopes.recipient_write)),
            config_read: Reach::Implicit(scopes.config_read),
            config_write: config_write.unwrap_or(Reach::Implicit(scopes.config_write)),
            role,
        })
    }

    /// Whether an object may be looked at.
    pub fn reads(&self, view: &View, person: Guid, object: &Object) -> bool {
        let reach = if object.class.recipient { &self.recipient_read } else { &self.config_read };
        reach.contains(view, person, object, false)
    }

    /// Whether an object may be changed.
    pub fn writes(&self, view: &View, person: Guid, object: &Object) -> bool {
        let reach = if object.class.recipient { &self.recipient_write } else { &self.config_write };
        reach.contains(view, person, object, true)
    }

    /// Whether its scope over objects of this kind is exclusive.
    pub fn is_exclusive(&self, object: &Object) -> bool {
        let reach = if object.class.recipient { &self.recipient_write } else { &self.config_write };
        reach.custom().is_some_and(|custom| custom.exclusive)
    }
}

/// A scope cannot give a role what it never has: one that changes nothing stays so.
fn within(reach: Reach, own: Implicit) -> Reach {
    if own == Implicit::None { Reach::Implicit(Implicit::None) } else { reach }
}

/// Everything whose assignments reach an account: itself, its role assignment policy, and the security groups
/// it is in, directly or through others.
pub fn assignees_of(view: &View, account: &Object) -> HashSet<Guid> {
    let mut found = HashSet::from([account.guid]);
    let mut waiting = vec![account.guid];
    while let Some(guid) = waiting.pop() {
        for group in view.groups_of(guid).filter_map(|group| view.get(group)) {
            if is_security_group(group) && found.insert(group.guid) {
                waiting.push(group.guid);
            }
        }
    }
    if account.class.attribute("RoleAssignmentPolicy").is_some() {
        found.extend(account.link("RoleAssignmentPolicy"));
    }
    found
}

fn is_security_group(object: &Object) -> bool {
    *object.class == GROUP && object.has_flag("GroupType", "SecurityEnabled")
}

/// Whether a group is a role group.
pub fn is_role_group(group: &Object) -> bool {
    group.text("RoleGroupType").is_some()
}

/// The assignments made to one assignee.
pub fn assignments_of(view: &View, assignee: Guid) -> impl Iterator<Item = &Arc<Object>> {
    view.linking_to(assignee)
        .filter(move |object| *object.class == ROLE_ASSIGNMENT && object.link("User") == Some(assignee))
}

/// Every assignment that reaches an account.
pub(super) fn all_of<'a>(view: &'a View, account: &Object) -> Vec<&'a Arc<Object>> {
    assignees_of(view, account).into_iter().flat_map(|assignee| assignments_of(view, assignee)).collect()
}

/// What an account is granted.
pub(super) fn grants_of(view: &View, account: &Object) -> Vec<Grant> {
    all_of(view, account).into_iter().filter_map(|assignment| Grant::of(view, assignment)).collect()
}

/// Whether being an account, or being in a group, gives an administrator's role.
pub fn confers_rights(view: &View, object: Guid) -> bool {
    let Some(object) = view.get(object) else { return false };
    all_of(view, object).into_iter().any(|assignment| {
        let role = assignment.link("Role").and_then(|guid| view.get(guid));
        role.and_then(|role| Role::of(view, role)).is_some_and(|role| !role.root().is_end_user())
    })
}
