//! Database availability groups: servers that keep copies of one another's databases, and who bears witness.

use std::sync::Arc;

use base::Guid;
use directory::{
    Object, Scope, View,
    schema::{DATABASE_AVAILABILITY_GROUP, SERVER},
    verbs,
};
use powershell::{Value, value::PsObject};

use crate::{Cmdlet, Context, Failure, Noun, Outcome, call::Call, convert, copies::GroupAction};

/// The noun, also for those who look a group up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&[
        "Name",
        "Servers",
        "WitnessServer",
        "WitnessDirectory",
        "AlternateWitnessServer",
        "AlternateWitnessDirectory",
        "NetworkCompression",
        "NetworkEncryption",
        "ManualDagNetworkConfiguration",
        "DatacenterActivationMode",
        "StoppedMailboxServers",
        "StartedMailboxServers",
        "DatabaseAvailabilityGroupIpAddresses",
        "OperationalServers",
        "PrimaryActiveManager",
        "ThirdPartyReplication",
        "ReplicationPort",
        "NetworkNames",
        "WitnessShareInUse",
    ]],
    extend: Some(state),
    // What is seen of a group is known at little cost: it is always shown.
    conditions: &[("Status", |_, _, _| true)],
    special: &[("ThirdPartyReplication", |_, _, _, value| {
        if crate::cmdlet::text_of(value).eq_ignore_ascii_case("Disabled") {
            return Ok(Vec::new());
        }
        Err(Failure::invalid("Copies are kept by the server itself: ThirdPartyReplication can't be enabled."))
    })],
    ..Noun::new(
        "DatabaseAvailabilityGroup",
        &DATABASE_AVAILABILITY_GROUP,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.DatabaseAvailabilityGroup"],
    )
};

/// `Get-DatabaseAvailabilityGroup`
pub static GET: Cmdlet = Cmdlet::get("Get-DatabaseAvailabilityGroup", &NOUN);
/// `New-DatabaseAvailabilityGroup`
pub static NEW: Cmdlet = Cmdlet::new("New-DatabaseAvailabilityGroup", &NOUN);
/// `Set-DatabaseAvailabilityGroup`
pub static SET: Cmdlet = Cmdlet::set("Set-DatabaseAvailabilityGroup", &NOUN);
/// `Remove-DatabaseAvailabilityGroup`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-DatabaseAvailabilityGroup", &NOUN);
/// `Start-DatabaseAvailabilityGroup`
pub static START: Cmdlet = Cmdlet::run("Start-DatabaseAvailabilityGroup", |call| mark(call, false), MEMBERS);
/// `Stop-DatabaseAvailabilityGroup`
pub static STOP: Cmdlet =
    Cmdlet::run("Stop-DatabaseAvailabilityGroup", |call| mark(call, true), MEMBERS).asking();
/// `Restore-DatabaseAvailabilityGroup`
pub static RESTORE: Cmdlet = Cmdlet::run(
    "Restore-DatabaseAvailabilityGroup",
    restore,
    &["AlternateWitnessServer", "AlternateWitnessDirectory", "UsePrimaryWitnessServer"],
)
.asking();

const MEMBERS: &[&str] = &["ActiveDirectorySite", "MailboxServer", "ConfigurationOnly"];

fn identities<'a>(servers: impl Iterator<Item = &'a Arc<Object>>) -> Value {
    Value::multi(servers.map(|server| convert::identity(server)).collect())
}

fn state(cx: &Context, view: &View, group: &Object, out: &mut PsObject) {
    let members = view.members_of_availability_group(group.guid);
    let stopped: Vec<_> = group.links("StoppedMailboxServers").collect();
    let started = members.iter().copied().filter(|member| !stopped.contains(&member.guid));
    let report = cx.copies.group(view, group);
    let operational = members.iter().copied().filter(|member| report.operational.contains(&member.guid));
    let networks = view.linking_to(group.guid).filter(|object| object.class.name.ends_with("Network"));
    let mut networks: Vec<Value> = networks.map(|network| Value::string(network.identity())).collect();
    networks.sort_by_key(ToString::to_string);
    out.set("Servers", identities(members.iter().copied()));
    out.set("StartedMailboxServers", identities(started));
    out.set("OperationalServers", identities(operational));
    let primary = report.primary.and_then(|guid| view.get(guid));
    out.set("PrimaryActiveManager", primary.map_or(Value::Null, |server| convert::identity(server)));
    out.set("NetworkNames", Value::multi(networks));
    out.set("WitnessShareInUse", Value::string(if report.witness_in_use { "Primary" } else { "None" }));
}

/// Datacenter activation mode is what makes stopping and restoring safe: members ask before they mount.
fn needs_activation_mode(group: &Object) -> Outcome {
    if group.text("DatacenterActivationMode") == Some("DagOnly") {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "The database availability group \"{}\" must have the DatacenterActivationMode DagOnly.",
        group.name
    )))
}

/// The members that a call means: one by name, or those of a site.
fn meant(call: &Call<'_>, view: &View, group: &Object) -> Outcome<Vec<Arc<Object>>> {
    let members = view.members_of_availability_group(group.guid);
    if let Some(identity) = call.identity("MailboxServer") {
        let server = view.resolve(&identity, Scope::Class(&SERVER))?;
        if members.iter().any(|member| member.guid == server.guid) {
            return Ok(vec![server]);
        }
        return Err(Failure::invalid(format!(
            "The server \"{}\" isn't a member of the database availability group \"{}\".",
            server.name, group.name
        )));
    }
    let site = call.needed("ActiveDirectorySite")?;
    let in_site = |member: &&&Arc<Object>| {
        member
            .text("Site")
            .is_some_and(|own| own.eq_ignore_ascii_case(site.rsplit('/').next().unwrap_or(&site)))
    };
    let found: Vec<Arc<Object>> = members.iter().filter(in_site).map(|member| Arc::clone(member)).collect();
    if found.is_empty() {
        let text =
            format!("The database availability group \"{}\" has no members in \"{site}\".", group.name);
        return Err(Failure::invalid(text));
    }
    Ok(found)
}

fn mark(call: &mut Call<'_>, stop: bool) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = NOUN.named(call, &view)?;
    needs_activation_mode(&group)?;
    let servers = meant(call, &view, &group)?;
    let names: Vec<&str> = servers.iter().map(|server| &*server.name).collect();
    let doing = if stop { "Stopping" } else { "Starting" };
    if !call.should_process(&format!(
        "{doing} \"{}\" of database availability group \"{}\"",
        names.join("\", \""),
        group.name
    ))? {
        return Ok(());
    }
    let (guid, servers) = (group.guid, servers.iter().map(|server| server.guid).collect::<Vec<_>>());
    if !call.switch("ConfigurationOnly") {
        let action = if stop { GroupAction::Stop(&servers) } else { GroupAction::Start(&servers) };
        call.cx.copies.act(guid, action)?;
    }
    Ok(call.commit(move |draft| verbs::stop_members(draft, guid, &servers, stop))?)
}

fn restore(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = NOUN.named(call, &view)?;
    needs_activation_mode(&group)?;
    let stopped: Vec<Guid> = group.links("StoppedMailboxServers").collect();
    let left = view.members_of_availability_group(group.guid).len().saturating_sub(stopped.len());
    if stopped.is_empty() || left == 0 {
        return Err(Failure::invalid(format!(
            "{} members of the database availability group \"{}\" are stopped and {left} are not. Stop those \
             that are lost with Stop-DatabaseAvailabilityGroup first.",
            stopped.len(),
            group.name
        )));
    }
    if !call.should_process(&format!(
        "Restoring database availability group \"{}\" with {left} of its members; what only the stopped members have is \
         lost",
        group.name
    ))? {
        return Ok(());
    }
    call.cx.copies.act(group.guid, GroupAction::Restore(&stopped))?;
    // An even number of members needs another voice, and the primary witness may be lost with the others.
    if (left.is_multiple_of(2) || left == 1) && !call.switch("UsePrimaryWitnessServer") {
        let mut edits = Vec::new();
        for (parameter, attribute) in
            [("AlternateWitnessServer", "WitnessServer"), ("AlternateWitnessDirectory", "WitnessDirectory")]
        {
            let own = group.text(parameter).map(Arc::from);
            let text = call.text(parameter).or(own);
            edits.extend(text.map(|text| (attribute, directory::Edit::set(&*text))));
        }
        let guid = group.guid;
        call.commit(move |draft| draft.modify(guid, edits))?;
    }
    Ok(())
}
