//! The commands as one table, and a command read from its bytes.

use base::Timestamp;
use bytes::Bytes;

use crate::{
    imap::{
        fetch::Fetch,
        flags::FlagList,
        folders::{self, List, StatusItem},
        scan::{ParseError, Parsed, Scanner},
        search::Search,
        set::SequenceSet,
    },
    mime::date,
    secret::Secret,
};

/// STORE's arguments after the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// `Some(true)` adds, `Some(false)` removes, `None` replaces.
    pub add: Option<bool>,
    /// The client does not want to hear the outcome.
    pub silent: bool,
    /// The flags.
    pub flags: FlagList,
    /// Leave alone what changed after this modification sequence.
    pub unchanged_since: Option<u64>,
}

/// What a client asks. `uid`: numbers are UIDs, not sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the command of that name, its fields the RFC's arguments")]
pub enum Command {
    Append { mailbox: String, flags: FlagList, date: Option<Timestamp>, message: Bytes },
    Authenticate { mechanism: String, initial: Option<Secret> },
    Capability,
    Check,
    Close,
    Copy { uid: bool, set: SequenceSet, mailbox: String },
    Create { mailbox: String, special_use: bool },
    Delete(String),
    Enable(Vec<String>),
    Expunge(Option<SequenceSet>),
    Fetch { uid: bool, set: SequenceSet, fetch: Fetch },
    Id(Vec<(String, String)>),
    Idle,
    List(List),
    Login { user: String, password: Secret },
    Logout,
    Lsub(List),
    Move { uid: bool, set: SequenceSet, mailbox: String },
    Namespace,
    Noop,
    Rename { from: String, to: String },
    Search { uid: bool, search: Search },
    Select { mailbox: String, read_only: bool, condstore: bool },
    StartTls,
    Status { mailbox: String, items: Vec<StatusItem> },
    Store { uid: bool, set: SequenceSet, store: Store },
    Subscribe(String, bool),
    Unselect,
}

/// When a command may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At any time.
    Any,
    /// Before the client has authenticated.
    NotAuthenticated,
    /// After.
    Authenticated,
    /// While a folder is selected.
    Selected,
}

/// One row of the command table.
#[derive(Debug)]
pub struct Spec {
    /// The name, upper case; `UID x` where the command has a UID form.
    pub name: &'static str,
    /// When it may be given.
    pub phase: Phase,
    /// Reads what follows the name.
    parse: fn(&mut Scanner<'_>) -> Parsed<Command>,
}

const fn spec(name: &'static str, phase: Phase, parse: fn(&mut Scanner<'_>) -> Parsed<Command>) -> Spec {
    Spec { name, phase, parse }
}

use Phase::{Any, Authenticated, NotAuthenticated, Selected};

/// Every command, by name.
pub static COMMANDS: [Spec; 36] = [
    spec("APPEND", Authenticated, append),
    spec("AUTHENTICATE", NotAuthenticated, authenticate),
    spec("CAPABILITY", Any, |s| bare(s, Command::Capability)),
    spec("CHECK", Selected, |s| bare(s, Command::Check)),
    spec("CLOSE", Selected, |s| bare(s, Command::Close)),
    spec("COPY", Selected, |s| set_and_mailbox(s, |set, mailbox| Command::Copy { uid: false, set, mailbox })),
    spec("CREATE", Authenticated, create),
    spec("DELETE", Authenticated, |s| one_mailbox(s, Command::Delete)),
    spec("ENABLE", Authenticated, enable),
    spec("EXAMINE", Authenticated, |s| select(s, true)),
    spec("EXPUNGE", Selected, |s| bare(s, Command::Expunge(None))),
    spec("FETCH", Selected, |s| fetch(s, false)),
    spec("ID", Any, id),
    spec("IDLE", Authenticated, |s| bare(s, Command::Idle)),
    spec("LIST", Authenticated, |s| args(s, List::parse).map(Command::List)),
    spec("LOGIN", NotAuthenticated, login),
    spec("LOGOUT", Any, |s| bare(s, Command::Logout)),
    spec("LSUB", Authenticated, |s| args(s, List::parse_lsub).map(Command::Lsub)),
    spec("MOVE", Selected, |s| set_and_mailbox(s, |set, mailbox| Command::Move { uid: false, set, mailbox })),
    spec("NAMESPACE", Authenticated, |s| bare(s, Command::Namespace)),
    spec("NOOP", Any, |s| bare(s, Command::Noop)),
    spec("RENAME", Authenticated, rename),
    spec("SEARCH", Selected, |s| args(s, Search::parse).map(|search| Command::Search { uid: false, search })),
    spec("SELECT", Authenticated, |s| select(s, false)),
    spec("STARTTLS", NotAuthenticated, |s| bare(s, Command::StartTls)),
    spec("STATUS", Authenticated, status),
    spec("STORE", Selected, |s| store(s, false)),
    spec("SUBSCRIBE", Authenticated, |s| one_mailbox(s, |mailbox| Command::Subscribe(mailbox, true))),
    spec("UID COPY", Selected, |s| {
        set_and_mailbox(s, |set, mailbox| Command::Copy { uid: true, set, mailbox })
    }),
    spec("UID EXPUNGE", Selected, |s| args(s, whole_set).map(|set| Command::Expunge(Some(set)))),
    spec("UID FETCH", Selected, |s| fetch(s, true)),
    spec("UID MOVE", Selected, |s| {
        set_and_mailbox(s, |set, mailbox| Command::Move { uid: true, set, mailbox })
    }),
    spec("UID SEARCH", Selected, |s| {
        args(s, Search::parse).map(|search| Command::Search { uid: true, search })
    }),
    spec("UID STORE", Selected, |s| store(s, true)),
    spec("UNSELECT", Selected, |s| bare(s, Command::Unselect)),
    spec("UNSUBSCRIBE", Authenticated, |s| one_mailbox(s, |mailbox| Command::Subscribe(mailbox, false))),
];

/// A command with its tag.
#[derive(Debug)]
pub struct Request {
    /// The client's name for it.
    pub tag: String,
    /// Its row in the table, where the name is known.
    pub spec: Option<&'static Spec>,
    /// The command, or why it is `BAD`.
    pub command: Parsed<Command>,
}

impl Request {
    /// Reads a whole command, its last line end cut off. `Err` where not even a tag could be read.
    pub fn parse(bytes: &Bytes) -> Parsed<Self> {
        let mut s = Scanner::new(bytes);
        let tag = s.tag().and_then(|tag| s.space().map(|()| tag.to_owned()));
        let tag = tag.map_err(|_| ParseError("A command starts with a tag and a name"))?;
        let (spec, command) = match find(&mut s) {
            Ok(spec) => (Some(spec), (spec.parse)(&mut s)),
            Err(error) => (None, Err(error)),
        };
        Ok(Request { tag, spec, command })
    }

    /// Whether the first line of a command asks for APPEND, whose literal may be a whole message.
    pub fn is_append(line: &[u8]) -> bool {
        let mut words = line.split(|b| *b == b' ');
        words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(b"APPEND"))
    }
}

fn find(s: &mut Scanner<'_>) -> Parsed<&'static Spec> {
    let mut name = s.word()?.to_ascii_uppercase();
    if name == "UID" {
        s.space()?;
        name.push(' ');
        name.push_str(&s.word()?.to_ascii_uppercase());
    }
    COMMANDS
        .binary_search_by(|spec| spec.name.cmp(&name))
        .map(|at| &COMMANDS[at])
        .map_err(|_| ParseError("Unknown command"))
}

fn bare(s: &mut Scanner<'_>, command: Command) -> Parsed<Command> {
    s.end().map(|()| command)
}

fn args<'a, T>(s: &mut Scanner<'a>, parse: impl FnOnce(&mut Scanner<'a>) -> Parsed<T>) -> Parsed<T> {
    s.space()?;
    parse(s)
}

fn one_mailbox(s: &mut Scanner<'_>, command: fn(String) -> Command) -> Parsed<Command> {
    s.space()?;
    let mailbox = s.mailbox()?;
    bare(s, command(mailbox))
}

fn whole_set(s: &mut Scanner<'_>) -> Parsed<SequenceSet> {
    let set = SequenceSet::parse(s)?;
    s.end().map(|()| set)
}

fn set_and_mailbox(s: &mut Scanner<'_>, command: fn(SequenceSet, String) -> Command) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?;
    let mailbox = args(s, Scanner::mailbox)?;
    bare(s, command(set, mailbox))
}

fn append(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    s.space()?;
    let mut flags = FlagList::default();
    if s.peek() == Some(b'(') {
        flags = FlagList::parse(s)?;
        s.space()?;
    }
    let mut date = None;
    if s.peek() == Some(b'"') {
        let text = s.string()?;
        let read = std::str::from_utf8(&text).ok().and_then(date::parse_imap_date_time);
        date = Some(read.ok_or(ParseError("Invalid date-time"))?);
        s.space()?;
    }
    let message = s.literal()?;
    bare(s, Command::Append { mailbox, flags, date, message })
}

fn authenticate(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mechanism = args(s, Scanner::atom)?.to_ascii_uppercase();
    let initial = if s.take(b' ') { Some(Secret(s.text_string()?)) } else { None };
    bare(s, Command::Authenticate { mechanism, initial })
}

fn login(s: &mut Scanner<'_>) -> Parsed<Command> {
    let user = args(s, Scanner::text_string)?;
    let password = Secret(args(s, Scanner::text_string)?);
    bare(s, Command::Login { user, password })
}

fn create(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let special_use = s.take_word(" (USE ");
    if special_use {
        s.list(8, true, |s| s.expect(b'\\').and_then(|()| s.atom().map(|_| ())))?;
        s.expect(b')')?;
    }
    bare(s, Command::Create { mailbox, special_use })
}

fn enable(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mut names = Vec::new();
    while s.take(b' ') && names.len() < 32 {
        names.push(s.atom()?.to_ascii_uppercase());
    }
    if names.is_empty() { Err(ParseError("Missing argument")) } else { bare(s, Command::Enable(names)) }
}

fn select(s: &mut Scanner<'_>, read_only: bool) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let mut condstore = false;
    if s.take(b' ') {
        s.list(8, false, |s| match s.word()?.to_ascii_uppercase().as_str() {
            "CONDSTORE" => {
                condstore = true;
                Ok(())
            }
            _ => Err(ParseError("Unknown SELECT parameter")),
        })?;
    }
    bare(s, Command::Select { mailbox, read_only, condstore })
}

fn fetch(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
    let set = args(s, SequenceSet::parse)?;
    let mut fetch = args(s, Fetch::parse)?;
    if uid && !fetch.items.contains(&crate::imap::FetchItem::Uid) {
        fetch.items.insert(0, crate::imap::FetchItem::Uid);
    }
    Ok(Command::Fetch { uid, set, fetch })
}

fn id(s: &mut Scanner<'_>) -> Parsed<Command> {
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

fn rename(s: &mut Scanner<'_>) -> Parsed<Command> {
    let from = args(s, Scanner::mailbox)?;
    let to = args(s, Scanner::mailbox)?;
    bare(s, Command::Rename { from, to })
}

fn status(s: &mut Scanner<'_>) -> Parsed<Command> {
    let mailbox = args(s, Scanner::mailbox)?;
    let items = args(s, folders::status_items)?;
    bare(s, Command::Status { mailbox, items })
}

fn store(s: &mut Scanner<'_>, uid: bool) -> Parsed<Command> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Request {
        Request::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn commands() {
        for (text, expected) in [
            ("a noop", "Noop"),
            ("a LOGIN joe {3}\r\np w", "Login { user: \"joe\", password: *** }"),
            ("a AUTHENTICATE plain =", "Authenticate { mechanism: \"PLAIN\", initial: Some(***) }"),
            (
                "a select inbox (CONDSTORE)",
                "Select { mailbox: \"inbox\", read_only: false, condstore: true }",
            ),
            ("a CREATE x (USE (\\Sent))", "Create { mailbox: \"x\", special_use: true }"),
            ("a ID (\"Name\" \"x\" \"v\" NIL)", "Id([(\"name\", \"x\"), (\"v\", \"\")])"),
            ("a ID NIL", "Id([])"),
            ("a RENAME a \"b c\"", "Rename { from: \"a\", to: \"b c\" }"),
            ("a STATUS x (UIDNEXT)", "Status { mailbox: \"x\", items: [UidNext] }"),
            ("a ENABLE condstore x", "Enable([\"CONDSTORE\", \"X\"])"),
            ("a UNSELECT", "Unselect"),
            ("a UNSUBSCRIBE x", "Subscribe(\"x\", false)"),
        ] {
            assert_eq!(format!("{:?}", parse(text).command.unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn append_and_store() {
        let Ok(Command::Append { mailbox, flags, date, message }) =
            parse("a APPEND x (\\Seen k) \" 1-Jan-1970 00:00:01 +0000\" {3}\r\na\r\n").command
        else {
            panic!("no APPEND")
        };
        assert_eq!((mailbox.as_str(), flags.system, &message[..]), ("x", 1, &b"a\r\n"[..]));
        assert_eq!(date, Some(Timestamp::from_secs(1)));
        let Ok(Command::Store { uid: true, store, .. }) =
            parse("a UID STORE 1:* (UNCHANGEDSINCE 5) -FLAGS.SILENT \\Seen").command
        else {
            panic!("no STORE")
        };
        assert_eq!((store.add, store.silent, store.unchanged_since), (Some(false), true, Some(5)));
    }

    #[test]
    fn bad_commands_keep_their_tag() {
        for text in ["a", " a NOOP", "", "+ NOOP", "a\0 NOOP"] {
            assert!(Request::parse(&Bytes::copy_from_slice(text.as_bytes())).is_err(), "{text}");
        }
        for text in [
            "a XYZZY",
            "a UID",
            "a UID NOOP",
            "a NOOP x",
            "a SELECT",
            "a LOGIN a",
            "a APPEND x y",
            "a  NOOP",
            "a FETCH 1",
        ] {
            let request = parse(text);
            assert!(request.command.is_err() && request.tag == "a", "{text}");
        }
        assert!(Request::is_append(b"a append x {1}") && !Request::is_append(b"append x {1}"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(name in 0..COMMANDS.len(), rest in "[a1:*(){}\\[\\]<>\"\\\\ .\r\nA-Z+,]{0,40}") {
            let text = format!("a {} {rest}", COMMANDS[name].name);
            Request::parse(&text.into_bytes().into()).ok();
        }
        #[test]
        fn never_panics_on_bytes(bytes: Vec<u8>) {
            Request::parse(&bytes.into()).ok();
        }
    }
}
