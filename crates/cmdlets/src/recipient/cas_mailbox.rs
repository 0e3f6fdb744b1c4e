//! Which client protocols a mailbox may be opened with, and how.

use directory::{RecipientType, Scope, schema::USER, verbs};

use super::{ADDRESSES, limited_to};
use crate::{Cmdlet, Noun, Shows, database::mailbox_database};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[RecipientType::UserMailbox]),
    shows: Shows::LikeSet("Set-CASMailbox"),
    order: &[&[
        "EmailAddresses",
        "LegacyExchangeDN",
        "LinkedMasterAccount",
        "PrimarySmtpAddress",
        "SamAccountName",
        "ActiveSyncEnabled",
        "OWAEnabled",
        "OWAforDevicesEnabled",
        "ECPEnabled",
        "PopEnabled",
        "PopUseProtocolDefaults",
        "PopMessagesRetrievalMimeFormat",
        "ImapEnabled",
        "ImapUseProtocolDefaults",
        "ImapMessagesRetrievalMimeFormat",
        "MAPIEnabled",
        "EwsEnabled",
        "DisplayName",
    ]],
    conditions: &[
        ("Database", |view, object, value| limited_to(view, object, "Database", value)),
        ("Server", |view, object, value| {
            mailbox_database::is_on_server(view, object.link("Database"), value)
        }),
    ],
    special: &[ADDRESSES[2]],
    change: verbs::set_recipient,
    ..Noun::new("CASMailbox", &USER, &["Microsoft.Exchange.Data.Directory.Management.CASMailbox"])
};

/// `Get-CASMailbox`
pub static GET: Cmdlet = Cmdlet::get("Get-CASMailbox", &NOUN);
/// `Set-CASMailbox`
pub static SET: Cmdlet = Cmdlet::set("Set-CASMailbox", &NOUN);
