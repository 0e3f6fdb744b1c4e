//! What each folder of a mailbox holds.

use base::ByteQuantifiedSize;
use powershell::{Value, value::PsObject};
use store::{FolderRole, FolderStatistics};

use super::mailbox_statistics::opened;
use crate::{Cmdlet, Outcome, call::Call};

/// `Get-MailboxFolderStatistics`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxFolderStatistics",
    run,
    &["FolderScope", "IncludeOldestAndNewestItems", "ResultSize"],
);

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("Identity").unwrap_or_default();
    let Some((owner, mailbox)) = opened(call, &view, &identity)? else { return Ok(()) };
    let oldest_and_newest = call.switch("IncludeOldestAndNewestItems");
    let rows = mailbox.folder_statistics(oldest_and_newest)?;
    let scope = call.text("FolderScope").filter(|scope| !scope.eq_ignore_ascii_case("All"));
    let in_scope = |row: &FolderStatistics| {
        scope.as_ref().is_none_or(|scope| folder_type(row).eq_ignore_ascii_case(scope))
    };
    let alias = owner.text("Alias").unwrap_or(&owner.name).to_owned();
    let shown: Vec<Value> =
        rows.iter().filter(|row| in_scope(row)).map(|row| show(&alias, row, oldest_and_newest)).collect();
    call.write_all(shown);
    Ok(())
}

fn folder_type(row: &FolderStatistics) -> String {
    row.folder.role.map_or_else(|| "User Created".to_owned(), |role: FolderRole| format!("{role:?}"))
}

fn show(alias: &str, row: &FolderStatistics, times: bool) -> Value {
    let path = format!("/{}", row.folder.path.join("/"));
    let size = Value::Size(ByteQuantifiedSize(row.status.size));
    let mut out = PsObject::new(&["Microsoft.Exchange.Management.Tasks.MailboxFolderConfiguration"])
        .with(
            "Name",
            Value::string(row.folder.path.last().map_or("Top of Information Store", String::as_str)),
        )
        .with("FolderPath", Value::string(path.as_str()))
        .with("FolderType", Value::string(folder_type(row)))
        .with("ContainerClass", Value::string(row.folder.class.as_str()))
        .with("ItemsInFolder", Value::Long(i64::from(row.status.items)))
        .with("AssociatedItemsInFolder", Value::Long(i64::from(row.status.associated)))
        .with("UnreadItemsInFolder", Value::Long(i64::from(row.status.unread)))
        .with("FolderSize", size)
        .with("Identity", Value::string(format!("{alias}{}", path.replace('/', "\\"))))
        .with("FolderId", Value::string(format!("{:016X}", row.folder.id.0)));
    if times {
        let time = |time: Option<base::Timestamp>| time.map_or(Value::Null, Value::DateTime);
        out.set("OldestItemReceivedDate", time(row.oldest));
        out.set("NewestItemReceivedDate", time(row.newest));
    }
    out.into()
}
