//! Receive connectors: where and from whom this organisation takes mail.

use directory::schema::RECEIVE_CONNECTOR;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun::new(
    "ReceiveConnector",
    &RECEIVE_CONNECTOR,
    &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ReceiveConnector"],
);

/// `Get-ReceiveConnector`
pub static GET: Cmdlet = Cmdlet::get("Get-ReceiveConnector", &NOUN);
/// `New-ReceiveConnector`
pub static NEW: Cmdlet = Cmdlet::new("New-ReceiveConnector", &NOUN);
/// `Set-ReceiveConnector`
pub static SET: Cmdlet = Cmdlet::set("Set-ReceiveConnector", &NOUN);
/// `Remove-ReceiveConnector`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-ReceiveConnector", &NOUN);
