//! Role assignment policies: which roles people have over what is their own.

use super::{
    Class, IdentityForm, Place,
    attribute::{flag, text},
};

/// `Get-RoleAssignmentPolicy`. One is the default of new mailboxes.
pub static ROLE_ASSIGNMENT_POLICY: Class = Class {
    name: "RoleAssignmentPolicy",
    object_class: &["top", "msExchRBACPolicy"],
    place: Place::Organization(&["Policies", "RBAC"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[text("Description", 1024), flag("IsDefault", false).read_only()]],
};
