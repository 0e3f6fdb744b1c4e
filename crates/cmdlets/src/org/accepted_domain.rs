//! Accepted domains: whose mail this organisation takes.

use directory::schema::ACCEPTED_DOMAIN;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun::new(
    "AcceptedDomain",
    &ACCEPTED_DOMAIN,
    &["Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain"],
);

/// `Get-AcceptedDomain`
pub static GET: Cmdlet = Cmdlet::get("Get-AcceptedDomain", &NOUN);
/// `New-AcceptedDomain`
pub static NEW: Cmdlet = Cmdlet::new("New-AcceptedDomain", &NOUN);
/// `Set-AcceptedDomain`
pub static SET: Cmdlet = Cmdlet::set("Set-AcceptedDomain", &NOUN);
/// `Remove-AcceptedDomain`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-AcceptedDomain", &NOUN);
