//! A pipeline on a server as a stage of one here: input goes there, what comes back goes on. One thread receives,
//! so that input can be sent and the pipeline stopped meanwhile.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use base::Guid;
use wire::psrp::{
    Command, CreatePipeline, ErrorInfo, Information, MessageType, Parameter, PipelineState,
    PipelineStateMessage, ProgressInfo,
    client::{Event, Request},
    informational,
};

use super::{
    Failure, Session, failure, prompt,
    session::HOST,
    values::{self, Origin},
};
use crate::{
    cmdlet::{ErrorCategory, Progress},
    eval::{Interp, Run, runtime},
    pipeline::{Sink, Stage},
    value::Value,
};

/// How often a waiting stage looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// Events that wait to be taken; then nothing more is received. They are objects taken apart already, some of
/// them 20 KB: an envelope's worth keeps both sides busy.
const WAITING_MAX: usize = 64;
/// Input is sent when there is so much of it, bytes …
const INPUT_BATCH: usize = 32 << 10;
/// … or when the last was sent so long ago.
const INPUT_PAUSE: Duration = Duration::from_millis(100);
/// How many answers are still taken of a pipeline that nobody reads any more.
const LEFTOVERS_MAX: usize = 1000;

/// A command for a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct RemoteCommand {
    /// A name, or a script.
    pub(crate) text: String,
    pub(crate) is_script: bool,
    /// Names as PSRP has them (`-Identity:`), and values.
    pub(crate) parameters: Vec<(Option<String>, Value)>,
}

/// A pipeline at work on a server.
pub(super) struct Running {
    session: Arc<Session>,
    id: Guid,
    events: Receiver<Result<Event, Failure>>,
    ended: bool,
}

impl Running {
    /// Starts commands.
    fn commands(session: &Arc<Session>, commands: &[RemoteCommand], fed: bool) -> Result<Self, Failure> {
        let values = || commands.iter().flat_map(|command| &command.parameters).map(|(_, value)| value);
        if values().any(values::holds_secret) {
            session.agree_on_key()?;
        }
        let begun = session.client(|client| {
            let key = client.session_key();
            let commands = commands.iter().map(|command| Command {
                text: command.text.clone(),
                is_script: command.is_script,
                parameters: command
                    .parameters
                    .iter()
                    .map(|(name, value)| Parameter {
                        name: name.clone(),
                        value: values::argument(value, key),
                    })
                    .collect(),
                ..Command::default()
            });
            let pipeline =
                CreatePipeline { no_input: !fed, host: HOST, ..CreatePipeline::new(commands.collect()) };
            client.start(&pipeline)
        })?;
        Self::begun(session, begun)
    }

    /// Follows a pipeline that the machine has begun.
    pub(super) fn begun(session: &Arc<Session>, (id, first): (Guid, Request)) -> Result<Self, Failure> {
        session.exchange(&first)?;
        let (sender, events) = sync_channel(WAITING_MAX);
        let running = Running { session: session.clone(), id, events, ended: false };
        running.send()?;
        let session = session.clone();
        let receiver = thread::Builder::new().name("remote".into());
        match receiver.spawn(move || receive(&session, id, &sender)) {
            Ok(_) => Ok(running),
            Err(error) => Err(super::CarryError::Failed(error.to_string()).into()),
        }
    }

    /// Sends what waits.
    fn send(&self) -> Result<(), Failure> {
        while let Some(request) = self.session.client(|client| client.send(self.id)) {
            self.session.exchange(&request)?;
        }
        Ok(())
    }

    /// The next event, if one comes in time.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Result<Event, Failure>> {
        match self.events.recv_timeout(wait) {
            Ok(event) => {
                self.ended |= matches!(event, Ok(Event::Ended(..)) | Err(_));
                Some(event)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.ended = true;
                Some(Err(Failure::Broken(None)))
            }
        }
    }
}

impl Drop for Running {
    /// A pipeline that nobody waits for any more is stopped.
    fn drop(&mut self) {
        if !self.ended {
            let request = self.session.client(|client| client.stop(self.id));
            let _ = self.session.exchange_briefly(&request);
        }
    }
}

/// Receives until the pipeline has ended, and lets the server forget it.
fn receive(session: &Session, id: Guid, events: &SyncSender<Result<Event, Failure>>) {
    let (mut wanted, mut leftovers, mut ended) = (true, 0, false);
    while !ended && leftovers < LEFTOVERS_MAX {
        let request = session.client(|client| client.receive(Some(id)));
        let came = match session.exchange(&request) {
            Ok(came) => came,
            Err(failure) => {
                // Whoever waits has gone, or learns it.
                let _ = events.send(Err(failure));
                break;
            }
        };
        for event in came {
            ended |= matches!(event, Event::Ended(..));
            wanted = wanted && events.send(Ok(event)).is_ok();
        }
        leftovers += usize::from(!wanted);
    }
    if let Some(request) = session.client(|client| client.finish(id)) {
        let _ = session.exchange_briefly(&request);
    }
}

/// The stage.
pub(crate) struct RemoteStage {
    session: Arc<Session>,
    commands: Vec<RemoteCommand>,
    fed: bool,
    origin: Origin,
    running: Option<Running>,
    /// When input was sent last.
    sent: Duration,
}

impl RemoteStage {
    /// Runs commands in a session; `show` where objects shall show where they came from.
    pub(crate) fn new(session: &Arc<Session>, commands: Vec<RemoteCommand>, fed: bool, show: bool) -> Self {
        let origin = Origin::new(&session.computer, session.instance(), show);
        RemoteStage { session: session.clone(), commands, fed, origin, running: None, sent: Duration::ZERO }
    }

    /// Passes on what has come; until the end, or only what is there.
    fn take(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink, to_the_end: bool) -> Run<()> {
        let wait = if to_the_end { LOOK } else { Duration::ZERO };
        loop {
            let Some(running) = self.running.as_mut().filter(|running| !running.ended) else { return Ok(()) };
            let next = running.next(wait);
            cx.look()?;
            match next {
                Some(Ok(event)) => self.event(cx, event, out)?,
                Some(Err(failure)) => return Err(failure.running(&self.session.computer).into()),
                None if to_the_end => {}
                None => return Ok(()),
            }
        }
    }

    fn event(&mut self, cx: &mut Interp<'_>, event: Event, out: &mut dyn Sink) -> Run<()> {
        match event {
            Event::Output(_, node) => {
                let value = self.origin.object(node);
                out.put(cx, value)
            }
            Event::Record(_, kind, data) => record(cx, kind, &data),
            Event::HostCall(pipeline, call) => {
                let Some(response) = prompt::answer(cx, &call, &self.session)? else { return Ok(()) };
                let request = self.session.client(|client| client.respond(pipeline, &response));
                self.done(self.session.exchange(&request).map(|_| ()))
            }
            Event::Ended(_, state) => ended(state),
            Event::Broken(_) | Event::Opened | Event::PrivateData(_) | Event::KeyAgreed => Ok(()),
        }
    }

    fn done(&self, result: Result<(), Failure>) -> Run<()> {
        result.map_err(|failure| failure.running(&self.session.computer).into())
    }

    fn send(&mut self, cx: &Interp<'_>) -> Run<()> {
        self.sent = cx.state.clock.monotonic();
        match &self.running {
            Some(running) if !running.ended => self.done(running.send()),
            _ => Ok(()),
        }
    }
}

impl Stage for RemoteStage {
    fn begin(&mut self, _: &mut Interp<'_>, _: &mut dyn Sink) -> Run<()> {
        let started = Running::commands(&self.session, &self.commands, self.fed);
        self.running = Some(started.map_err(|failure| failure.running(&self.session.computer))?);
        Ok(())
    }

    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        if values::holds_secret(&input) {
            self.done(self.session.agree_on_key())?;
        }
        let Some(running) = self.running.as_ref().filter(|running| !running.ended) else { return Ok(()) };
        let waiting = self.session.client(|client| {
            let node = values::input(&input, client.session_key());
            client.input(running.id, node);
            client.waiting(running.id)
        });
        if waiting >= INPUT_BATCH || cx.state.clock.monotonic().saturating_sub(self.sent) >= INPUT_PAUSE {
            self.send(cx)?;
        }
        self.take(cx, out, false)
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        if self.fed {
            if let Some(running) = &self.running {
                self.session.client(|client| client.end_input(running.id));
            }
            self.send(cx)?;
        }
        self.take(cx, out, true)
    }
}

/// What the other streams say.
fn record(cx: &mut Interp<'_>, kind: MessageType, data: &wire::clixml::Node) -> Run<()> {
    let text = || informational(data).unwrap_or_default();
    match kind {
        MessageType::ErrorRecord => cx.write_error(failure::record(&ErrorInfo::read(data)))?,
        MessageType::WarningRecord => cx.write_warning(text())?,
        MessageType::VerboseRecord => cx.write_verbose(text()),
        MessageType::DebugRecord => cx.write_debug(text()),
        MessageType::ProgressRecord => {
            let ProgressInfo { activity, status, percent, completed, .. } = ProgressInfo::read(data);
            cx.write_progress(&Progress { activity, status, percent, completed });
        }
        MessageType::InformationRecord => {
            let said = Information::read(data);
            let from_host = said.tags.iter().any(|tag| tag == "PSHOST");
            cx.write_information(information(said), from_host);
        }
        _ => {}
    }
    Ok(())
}

/// `Write-Host`'s message is an object that knows its text.
fn information(said: Information) -> Value {
    let text = said.data.get("Message").and_then(|m| m.as_text()).map(Value::from);
    text.unwrap_or_else(|| values::received(said.data))
}

/// What a pipeline's end means here.
pub(super) fn ended(state: PipelineStateMessage) -> Run<()> {
    match (state.state, state.error) {
        (PipelineState::Failed | PipelineState::Stopped, Some(error)) => {
            Err(failure::record(&ErrorInfo::read(&error)).into())
        }
        (PipelineState::Failed | PipelineState::Stopped, None) => {
            Err(runtime("PipelineStopped", ErrorCategory::OperationStopped, "The pipeline has been stopped."))
        }
        _ => Ok(()),
    }
}
