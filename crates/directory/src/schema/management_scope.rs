//! Management scopes: the recipients, servers or databases that an assignment of a role is limited to.

use super::{
    Class, IdentityForm, Place,
    attribute::{choice, flag, link, text},
};

/// `Get-ManagementScope`. Whoever is in an exclusive scope is changed only by those who have that scope.
pub static MANAGEMENT_SCOPE: Class = Class {
    name: "ManagementScope",
    object_class: &["top", "msExchScope"],
    place: Place::Organization(&["Scopes", "RBAC"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        text("DatabaseFilter", 20_000).read_only(),
        flag("Exclusive", false).read_only(),
        text("RecipientFilter", 20_000).read_only(),
        link("RecipientRoot", "Container").read_only(),
        choice("ScopeRestrictionType", "RecipientScope", &["RecipientScope", "ServerScope", "DatabaseScope"])
            .read_only(),
        text("ServerFilter", 20_000).read_only(),
    ]],
};
