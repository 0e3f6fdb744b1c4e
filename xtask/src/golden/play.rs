//! Plays the steps of one session against one server.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    time::Duration,
};

use base64::Engine as _;

use super::{
    expect::At,
    parse::{Action, Directive, Step},
    pattern::{Pattern, Variables},
    shell::Shell,
    sink::Sink,
    transport::{Connection, printable},
};
use crate::{
    Outcome,
    server::{Launch, Server},
};

/// How long an expectation may take when `@ within` says nothing. Long, for machines under load.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Lines of the conversation that a failure shows.
const TRANSCRIPT: usize = 24;

/// Where and why a session stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Line in the session file, from 1.
    pub(crate) line: usize,
    /// What happened, several lines of text.
    pub(crate) problem: String,
}

/// Lines `from..to` (from 1, `to` not included) of the session file become `with`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The first line replaced.
    pub(crate) from: usize,
    /// The line after the last one replaced.
    pub(crate) to: usize,
    /// What stands there instead.
    pub(crate) with: Vec<String>,
}

/// The state of one session.
#[derive(Debug)]
pub(crate) struct Player {
    pub(super) server: Option<Server>,
    pub(super) variables: Variables,
    connections: BTreeMap<String, Connection>,
    current: Option<String>,
    pub(super) shell: Option<Shell>,
    pub(super) sinks: BTreeMap<String, Sink>,
    pub(super) within: Option<Duration>,
    transcript: VecDeque<String>,
    /// Whether expectations are rewritten instead of failing.
    pub(super) update: bool,
    /// The rewrites so far.
    pub(super) edits: Vec<Edit>,
}

impl Player {
    /// Starts a server in `folder` and knows its accounts as variables.
    pub(crate) fn start(binary: &Path, folder: &Path, update: bool) -> Outcome<Self> {
        let mut player = Self {
            server: None,
            variables: Variables::new(),
            connections: BTreeMap::new(),
            current: None,
            shell: None,
            sinks: BTreeMap::new(),
            within: None,
            transcript: VecDeque::new(),
            update,
            edits: Vec::new(),
        };
        player.start_server(Launch::new(binary, folder)?)?;
        Ok(player)
    }

    /// Plays all steps; the first one that does not hold ends the session.
    pub(crate) fn play(&mut self, steps: &[Step]) -> Result<(), Failure> {
        for (index, step) in steps.iter().enumerate() {
            let more = matches!(steps.get(index + 1), Some(Step { action: Action::Expect(_), .. }));
            self.step(step, more).map_err(|(line, problem)| Failure { line, problem })?;
        }
        Ok(())
    }

    /// The rewrites that blessing asks for.
    pub(crate) fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The last lines of the conversation.
    pub(crate) fn transcript(&self) -> String {
        self.transcript.iter().map(|line| format!("    {line}\n")).collect()
    }

    /// Ends the server gracefully; a session is not over well unless that works.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        self.drop_clients();
        self.server.take().map_or(Ok(()), |server| server.stop().map(drop))
    }

    fn start_server(&mut self, launch: Launch) -> Outcome<()> {
        let server = Server::start(launch)?;
        let ready = server.ready();
        let mut known = |name: &str, value: &str| {
            if !value.is_empty() {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        };
        known("admin", &ready.admin.address);
        known("admin_password", &ready.admin.password);
        known("domain", ready.admin.address.rsplit('@').next().unwrap_or_default());
        for (number, mailbox) in ready.mailboxes.iter().enumerate() {
            known(&format!("user{}", number + 1), &mailbox.address);
            known(&format!("user{}_password", number + 1), &mailbox.password);
        }
        for (name, address) in &ready.listeners {
            known(&format!("{name}.port"), address.rsplit(':').next().unwrap_or_default());
        }
        known("server", &ready.server);
        self.server = Some(server);
        Ok(())
    }

    fn drop_clients(&mut self) {
        self.connections.clear();
        self.current = None;
        self.shell = None;
    }

    pub(super) fn note(&mut self, who: &str, text: &str) {
        if self.transcript.len() == TRANSCRIPT {
            self.transcript.pop_front();
        }
        let shown: String = text.chars().take(400).collect();
        self.transcript.push_back(format!("{who} {shown}"));
    }

    pub(super) fn take_patience(&mut self) -> Duration {
        self.within.take().unwrap_or(PATIENCE)
    }

    fn step(&mut self, step: &Step, more_expected: bool) -> At<()> {
        let here = |problem: String| (step.line, problem);
        match &step.action {
            Action::Send(template) => {
                let text = template.expand(&self.variables).map_err(here)?;
                self.note("C:", &text);
                self.connection().and_then(|c| c.send(format!("{text}\r\n").as_bytes())).map_err(here)
            }
            Action::SendRaw { times, bytes } => {
                self.note("C*", &printable(bytes));
                self.connection().and_then(|c| c.send(&bytes.repeat(*times))).map_err(here)
            }
            Action::Expect(lines) if self.update => self.bless_lines(lines, more_expected).map_err(here),
            Action::Expect(lines) => lines
                .iter()
                .try_for_each(|expected| self.expect_line(expected).map_err(|p| (expected.line, p))),
            Action::Skip(expected) => self.skip_to(expected).map_err(here),
            Action::Closed => self.expect_closed().map_err(here),
            Action::Shell { command, fails, expected } => {
                self.shell_step(step.line, command, *fails, expected).map_err(here)
            }
            Action::Http(http) => self.http_step(http),
            Action::Message { sink, index, expected } => {
                let lines = self.captured(sink, *index).map_err(here)?;
                self.compare_message(&lines, expected)
            }
            Action::Directive(directive) => self.directive(directive).map_err(here),
        }
    }

    pub(super) fn connection(&mut self) -> Outcome<&mut Connection> {
        let name = self.current.as_ref().ok_or("no connection is open (@ connect NAME PORT)")?;
        self.connections.get_mut(name).ok_or_else(|| format!("no connection {name}"))
    }

    fn directive(&mut self, directive: &Directive) -> Outcome<()> {
        match directive {
            Directive::Connect { name, port, tls } => self.connect(name, port, *tls)?,
            Directive::Use(name) if self.connections.contains_key(name) => self.current = Some(name.clone()),
            Directive::Use(name) => return Err(format!("no connection {name}")),
            Directive::StartTls => self.connection()?.start_tls(PATIENCE)?,
            Directive::Close => {
                let name = self.current.take().ok_or("no connection is open")?;
                self.connections.remove(&name);
            }
            Directive::Restart | Directive::Kill => {
                self.drop_clients();
                let server = self.server.take().ok_or("the server is not running")?;
                let launch = if *directive == Directive::Kill { server.kill() } else { server.stop()? };
                self.start_server(launch)?;
            }
            Directive::Sleep(time) => std::thread::sleep(*time),
            Directive::Within(time) => self.within = Some(*time),
            Directive::Set(name, value) => {
                let value = value.expand(&self.variables)?;
                self.variables.insert(name.clone(), value);
            }
            Directive::Base64(name, value) => {
                let value = value.expand(&self.variables)?;
                let value = base64::engine::general_purpose::STANDARD.encode(value);
                self.variables.insert(name.clone(), value);
            }
            Directive::Sink { name, host } => {
                let sink = Sink::start(host)?;
                self.variables.insert(format!("{name}.port"), sink.port().to_string());
                self.sinks.insert(name.clone(), sink);
            }
            Directive::Answer { sink, verb, reply } => {
                let reply = reply.expand(&self.variables)?;
                self.sinks.get(sink).ok_or_else(|| format!("no sink {sink}"))?.answer(verb, &reply);
            }
            Directive::Received(sink, count) => {
                let patience = self.take_patience();
                let sink = self.sinks.get(sink).ok_or("no such sink")?;
                let got = sink.wait(*count, patience);
                if got != *count {
                    return Err(format!("{got} messages at the sink, expected {count} within {patience:?}"));
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, name: &str, port: &str, tls: bool) -> Outcome<()> {
        let port = Pattern::parse(port).expand(&self.variables)?;
        let address = self.server.as_ref().ok_or("the server is not running")?.address(&port)?;
        let tls = tls || matches!(port.as_str(), "imaps" | "pop3s" | "https" | "smtps");
        self.note("@ connect", &format!("{name} {port} {address}"));
        let connection = Connection::open(&address, tls, PATIENCE)?;
        self.connections.insert(name.to_owned(), connection);
        self.current = Some(name.to_owned());
        Ok(())
    }
}
