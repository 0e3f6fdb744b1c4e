//! Members of database availability groups.

use directory::{Scope, schema::SERVER, verbs};

use super::availability_group::NOUN;
use crate::{Cmdlet, Failure, Outcome, call::Call, copies::GroupAction};

/// `Add-DatabaseAvailabilityGroupServer`
pub static ADD: Cmdlet = Cmdlet::run(
    "Add-DatabaseAvailabilityGroupServer",
    |call| member(call, true),
    &["MailboxServer", "SkipDagValidation"],
);
/// `Remove-DatabaseAvailabilityGroupServer`
pub static REMOVE: Cmdlet = Cmdlet::run(
    "Remove-DatabaseAvailabilityGroupServer",
    |call| member(call, false),
    &["MailboxServer", "SkipDagValidation", "ConfigurationOnly"],
)
.asking();

fn member(call: &mut Call<'_>, add: bool) -> Outcome {
    let view = call.cx.directory.snapshot();
    let group = NOUN.named(call, &view)?;
    let server = call.identity("MailboxServer").ok_or_else(|| Failure::missing("MailboxServer"))?;
    let server = view.resolve(&server, Scope::Class(&SERVER))?;
    let (doing, to) = if add { ("Adding", "to") } else { ("Removing", "from") };
    if !call.should_process(&format!(
        "{doing} Mailbox server \"{}\" {to} database availability group \"{}\"",
        server.name, group.name
    ))? {
        return Ok(());
    }
    let (owner, member) = (group.guid, server.guid);
    call.commit(move |draft| match add {
        true => verbs::add_group_member(draft, owner, member),
        false => verbs::remove_group_member(draft, owner, member),
    })?;
    let count = call.cx.directory.snapshot().members_of_availability_group(owner).len();
    if !call.switch("SkipDagValidation")
        && count > 0
        && count.is_multiple_of(2)
        && group.text("WitnessServer").is_none()
    {
        call.warn(&format!(
            "The database availability group \"{}\" has {count} members, an even number, and no witness server: when \
             half of them are lost, the others can't go on. Set one with Set-DatabaseAvailabilityGroup -WitnessServer.",
            group.name
        ));
    }
    if call.switch("ConfigurationOnly") {
        return Ok(());
    }
    Ok(call.cx.copies.act(owner, GroupAction::Configure)?)
}
