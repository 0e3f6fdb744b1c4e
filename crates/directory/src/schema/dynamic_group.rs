//! Dynamic distribution groups: whoever fits a filter when mail is sent.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{choice, text},
    group::GROUP_DELIVERY,
    mail_recipient::{CONDITIONS, INCLUDED, MAIL_RECIPIENT},
};

/// `Get-DynamicDistributionGroup`.
pub static DYNAMIC_GROUP: Class = Class {
    name: "DynamicGroup",
    object_class: &["top", "msExchDynamicDistributionList"],
    place: Place::Domain("Users"),
    identity: IdentityForm::Canonical,
    recipient: true,
    tables: &[
        MAIL_RECIPIENT,
        GROUP_DELIVERY,
        CONDITIONS,
        &[
            Attribute::new("IncludedRecipients", Kind::Flags(INCLUDED)),
            text("RecipientContainer", 4096),
            text("RecipientFilter", 20_000),
            choice("RecipientFilterType", "Precanned", &["Precanned", "Custom"]).read_only(),
        ],
    ],
};
