//! Management roles: which cmdlets, and which of their parameters, somebody may use.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{link, text},
};

/// `Get-ManagementRole`. What the built-in ones hold is known to those who decide; a role made from another
/// keeps its own entries: `Cmdlet`, or `Cmdlet,Parameter,Parameter` where not all of them are allowed.
pub static MANAGEMENT_ROLE: Class = Class {
    name: "ManagementRole",
    object_class: &["top", "msExchRole"],
    place: Place::Organization(&["Roles", "RBAC"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        text("Description", 1024),
        link("Parent", "ManagementRole").read_only(),
        Attribute::new("RoleEntries", Kind::Text(32_768)).multi().read_only(),
        text("RoleType", 64).read_only().required(),
    ]],
};
