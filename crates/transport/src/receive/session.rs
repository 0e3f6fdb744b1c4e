//! One SMTP session: the loop. A line comes in, its handler returns the reply, and what holds for every
//! reply (strikes, log, tarpit) happens here and nowhere else.

use std::sync::Arc;

use base::{Rng, clock::SharedClock};
use bytes::BytesMut;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use wire::smtp::{
    Command, Envelope, Line, Reply, SyntaxError, Verb,
    command::Words,
    line::{AUTH_LINE_MAX, COMMAND_LINE_MAX},
};

use super::{
    Intake, ReceiveConnector, Refusal, Session,
    census::Ticket,
    channel::{Channel, Gone},
    order::{self, Phase},
};
use crate::stream::Transport;

/// What every session of a server shares.
pub(super) struct House<I> {
    pub(super) intake: I,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) clock: SharedClock,
    pub(super) rng: Arc<dyn Rng>,
}

/// One session under way.
pub(super) struct Conversation<'a, S, I> {
    pub(super) house: &'a House<I>,
    ticket: &'a Ticket,
    pub(super) channel: Channel<S>,
    pub(super) session: Session,
    pub(super) phase: Phase,
    pub(super) envelope: Envelope,
    /// What has come by `BDAT` so far.
    pub(super) chunks: BytesMut,
    /// Messages taken, for their ids.
    pub(super) taken: u32,
    protocol_errors: u32,
    pub(super) logon_failures: u32,
    /// The connection ends after the reply at hand.
    pub(super) closing: bool,
}

const TOO_MANY_ERRORS: Reply =
    Reply::new(421, (4, 7, 0), "Too many errors on this connection, closing transmission channel");
const LINE_TOO_LONG: Reply = Reply::new(500, (5, 5, 2), "Line too long");
const BARE_NEWLINE: Reply = Reply::new(500, (5, 5, 2), "Invalid line ending; closing transmission channel");

impl<'a, S: Transport, I: Intake> Conversation<'a, S, I> {
    pub(super) fn new(
        house: &'a House<I>,
        ticket: &'a Ticket,
        stream: S,
        session: Session,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let connector = &session.connector;
        let patience = connector.stranger_timeout.min(connector.inactivity_timeout);
        Self {
            house,
            ticket,
            channel: Channel::new(stream, connector.connection_timeout, patience, stop),
            session,
            phase: Phase::Start,
            envelope: Envelope::default(),
            chunks: BytesMut::new(),
            taken: 0,
            protocol_errors: 0,
            logon_failures: 0,
            closing: false,
        }
    }

    /// The connector that answers.
    pub(super) fn connector(&self) -> &ReceiveConnector {
        &self.session.connector
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self, implicit_tls: bool) {
        let ended = self.converse(implicit_tls).await;
        let farewell = match &ended {
            Ok(()) | Err(Gone::Closed | Gone::Broken(_)) => None,
            Err(Gone::Inactive) => Some(Reply::new(421, (4, 4, 1), "Connection timed out")),
            Err(Gone::Expired) => Some(Reply::new(421, (4, 4, 2), "Connection was open for too long")),
            Err(Gone::Stopping) => {
                Some(Reply::new(421, (4, 3, 2), "Service not available, closing transmission channel"))
            }
        };
        match &ended {
            Ok(()) | Err(Gone::Closed) => tracing::debug!(messages = self.taken, "closed"),
            Err(reason) => tracing::debug!(%reason, messages = self.taken, "closed"),
        }
        if let Some(reply) = farewell {
            // Whether the last words are heard is up to the peer.
            let _ = self.channel.say(&reply).await;
        }
        if !matches!(ended, Err(Gone::Broken(_))) {
            self.channel.close().await;
        }
    }

    async fn converse(&mut self, implicit_tls: bool) -> Result<(), Gone> {
        if implicit_tls {
            self.secure().await?;
        }
        let greeting = self.greeting().await;
        self.answer(None, greeting).await?;
        while !self.closing {
            let (verb, reply) = self.next().await?;
            let start_tls = verb == Some(Verb::StartTls) && reply.is_success();
            self.answer(verb, reply).await?;
            if start_tls {
                self.secure().await?;
            }
        }
        Ok(())
    }

    /// Reads a command and has it handled.
    async fn next(&mut self) -> Result<(Option<Verb>, Reply), Gone> {
        let max = match self.channel.input.get(..5) {
            Some(head) if head.eq_ignore_ascii_case(b"AUTH ") => AUTH_LINE_MAX,
            _ => COMMAND_LINE_MAX,
        };
        let len = match self.channel.line(max).await? {
            Line::Complete(len) => len,
            Line::TooLong => return Ok((None, LINE_TOO_LONG)),
            Line::BareNewline => {
                self.closing = true;
                return Ok((None, BARE_NEWLINE));
            }
        };
        let words = Words::split(&self.channel.input[..len]);
        let (verb, ordered, command) = match words {
            Ok(words) => {
                let ordered = order::check(words.verb, self.phase);
                (Some(words.verb), ordered, words.parse(&self.session.connector.fqdn))
            }
            Err(error) => (None, Ok(()), Err(error)),
        };
        self.channel.consume(len);
        Ok((verb, self.handle(ordered, command).await?))
    }

    async fn handle(
        &mut self,
        ordered: Result<(), Reply>,
        command: Result<Command, SyntaxError>,
    ) -> Result<Reply, Gone> {
        let command = match (command, ordered) {
            // The chunk follows its command even where it is refused; read as commands it would be one.
            (Ok(Command::Bdat { size, last }), ordered) => return self.bdat(size, last, ordered).await,
            (Err(SyntaxError::ChunkSize), _) => {
                self.closing = true;
                return Ok(SyntaxError::ChunkSize.into());
            }
            (_, Err(reply)) => return Ok(reply),
            (Err(error), Ok(())) => return Ok(error.into()),
            (Ok(command), Ok(())) => command,
        };
        Ok(match command {
            Command::Helo(name) => self.hello(name, false),
            Command::Ehlo(name) => self.hello(name, true),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await?,
            Command::Mail(from) => self.mail(from).await,
            Command::Rcpt(to) => self.rcpt(to).await,
            Command::Data => self.data().await?,
            Command::Bdat { .. } => Reply::from(SyntaxError::ChunkSize),
            Command::Rset => {
                self.reset();
                Reply::new(250, (2, 0, 0), "Resetting")
            }
            Command::Noop => Reply::new(250, (2, 0, 0), "OK"),
            Command::Vrfy => Reply::new(252, (2, 1, 5), "Cannot VRFY user"),
            Command::Expn => Reply::new(502, (5, 3, 3), "Command not implemented"),
            Command::Help => Reply::new(
                214,
                (2, 0, 0),
                "This server supports the commands of RFC 5321 that EHLO announces",
            ),
            Command::Quit => {
                self.closing = true;
                Reply::new(221, (2, 0, 0), "Service closing transmission channel")
            }
        })
    }

    /// Says a reply, with what every reply entails: a strike for a protocol error, a delay for a refused
    /// stranger, a line in the log, the end after 421.
    async fn answer(&mut self, verb: Option<Verb>, mut reply: Reply) -> Result<(), Gone> {
        if !self.connector().keywords.enhanced_status_codes {
            reply.status = None;
        }
        tracing::trace!(?verb, %reply);
        if reply.is_permanent() {
            tracing::debug!(?verb, %reply, "refused");
            self.tarpit().await?;
        }
        self.channel.say(&reply).await?;
        self.protocol_errors += u32::from(matches!(reply.code, 500..=504 | 555));
        let connector = self.connector();
        let too_many = self.protocol_errors >= connector.max_protocol_errors
            || self.logon_failures >= connector.max_logon_failures;
        if too_many && !self.closing {
            self.closing = true;
            self.channel.say(&TOO_MANY_ERRORS).await?;
        }
        self.closing |= reply.code == 421;
        Ok(())
    }

    /// Makes a stranger wait for bad news; what was said before goes out first.
    async fn tarpit(&mut self) -> Result<(), Gone> {
        let interval = self.connector().tarpit_interval;
        let exempt = self.session.is_trusted() || ReceiveConnector::is_local(self.session.remote.ip());
        if !exempt && !interval.is_zero() {
            self.channel.flush().await?;
            tokio::time::sleep(interval).await;
        }
        Ok(())
    }

    /// Ends the transaction; the session goes on.
    pub(super) fn reset(&mut self) {
        self.envelope = Envelope::default();
        self.chunks = BytesMut::new();
        if self.phase != Phase::Start {
            self.phase = Phase::Ready;
        }
    }

    /// A peer that has shown what it wants may take its time and keeps its place.
    pub(super) fn no_stranger(&mut self) {
        self.ticket.keep();
        self.channel.patience = self.connector().inactivity_timeout;
    }
}

/// The words for a refusal; a failure's cause goes to the log here.
pub(super) fn words(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Said(reply) => reply,
        Refusal::Failed(fault) => {
            if fault.cause.is_some() {
                tracing::warn!(?fault, "refused by a failure");
            }
            Reply::from(&fault)
        }
    }
}
