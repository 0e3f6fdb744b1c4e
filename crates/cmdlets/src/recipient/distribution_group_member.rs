//! Who is in a distribution group.

use super::{distribution_group, recipient};
use crate::{Cmdlet, Failure, Outcome, call::Call};

/// `Get-DistributionGroupMember`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-DistributionGroupMember",
    get,
    &["ResultSize", "ReadFromDomainController", "Credential"],
);
/// `Add-DistributionGroupMember`
pub static ADD: Cmdlet = Cmdlet::run("Add-DistributionGroupMember", add, &["Member"]);
/// `Remove-DistributionGroupMember`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-DistributionGroupMember", remove, &["Member"]).asking();
/// `Update-DistributionGroupMember`
pub static UPDATE: Cmdlet = Cmdlet::run("Update-DistributionGroupMember", update, &["Members"]).asking();

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.named(call, &view)?;
    let mut members: Vec<_> = view.direct_recipients(group.guid);
    members.sort_by_key(|member| member.name.to_lowercase());
    let show = recipient::NOUN.shower(call.cx, &view);
    call.write_all(members.iter().map(|member| show(member)));
    Ok(())
}

/// The group and the member that a call names.
fn pair(call: &Call<'_>) -> Outcome<(std::sync::Arc<directory::Object>, directory::Recipient)> {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.named(call, &view)?;
    let member = call.identity("Member").ok_or_else(|| Failure::missing("Member"))?;
    Ok((group, view.resolve_recipient(&member)?))
}

fn add(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!(
        "Adding distribution group member \"{}\" on distribution group \"{}\"",
        member.name, group.name
    ))? {
        call.commit(move |draft| draft.add_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!(
        "Removing distribution group member \"{}\" on distribution group \"{}\"",
        member.name, group.name
    ))? {
        call.commit(move |draft| draft.remove_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.named(call, &view)?;
    let wanted = super::recipients(call, &view, "Members")?;
    if !call.should_process(&format!("Updating the membership of distribution group \"{}\"", group.name))? {
        return Ok(());
    }
    Ok(call.commit(move |draft| {
        let present: Vec<base::Guid> = draft.members_of(group.guid).collect();
        for member in present.iter().filter(|member| !wanted.contains(member)) {
            draft.remove_member(group.guid, *member)?;
        }
        for member in wanted.iter().filter(|member| !present.contains(member)) {
            draft.add_member(group.guid, *member)?;
        }
        Ok(())
    })?)
}
