//! Links between sites, and what the way costs.

use directory::schema::AD_SITE_LINK;
use powershell::Value;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun {
    order: &[&["Cost", "ADCost", "ExchangeCost", "MaxMessageSize", "Sites"]],
    extend: Some(|_, _, link, out| {
        let cost = link.int("ExchangeCost").or_else(|| link.int("ADCost"));
        out.set("Cost", cost.and_then(|cost| i32::try_from(cost).ok()).map_or(Value::Null, Value::Int));
    }),
    ..Noun::new(
        "SiteLink",
        &AD_SITE_LINK,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ADSiteLink"],
    )
};

/// `Get-ADSiteLink`
pub static GET: Cmdlet = Cmdlet::get("Get-ADSiteLink", &NOUN);
/// `Set-ADSiteLink`
pub static SET: Cmdlet = Cmdlet::set("Set-ADSiteLink", &NOUN);
