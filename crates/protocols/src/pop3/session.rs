//! One session: its one loop, and what each command does.

use std::{borrow::Cow, sync::Arc};

use base::{Fault, FaultKind, neighbours::Conversation};
use services::{Client, Entrance, Mailbox, Standing};
use wire::{
    mime::header_len,
    pop3::{Command, Phase, Request, Stuffer},
    secret::Secret,
};

use super::{Server, maildrop::Maildrop};
use crate::{
    link::{Gone, Link},
    listen::Door,
    sasl::{self, Exchange, Identity, RESPONSE_MAX, Step},
};

/// The longest command line, bytes: room for an initial response.
const LINE_MAX: usize = RESPONSE_MAX;
/// Commands that were wrong in a row before the connection is closed.
const STRIKES_MAX: u32 = 10;
/// Commands a client may give before it has authenticated.
const PREAUTH_COMMANDS_MAX: u32 = 50;
/// A long answer is written in pieces of this size, bytes.
const PIECE: usize = 64 << 10;

/// What the capabilities are at any time (RFC 2449).
const CAPABILITIES: &str =
    "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8 USER\r\n";

/// The state of one session.
pub(super) struct Session {
    server: Arc<Server>,
    link: Link,
    client: Client,
    /// What USER said.
    user: Option<String>,
    /// The listing, once authenticated.
    drop: Option<Maildrop>,
    /// The client has authenticated, and the session goes on at another server.
    elsewhere: Option<Conversation>,
    refused: u32,
    strikes: u32,
    commands: u32,
    leaving: bool,
}

/// A command that was not done.
enum Failure {
    /// `-ERR text`: the command is wrong; too many of these end the session.
    Wrong(&'static str),
    /// `-ERR text`, with a response code where one fits.
    Refused(Cow<'static, str>),
    /// The session is over.
    Gone(Gone),
}

/// What follows `+OK `; `None` where the answer is written already.
type Outcome = Result<Option<String>, Failure>;

impl From<Gone> for Failure {
    fn from(gone: Gone) -> Self {
        Failure::Gone(gone)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.is_elsewhere() {
            return Failure::Gone(Gone::Offline);
        }
        Failure::refused(&fault)
    }
}

impl Failure {
    /// A fault that leaves the session as it is, with the response code where it has one (RFC 2449, RFC 3206).
    fn refused(fault: &Fault) -> Self {
        let code = match fault.kind {
            FaultKind::Unauthenticated => "[AUTH] ",
            FaultKind::Internal | FaultKind::NotImplemented => "[SYS/PERM] ",
            _ if fault.is_transient() => "[SYS/TEMP] ",
            _ => "",
        };
        if fault.kind == FaultKind::Internal {
            tracing::error!(?fault, "command failed");
        }
        let text = fault.public_text.replace(|c: char| c.is_control() || !c.is_ascii(), "?");
        Failure::Refused(format!("{code}{text}").into())
    }
}

fn ok(text: &str) -> Outcome {
    Ok(Some(text.to_owned()))
}

const NO_SUCH_MESSAGE: Failure = Failure::Refused(Cow::Borrowed("There is no such message"));

impl Session {
    pub(super) fn new(server: Arc<Server>, link: Link, client: Client) -> Self {
        Session {
            server,
            link,
            client,
            user: None,
            drop: None,
            elsewhere: None,
            refused: 0,
            strikes: 0,
            commands: 0,
            leaving: false,
        }
    }

    /// Holds the conversation, from greeting to goodbye.
    pub(super) async fn run(mut self, door: Door) {
        let ended = self.converse(door).await;
        self.end(ended).await;
    }

    /// Holds the rest of one that another server has begun.
    pub(super) async fn resume(mut self, mailbox: Mailbox) {
        let begun = match self.begin(mailbox).await {
            Err(Failure::Refused(_) | Failure::Wrong(_)) => Err(Gone::Offline),
            begun => self.answer(begun),
        };
        let ended = match begun {
            Ok(()) => self.listen().await,
            gone => gone,
        };
        self.end(ended).await;
    }

    async fn end(mut self, ended: Result<(), Gone>) {
        match &ended {
            Err(Gone::Ended(why)) => self.link.say(&format!("-ERR {why}\r\n")),
            Err(gone @ (Gone::Inactive | Gone::Stopping | Gone::Offline)) => {
                self.link.say(&format!("-ERR [SYS/TEMP] {gone}\r\n"))
            }
            Ok(()) | Err(Gone::Closed | Gone::Broken(_)) => {}
        }
        match ended {
            Err(error) => tracing::debug!(%error, commands = self.commands, "session ended"),
            Ok(()) => tracing::debug!(commands = self.commands, "session ended by the client"),
        }
        self.link.close().await;
    }

    async fn converse(&mut self, door: Door) -> Result<(), Gone> {
        if door == Door::ImplicitTls {
            self.begin_tls().await?;
        }
        let greeting = format!("+OK {}\r\n", self.server.settings.banner);
        self.link.say(&greeting);
        self.listen().await
    }

    /// Obeys until the client leaves.
    async fn listen(&mut self) -> Result<(), Gone> {
        while !self.leaving {
            let line = self.line().await?;
            self.commands += 1;
            if self.drop.is_none() && self.commands > PREAUTH_COMMANDS_MAX {
                return Err(Gone::Ended("Too many commands before authentication"));
            }
            let outcome = match Request::parse(&line) {
                Request { spec: None, .. } => Err(Failure::Wrong("Unknown command")),
                Request { command: None, .. } => Err(Failure::Wrong("Invalid arguments")),
                Request { spec: Some(spec), command: Some(command) } => match self.check_phase(spec.phase) {
                    Ok(()) => {
                        tracing::trace!(command = spec.name);
                        metrics::counter!("rialto_pop3_commands_total", "command" => spec.name).increment(1);
                        Box::pin(self.obey(command)).await
                    }
                    Err(failure) => Err(failure),
                },
            };
            self.answer(outcome)?;
            if let Some(there) = self.elsewhere.take() {
                return Box::pin(self.link.carry(there, self.client.protocol)).await;
            }
            self.link.relieve().await?;
        }
        Ok(())
    }

    fn answer(&mut self, outcome: Outcome) -> Result<(), Gone> {
        match outcome {
            Ok(text) => {
                self.strikes = 0;
                if let Some(text) = text {
                    self.link.say(&format!("+OK {text}\r\n"));
                }
            }
            Err(Failure::Refused(text)) => self.link.say(&format!("-ERR {text}\r\n")),
            Err(Failure::Wrong(text)) => {
                self.link.say(&format!("-ERR {text}\r\n"));
                self.strikes += 1;
            }
            Err(Failure::Gone(gone)) => return Err(gone),
        }
        if self.strikes >= STRIKES_MAX {
            return Err(Gone::Ended("Too many invalid commands"));
        }
        if self.refused >= self.server.settings.auth_failures_max {
            return Err(Gone::Ended("[AUTH] Too many authentication failures"));
        }
        Ok(())
    }

    fn check_phase(&self, phase: Phase) -> Result<(), Failure> {
        match phase {
            Phase::Authorization if self.drop.is_some() => Err(Failure::Wrong("Already authenticated")),
            Phase::Transaction if self.drop.is_none() => Err(Failure::Wrong("Authenticate first")),
            _ => Ok(()),
        }
    }

    /// The next line. Until the client has authenticated it must come whole in time.
    async fn line(&mut self) -> Result<String, Gone> {
        self.link.shrink();
        let settings = &self.server.settings;
        let patience = if self.drop.is_some() { settings.idle_timeout } else { settings.preauth_timeout };
        let line = self.link.line(LINE_MAX, patience);
        tokio::time::timeout(patience, line).await.map_err(|_| Gone::Inactive)?
    }

    async fn obey(&mut self, command: Command) -> Outcome {
        match command {
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial).await,
            Command::Capa => self.capabilities(),
            Command::User(user) => {
                self.check_may_login()?;
                self.user = Some(user);
                ok("Send the password")
            }
            Command::Pass(password) => self.pass(password).await,
            Command::Stls => self.start_tls().await,
            // Names are UTF-8 and messages are sent as they are, whether asked or not (RFC 6856).
            Command::Utf8 => ok("UTF-8"),
            Command::Quit => self.quit().await,
            command => {
                let drop = self.drop.as_mut().ok_or(Failure::Wrong("Authenticate first"))?;
                transact(&mut self.link, drop, command).await
            }
        }
    }

    fn capabilities(&mut self) -> Outcome {
        self.link.say("+OK Capability list follows\r\n");
        self.link.say(CAPABILITIES);
        if self.drop.is_none() {
            if !self.link.is_secure() && self.server.tls.is_some() {
                self.link.say("STLS\r\n");
            }
            if self.may_login() {
                self.link.say("USER\r\nSASL PLAIN LOGIN\r\n");
            }
        }
        self.link.say("IMPLEMENTATION Rialto\r\n.\r\n");
        Ok(None)
    }

    fn may_login(&self) -> bool {
        self.link.is_secure() || (self.server.settings.allow_plaintext && self.client.address.is_loopback())
    }

    fn check_may_login(&self) -> Result<(), Failure> {
        if self.may_login() { Ok(()) } else { Err(Failure::Refused("[AUTH] Log in over TLS only".into())) }
    }

    async fn start_tls(&mut self) -> Outcome {
        if self.link.is_secure() || self.server.tls.is_none() {
            return Err(Failure::Wrong("STLS is not offered"));
        }
        self.link.say("+OK Begin TLS negotiation\r\n");
        self.begin_tls().await?;
        // What was said in the clear is forgotten (RFC 2595 section 4).
        self.user = None;
        Ok(None)
    }

    async fn begin_tls(&mut self) -> Result<(), Gone> {
        let acceptor = self.server.tls.clone().ok_or(Gone::Ended("TLS is not set up"))?;
        self.link.start_tls(&acceptor, self.server.settings.preauth_timeout).await
    }

    async fn pass(&mut self, password: Secret) -> Outcome {
        let user = self.user.take().ok_or(Failure::Wrong("USER first"))?;
        self.enter(Identity { authorize: String::new(), user, password: password.0 }).await
    }

    async fn auth(&mut self, mechanism: Option<String>, initial: Option<Secret>) -> Outcome {
        let Some(mechanism) = mechanism else {
            self.link.say("+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n");
            return Ok(None);
        };
        let mut exchange = Exchange::new(&mechanism).ok_or(Failure::Wrong("Unsupported mechanism"))?;
        self.check_may_login()?;
        let mut response = match initial {
            Some(initial) => initial.0,
            None => self.challenge(exchange.challenge()).await?,
        };
        loop {
            match exchange.respond(&response) {
                Step::Challenge(challenge) => response = self.challenge(challenge).await?,
                Step::Done(identity) => return self.enter(identity).await,
                Step::Refused(why) => return Err(Failure::Wrong(why)),
            }
        }
    }

    async fn challenge(&mut self, challenge: &str) -> Result<String, Gone> {
        self.link.say(&format!("+ {challenge}\r\n"));
        self.line().await
    }

    async fn enter(&mut self, identity: Identity) -> Outcome {
        self.check_may_login()?;
        let standing = Standing { secure: self.link.is_secure(), ..Standing::default() };
        match sasl::enter(&self.server.services, identity, self.client.clone(), &standing).await {
            Ok(Entrance::Here(mailbox)) => self.begin(mailbox).await,
            Ok(Entrance::There(conversation)) => {
                self.elsewhere = Some(conversation);
                Ok(None)
            }
            Err(fault) => {
                self.refused += u32::from(fault.kind == FaultKind::Unauthenticated);
                Err(Failure::refused(&fault))
            }
        }
    }

    /// The client has logged on with this mailbox; says what is in it.
    async fn begin(&mut self, mailbox: Mailbox) -> Outcome {
        self.link.until(mailbox.offline());
        let drop = Maildrop::open(mailbox).await?;
        let count = drop.messages().count();
        self.drop = Some(drop);
        Ok(Some(format!("{count} messages")))
    }

    async fn quit(&mut self) -> Outcome {
        self.leaving = true;
        if let Some(drop) = self.drop.take() {
            drop.commit().await?;
        }
        ok("Goodbye")
    }
}

/// The commands that work on the listing.
async fn transact(link: &mut Link, drop: &mut Maildrop, command: Command) -> Outcome {
    match command {
        Command::Stat => {
            let (count, size) = totals(drop);
            Ok(Some(format!("{count} {size}")))
        }
        Command::List(Some(number)) => {
            let message = drop.message(number).ok_or(NO_SUCH_MESSAGE)?;
            Ok(Some(format!("{number} {}", message.size)))
        }
        Command::Uidl(Some(number)) => {
            let message = drop.message(number).ok_or(NO_SUCH_MESSAGE)?;
            Ok(Some(format!("{number} {}", drop.unique_id(&message))))
        }
        Command::List(None) => {
            let (count, size) = totals(drop);
            link.say(&format!("+OK {count} messages ({size} octets)\r\n"));
            for (number, message) in drop.messages() {
                link.say(&format!("{number} {}\r\n", message.size));
                link.relieve().await?;
            }
            link.say(".\r\n");
            Ok(None)
        }
        Command::Uidl(None) => {
            link.say("+OK Unique ids follow\r\n");
            for (number, message) in drop.messages() {
                link.say(&format!("{number} {}\r\n", drop.unique_id(message)));
                link.relieve().await?;
            }
            link.say(".\r\n");
            Ok(None)
        }
        Command::Retr(number) => send(link, drop, number, None).await,
        Command::Top { message, lines } => send(link, drop, message, Some(lines)).await,
        Command::Dele(number) => {
            if drop.delete(number) {
                Ok(Some(format!("Message {number} marked deleted")))
            } else {
                Err(NO_SUCH_MESSAGE)
            }
        }
        Command::Rset => {
            drop.reset();
            ok("Nothing is marked deleted")
        }
        _ => ok("Nothing done"),
    }
}

fn totals(drop: &Maildrop) -> (usize, u64) {
    drop.messages().fold((0, 0), |(count, size), (_, message)| (count + 1, size + u64::from(message.size)))
}

/// Sends a message, or its header and the first lines of its body.
async fn send(link: &mut Link, drop: &Maildrop, number: u32, lines: Option<u32>) -> Outcome {
    let message = drop.message(number).ok_or(NO_SUCH_MESSAGE)?;
    let body = match drop.mailbox.aside(move |mailbox| mailbox.body(message.id)).await {
        Ok(body) => body,
        Err(fault) if fault.kind == FaultKind::NotFound => {
            return Err(Failure::Refused("The message is gone".into()));
        }
        Err(fault) => return Err(fault.into()),
    };
    let sent = lines.map_or(body.len(), |lines| top_len(&body, lines));
    link.say(&format!("+OK {sent} octets\r\n"));
    let mut stuffer = Stuffer::default();
    for piece in body[..sent].chunks(PIECE) {
        stuffer.push(&mut link.output, piece);
        link.relieve().await?;
    }
    stuffer.finish(&mut link.output);
    Ok(None)
}

/// How long the header and so many lines of the body are.
fn top_len(message: &[u8], lines: u32) -> usize {
    let header = header_len(message);
    let Some(skipped) = lines.checked_sub(1) else { return header };
    let mut ends = memchr::memchr_iter(b'\n', &message[header..]);
    ends.nth(skipped as usize).map_or(message.len(), |end| header + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops() {
        let message = b"A: b\r\n\r\n1\r\n2\r\n3";
        for (lines, len) in [(0, 8), (1, 11), (2, 14), (3, 15), (u32::MAX, 15)] {
            assert_eq!(top_len(message, lines), len, "{lines}");
        }
    }
}
