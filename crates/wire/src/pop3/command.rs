//! The commands as one table, and a command read from its line.

use crate::secret::Secret;

/// What a client asks. Numbers are those of the session's listing, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the command of that name, its fields the RFC's arguments")]
pub enum Command {
    Auth { mechanism: Option<String>, initial: Option<Secret> },
    Capa,
    Dele(u32),
    List(Option<u32>),
    Noop,
    Pass(Secret),
    Quit,
    Retr(u32),
    Rset,
    Stat,
    Stls,
    Top { message: u32, lines: u32 },
    Uidl(Option<u32>),
    User(String),
    Utf8,
}

/// When a command may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At any time.
    Any,
    /// Before the client has authenticated.
    Authorization,
    /// After.
    Transaction,
}

/// One row of the command table.
#[derive(Debug)]
pub struct Spec {
    /// The name, upper case.
    pub name: &'static str,
    /// When it may be given.
    pub phase: Phase,
    /// Makes the command of its arguments: what follows the name and a space, if anything does.
    parse: fn(Option<&str>) -> Option<Command>,
}

const fn spec(name: &'static str, phase: Phase, parse: fn(Option<&str>) -> Option<Command>) -> Spec {
    Spec { name, phase, parse }
}

use Phase::{Any, Authorization, Transaction};

/// Every command, by name.
pub static COMMANDS: [Spec; 15] = [
    spec("AUTH", Authorization, auth),
    spec("CAPA", Any, |args| bare(args, Command::Capa)),
    spec("DELE", Transaction, |args| number(args?).map(Command::Dele)),
    spec("LIST", Transaction, |args| optional(args).map(Command::List)),
    spec("NOOP", Transaction, |args| bare(args, Command::Noop)),
    // A password may hold spaces: it is all that follows.
    spec("PASS", Authorization, |args| Some(Command::Pass(Secret(args?.to_owned())))),
    spec("QUIT", Any, |args| bare(args, Command::Quit)),
    spec("RETR", Transaction, |args| number(args?).map(Command::Retr)),
    spec("RSET", Transaction, |args| bare(args, Command::Rset)),
    spec("STAT", Transaction, |args| bare(args, Command::Stat)),
    spec("STLS", Authorization, |args| bare(args, Command::Stls)),
    spec("TOP", Transaction, top),
    spec("UIDL", Transaction, |args| optional(args).map(Command::Uidl)),
    spec("USER", Authorization, |args| Some(Command::User(args?.to_owned()))),
    spec("UTF8", Authorization, |args| bare(args, Command::Utf8)),
];

/// A line as a command.
#[derive(Debug)]
pub struct Request {
    /// Its row in the table, where the name is known.
    pub spec: Option<&'static Spec>,
    /// The command; `None` where its arguments are wrong or it is not known.
    pub command: Option<Command>,
}

impl Request {
    /// Reads a line without its end.
    pub fn parse(line: &str) -> Self {
        let (name, args) = match line.split_once(' ') {
            Some((name, args)) => (name, Some(args)),
            None => (line, None),
        };
        let spec = COMMANDS.iter().find(|spec| spec.name.eq_ignore_ascii_case(name));
        let args = if line.contains(['\0', '\r', '\n']) { None } else { spec.map(|spec| (spec.parse)(args)) };
        Request { spec, command: args.flatten() }
    }
}

fn bare(args: Option<&str>, command: Command) -> Option<Command> {
    args.is_none_or(|args| args.trim().is_empty()).then_some(command)
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[expect(clippy::option_option, reason = "wrong and absent arguments are different")]
fn optional(args: Option<&str>) -> Option<Option<u32>> {
    match args.map(str::trim) {
        None | Some("") => Some(None),
        Some(text) => number(text).map(Some),
    }
}

fn top(args: Option<&str>) -> Option<Command> {
    let (message, lines) = args?.trim().split_once(' ')?;
    Some(Command::Top { message: number(message)?, lines: number(lines)? })
}

fn auth(args: Option<&str>) -> Option<Command> {
    let mut words = args.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
    let mechanism = words.next().map(str::to_ascii_uppercase);
    let initial = words.next().map(|word| Secret(word.to_owned()));
    words.next().is_none().then_some(Command::Auth { mechanism, initial })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for (line, expected) in [
            ("quit", "Some(Quit)"),
            ("USER joe", "Some(User(\"joe\"))"),
            ("PASS a b ", "Some(Pass(***))"),
            ("LIST", "Some(List(None))"),
            ("LIST 3", "Some(List(Some(3)))"),
            ("TOP 1 0", "Some(Top { message: 1, lines: 0 })"),
            ("AUTH", "Some(Auth { mechanism: None, initial: None })"),
            ("auth plain AGE=", "Some(Auth { mechanism: Some(\"PLAIN\"), initial: Some(***) })"),
            ("RETR", "None"),
            ("RETR -1", "None"),
            ("RETR +1", "None"),
            ("RETR 99999999999", "None"),
            ("TOP 1", "None"),
            ("STAT x", "None"),
            ("XYZZY", "None"),
            ("USER a\0b", "None"),
            ("", "None"),
        ] {
            assert_eq!(format!("{:?}", Request::parse(line).command), expected, "{line}");
        }
        assert_eq!(Request::parse("PASS a b ").command, Some(Command::Pass(Secret("a b ".into()))));
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(name in 0..COMMANDS.len(), rest in "\\PC{0,20}") {
            Request::parse(&format!("{} {rest}", COMMANDS[name].name));
            Request::parse(&rest);
        }
    }
}
