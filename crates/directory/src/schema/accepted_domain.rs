//! Accepted domains: for which domains mail is taken in, and whether we are the last word on them.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{choice, flag},
};

/// `Get-AcceptedDomain`.
pub static ACCEPTED_DOMAIN: Class = Class {
    name: "AcceptedDomain",
    object_class: &["top", "msExchAcceptedDomain"],
    place: Place::Organization(&["Accepted Domains", "Transport Settings"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AddressBookEnabled", true),
        flag("Default", false).read_only(),
        Attribute::new("DomainName", Kind::Pattern).required(),
        choice("DomainType", "Authoritative", &["Authoritative", "InternalRelay", "ExternalRelay"]),
        flag("ExternallyManaged", false),
        flag("MatchSubDomains", false),
        flag("PendingCompletion", false),
        flag("PendingRemoval", false),
    ]],
};
