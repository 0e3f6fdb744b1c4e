//! The commands as one table, and a command read from its bytes.

use bytes::Bytes;

use crate::{
    imap::{
        append::Appended,
        arguments::{self as a, args, bare, one_mailbox, set_and_mailbox},
        fetch::Fetch,
        flags::FlagList,
        folders::{List, StatusItem},
        metadata::Entry,
        notify::Notify,
        scan::{ParseError, Parsed, Scanner},
        search::{Key, Search, SortKey, Threading},
        set::{Ranges, SequenceSet},
    },
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

/// What a client that was here before knows of a folder (RFC 7162 section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qresync {
    /// The UIDVALIDITY it saw.
    pub uid_validity: u32,
    /// The modification sequence it was brought up to.
    pub modseq: u64,
    /// The UIDs it holds, where it says so.
    pub uids: Option<Ranges>,
}

/// What a client asks. `uid`: numbers are UIDs, not sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the command of that name, its fields the RFC's arguments")]
pub enum Command {
    Append { mailbox: String, messages: Vec<Appended> },
    Authenticate { mechanism: String, initial: Option<Secret> },
    CancelUpdate(Vec<String>),
    Capability,
    Check,
    Close,
    Compress(String),
    Copy { uid: bool, set: SequenceSet, mailbox: String },
    Create { mailbox: String, special_use: bool },
    Delete(String),
    DeleteAcl { mailbox: String, identifier: String },
    Enable(Vec<String>),
    Expunge(Option<SequenceSet>),
    Fetch { uid: bool, set: SequenceSet, fetch: Fetch },
    GetAcl(String),
    GetMetadata { mailbox: String, entries: Vec<String>, depth: usize, max_size: Option<u32> },
    GetQuota(String),
    GetQuotaRoot(String),
    Id(Vec<(String, String)>),
    Idle,
    List(List),
    ListRights { mailbox: String, identifier: String },
    Login { user: String, password: Secret },
    Logout,
    Lsub(List),
    Move { uid: bool, set: SequenceSet, mailbox: String },
    MyRights(String),
    Namespace,
    Noop,
    Notify(Notify),
    Rename { from: String, to: String },
    Replace { uid: bool, set: SequenceSet, mailbox: String, message: Appended },
    Search { uid: bool, search: Search },
    Select { mailbox: String, read_only: bool, condstore: bool, qresync: Option<Qresync> },
    SetAcl { mailbox: String, identifier: String, rights: String },
    SetMetadata { mailbox: String, entries: Vec<Entry> },
    Sort { uid: bool, order: Vec<(SortKey, bool)>, search: Search },
    StartTls,
    Status { mailbox: String, items: Vec<StatusItem> },
    Store { uid: bool, set: SequenceSet, store: Store },
    Subscribe(String, bool),
    Thread { uid: bool, threading: Threading, search: Search },
    Unselect,
}

impl Command {
    /// Whether messages are meant, or answered, by sequence number (RFC 9586 section 3 forbids that).
    pub fn uses_sequence_numbers(&self) -> bool {
        let by_number =
            |search: &Search| search.key.any(&|key| matches!(key, Key::Set(set) if !set.is_saved()));
        match self {
            Command::Copy { uid, .. }
            | Command::Fetch { uid, .. }
            | Command::Move { uid, .. }
            | Command::Replace { uid, .. }
            | Command::Store { uid, .. } => !uid,
            Command::Search { uid, search }
            | Command::Sort { uid, search, .. }
            | Command::Thread { uid, search, .. } => !uid || by_number(search),
            _ => false,
        }
    }

    /// Whether no message may lose its number while the command is answered (RFC 3501 section 7.4.1).
    pub fn holds_numbers(&self) -> bool {
        match self {
            Command::Fetch { uid, .. }
            | Command::Store { uid, .. }
            | Command::Search { uid, .. }
            | Command::Sort { uid, .. }
            | Command::Thread { uid, .. } => !uid,
            _ => false,
        }
    }
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
pub static COMMANDS: [Spec; 54] = [
    spec("APPEND", Authenticated, a::append),
    spec("AUTHENTICATE", NotAuthenticated, a::authenticate),
    spec("CANCELUPDATE", Authenticated, a::cancel_update),
    spec("CAPABILITY", Any, |s| bare(s, Command::Capability)),
    spec("CHECK", Selected, |s| bare(s, Command::Check)),
    spec("CLOSE", Selected, |s| bare(s, Command::Close)),
    spec("COMPRESS", Authenticated, a::compress),
    spec("COPY", Selected, |s| set_and_mailbox(s, |set, mailbox| Command::Copy { uid: false, set, mailbox })),
    spec("CREATE", Authenticated, a::create),
    spec("DELETE", Authenticated, |s| one_mailbox(s, Command::Delete)),
    spec("DELETEACL", Authenticated, |s| {
        a::mailbox_and(s, |mailbox, [identifier]| Command::DeleteAcl { mailbox, identifier })
    }),
    spec("ENABLE", Authenticated, a::enable),
    spec("EXAMINE", Authenticated, |s| a::select(s, true)),
    spec("EXPUNGE", Selected, |s| bare(s, Command::Expunge(None))),
    spec("FETCH", Selected, |s| a::fetch(s, false)),
    spec("GETACL", Authenticated, |s| one_mailbox(s, Command::GetAcl)),
    spec("GETMETADATA", Authenticated, a::get_metadata),
    spec("GETQUOTA", Authenticated, a::get_quota),
    spec("GETQUOTAROOT", Authenticated, |s| one_mailbox(s, Command::GetQuotaRoot)),
    spec("ID", Any, a::id),
    spec("IDLE", Authenticated, |s| bare(s, Command::Idle)),
    spec("LIST", Authenticated, |s| args(s, List::parse).map(Command::List)),
    spec("LISTRIGHTS", Authenticated, |s| {
        a::mailbox_and(s, |mailbox, [identifier]| Command::ListRights { mailbox, identifier })
    }),
    spec("LOGIN", NotAuthenticated, a::login),
    spec("LOGOUT", Any, |s| bare(s, Command::Logout)),
    spec("LSUB", Authenticated, |s| args(s, List::parse_lsub).map(Command::Lsub)),
    spec("MOVE", Selected, |s| set_and_mailbox(s, |set, mailbox| Command::Move { uid: false, set, mailbox })),
    spec("MYRIGHTS", Authenticated, |s| one_mailbox(s, Command::MyRights)),
    spec("NAMESPACE", Authenticated, |s| bare(s, Command::Namespace)),
    spec("NOOP", Any, |s| bare(s, Command::Noop)),
    spec("NOTIFY", Authenticated, a::notify),
    spec("RENAME", Authenticated, a::rename),
    spec("REPLACE", Selected, |s| a::replace(s, false)),
    spec("SEARCH", Selected, |s| args(s, Search::parse).map(|search| Command::Search { uid: false, search })),
    spec("SELECT", Authenticated, |s| a::select(s, false)),
    spec("SETACL", Authenticated, |s| {
        a::mailbox_and(s, |mailbox, [identifier, rights]| Command::SetAcl { mailbox, identifier, rights })
    }),
    spec("SETMETADATA", Authenticated, a::set_metadata),
    spec("SORT", Selected, |s| a::sort(s, false)),
    spec("STARTTLS", NotAuthenticated, |s| bare(s, Command::StartTls)),
    spec("STATUS", Authenticated, a::status),
    spec("STORE", Selected, |s| a::store(s, false)),
    spec("SUBSCRIBE", Authenticated, |s| one_mailbox(s, |mailbox| Command::Subscribe(mailbox, true))),
    spec("THREAD", Selected, |s| a::thread(s, false)),
    spec("UID COPY", Selected, |s| {
        set_and_mailbox(s, |set, mailbox| Command::Copy { uid: true, set, mailbox })
    }),
    spec("UID EXPUNGE", Selected, |s| args(s, a::whole_set).map(|set| Command::Expunge(Some(set)))),
    spec("UID FETCH", Selected, |s| a::fetch(s, true)),
    spec("UID MOVE", Selected, |s| {
        set_and_mailbox(s, |set, mailbox| Command::Move { uid: true, set, mailbox })
    }),
    spec("UID REPLACE", Selected, |s| a::replace(s, true)),
    spec("UID SEARCH", Selected, |s| {
        args(s, Search::parse).map(|search| Command::Search { uid: true, search })
    }),
    spec("UID SORT", Selected, |s| a::sort(s, true)),
    spec("UID STORE", Selected, |s| a::store(s, true)),
    spec("UID THREAD", Selected, |s| a::thread(s, true)),
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
    /// Reads a whole command, its last line end cut off; `utf8`: mailbox names are UTF-8. `Err` where not
    /// even a tag could be read.
    pub fn parse(bytes: &Bytes, utf8: bool) -> Parsed<Self> {
        let mut s = Scanner::with_names(bytes, utf8);
        let tag = s.tag().and_then(|tag| s.space().map(|()| tag.to_owned()));
        let tag = tag.map_err(|_| ParseError("A command starts with a tag and a name"))?;
        let (spec, command) = match find(&mut s) {
            Ok(spec) => (Some(spec), (spec.parse)(&mut s)),
            Err(error) => (None, Err(error)),
        };
        Ok(Request { tag, spec, command })
    }

    /// Whether the first line of a command brings messages: APPEND, REPLACE, whose literals may be large.
    pub fn brings_messages(line: &[u8]) -> bool {
        let mut words = line.split(|b| *b == b' ').skip(1);
        let mut name = words.next().unwrap_or_default();
        if name.eq_ignore_ascii_case(b"UID") {
            name = words.next().unwrap_or_default();
        }
        name.eq_ignore_ascii_case(b"APPEND") || name.eq_ignore_ascii_case(b"REPLACE")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Request {
        Request::parse(&Bytes::copy_from_slice(text.as_bytes()), false).unwrap()
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
                "Select { mailbox: \"inbox\", read_only: false, condstore: true, qresync: None }",
            ),
            ("a CREATE x (USE (\\Sent))", "Create { mailbox: \"x\", special_use: true }"),
            ("a ID (\"Name\" \"x\" \"v\" NIL)", "Id([(\"name\", \"x\"), (\"v\", \"\")])"),
            ("a ID NIL", "Id([])"),
            ("a RENAME a \"b c\"", "Rename { from: \"a\", to: \"b c\" }"),
            ("a STATUS x (UIDNEXT)", "Status { mailbox: \"x\", items: [UidNext] }"),
            ("a ENABLE condstore x", "Enable([\"CONDSTORE\", \"X\"])"),
            (
                "a SELECT x (QRESYNC (7 9 1:3 (1 2)))",
                "Select { mailbox: \"x\", read_only: false, condstore: false, qresync: Some(Qresync { \
                 uid_validity: 7, modseq: 9, uids: Some([1..=3]) }) }",
            ),
            ("a COMPRESS deflate", "Compress(\"DEFLATE\")"),
            ("a LISTRIGHTS x joe", "ListRights { mailbox: \"x\", identifier: \"joe\" }"),
            (
                "a GETMETADATA (DEPTH 1) x /private/comment",
                "GetMetadata { mailbox: \"x\", entries: [\"/private/comment\"], depth: 1, max_size: None }",
            ),
            (
                "a GETMETADATA x (MAXSIZE 9) (/shared/a)",
                "GetMetadata { mailbox: \"x\", entries: [\"/shared/a\"], depth: 0, max_size: Some(9) }",
            ),
            ("a CANCELUPDATE \"b\" \"c\"", "CancelUpdate([\"b\", \"c\"])"),
            ("a UNSELECT", "Unselect"),
            ("a UNSUBSCRIBE x", "Subscribe(\"x\", false)"),
        ] {
            assert_eq!(format!("{:?}", parse(text).command.unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn append_and_store() {
        let Ok(Command::Append { mailbox, messages }) =
            parse("a APPEND x (\\Seen k) \" 1-Jan-1970 00:00:01 +0000\" {3}\r\na\r\n").command
        else {
            panic!("no APPEND")
        };
        assert_eq!((mailbox.as_str(), messages[0].flags.system, messages.len()), ("x", 1, 1));
        assert!(matches!(
            parse("a UID REPLACE 4 x {1}\r\na").command,
            Ok(Command::Replace { uid: true, .. })
        ));
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
            assert!(Request::parse(&Bytes::copy_from_slice(text.as_bytes()), false).is_err(), "{text}");
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
            "a SELECT x (QRESYNC (7 9 *))",
            "a REPLACE 1:2 x {1}\r\na",
            "a GETMETADATA x comment",
            "a COMPRESS",
        ] {
            let request = parse(text);
            assert!(request.command.is_err() && request.tag == "a", "{text}");
        }
        assert!(Request::brings_messages(b"a append x {1}") && !Request::brings_messages(b"append x {1}"));
        assert!(
            Request::brings_messages(b"a uid replace 1 x {1}") && !Request::brings_messages(b"a uid x {1}")
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(name in 0..COMMANDS.len(), rest in "[a1:*(){}\\[\\]<>\"\\\\ .\r\nA-Z+,]{0,40}") {
            let text = format!("a {} {rest}", COMMANDS[name].name);
            Request::parse(&text.into_bytes().into(), name % 2 == 0).ok();
        }
        #[test]
        fn never_panics_on_bytes(bytes: Vec<u8>) {
            Request::parse(&bytes.into(), true).ok();
        }
    }
}
