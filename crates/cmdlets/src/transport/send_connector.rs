//! Send connectors: which mail leaves, and how.

use directory::schema::SEND_CONNECTOR;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun::new(
    "SendConnector",
    &SEND_CONNECTOR,
    &["Microsoft.Exchange.Data.Directory.SystemConfiguration.SmtpSendConnectorConfig"],
);

/// `Get-SendConnector`
pub static GET: Cmdlet = Cmdlet::get("Get-SendConnector", &NOUN);
/// `New-SendConnector`
pub static NEW: Cmdlet = Cmdlet::new("New-SendConnector", &NOUN);
/// `Set-SendConnector`
pub static SET: Cmdlet = Cmdlet::set("Set-SendConnector", &NOUN);
/// `Remove-SendConnector`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-SendConnector", &NOUN);
