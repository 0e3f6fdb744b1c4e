//! NOTIFY: what happens in folders that are not selected is told as it happens (RFC 5465).

use std::collections::BTreeMap;

use services::mailbox::FolderId;
use tokio::sync::watch;
use wire::imap::{
    Notify, StatusItem,
    notify::{Events, Filter, Group},
};

use super::{
    list::{attributes, write_list, write_status},
    names::{DELIMITER, INBOX, Named, Tree, canonical},
    reply::{Failure, Outcome, done, no},
    session::Session,
};

/// What STATUS tells of a folder that changed: more than any one event asks for.
const FIGURES: [StatusItem; 5] = [
    StatusItem::Messages,
    StatusItem::UidNext,
    StatusItem::UidValidity,
    StatusItem::Unseen,
    StatusItem::HighestModSeq,
];

/// What the client asked to be told of.
#[derive(Default)]
pub(super) struct Watching {
    groups: Vec<Group>,
    /// Wakes with every change in the mailbox.
    watch: Option<watch::Receiver<u64>>,
    /// It has woken.
    woken: bool,
    /// The folders as the client was told of them.
    known: BTreeMap<FolderId, Known>,
}

struct Known {
    name: String,
    subscribed: bool,
    modseq: u64,
}

impl Watching {
    /// Whether anything is watched.
    pub(super) fn is_active(&self) -> bool {
        self.watch.is_some()
    }

    /// Waits until something happens; for ever where nothing is watched.
    pub(super) async fn changed(&mut self) {
        if let Some(watch) = &mut self.watch
            && watch.changed().await.is_ok()
        {
            self.woken = true;
            return;
        }
        std::future::pending().await
    }

    /// What is told of the selected folder, where that was said.
    pub(super) fn selected(&self) -> Option<(&Filter, &Events)> {
        let is_selected = |group: &&Group| matches!(group.filter, Filter::Selected | Filter::SelectedDelayed);
        self.groups.iter().find(is_selected).map(|group| (&group.filter, &group.events))
    }

    /// What is told of another folder: the first group that covers it counts.
    fn events(&self, named: &Named) -> Option<&Events> {
        let group =
            self.groups.iter().find(|group| covers(&group.filter, &named.name, named.folder.subscribed));
        group.map(|group| &group.events)
    }
}

fn covers(filter: &Filter, name: &str, subscribed: bool) -> bool {
    let same = |wanted: &String| canonical(wanted) == name;
    match filter {
        Filter::Selected | Filter::SelectedDelayed => false,
        Filter::Inboxes => name == INBOX,
        Filter::Personal => true,
        Filter::Subscribed => subscribed,
        Filter::Mailboxes(names) => names.iter().any(same),
        Filter::Subtree(names) => names.iter().any(|root| {
            let below = |rest: &str| rest.is_empty() || rest.starts_with(DELIMITER);
            name.strip_prefix(&canonical(root)).is_some_and(below)
        }),
    }
}

impl Session {
    pub(super) async fn notify(&mut self, notify: Notify) -> Outcome {
        self.watching = Watching::default();
        if notify.groups.iter().any(|group| group.events.unknown) {
            let known = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)";
            return Err(no(known, "An event is not supported"));
        }
        if notify.groups.is_empty() {
            return done("Completed");
        }
        // The watch first: what happens after it stands is told afterwards.
        self.watching.watch = Some(self.mailbox()?.watch_all()?);
        self.watching.groups = notify.groups;
        self.enabled.condstore = true;
        self.look_around(!notify.status, true)?;
        done("Completed")
    }

    /// Tells what happened in the folders that are watched.
    pub(super) fn tell_watched(&mut self) -> Result<(), Failure> {
        let Some(watch) = &mut self.watching.watch else { return Ok(()) };
        let woken = std::mem::take(&mut self.watching.woken);
        if !woken && !watch.has_changed().unwrap_or(false) {
            return Ok(());
        }
        watch.mark_unchanged();
        self.look_around(false, false)
    }

    /// Compares the folders with what the client knows of them and tells the difference; `silent`: takes
    /// note only; `first`: of names nothing is told.
    fn look_around(&mut self, silent: bool, first: bool) -> Result<(), Failure> {
        let mailbox = self.mailbox()?;
        let selected = self.view.as_ref().map(|view| view.folder);
        let utf8 = self.enabled.utf8;
        self.tree()?;
        let Some(Tree { folders, .. }) = &self.tree else { return Ok(()) };
        let out = &mut self.link.output;
        let mut before = std::mem::take(&mut self.watching.known);
        let mut after = BTreeMap::new();
        for named in folders {
            let Ok(status) = mailbox.status(named.folder.id) else { continue };
            let modseq = status.highest_modseq;
            let old = before.remove(&named.folder.id);
            if let Some(events) = self.watching.events(named) {
                if !first {
                    tell_name(out, events, old.as_ref(), named, utf8);
                }
                let moved = old.as_ref().is_none_or(|old| old.modseq != modseq);
                let wanted = events.new || events.flags;
                if wanted && moved && !silent && selected != Some(named.folder.id) {
                    write_status(out, &mailbox, named, &FIGURES, self.server.append_max, utf8)?;
                }
            }
            let (name, subscribed) = (named.name.clone(), named.folder.subscribed);
            after.insert(named.folder.id, Known { name, subscribed, modseq });
        }
        for gone in before.into_values() {
            let covering =
                self.watching.groups.iter().find(|group| covers(&group.filter, &gone.name, gone.subscribed));
            if covering.is_some_and(|group| group.events.names) {
                write_list(out, "\\NonExistent", &gone.name, utf8);
            }
        }
        self.watching.known = after;
        Ok(())
    }
}

/// Tells of a folder that is new, has another name or another subscription.
fn tell_name(out: &mut Vec<u8>, events: &Events, old: Option<&Known>, named: &Named, utf8: bool) {
    let renamed = old.filter(|old| old.name != named.name);
    let subscription = old.is_some_and(|old| old.subscribed != named.folder.subscribed);
    let names = events.names && (old.is_none() || renamed.is_some());
    let subscriptions = events.subscriptions && subscription;
    if !(names || subscriptions) {
        return;
    }
    let list = wire::imap::List { return_subscribed: true, ..wire::imap::List::default() };
    write_list(out, &attributes(&list, named), &named.name, utf8);
    if let Some(old) = renamed {
        out.truncate(out.len() - 2);
        out.extend_from_slice(b" (\"OLDNAME\" (");
        wire::imap::write::mailbox(out, &old.name, utf8);
        out.extend_from_slice(b"))\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(covers(&Filter::Subtree(names(&["a"])), "a/b", false));
        assert!(covers(&Filter::Subtree(names(&["inbox"])), "INBOX", false));
        assert!(!covers(&Filter::Subtree(names(&["a"])), "ab", false));
        assert!(!covers(&Filter::Mailboxes(names(&["a"])), "a/b", true));
        assert!(covers(&Filter::Subscribed, "x", true) && !covers(&Filter::Subscribed, "x", false));
        assert!(covers(&Filter::Personal, "x", false) && !covers(&Filter::Selected, "x", true));
    }
}
