//! Networks of database availability groups: which subnets replication uses.

use directory::{
    NewObject, Scope, Value as Stored, View,
    schema::{DATABASE_AVAILABILITY_GROUP_NETWORK, SERVER},
};

use super::availability_group;
use crate::{Cmdlet, Make, Noun, Outcome, call::Call};

static NOUN: Noun = Noun {
    order: &[&["Name", "Description", "Subnets", "ReplicationEnabled", "IgnoreNetwork"]],
    conditions: &[("Server", |view, network, server| {
        let server = view.resolve(server, Scope::Class(&SERVER)).ok();
        let group = server.and_then(|server| server.link("DatabaseAvailabilityGroup"));
        group.is_some() && network.link("DatabaseAvailabilityGroup") == group
    })],
    create: Some(create),
    takes: &["Name", "DatabaseAvailabilityGroup"],
    ..Noun::new(
        "DatabaseAvailabilityGroupNetwork",
        &DATABASE_AVAILABILITY_GROUP_NETWORK,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.DatabaseAvailabilityGroupNetwork"],
    )
};

/// `Get-DatabaseAvailabilityGroupNetwork`
pub static GET: Cmdlet = Cmdlet::get("Get-DatabaseAvailabilityGroupNetwork", &NOUN);
/// `New-DatabaseAvailabilityGroupNetwork`
pub static NEW: Cmdlet = Cmdlet::new("New-DatabaseAvailabilityGroupNetwork", &NOUN);
/// `Set-DatabaseAvailabilityGroupNetwork`
pub static SET: Cmdlet = Cmdlet::set("Set-DatabaseAvailabilityGroupNetwork", &NOUN);
/// `Remove-DatabaseAvailabilityGroupNetwork`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-DatabaseAvailabilityGroupNetwork", &NOUN);

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let group = call.identity("DatabaseAvailabilityGroup").unwrap_or_default();
    let group = availability_group::NOUN.resolve(view, &group)?.guid;
    let name = call.needed("Name")?;
    Ok(Box::new(move |draft| {
        let network = NewObject::new(&DATABASE_AVAILABILITY_GROUP_NETWORK, &*name);
        draft.create(network.with("DatabaseAvailabilityGroup", Stored::Link(group)))
    }))
}
