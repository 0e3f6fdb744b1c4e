//! A pipeline's streams, as messages for its client.

use std::sync::atomic::{AtomicBool, Ordering};

use base::Guid;
use powershell::{
    ErrorRecord, Flow, Streams, Value,
    cmdlet::{Progress, Prompt},
    text::to_node,
};
use wire::{
    clixml::Node,
    psrp::{ErrorInfo, HostCall, HostInfo, HostMethod, Information, MessageType, ProgressInfo, Stream},
};

use super::{Workplace, input::Input, outbox::Outbox};

/// How deep objects are followed: their properties, no further.
const DEPTH: usize = 1;

/// Where a pipeline writes.
pub(super) struct ToClient<'a> {
    pub(super) work: &'a Workplace,
    pub(super) pipeline: Guid,
    pub(super) outbox: &'a Outbox,
    pub(super) input: &'a Input,
    pub(super) stopping: &'a AtomicBool,
    pub(super) host: HostInfo,
}

/// An error record as clients get it.
pub(super) fn error_info(record: &ErrorRecord) -> ErrorInfo {
    let (target_name, target_type) = if record.target.is_null() {
        Default::default()
    } else {
        let kind = record.target.type_name();
        (record.target.to_string(), kind.rsplit('.').next().unwrap_or_default().to_owned())
    };
    ErrorInfo {
        exception_type: record.exception_type.to_string(),
        message: record.message.to_string(),
        target: to_node(&record.target, 0),
        error_id: record.fully_qualified_id(),
        category: record.category as i32,
        activity: record.command.to_string(),
        reason: record.reason().to_owned(),
        target_name,
        target_type,
        category_message: record.category_info(),
    }
}

impl ToClient<'_> {
    pub(super) fn send(&self, kind: MessageType, data: Node) -> Flow {
        if self.stopping() {
            return Flow::Stop;
        }
        self.outbox.push(self.work.message(self.pipeline, kind, data))
    }

    fn say(&self, stream: Stream, text: &str) {
        let (kind, data) = stream.message(text);
        let _ = self.send(kind, data);
    }

    /// Calls the client's host, and waits for its answer.
    fn call(&self, call: impl FnOnce(i64) -> HostCall) -> Option<Node> {
        let ci = self.input.call();
        if self.send(MessageType::PipelineHostCall, call(ci).to_node()) == Flow::Stop {
            return None;
        }
        let answer = self.input.await_answer(ci)?;
        answer.error.is_none().then_some(answer.result)
    }
}

impl Streams for ToClient<'_> {
    fn output(&mut self, value: Value) -> Flow {
        self.send(MessageType::PipelineOutput, self.work.to_node(&value, DEPTH))
    }

    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.send(MessageType::ErrorRecord, error_info(&record).to_node())
    }

    fn warning(&mut self, text: &str) {
        self.say(Stream::Warning, text);
    }

    fn verbose(&mut self, text: &str) {
        self.say(Stream::Verbose, text);
    }

    fn debug(&mut self, text: &str) {
        self.say(Stream::Debug, text);
    }

    fn progress(&mut self, progress: &Progress) {
        let info = ProgressInfo {
            activity: progress.activity.clone(),
            activity_id: 0,
            status: progress.status.clone(),
            percent: progress.percent,
            completed: progress.completed,
        };
        let _ = self.send(MessageType::ProgressRecord, info.to_node());
    }

    /// What is said to the person: on their screen where there is one.
    fn information(&mut self, value: Value) {
        if self.host.can_prompt() {
            let parameters = vec![Node::text(value.to_string())];
            let line = HostCall { ci: wire::psrp::VOID_CALL, method: HostMethod::WRITE_LINE, parameters };
            let _ = self.send(MessageType::PipelineHostCall, line.to_node());
            return;
        }
        let information = Information {
            data: self.work.to_node(&value, DEPTH),
            source: String::new(),
            time: self.work.clock.now().to_string(),
            tags: vec!["PSHOST".into()],
            user: self.work.caller.clone(),
            computer: self.work.server.clone(),
            process: std::process::id(),
        };
        let _ = self.send(MessageType::InformationRecord, information.to_node());
    }

    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        if !self.host.can_prompt() || prompt.secret {
            return None;
        }
        if prompt.choices.is_empty() {
            let ask =
                format!("{}: ", if prompt.message.is_empty() { &prompt.caption } else { &prompt.message });
            let write = |text| HostCall {
                ci: wire::psrp::VOID_CALL,
                method: HostMethod::WRITE,
                parameters: vec![Node::text(text)],
            };
            let _ = self.send(MessageType::PipelineHostCall, write(ask).to_node());
            let line =
                self.call(|ci| HostCall { ci, method: HostMethod::READ_LINE, parameters: Vec::new() })?;
            return line.as_text().map(Value::from);
        }
        let choices: Vec<(&str, &str)> = prompt.choices.iter().map(|choice| (&**choice, "")).collect();
        let default = i32::try_from(prompt.default).unwrap_or(0);
        let call = |ci| HostCall::prompt_for_choice(ci, &prompt.caption, &prompt.message, &choices, default);
        let chosen = self.call(call)?.as_int()?;
        usize::try_from(chosen).ok().filter(|at| *at < choices.len()).map(|_| Value::Int(chosen))
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
