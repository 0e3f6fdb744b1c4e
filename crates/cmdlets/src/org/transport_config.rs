//! Transport settings of the whole organisation.

use directory::schema::TRANSPORT_CONFIG;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun::new(
    "TransportConfig",
    &TRANSPORT_CONFIG,
    &["Microsoft.Exchange.Data.Directory.SystemConfiguration.TransportConfigContainer"],
);

/// `Get-TransportConfig`
pub static GET: Cmdlet = Cmdlet::get("Get-TransportConfig", &NOUN);
/// `Set-TransportConfig`
pub static SET: Cmdlet = Cmdlet::set("Set-TransportConfig", &NOUN);
