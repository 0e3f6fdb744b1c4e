//! One-time keys with which new servers join: what is kept is a hash, and what became of the key.

use super::{Attribute, Class, IdentityForm, Kind, Place, attribute::text};

/// `Get-ServerJoinKey`.
pub static SERVER_JOIN_KEY: Class = Class {
    name: "ServerJoinKey",
    object_class: &["top", "container", "rialtoServerJoinKey"],
    place: Place::Organization(&["Server Join Keys"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        Attribute::new("Expires", Kind::Time).read_only(),
        Attribute::new("Hash", Kind::Secret(32)).read_only(),
        text("UsedBy", 255).read_only(),
    ]],
};
