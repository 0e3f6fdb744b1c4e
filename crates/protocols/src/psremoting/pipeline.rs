//! One pipeline: bound and run on a thread of its own, for cmdlets may block.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use base::Guid;
use parking_lot::Mutex;
use powershell::{ErrorCategory, ErrorRecord, Flow, Limits, Runspace, Value};
use wire::{
    clixml::Node,
    psrp::{
        CreatePipeline, Defragmenter, GetCommandMetadata, HostInfo, Message, MessageType, PipelineState,
        PipelineStateMessage, metadata_count,
    },
    wsman::{Fault, FaultCode},
};

use super::{
    Workplace, arguments,
    input::Input,
    metadata,
    outbox::Outbox,
    proxies,
    share::Share,
    shell::OBJECT_MAX,
    streams::{ToClient, error_info},
};

/// The stack of a pipeline's thread, bytes: deep enough for as many stages as a pipeline may have.
const STACK: usize = 8 << 20;
/// Most commands of one pipeline.
const COMMANDS_MAX: usize = 32;
/// Most statements of one pipeline.
const STATEMENTS_MAX: usize = 32;

/// A pipeline, from its first fragment until its client has fetched its end.
pub(super) struct Pipeline {
    pub(super) id: Guid,
    pub(super) outbox: Outbox,
    pub(super) input: Input,
    /// Puts the client's messages together; one that sends at a time.
    incoming: Mutex<(Defragmenter, Share)>,
    started: AtomicBool,
    stopping: AtomicBool,
}

impl Pipeline {
    pub(super) fn new(id: Guid, work: &Workplace) -> Self {
        let share = || Share::new(&work.buffered);
        Pipeline {
            id,
            outbox: Outbox::new(share()),
            input: Input::new(share()),
            incoming: Mutex::new((Defragmenter::new(OBJECT_MAX), share())),
            started: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Takes fragments; hands back the messages that are complete.
    pub(super) fn defragment(&self, data: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
        let (defragmenter, share) = &mut *self.incoming.lock();
        let messages = defragmenter.push(data).map_err(super::malformed)?;
        if share.set(defragmenter.bytes()) { Ok(messages) } else { Err(FaultCode::Quota.into()) }
    }

    /// Whether it is at work, or about to be.
    pub(super) fn is_active(&self) -> bool {
        !self.outbox.has_ended()
    }

    /// It stops as soon as it looks; its state says so.
    pub(super) fn stop(&self, work: &Workplace) {
        self.stopping.store(true, Ordering::Relaxed);
        self.input.stop();
        self.outbox.stop();
        if !self.started.swap(true, Ordering::Relaxed) {
            self.conclude(work, Ok(()));
        }
    }

    /// Nobody is interested in it any more.
    pub(super) fn abandon(&self, work: &Workplace) {
        self.stop(work);
        self.outbox.close(FaultCode::Aborted);
    }

    /// Starts it with its first message.
    pub(super) fn start(
        self: &Arc<Self>,
        work: &Arc<Workplace>,
        host: HostInfo,
        first: Vec<u8>,
    ) -> Result<(), Fault> {
        if self.started.swap(true, Ordering::Relaxed) {
            return Err(Fault::new(FaultCode::Schema, "The pipeline has started already."));
        }
        let place = Place::take(work).ok_or(FaultCode::Quota)?;
        let (pipeline, work) = (self.clone(), work.clone());
        let run = move || {
            let _place = place;
            let outcome = catch_unwind(AssertUnwindSafe(|| pipeline.run(&work, host, &first)));
            pipeline.conclude(&work, outcome.unwrap_or_else(|_| Err(internal())));
        };
        let spawned = std::thread::Builder::new().name("pipeline".into()).stack_size(STACK).spawn(run);
        spawned.map(drop).map_err(|error| {
            tracing::error!(%error, "no thread for a pipeline");
            FaultCode::Internal.into()
        })
    }

    fn run(&self, work: &Workplace, host: HostInfo, first: &[u8]) -> Result<(), ErrorRecord> {
        let decoded = Message::decode(first).map_err(|error| unreadable(&error.to_string()))?;
        let Some(Message { kind, data: Some(data), pipeline, .. }) = decoded else {
            return Err(unreadable("there is nothing to run"));
        };
        if pipeline != self.id {
            return Err(unreadable("the message is for another pipeline"));
        }
        let unread = |error: wire::psrp::PsrpError| unreadable(&error.to_string());
        let runspace =
            Runspace::with(work.commands.clone(), work.clock.clone(), work.rng.clone(), Limits::SESSION)
                .with_builtins(proxies::BUILTINS);
        let mut streams = ToClient {
            work,
            pipeline: self.id,
            outbox: &self.outbox,
            input: &self.input,
            stopping: &self.stopping,
            host,
        };
        match kind {
            MessageType::CreatePipeline => {
                let create = CreatePipeline::read(&data).map_err(unread)?;
                drop(data);
                if !create.host.use_runspace_host {
                    streams.host = create.host;
                }
                self.run_statements(work, runspace, create, &mut streams)
            }
            _ => describe(&runspace, &GetCommandMetadata::read(&data).map_err(unread)?, &streams),
        }
    }

    fn run_statements(
        &self,
        work: &Workplace,
        mut runspace: Runspace,
        create: CreatePipeline,
        streams: &mut ToClient<'_>,
    ) -> Result<(), ErrorRecord> {
        if create.statements.len() > STATEMENTS_MAX
            || create.statements.iter().any(|s| s.len() > COMMANDS_MAX)
        {
            return Err(unreadable("the pipeline has too many commands"));
        }
        if create.statements.iter().flatten().any(|command| command.is_script) {
            return Err(scripts_not_allowed());
        }
        for statement in create.statements {
            let declared = |name: &str| runspace.declaration(name);
            let calls =
                statement.into_iter().map(|command| arguments::call(command, work, &declared)).collect();
            let mut objects = std::iter::from_fn(|| self.next_object(work));
            let fed = !create.no_input;
            let input = fed.then_some(&mut objects as &mut (dyn Iterator<Item = Value> + Send));
            runspace.invoke(calls, input, streams)?;
        }
        Ok(())
    }

    /// The next object the client feeds; what cannot be read ends the input.
    fn next_object(&self, work: &Workplace) -> Option<Value> {
        let message = Message::decode(&self.input.next()?).ok()??;
        Some(arguments::value(message.data.unwrap_or_default(), work))
    }

    /// Says how it ended.
    fn conclude(&self, work: &Workplace, outcome: Result<(), ErrorRecord>) {
        let (state, error) = match outcome {
            _ if self.stopping.load(Ordering::Relaxed) => (PipelineState::Stopped, Some(stopped())),
            Ok(()) => (PipelineState::Completed, None),
            Err(record) => (PipelineState::Failed, Some(record)),
        };
        let error = error.map(|record| error_info(&record).to_node());
        let data = PipelineStateMessage { state, error }.to_node();
        self.input.stop();
        self.outbox.end(work.message(self.id, MessageType::PipelineState, data));
    }
}

/// Answers what commands there are: how many, then each.
fn describe(
    runspace: &Runspace,
    asked: &GetCommandMetadata,
    streams: &ToClient<'_>,
) -> Result<(), ErrorRecord> {
    let everything = ["*".to_owned()];
    let patterns = if asked.names.is_empty() { &everything[..] } else { &asked.names };
    let mut commands = runspace.commands(patterns);
    commands.retain(|info| metadata::is_wanted(info, asked));
    let put = |node: Node| streams.send(MessageType::PipelineOutput, node);
    if put(metadata_count(commands.len())) == Flow::Stop {
        return Ok(());
    }
    for info in commands {
        if put(metadata::describe(&info).to_node()) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

/// A place among the pipelines that run, of all callers and of one; given back when dropped.
struct Place([Arc<AtomicUsize>; 2]);

/// Pipelines at work at once, of all callers and of one: each has a thread.
const RUNNING_MAX: [usize; 2] = [256, 54];

impl Place {
    fn take(work: &Workplace) -> Option<Self> {
        let place = Place([work.running.clone(), work.running_own.clone()]);
        let before = place.0.each_ref().map(|count| count.fetch_add(1, Ordering::Relaxed));
        (before[0] < RUNNING_MAX[0] && before[1] < RUNNING_MAX[1]).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn stopped() -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.PipelineStoppedException",
        "PipelineStopped",
        ErrorCategory::OperationStopped,
        "The pipeline has been stopped.",
    )
}

fn scripts_not_allowed() -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.ParseException",
        "ScriptsNotAllowed",
        ErrorCategory::ParserError,
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
    )
}

fn unreadable(why: &str) -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.Remoting.PSRemotingDataStructureException",
        "PSRemotingDataStructure",
        ErrorCategory::ProtocolError,
        format!("The pipeline cannot be run: {why}."),
    )
}

fn internal() -> ErrorRecord {
    ErrorRecord::new(
        "System.Exception",
        "InternalError",
        ErrorCategory::NotSpecified,
        "An internal error occurred; the server's log says more.",
    )
}
