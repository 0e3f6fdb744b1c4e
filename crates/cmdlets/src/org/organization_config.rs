//! The organisation as a whole.

use directory::schema::ORGANIZATION;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun::new(
    "OrganizationConfig",
    &ORGANIZATION,
    &["Microsoft.Exchange.Data.Directory.Management.ADOrganizationConfig"],
);

/// `Get-OrganizationConfig`
pub static GET: Cmdlet = Cmdlet::get("Get-OrganizationConfig", &NOUN);
/// `Set-OrganizationConfig`
pub static SET: Cmdlet = Cmdlet::set("Set-OrganizationConfig", &NOUN);
