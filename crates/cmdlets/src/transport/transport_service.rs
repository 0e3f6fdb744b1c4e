//! The transport service of each server: retries, expiry, connections, logs.

use directory::schema::SERVER;

use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    shows: Shows::LikeSet("Set-TransportService"),
    ..Noun::new(
        "TransportService",
        &SERVER,
        &["Microsoft.Exchange.Data.Directory.Management.TransportServer"],
    )
};

/// `Get-TransportService`
pub static GET: Cmdlet = Cmdlet::get("Get-TransportService", &NOUN);
/// `Set-TransportService`
pub static SET: Cmdlet = Cmdlet::set("Set-TransportService", &NOUN);
