//! Everything mail can be addressed to, whatever its kind.

use directory::{RecipientType, Scope, schema::USER};

use crate::{Cmdlet, Noun, Shows};

const KINDS: &[RecipientType] = &[
    RecipientType::UserMailbox,
    RecipientType::MailUser,
    RecipientType::MailContact,
    RecipientType::MailUniversalDistributionGroup,
    RecipientType::MailUniversalSecurityGroup,
    RecipientType::DynamicDistributionGroup,
];

/// What every kind of recipient has.
const SHOWN: &[&str] = &[
    "Alias",
    "City",
    "Company",
    "CountryOrRegion",
    "CustomAttribute1",
    "CustomAttribute10",
    "CustomAttribute11",
    "CustomAttribute12",
    "CustomAttribute13",
    "CustomAttribute14",
    "CustomAttribute15",
    "CustomAttribute2",
    "CustomAttribute3",
    "CustomAttribute4",
    "CustomAttribute5",
    "CustomAttribute6",
    "CustomAttribute7",
    "CustomAttribute8",
    "CustomAttribute9",
    "Database",
    "Department",
    "DisplayName",
    "EmailAddresses",
    "EmailAddressPolicyEnabled",
    "ExternalEmailAddress",
    "FirstName",
    "HiddenFromAddressListsEnabled",
    "LastName",
    "ManagedBy",
    "Manager",
    "Notes",
    "Office",
    "Phone",
    "PostalCode",
    "PrimarySmtpAddress",
    "RecipientType",
    "RecipientTypeDetails",
    "SamAccountName",
    "StateOrProvince",
    "Title",
];

/// The noun, also for those who show members.
pub(super) static NOUN: Noun = Noun {
    scope: Scope::Kinds(KINDS),
    shows: Shows::LikeSet("Get-Recipient", SHOWN),
    conditions: &[
        ("RecipientType", |_, object, value| {
            directory::recipient_type(object).is_some_and(|kind| one_of(&kind.to_string(), value))
        }),
        ("RecipientTypeDetails", |_, object, value| {
            directory::recipient_type_details(object).is_some_and(|kind| one_of(&kind, value))
        }),
        ("Database", |view, object, value| {
            object.class == &USER && super::limited_to(view, object, "Database", value)
        }),
    ],
    ..Noun::new("Recipient", &USER, &["Microsoft.Exchange.Data.Directory.Management.ReducedRecipient"])
};

/// `Get-Recipient`
pub static GET: Cmdlet = Cmdlet::get("Get-Recipient", &NOUN);

fn one_of(kind: &str, wanted: &str) -> bool {
    wanted.split([',', ' ']).any(|one| one.eq_ignore_ascii_case(kind))
}
