//! E-mail address policies: which addresses new recipients get.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{choice, flag, int, text},
    mail_recipient::{CONDITIONS, INCLUDED},
};

/// `Get-EmailAddressPolicy`.
pub static EMAIL_ADDRESS_POLICY: Class = Class {
    name: "EmailAddressPolicy",
    object_class: &["top", "msExchRecipientPolicy"],
    place: Place::Organization(&["Recipient Policies"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[
        CONDITIONS,
        &[
            Attribute::new("DisabledEmailAddressTemplates", Kind::Text(512)).multi(),
            Attribute::new("EnabledEmailAddressTemplates", Kind::Text(512)).multi().required(),
            flag("HasEmailAddressSetting", true).read_only(),
            Attribute::new("IncludedRecipients", Kind::Flags(INCLUDED)),
            int("Priority", 1, 0, 2_147_483_647),
            text("RecipientContainer", 4096),
            text("RecipientFilter", 20_000),
            choice("RecipientFilterType", "Precanned", &["Precanned", "Custom"]).read_only(),
        ],
    ],
};
