//! Mailbox databases: where mailboxes are stored, mounted or not, and the limits they inherit.

use base::Fault;
use directory::{Object, View, schema::MAILBOX_DATABASE};
use powershell::{Value, value::PsObject};
use store::MountState;

use crate::{Cmdlet, Context, Noun, Outcome, call::Call};

/// The noun, also for those who look a database up.
pub(crate) static NOUN: Noun = Noun {
    extend: Some(mount_state),
    conditions: &[("Server", |view, object, value| is_on(view, object, value))],
    ..Noun::new(
        "MailboxDatabase",
        &MAILBOX_DATABASE,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase"],
    )
};

/// `Get-MailboxDatabase`
pub static GET: Cmdlet = Cmdlet::get("Get-MailboxDatabase", &NOUN);
/// `Set-MailboxDatabase`
pub static SET: Cmdlet = Cmdlet::set("Set-MailboxDatabase", &NOUN);
/// `Mount-Database`
pub static MOUNT: Cmdlet = Cmdlet::run("Mount-Database", mount);
/// `Dismount-Database`
pub static DISMOUNT: Cmdlet = Cmdlet::run("Dismount-Database", dismount).asking();

/// Whether the database is on the server that an identity means.
fn is_on(view: &View, object: &Object, server: &str) -> bool {
    let named = view.resolve(server, directory::Scope::Class(&directory::schema::SERVER));
    object.link("Server").is_none_or(|guid| named.is_ok_and(|server| server.guid == guid))
}

fn mount_state(cx: &Context, _: &View, object: &Object, out: &mut PsObject) {
    let state = cx.stores.states().into_iter().find(|(guid, _)| *guid == object.guid).map(|(_, state)| state);
    out.set("Mounted", Value::Bool(state == Some(MountState::Mounted)));
    if let Some(MountState::Failed(reason)) = state {
        out.set("MountError", Value::string(reason));
    }
    if let Ok(database) = cx.stores.get(object.guid) {
        let status = database.status();
        out.set("LogPosition", Value::Long(i64::try_from(status.durable).unwrap_or(i64::MAX)));
        out.set("CheckpointPosition", Value::Long(i64::try_from(status.checkpoint).unwrap_or(i64::MAX)));
    }
}

fn mount(call: &mut Call<'_>) -> Outcome {
    let object = NOUN.resolve(&call.cx.directory.snapshot(), &call.needed("Identity")?)?;
    if call.should_process(&format!("Mounting database \"{}\"", object.name))? {
        call.cx.stores.mount((call.cx.database_config)(&object)).map_err(Fault::from)?;
    }
    Ok(())
}

fn dismount(call: &mut Call<'_>) -> Outcome {
    let object = NOUN.resolve(&call.cx.directory.snapshot(), &call.needed("Identity")?)?;
    if call.should_process(&format!(
        "Dismounting database \"{}\". This may result in reduced availability for mailboxes in the database",
        object.name
    ))? {
        call.cx.stores.dismount(object.guid).map_err(Fault::from)?;
    }
    Ok(())
}
