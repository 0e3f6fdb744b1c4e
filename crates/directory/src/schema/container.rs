//! Containers and organisational units: where recipients live in the tree.

use super::{Class, IdentityForm, Place, attribute::text};

/// An organisational unit or a container such as `Users`.
pub static CONTAINER: Class = Class {
    name: "Container",
    object_class: &["top", "organizationalUnit"],
    place: Place::Domain(""),
    identity: IdentityForm::Canonical,
    recipient: false,
    tables: &[&[text("Description", 1024)]],
};
