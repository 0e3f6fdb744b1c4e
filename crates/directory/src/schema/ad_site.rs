//! Sites: which servers are near each other, and what the way between them costs.

use super::{
    Class, IdentityForm, Place,
    attribute::{flag, int, number, quota, text},
};

/// `Get-ADSite`. A server says by name which one it is in.
pub static AD_SITE: Class = Class {
    name: "ADSite",
    object_class: &["top", "site"],
    place: Place::Organization(&["Sites"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("HubSiteEnabled", false),
        flag("InboundMailEnabled", true),
        int("PartnerId", -1, -1, 65_535),
    ]],
};

/// `Get-ADSiteLink`.
pub static AD_SITE_LINK: Class = Class {
    name: "ADSiteLink",
    object_class: &["top", "siteLink"],
    place: Place::Organization(&["IP", "Inter-Site Transports", "Sites"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        int("ADCost", 100, 1, 99_999).read_only(),
        number("ExchangeCost", 1, 99_999),
        quota("MaxMessageSize", None),
        text("Sites", 255).multi().read_only(),
    ]],
};
