//! Who is in a distribution group.

use base::Fault;

use super::{distribution_group, recipient};
use crate::{Cmdlet, Outcome, call::Call};

/// `Get-DistributionGroupMember`
pub static GET: Cmdlet = Cmdlet::run("Get-DistributionGroupMember", get);
/// `Add-DistributionGroupMember`
pub static ADD: Cmdlet = Cmdlet::run("Add-DistributionGroupMember", add);
/// `Remove-DistributionGroupMember`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-DistributionGroupMember", remove).asking();
/// `Update-DistributionGroupMember`
pub static UPDATE: Cmdlet = Cmdlet::run("Update-DistributionGroupMember", update).asking();

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.resolve(&view, &call.identity("Identity").unwrap_or_default())?;
    let mut members: Vec<_> = view.direct_recipients(group.guid);
    members.sort_by_key(|member| member.name.to_lowercase());
    let cx = call.cx;
    call.write_all(members.iter().map(|member| recipient::NOUN.show(cx, &view, member)).collect::<Vec<_>>());
    Ok(())
}

/// The group and the member that a call names.
fn pair(call: &Call<'_>) -> Result<(std::sync::Arc<directory::Object>, directory::Recipient), Fault> {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.resolve(&view, &call.identity("Identity").unwrap_or_default())?;
    let member = call.identity("Member").ok_or_else(|| Fault::invalid("Member must have a value."))?;
    Ok((group, view.resolve_recipient(&member).map_err(Fault::from)?))
}

fn add(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!(
        "Adding distribution group member \"{}\" on distribution group \"{}\"",
        member.name, group.name
    ))? {
        call.cx.commit(move |draft| draft.add_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (group, member) = pair(call)?;
    if call.should_process(&format!(
        "Removing distribution group member \"{}\" on distribution group \"{}\"",
        member.name, group.name
    ))? {
        call.cx.commit(move |draft| draft.remove_member(group.guid, member.guid))?;
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = distribution_group::NOUN.resolve(&view, &call.identity("Identity").unwrap_or_default())?;
    let wanted = super::recipients(call, &view, "Members")?;
    if !call.should_process(&format!("Updating the membership of distribution group \"{}\"", group.name))? {
        return Ok(());
    }
    call.cx.commit(move |draft| {
        let present: Vec<base::Guid> = draft.members_of(group.guid).collect();
        for member in present.iter().filter(|member| !wanted.contains(member)) {
            draft.remove_member(group.guid, *member)?;
        }
        for member in wanted.iter().filter(|member| !present.contains(member)) {
            draft.add_member(group.guid, *member)?;
        }
        Ok(())
    })
}
