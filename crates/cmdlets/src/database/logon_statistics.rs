//! Who has which mailbox open now: the sessions of every protocol.

use base::Guid;
use directory::{Scope, View, schema::SERVER};
use powershell::{Value, value::PsObject};
use services::Logon;

use super::mailbox_database;
use crate::{Cmdlet, Failure, Outcome, call::Call};

/// `Get-LogonStatistics`
pub static GET: Cmdlet = Cmdlet::run("Get-LogonStatistics", run, &["Database", "Server"]);

const TYPE: &str = "Microsoft.Exchange.Management.MapiTasks.Presentation.LogonStatistics";

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = call.cx.sessions.list();
    if let Some(identity) = call.identity("Database") {
        let database = mailbox_database::NOUN.resolve(&view, &identity)?;
        found.retain(|logon| logon.database == database.guid);
    } else if let Some(identity) = call.identity("Server") {
        let server = view.resolve(&identity, Scope::Class(&SERVER))?;
        found.retain(|logon| server_of(&view, logon.database) == Some(server.guid));
    } else {
        let identity = call.identity("Identity").ok_or_else(|| Failure::missing("Identity"))?;
        let owner = view.resolve_recipient(&identity)?;
        call.admit(&view, &owner, &identity)?;
        let own = ["ExchangeGuid", "ArchiveGuid"].map(|name| owner.guid_of(name));
        found.retain(|logon| own.contains(&Some(logon.mailbox)));
    }
    let reader = call.reader();
    found.retain(|logon| match view.by_mailbox_guid(logon.mailbox) {
        Some(owner) => reader.sees(&view, &owner),
        None => call.access.may_use("Get-MailboxDatabase"),
    });
    call.write_all(found.into_iter().map(|logon| show(&view, logon)));
    Ok(())
}

fn server_of(view: &View, database: Guid) -> Option<Guid> {
    view.get(database).and_then(|database| database.link("Server"))
}

/// A program's name and version, from what it says of itself: `Thunderbird 128.1`, `mutt/2.2 (Linux)`.
fn program(agent: &str) -> (&str, &str) {
    let agent = agent.split(" (").next().unwrap_or(agent).trim();
    let split = agent.rsplit_once([' ', '/']);
    match split {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => (name, version),
        _ => (agent, ""),
    }
}

fn show(view: &View, logon: Logon) -> Value {
    let owner = view.by_mailbox_guid(logon.mailbox);
    let user = view.get(logon.user);
    let database = view.get(logon.database).map(|database| &*database.name);
    let server = server_of(view, logon.database).and_then(|guid| view.get(guid)).map(|server| &*server.name);
    let (client, version) = logon.agent.as_deref().map(program).unwrap_or_default();
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::string(text) };
    let legacy = |name: Option<&str>| name.map_or(Value::Null, Value::string);
    let mut out = PsObject::new(&[TYPE]);
    for (name, value) in [
        ("UserName", Value::string(&*logon.name)),
        ("LogonTime", Value::DateTime(logon.since)),
        ("LastAccessTime", Value::DateTime(logon.last_access)),
        ("ClientName", text(client)),
        ("ClientVersion", text(version)),
        ("ClientIPAddress", Value::string(logon.address.to_string())),
        ("ApplicationId", Value::string(format!("Client={}", logon.protocol))),
        ("Protocol", Value::string(logon.protocol)),
        ("MessagingOperationCount", Value::Long(i64::try_from(logon.operations).unwrap_or(i64::MAX))),
        (
            "MailboxDisplayName",
            owner.as_ref().map_or(Value::Null, |owner| Value::string(owner.display_name())),
        ),
        ("MailboxGuid", Value::Guid(logon.mailbox)),
        ("DatabaseName", database.into()),
        ("ServerName", server.into()),
        ("Windows2000Account", user.and_then(|user| user.text("SamAccountName")).into()),
        ("FullUserDirectoryName", legacy(user.and_then(|user| user.text("LegacyExchangeDN")))),
        ("FullMailboxDirectoryName", legacy(owner.as_ref().and_then(|own| own.text("LegacyExchangeDN")))),
        ("SessionId", Value::Long(i64::try_from(logon.number).unwrap_or(i64::MAX))),
        ("Identity", Value::Guid(logon.mailbox)),
    ] {
        out.set(name, value);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_their_versions_in_their_own_ways() {
        assert_eq!(program("Thunderbird 128.1"), ("Thunderbird", "128.1"));
        assert_eq!(program("mutt/2.2.9 (Linux; x86)"), ("mutt", "2.2.9"));
        assert_eq!(program("offline imap"), ("offline imap", ""));
        assert_eq!(program(""), ("", ""));
    }
}
