//! What folders there are and how they stand: LIST, LSUB, STATUS.

use base::Fault;
use services::{Mailbox, mailbox::FolderId};
use wire::imap::{
    List, StatusItem,
    folders::{STATUS_ITEMS, pattern_matches},
    write,
};

use super::{
    acl::rights,
    metadata,
    names::{DELIMITER, Named, Tree, canonical, special_use},
    objectid::mailbox_id,
    reply::{Failure, Outcome, done, no},
    session::Session,
};

impl Session {
    /// The folders by name, read again where the tree has changed.
    pub(super) fn tree(&mut self) -> Result<&Tree, Failure> {
        let mailbox = self.mailbox()?;
        match &mut self.tree {
            Some(tree) if !tree.is_stale() => {}
            tree => *tree = Some(Tree::read(&mailbox)?),
        }
        self.tree.as_ref().ok_or(Failure::Bad("Authenticate first".into()))
    }

    /// The folder of a name.
    pub(super) fn folder(&mut self, name: &str) -> Result<FolderId, Failure> {
        let found = self.tree()?.find(name).map(|named| named.folder.id);
        found.ok_or_else(|| no("NONEXISTENT", "No such mailbox"))
    }

    /// `* LIST …` of one folder.
    pub(super) fn tell_name(&mut self, folder: FolderId) -> Result<(), Failure> {
        let utf8 = self.enabled.utf8;
        self.tree()?;
        let named = self.tree.iter().flat_map(|tree| &tree.folders).find(|named| named.folder.id == folder);
        if let Some(named) = named {
            write_list(&mut self.link.output, &attributes(&List::default(), named), &named.name, utf8);
        }
        Ok(())
    }

    pub(super) fn list(&mut self, list: &List) -> Outcome {
        if matches!(&list.patterns[..], [pattern] if pattern.is_empty()) {
            // The root and the delimiter are asked for (RFC 3501 section 6.3.8).
            self.link.say("* LIST (\\Noselect) \"/\" \"\"\r\n");
            return done("Completed");
        }
        let mailbox = self.mailbox()?;
        self.tree()?;
        let Some(tree) = &self.tree else { return done("Completed") };
        let out = &mut self.link.output;
        for named in &tree.folders {
            if !matches(list, &named.name) {
                continue;
            }
            let child_info = list.recursive_match && has_selected_descendant(tree, list, named);
            if !is_selected(list, named) && !child_info {
                continue;
            }
            write_list(out, &attributes(list, named), &named.name, self.enabled.utf8);
            if child_info {
                out.truncate(out.len() - 2);
                out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
            }
            if list.return_my_rights {
                out.extend_from_slice(b"* MYRIGHTS ");
                write::mailbox(out, &named.name, self.enabled.utf8);
                out.extend_from_slice(format!(" {}\r\n", rights(named.folder.role)).as_bytes());
            }
            if !list.return_metadata.is_empty() {
                let entries = metadata::entries(&mailbox, Some(named.folder.id), &list.return_metadata, 0)?;
                metadata::write_metadata(out, &named.name, self.enabled.utf8, &entries);
            }
            if !list.return_status.is_empty() {
                let limit = self.server.append_max;
                write_status(out, &mailbox, named, &list.return_status, limit, self.enabled.utf8)?;
            }
        }
        self.enabled.condstore |= list.return_status.contains(&StatusItem::HighestModSeq);
        done("Completed")
    }

    pub(super) fn lsub(&mut self, list: &List) -> Outcome {
        self.tree()?;
        let Some(tree) = &self.tree else { return done("Completed") };
        let out = &mut self.link.output;
        for named in tree.folders.iter().filter(|named| matches(list, &named.name)) {
            // With `%`, what is above a subscribed folder shows that there is more below.
            let above = || {
                list.patterns.iter().any(|p| p.ends_with('%')) && has_selected_descendant(tree, list, named)
            };
            let attributes = match named.folder.subscribed {
                true => "",
                false if above() => "\\Noselect",
                false => continue,
            };
            out.extend_from_slice(format!("* LSUB ({attributes}) \"/\" ").as_bytes());
            write::mailbox(out, &named.name, self.enabled.utf8);
            out.extend_from_slice(b"\r\n");
        }
        done("Completed")
    }

    pub(super) fn status(&mut self, name: &str, items: &[StatusItem]) -> Outcome {
        let mailbox = self.mailbox()?;
        self.enabled.condstore |= items.contains(&StatusItem::HighestModSeq);
        let limit = self.server.append_max;
        self.tree()?;
        let named = self.tree.as_ref().and_then(|tree| tree.find(name));
        let named = named.ok_or_else(|| no("NONEXISTENT", "No such mailbox"))?;
        write_status(&mut self.link.output, &mailbox, named, items, limit, self.enabled.utf8)?;
        done("Completed")
    }
}

fn matches(list: &List, name: &str) -> bool {
    list.patterns.iter().any(|pattern| {
        // An absolute pattern does not stand on its reference.
        let pattern = match list.reference.as_str() {
            "" => canonical(pattern),
            reference => canonical(&format!("{reference}{pattern}")),
        };
        pattern_matches(&pattern, name, DELIMITER)
    })
}

fn is_selected(list: &List, named: &Named) -> bool {
    (!list.select_subscribed || named.folder.subscribed)
        && (!list.select_special_use || special_use(named.folder.role).is_some())
}

fn has_selected_descendant(tree: &Tree, list: &List, named: &Named) -> bool {
    let below =
        |other: &Named| other.name.strip_prefix(&named.name).is_some_and(|rest| rest.starts_with(DELIMITER));
    named.folder.has_children && tree.folders.iter().any(|other| below(other) && is_selected(list, other))
}

pub(super) fn attributes(list: &List, named: &Named) -> String {
    let mut text = String::from(if named.folder.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    if let Some(special_use) = special_use(named.folder.role) {
        text.push(' ');
        text.push_str(special_use);
    }
    if list.return_subscribed && named.folder.subscribed {
        text.push_str(" \\Subscribed");
    }
    text
}

/// `* LIST (attributes) "/" name`
pub(super) fn write_list(out: &mut Vec<u8>, attributes: &str, name: &str, utf8: bool) {
    out.extend_from_slice(format!("* LIST ({attributes}) \"/\" ").as_bytes());
    write::mailbox(out, name, utf8);
    out.extend_from_slice(b"\r\n");
}

/// `* STATUS name (item value …)`
pub(super) fn write_status(
    out: &mut Vec<u8>,
    mailbox: &Mailbox,
    named: &Named,
    items: &[StatusItem],
    append_max: u32,
    utf8: bool,
) -> Result<(), Fault> {
    let status = mailbox.status(named.folder.id)?;
    out.extend_from_slice(b"* STATUS ");
    write::mailbox(out, &named.name, utf8);
    out.extend_from_slice(b" (");
    for (index, item) in items.iter().enumerate() {
        let name = STATUS_ITEMS.iter().find(|(_, known)| known == item).map_or("", |(name, _)| name);
        let value = match item {
            StatusItem::Messages => status.items.into(),
            StatusItem::Recent => 0,
            StatusItem::UidNext => status.uid_next.into(),
            StatusItem::UidValidity => status.uid_validity.into(),
            StatusItem::Unseen => status.unread.into(),
            StatusItem::Deleted => status.deleted.into(),
            StatusItem::Size => status.size,
            StatusItem::HighestModSeq => status.highest_modseq,
            StatusItem::AppendLimit => append_max.into(),
            StatusItem::DeletedStorage => mailbox.deleted_size(named.folder.id)?,
            StatusItem::MailboxId => 0,
        };
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        if *item == StatusItem::MailboxId {
            out.extend_from_slice(format!("({})", mailbox_id(named.folder.id)).as_bytes());
        } else {
            write::number(out, value);
        }
    }
    out.extend_from_slice(b")\r\n");
    Ok(())
}
