//! What each folder of a mailbox holds, alone and with those below it.

use std::collections::HashMap;

use base::ByteQuantifiedSize;
use powershell::{Value, value::PsObject};
use store::{FolderRole, FolderStatistics};

use super::mailbox_statistics::opened;
use crate::{Cmdlet, Outcome, call::Call, place};

/// `Get-MailboxFolderStatistics`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxFolderStatistics",
    run,
    &["FolderScope", "IncludeOldestAndNewestItems", "ResultSize"],
)
.at(&[("Identity", place::of_mailbox)]);

/// What the product calls default folders, where it is not the role's own name.
const TYPES: &[(FolderRole, &str)] = &[
    (FolderRole::IpmSubtree, "Root"),
    (FolderRole::RecoverableItems, "RecoverableItemsRoot"),
    (FolderRole::Deletions, "RecoverableItemsDeletions"),
    (FolderRole::Versions, "RecoverableItemsVersions"),
    (FolderRole::Purges, "RecoverableItemsPurges"),
    (FolderRole::DiscoveryHolds, "RecoverableItemsDiscoveryHolds"),
];

/// Items and bytes of a folder with all below it.
type Below = HashMap<Vec<String>, (u64, u64)>;

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("Identity").unwrap_or_default();
    let Some((owner, mailbox)) = opened(call, &view, &identity)? else { return Ok(()) };
    let oldest_and_newest = call.switch("IncludeOldestAndNewestItems");
    let rows = mailbox.folder_statistics(oldest_and_newest)?;
    let scope = call.text("FolderScope").unwrap_or_else(|| "All".into());
    let alias = owner.text("Alias").unwrap_or(&owner.name).to_owned();
    let below = totals(&rows);
    let tops: Vec<&FolderStatistics> = rows.iter().filter(|row| is_top(row)).collect();
    let mut shown = Vec::new();
    for row in &rows {
        let top = tops.iter().find(|top| row.folder.path.first() == top.folder.path.first());
        if in_scope(row, top.copied(), &scope) {
            shown.push(show(&alias, row, top.is_some(), &below, oldest_and_newest));
        }
    }
    call.write_all(shown);
    Ok(())
}

/// The roots of what people see, and of what they have deleted.
fn is_top(row: &FolderStatistics) -> bool {
    matches!(row.folder.role, Some(FolderRole::IpmSubtree | FolderRole::RecoverableItems))
}

/// `All` is everything but what programs keep beside the visible tree, which is `NonIpmRoot`.
fn in_scope(row: &FolderStatistics, top: Option<&FolderStatistics>, scope: &str) -> bool {
    match (scope.to_ascii_lowercase().as_str(), top) {
        ("all", top) => top.is_some(),
        ("nonipmroot", top) => top.is_none_or(|top| top.folder.role == Some(FolderRole::RecoverableItems)),
        ("recoverableitems", top) => {
            top.is_some_and(|top| top.folder.role == Some(FolderRole::RecoverableItems))
        }
        (scope, _) => folder_type(row).eq_ignore_ascii_case(scope),
    }
}

fn folder_type(row: &FolderStatistics) -> String {
    let Some(role) = row.folder.role else { return "User Created".to_owned() };
    let known = TYPES.iter().find(|(of, _)| *of == role);
    known.map_or_else(|| format!("{role:?}"), |(_, name)| (*name).to_owned())
}

fn totals(rows: &[FolderStatistics]) -> Below {
    let mut below = Below::new();
    for row in rows {
        let path = &row.folder.path;
        for depth in 1..=path.len() {
            let (items, size) = below.entry(path[..depth].to_vec()).or_default();
            *items += u64::from(row.status.items);
            *size += row.status.size;
        }
    }
    below
}

fn show(alias: &str, row: &FolderStatistics, below_top: bool, below: &Below, times: bool) -> Value {
    let path = &row.folder.path;
    // The roots stand for themselves and are left out above others.
    let shown = if below_top && path.len() > 1 { &path[1..] } else { &path[..] };
    let (items, size) = below.get(path).copied().unwrap_or_default();
    let bytes = |n| Value::Size(ByteQuantifiedSize(n));
    let mut out = PsObject::new(&["Microsoft.Exchange.Management.Tasks.MailboxFolderConfiguration"])
        .with("Name", path.last().map_or("", String::as_str))
        .with("FolderPath", format!("/{}", shown.join("/")))
        .with("FolderId", format!("{:016X}", row.folder.id.0))
        .with("FolderType", folder_type(row))
        .with("ContainerClass", row.folder.class.as_str())
        .with("ItemsInFolder", row.status.items)
        .with("AssociatedItemsInFolder", row.status.associated)
        .with("UnreadItemsInFolder", row.status.unread)
        .with("FolderSize", bytes(row.status.size))
        .with("ItemsInFolderAndSubfolders", items)
        .with("FolderAndSubfolderSize", bytes(size));
    if times {
        out.set("OldestItemReceivedDate", row.oldest.into());
        out.set("NewestItemReceivedDate", row.newest.into());
    }
    out.with("Identity", format!("{alias}\\{}", shown.join("\\"))).into()
}
