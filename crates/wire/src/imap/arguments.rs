//! What follows the name of each command.

use crate::{
    imap::{
        append::Appended,
        command::{Command, Qresync, Store},
        fetch::{Fetch, FetchItem},
        flags::FlagList,
        folders,
        metadata::Entry,
        notify::Notify,
        scan::{ParseError, Parsed, Scanner},
        search::Search,
        set::SequenceSet,
    },
    secret::Secret,
};

/// Entries one metadata command may name.
const ENTRIES_MAX: usize = 256;

pub(super) fn bare(s: &mut Scanner<'_>, command: Command) -> Parsed<Command> {
    s.end().map(|()| command)
}

pub(super) fn args<'a, T>(
    s: &mut Scanner<'a>,
    parse: impl FnOnce(&mut Scanner<'a>) -> Parsed<T>,
) -> Parsed<T> {
    s.space()?;
    parse(s)
}

pub(super) fn one_mailbox(s: &mut Scanner<'_>, command: fn(String) -> Command) -> Parsed<Command> {
    s.space()?;
    let mailbox = s.mailbox()?;
    bare(s, command(mailbox))
}

pub(super) fn whole_set(s: &mut Scanner<'_>) -> Parsed<SequenceSet> {
    let set = SequenceSet::parse(s)?;
    s.end().map(|()| set)
}

pub(super) fn set_and_mailbox(
    s: &mut Scanner<'_>,
    command: fn(SequenceSet, String) -> Command,
) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?;
    let mailbox = args(s, Scanner::mailbox)?;
    bare(s, command(set, mailbox))
}

pub(super) fn authenticate(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mechanism = args(s, Scanner::atom)?.to_ascii_uppercase();
    let initial = if s.take(b' ') { Some(Secret(s.text_string()?)) } else { None };
    bare(s, Command::Authenticate { mechanism, initial })
}

pub(super) fn login(s: &mut Scanner<'_>) -> Parsed<Command> {
    let user = args(s, Scanner::text_string)?;
    let password = Secret(args(s, Scanner::text_string)?);
    bare(s, Command::Login { user, password })
}

pub(super) fn create(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let special_use = s.take_word(" (USE ");
    if special_use {
        s.list(8, true, |s| s.expect(b'\\').and_then(|()| s.atom().map(|_| ())))?;
        s.expect(b')')?;
    }
    bare(s, Command::Create { mailbox, special_use })
}

pub(super) fn enable(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mut names = Vec::new();
    while s.take(b' ') && names.len() < 32 {
        names.push(s.atom()?.to_ascii_uppercase());
    }
    if names.is_empty() { Err(ParseError("Missing argument")) } else { bare(s, Command::Enable(names)) }
}

pub(super) fn fetch(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?;
    let mut fetch = args(s, Fetch::parse)?;
    if uid && !fetch.items.contains(&FetchItem::Uid) {
        fetch.items.insert(0, FetchItem::Uid);
    }
    Ok(Command::Fetch { uid, set, fetch })
}

pub(super) fn id(s: &mut Scanner<'_>) -> Parsed<Command> {
    s.space()?;
    let mut pairs = Vec::new();
    if !s.take_word("NIL") {
        pairs = s.list(30, true, |s| {
            let name = String::from_utf8_lossy(&s.string()?).into_owned();
            s.space()?;
            let value = s.nstring()?.unwrap_or_default();
            Ok((name.to_ascii_lowercase(), String::from_utf8_lossy(&value).chars().take(128).collect()))
        })?;
    }
    bare(s, Command::Id(pairs))
}

pub(super) fn rename(s: &mut Scanner<'_>) -> Parsed<Command> {
    let from = args(s, Scanner::mailbox)?;
    let to = args(s, Scanner::mailbox)?;
    bare(s, Command::Rename { from, to })
}

pub(super) fn status(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let items = args(s, folders::status_items)?;
    bare(s, Command::Status { mailbox, items })
}

pub(super) fn store(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?;
    s.space()?;
    let mut unchanged_since = None;
    if s.take_word("(UNCHANGEDSINCE ") {
        unchanged_since = Some(s.number64()?);
        s.expect(b')')?;
        s.space()?;
    }
    let add = if s.take(b'+') { Some(true) } else { s.take(b'-').then_some(false) };
    if !s.take_word("FLAGS") {
        return Err(ParseError("Unknown STORE item"));
    }
    let silent = s.take_word(".SILENT");
    let flags = args(s, FlagList::parse_bare)?;
    bare(s, Command::Store { uid, set, store: Store { add, silent, flags, unchanged_since } })
}

pub(super) fn append(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let messages = Appended::parse_all(s)?;
    Ok(Command::Append { mailbox, messages })
}

pub(super) fn replace(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?.single()?;
    let mailbox = args(s, Scanner::mailbox)?;
    let message = args(s, Appended::parse)?;
    bare(s, Command::Replace { uid, set, mailbox, message })
}

pub(super) fn select(s: &mut Scanner<'_>, read_only: bool) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let (mut condstore, mut qresync) = (false, None);
    if s.take(b' ') {
        s.list(8, false, |s| {
            match s.word()?.to_ascii_uppercase().as_str() {
                "CONDSTORE" => condstore = true,
                "QRESYNC" => qresync = Some(args(s, known_state)?),
                _ => return Err(ParseError("Unknown SELECT parameter")),
            }
            Ok(())
        })?;
    }
    bare(s, Command::Select { mailbox, read_only, condstore, qresync })
}

/// `(uidvalidity modseq [known-uids] [(known-sequence-set known-uid-set)])` (RFC 7162 section 3.2.5).
fn known_state(s: &mut Scanner<'_>) -> Parsed<Qresync> {
    s.expect(b'(')?;
    let uid_validity = s.number()?;
    s.space()?;
    let modseq = s.number64()?;
    let mut known = Qresync { uid_validity, modseq, uids: None };
    if s.take(b' ') && s.peek() != Some(b'(') {
        known.uids = Some(SequenceSet::parse(s)?.fixed()?);
        s.take(b' ');
    }
    if s.take(b'(') {
        // Only of use to a server that forgets what was expunged.
        SequenceSet::parse(s)?.fixed()?;
        s.space()?;
        SequenceSet::parse(s)?.fixed()?;
        s.expect(b')')?;
    }
    s.expect(b')').map(|()| known)
}

pub(super) fn sort(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let (order, search) = args(s, Search::parse_sort)?;
    Ok(Command::Sort { uid, order, search })
}

pub(super) fn thread(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let (threading, search) = args(s, Search::parse_thread)?;
    Ok(Command::Thread { uid, threading, search })
}

pub(super) fn compress(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mechanism = args(s, Scanner::atom)?.to_ascii_uppercase();
    bare(s, Command::Compress(mechanism))
}

/// A mailbox, and as many more strings as the command has.
pub(super) fn mailbox_and<const N: usize>(
    s: &mut Scanner<'_>,
    command: fn(String, [String; N]) -> Command,
) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let mut rest = [const { String::new() }; N];
    for text in &mut rest {
        *text = args(s, Scanner::text_string)?;
    }
    bare(s, command(mailbox, rest))
}

pub(super) fn get_quota(s: &mut Scanner<'_>) -> Parsed<Command> {
    let root = args(s, Scanner::text_string)?;
    bare(s, Command::GetQuota(root))
}

/// Options stand before the mailbox, or, as some clients and the RFC's own examples have it, after it.
pub(super) fn get_metadata(s: &mut Scanner<'_>) -> Parsed<Command> {
    s.space()?;
    let (mut depth, mut max_size) = (0, None);
    let mut options = |s: &mut Scanner<'_>| {
        s.list(2, false, |s| {
            match s.word()?.to_ascii_uppercase().as_str() {
                "MAXSIZE" => max_size = Some(args(s, Scanner::number)?),
                "DEPTH" if s.take_word(" infinity") => depth = usize::MAX,
                "DEPTH" => depth = args(s, Scanner::number)?.min(1) as usize,
                _ => return Err(ParseError("Unknown METADATA option")),
            }
            Ok(())
        })
    };
    if s.peek() == Some(b'(') {
        options(s)?;
        s.space()?;
    }
    let mailbox = s.mailbox()?;
    s.space()?;
    if s.starts_with("(MAXSIZE") || s.starts_with("(DEPTH") {
        options(s)?;
        s.space()?;
    }
    let entries = if s.peek() == Some(b'(') {
        s.list(ENTRIES_MAX, false, Entry::parse_name)?
    } else {
        vec![Entry::parse_name(s)?]
    };
    bare(s, Command::GetMetadata { mailbox, entries, depth, max_size })
}

pub(super) fn set_metadata(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    s.space()?;
    let entries = s.list(ENTRIES_MAX, false, Entry::parse)?;
    bare(s, Command::SetMetadata { mailbox, entries })
}

pub(super) fn notify(s: &mut Scanner<'_>) -> Parsed<Command> {
    let notify = args(s, Notify::parse)?;
    bare(s, Command::Notify(notify))
}

/// The tags of searches that are no longer followed.
pub(super) fn cancel_update(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mut tags = Vec::new();
    while s.take(b' ') && tags.len() < 64 {
        tags.push(String::from_utf8_lossy(&s.string()?).into_owned());
    }
    if tags.is_empty() { Err(ParseError("Missing argument")) } else { bare(s, Command::CancelUpdate(tags)) }
}
