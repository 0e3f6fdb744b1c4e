//! Commands of a client, from one line each. The table below is the whole language.

use super::{MailFrom, RcptTo, Reply, params, path};

/// A command, well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `HELO name`
    Helo(String),
    /// `EHLO name`
    Ehlo(String),
    /// `STARTTLS`
    StartTls,
    /// `AUTH mechanism [initial-response]`
    Auth {
        /// Upper case.
        mechanism: String,
        /// Base64, or `=` for an empty one.
        initial: Option<String>,
    },
    /// `MAIL FROM:<path> …`
    Mail(MailFrom),
    /// `RCPT TO:<path> …`
    Rcpt(RcptTo),
    /// `DATA`
    Data,
    /// `BDAT size [LAST]`; that many octets follow the line.
    Bdat {
        /// Octets that follow.
        size: u64,
        /// The message ends with them.
        last: bool,
    },
    /// `RSET`
    Rset,
    /// `NOOP`
    Noop,
    /// `VRFY`
    Vrfy,
    /// `EXPN`
    Expn,
    /// `HELP`
    Help,
    /// `QUIT`
    Quit,
}

/// A command's name, known before its arguments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of RFC 5321 and its extensions")]
pub enum Verb {
    Helo,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Expn,
    Help,
    Quit,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// No such verb.
    #[error("unrecognized command")]
    Unrecognized,
    /// The arguments do not fit the verb.
    #[error("invalid arguments")]
    Arguments,
    /// `HELO` or `EHLO` without a usable name.
    #[error("invalid domain name")]
    Domain,
    /// The reverse path is not an address.
    #[error("invalid sender address")]
    Sender,
    /// The forward path is not an address.
    #[error("invalid recipient address")]
    Recipient,
    /// A parameter nobody announced.
    #[error("unrecognized parameter")]
    Parameter,
    /// `BDAT` without a readable size: where the next command starts is unknown.
    #[error("invalid chunk size")]
    ChunkSize,
}

impl From<SyntaxError> for Reply {
    fn from(error: SyntaxError) -> Self {
        match error {
            SyntaxError::Unrecognized => Reply::new(500, (5, 3, 3), "Unrecognized command"),
            SyntaxError::Arguments => Reply::new(501, (5, 5, 4), "Invalid arguments"),
            SyntaxError::Domain => Reply::new(501, (5, 5, 4), "Invalid domain name"),
            SyntaxError::Sender => Reply::new(501, (5, 1, 7), "Invalid address"),
            SyntaxError::Recipient => Reply::new(501, (5, 1, 3), "Invalid address"),
            SyntaxError::Parameter => Reply::new(555, (5, 5, 4), "Unsupported option"),
            SyntaxError::ChunkSize => Reply::new(501, (5, 5, 4), "Invalid chunk size"),
        }
    }
}

/// Reads the arguments; the second text is the domain of an unqualified `postmaster`.
type Parse = fn(&str, &str) -> Result<Command, SyntaxError>;

const COMMANDS: [(&str, Verb, Parse); 14] = [
    ("EHLO", Verb::Ehlo, |args, _| host_name(args).map(Command::Ehlo)),
    ("HELO", Verb::Helo, |args, _| host_name(args).map(Command::Helo)),
    ("STARTTLS", Verb::StartTls, |args, _| none(args, Command::StartTls)),
    ("AUTH", Verb::Auth, |args, _| auth(args)),
    ("MAIL", Verb::Mail, |args, _| mail(args)),
    ("RCPT", Verb::Rcpt, rcpt),
    ("DATA", Verb::Data, |args, _| none(args, Command::Data)),
    ("BDAT", Verb::Bdat, |args, _| bdat(args)),
    ("RSET", Verb::Rset, |args, _| none(args, Command::Rset)),
    ("NOOP", Verb::Noop, |_, _| Ok(Command::Noop)),
    ("VRFY", Verb::Vrfy, |_, _| Ok(Command::Vrfy)),
    ("EXPN", Verb::Expn, |_, _| Ok(Command::Expn)),
    ("HELP", Verb::Help, |_, _| Ok(Command::Help)),
    ("QUIT", Verb::Quit, |args, _| none(args, Command::Quit)),
];

/// A line split into its verb and arguments, not yet read.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// Which command.
    pub verb: Verb,
    args: &'a str,
    parse: Parse,
}

impl<'a> Words<'a> {
    /// Finds the verb of a line (without its CRLF).
    pub fn split(line: &'a [u8]) -> Result<Self, SyntaxError> {
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (_, verb, parse) = COMMANDS
            .iter()
            .find(|(name, ..)| name.as_bytes().eq_ignore_ascii_case(&line[..end]))
            .ok_or(SyntaxError::Unrecognized)?;
        let args = std::str::from_utf8(&line[end..]).map_err(|_| SyntaxError::Arguments)?;
        if args.contains('\0') {
            return Err(SyntaxError::Arguments);
        }
        Ok(Self { verb: *verb, args: args.trim_matches(' '), parse: *parse })
    }

    /// Reads the arguments. `domain` completes an unqualified `postmaster`.
    pub fn parse(self, domain: &str) -> Result<Command, SyntaxError> {
        (self.parse)(self.args, domain)
    }
}

impl Command {
    /// Reads a whole line (without its CRLF). `domain` completes an unqualified `postmaster`.
    pub fn parse(line: &[u8], domain: &str) -> Result<Self, SyntaxError> {
        Words::split(line)?.parse(domain)
    }
}

fn none(args: &str, command: Command) -> Result<Command, SyntaxError> {
    if args.is_empty() { Ok(command) } else { Err(SyntaxError::Arguments) }
}

/// A domain, an address literal, or whatever machines call themselves that cannot harm a header.
fn host_name(args: &str) -> Result<String, SyntaxError> {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    let fits = (1..=base::address::DOMAIN_MAX).contains(&args.len()) && args.bytes().all(harmless);
    if fits { Ok(args.to_owned()) } else { Err(SyntaxError::Domain) }
}

fn auth(args: &str) -> Result<Command, SyntaxError> {
    let (mechanism, initial) = args.split_once(' ').map_or((args, None), |(m, i)| (m, Some(i)));
    let initial = initial.map(str::trim_start);
    if mechanism.is_empty() || initial.is_some_and(|i| i.is_empty() || i.contains(' ')) {
        return Err(SyntaxError::Arguments);
    }
    Ok(Command::Auth { mechanism: mechanism.to_ascii_uppercase(), initial: initial.map(str::to_owned) })
}

/// What follows `keyword` (`FROM:` or `TO:`), in any case.
fn after<'a>(args: &'a str, keyword: &str) -> Result<&'a str, SyntaxError> {
    let head = args.get(..keyword.len()).filter(|head| head.eq_ignore_ascii_case(keyword));
    head.map(|_| &args[keyword.len()..]).ok_or(SyntaxError::Arguments)
}

fn mail(args: &str) -> Result<Command, SyntaxError> {
    let path = path::take(after(args, "FROM:")?).ok_or(SyntaxError::Sender)?;
    let sender = match path.mailbox {
        "" => None,
        mailbox => Some(mailbox.parse().map_err(|_| SyntaxError::Sender)?),
    };
    let mut mail = MailFrom { sender, ..MailFrom::default() };
    params::mail(&mut mail, path.rest)?;
    Ok(Command::Mail(mail))
}

fn rcpt(args: &str, domain: &str) -> Result<Command, SyntaxError> {
    let path = path::take(after(args, "TO:")?).ok_or(SyntaxError::Recipient)?;
    let address = path::recipient(path.mailbox, domain).ok_or(SyntaxError::Recipient)?;
    let mut rcpt = RcptTo::new(address);
    params::rcpt(&mut rcpt, path.rest)?;
    Ok(Command::Rcpt(rcpt))
}

fn bdat(args: &str) -> Result<Command, SyntaxError> {
    let (size, last) = args.split_once(' ').unwrap_or((args, ""));
    let digits = !size.is_empty() && size.len() <= 18 && size.bytes().all(|b| b.is_ascii_digit());
    let size = if digits { size.parse().ok() } else { None };
    match (size, last.trim()) {
        (Some(size), "") => Ok(Command::Bdat { size, last: false }),
        (Some(size), last) if last.eq_ignore_ascii_case("LAST") => Ok(Command::Bdat { size, last: true }),
        _ => Err(SyntaxError::ChunkSize),
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
