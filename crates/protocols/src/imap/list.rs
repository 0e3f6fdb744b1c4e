//! What folders there are and how they stand: LIST, LSUB, STATUS.

use services::{Mailbox, mailbox::FolderId};
use wire::imap::{
    List, StatusItem,
    folders::{STATUS_ITEMS, pattern_matches},
    write,
};

use super::{
    names::{DELIMITER, Named, Tree, canonical, special_use},
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
            out.extend_from_slice(b"* LIST (");
            out.extend_from_slice(attributes(list, named).as_bytes());
            out.extend_from_slice(b") \"/\" ");
            write::mailbox(out, &named.name);
            if child_info {
                out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
            }
            out.extend_from_slice(b"\r\n");
            if !list.return_status.is_empty() {
                let limit = self.server.append_max;
                write_status(out, &mailbox, named, &list.return_status, limit)?;
            }
        }
        self.condstore |= list.return_status.contains(&StatusItem::HighestModSeq);
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
            write::mailbox(out, &named.name);
            out.extend_from_slice(b"\r\n");
        }
        done("Completed")
    }

    pub(super) fn status(&mut self, name: &str, items: &[StatusItem]) -> Outcome {
        let mailbox = self.mailbox()?;
        self.condstore |= items.contains(&StatusItem::HighestModSeq);
        let limit = self.server.append_max;
        self.tree()?;
        let named = self.tree.as_ref().and_then(|tree| tree.find(name));
        let named = named.ok_or_else(|| no("NONEXISTENT", "No such mailbox"))?;
        write_status(&mut self.link.output, &mailbox, named, items, limit)?;
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

fn attributes(list: &List, named: &Named) -> String {
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

/// `* STATUS name (item value …)`
fn write_status(
    out: &mut Vec<u8>,
    mailbox: &Mailbox,
    named: &Named,
    items: &[StatusItem],
    append_max: u32,
) -> Result<(), Failure> {
    let status = mailbox.status(named.folder.id)?;
    out.extend_from_slice(b"* STATUS ");
    write::mailbox(out, &named.name);
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
        };
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        write::number(out, value);
    }
    out.extend_from_slice(b")\r\n");
    Ok(())
}
