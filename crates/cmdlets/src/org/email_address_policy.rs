//! E-mail address policies: which addresses new recipients get.

use directory::{Edit, schema::EMAIL_ADDRESS_POLICY};

use crate::{Cmdlet, Noun, cmdlet::text_of, recipient::dynamic_distribution_group::split_filter};

static NOUN: Noun = Noun {
    order: &[&[
        "RecipientFilter",
        "RecipientFilterType",
        "RecipientContainer",
        "IncludedRecipients",
        "ConditionalDepartment",
        "ConditionalCompany",
        "ConditionalStateOrProvince",
        "Priority",
        "EnabledEmailAddressTemplates",
        "DisabledEmailAddressTemplates",
        "HasEmailAddressSetting",
    ]],
    special: &[("EnabledPrimarySMTPAddressTemplate", |_, _, _, given| {
        let template = text_of(given);
        let address = template.strip_prefix("SMTP:").unwrap_or(&template);
        Ok(vec![("EnabledEmailAddressTemplates", Edit::set(format!("SMTP:{address}")))])
    })],
    change: |draft, guid, edits| {
        split_filter(draft, guid, edits, |draft, guid, rest| draft.modify(guid, rest))
    },
    ..Noun::new(
        "EmailAddressPolicy",
        &EMAIL_ADDRESS_POLICY,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.EmailAddressPolicy"],
    )
};

/// `Get-EmailAddressPolicy`
pub static GET: Cmdlet = Cmdlet::get("Get-EmailAddressPolicy", &NOUN);
/// `New-EmailAddressPolicy`
pub static NEW: Cmdlet = Cmdlet::new("New-EmailAddressPolicy", &NOUN);
/// `Set-EmailAddressPolicy`
pub static SET: Cmdlet = Cmdlet::set("Set-EmailAddressPolicy", &NOUN);
/// `Remove-EmailAddressPolicy`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-EmailAddressPolicy", &NOUN);
