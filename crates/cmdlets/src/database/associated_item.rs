//! A folder's associated contents: what programs keep beside the mail (rules, views, settings), as tools for
//! mailboxes show it.

use powershell::{Value, cmdlet::CommandInfo, value::PsObject};
use store::{Associated, FolderRole};

use super::mailbox_statistics::opened;
use crate::{Cmdlet, Failure, Outcome, call::Call, cmdlet};

/// `Get-MailboxAssociatedItem`
pub static GET: Cmdlet =
    Cmdlet::run("Get-MailboxAssociatedItem", run, &["Folder", "MessageClass", "ResultSize"])
        .declared(declare);

const TYPE: &str = "Rialto.Management.MailboxAssociatedItem";

fn declare() -> CommandInfo {
    let mut info = cmdlet::declare(
        "Get-MailboxAssociatedItem",
        "Lists the associated contents of a mailbox's folders: rules, views and settings that programs keep there.",
        &[
            ("Identity", "MailboxIdParameter"),
            ("Folder", "String"),
            ("MessageClass", "String"),
            ("ResultSize", "Unlimited"),
        ],
    );
    for parameter in info.parameters.iter_mut().filter(|parameter| &*parameter.name == "Identity") {
        parameter.required = true;
        parameter.position = Some(0);
        (parameter.by_value, parameter.by_property_name) = (true, true);
    }
    info
}

fn run(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let identity = call.identity("Identity").ok_or_else(|| Failure::missing("Identity"))?;
    let Some((owner, mailbox)) = opened(call, &view, &identity)? else { return Ok(()) };
    let alias = owner.text("Alias").unwrap_or(&owner.name).to_owned();
    let (folder, class) = (call.text("Folder"), call.text("MessageClass"));
    let mut rows = Vec::new();
    let mut known = false;
    for own in mailbox.all_folders()? {
        let hidden = own.path.first().map_or("", String::as_str);
        let path = match own.role {
            Some(FolderRole::IpmSubtree) => String::new(),
            _ if own.path.len() > 1 => own.path[1..].join("\\"),
            _ => hidden.to_owned(),
        };
        let names = [path.clone(), own.role.map(|role| format!("{role:?}")).unwrap_or_default()];
        let wanted = folder.as_deref().map(|folder| folder.trim_matches(['\\', '/']).replace('/', "\\"));
        if wanted.is_some_and(|wanted| !names.iter().any(|name| name.eq_ignore_ascii_case(&wanted))) {
            continue;
        }
        known = true;
        for item in mailbox.associated(own.id)? {
            let fits = |class: &str| directory::filter::wildcard_matches(class, &item.class);
            if class.as_deref().is_none_or(fits) {
                rows.push(show(&alias, &path, item));
            }
        }
    }
    if !known {
        let folder = folder.unwrap_or_default();
        let text = format!("The folder \"{folder}\" couldn't be found in mailbox \"{}\".", owner.identity());
        return Err(Failure { fault: base::Fault::not_found(text), target: Some(folder) });
    }
    call.write_all(rows);
    Ok(())
}

fn show(alias: &str, folder: &str, item: Associated) -> Value {
    let known = |tag: store::property::PropertyTag| {
        let named = store::property::tags::ALL.iter().find(|(_, known)| known.id() == tag.id());
        named.map_or_else(|| format!("0x{:08X}", tag.0), |(name, _)| (*name).to_owned())
    };
    let properties: Vec<Value> = item.properties.iter().map(|(tag, _)| Value::string(known(tag))).collect();
    let subject = item.properties.text(store::property::tags::PR_SUBJECT);
    PsObject::new(&[TYPE])
        .with("Folder", format!("\\{folder}"))
        .with("MessageClass", item.class.as_str())
        .with("Subject", subject)
        .with("LastModifiedTime", Value::DateTime(item.modified))
        .with("Properties", Value::multi(properties))
        .with("ItemId", format!("{:016X}", item.id.0))
        .with("Identity", format!("{alias}\\{folder}\\{:016X}", item.id.0))
        .into()
}
