//! Sites: which servers are near each other.

use directory::{schema::AD_SITE, verbs};
use powershell::cmdlet::CommandInfo;

use crate::{Cmdlet, Noun, cmdlet::declare};

pub(crate) static NOUN: Noun = Noun {
    order: &[&["HubSiteEnabled", "InboundMailEnabled", "PartnerId"]],
    create: Some(|call, _| {
        let name = call.needed("Name")?;
        Ok(Box::new(move |draft| verbs::new_site(draft, &name)))
    }),
    takes: &["Name"],
    removing: Some(verbs::forget_site),
    ..Noun::new("Site", &AD_SITE, &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ADSite"])
};

/// `Get-ADSite`
pub static GET: Cmdlet = Cmdlet::get("Get-ADSite", &NOUN);
/// `Set-ADSite`
pub static SET: Cmdlet = Cmdlet::set("Set-ADSite", &NOUN);
/// `New-ADSite`
pub static NEW: Cmdlet = Cmdlet::new("New-ADSite", &NOUN).declared(making);
/// `Remove-ADSite`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-ADSite", &NOUN).declared(removing);

fn making() -> CommandInfo {
    let mut info = declare(
        "New-ADSite",
        "Makes a site, into which Set-ExchangeServer -Site puts servers.",
        &[("Name", "String"), ("HubSiteEnabled", "Boolean"), ("InboundMailEnabled", "Boolean")],
    );
    info.parameters[0].position = Some(1);
    info.parameters[0].required = true;
    CommandInfo { should_process: true, ..info }
}

fn removing() -> CommandInfo {
    let mut info = declare(
        "Remove-ADSite",
        "Removes a site that no server is in.",
        &[("Identity", "AdSiteIdParameter")],
    );
    info.parameters[0].position = Some(1);
    info.parameters[0].required = true;
    info.parameters[0].by_value = true;
    CommandInfo { should_process: true, ..info }
}
