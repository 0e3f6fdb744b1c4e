//! Everything mail can be addressed to, whatever its kind.

use directory::{RecipientType, Scope, schema::USER};

use super::{KIND, limited_to, server_name};
use crate::{Cmdlet, Noun, Shows, database::mailbox_database};

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
    "ServerName",
    "StateOrProvince",
    "Title",
];

/// The noun, also for those who show members.
pub(crate) static NOUN: Noun = Noun {
    scope: Scope::Kinds(KINDS),
    shows: Shows::LikeSet("Get-Recipient"),
    order: &[SHOWN],
    extend: Some(|_, view, object, out| {
        if object.class == &USER {
            out.set("ServerName", server_name(view, object));
        }
    }),
    conditions: &[
        KIND[0],
        KIND[1],
        ("Database", |view, object, value| {
            object.class == &USER && limited_to(view, object, "Database", value)
        }),
        ("Server", |view, object, value| {
            let database = if object.class == &USER { object.link("Database") } else { None };
            mailbox_database::is_on_server(view, database, value)
        }),
    ],
    ..Noun::new("Recipient", &USER, &["Microsoft.Exchange.Data.Directory.Management.ReducedRecipient"])
};

/// `Get-Recipient`
pub static GET: Cmdlet = Cmdlet::get("Get-Recipient", &NOUN);
