//! Role assignments: who has a management role, and over what.

use super::{
    Attribute, Class, IdentityForm, Kind, Place, Target,
    attribute::{choice, flag, link},
};

/// `Get-ManagementRoleAssignment`. A scope that is not set is the role's own.
pub static ROLE_ASSIGNMENT: Class = Class {
    name: "ManagementRoleAssignment",
    object_class: &["top", "msExchRoleAssignment"],
    place: Place::Organization(&["Role Assignments", "RBAC"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        link("CustomConfigWriteScope", "ManagementScope").read_only(),
        link("CustomRecipientWriteScope", "ManagementScope").read_only(),
        flag("Enabled", true),
        link("RecipientOrganizationalUnitScope", "Container").read_only(),
        choice(
            "RecipientRelativeWriteScope",
            "",
            &["None", "Organization", "MyGAL", "Self", "MyDistributionGroups"],
        )
        .read_only(),
        link("Role", "ManagementRole").read_only().required(),
        choice("RoleAssignmentDelegationType", "Regular", &["Regular", "DelegatingOrgWide"]).read_only(),
        Attribute::new("User", Kind::Link(Target::Assignee)).read_only().required(),
    ]],
};
