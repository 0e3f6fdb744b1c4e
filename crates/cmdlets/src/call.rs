//! One call of one cmdlet: its parameters, typed; its caller's wishes (`-WhatIf`, `-Confirm`); its streams.

use std::{collections::BTreeSet, mem, sync::Arc};

use base::{Fault, FaultKind, Guid, Timestamp, Unlimited};
use directory::{DirectoryError, Draft, Object, View};
use powershell::{
    Value,
    cmdlet::{Flow, Invocation, Progress, Prompt, Streams},
};

use trust::{Access, access::Use};

use crate::{
    Cmdlet, Context, Failure, Outcome,
    changes::Changes,
    cmdlet::{Impact, text_of},
    person::Person,
    place::Part,
    relay::{Conversation, Gathered},
    runner::Run,
};

/// How many objects a Get cmdlet writes when `-ResultSize` does not say.
const RESULT_SIZE: usize = 1000;

const MORE: &str = "There are more results available than are currently displayed. To view them, increase the \
                    value for the ResultSize parameter.";
const MORE_BY_DEFAULT: &str = "By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of \
     items returned. To return all items, specify \"-ResultSize Unlimited\". Be aware that, depending on the \
     actual number of items, returning all items can take a long time and consume a large amount of memory.";

/// Who looks at the directory, and with what.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) access: &'a Access,
    pub(crate) cmdlet: &'a str,
}

impl Reader<'_> {
    /// Whether they may see an object.
    pub(crate) fn sees(&self, view: &View, object: &Object) -> bool {
        self.access.may_read(view, self.cmdlet, object)
    }
}

/// A running cmdlet's world.
pub struct Call<'a> {
    /// The server.
    pub cx: &'a Context,
    /// What was bound.
    pub invocation: &'a Invocation,
    /// Who calls.
    pub(crate) person: &'a Person,
    /// What they may do.
    pub(crate) access: &'a Access,
    /// What was changed in the directory so far, for the record.
    changes: Changes,
    cmdlet: &'a Cmdlet,
    part: Part,
    out: &'a mut dyn Streams,
    yes_to_all: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(run: Run<'a>, out: &'a mut dyn Streams) -> Self {
        let Run { cx, person, access, invocation, cmdlet, part } = run;
        Self {
            cx,
            invocation,
            person,
            access,
            changes: Changes::default(),
            cmdlet,
            part,
            out,
            yes_to_all: false,
        }
    }

    /// Which part of the call runs here.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// What the same call writes on other servers, each of which does its share of it, one server after the other.
    /// For each that does not answer, an error is written.
    pub(crate) fn ask_others(&mut self, servers: impl IntoIterator<Item = Guid>) -> Vec<Value> {
        let run = Run {
            cx: self.cx,
            person: self.person,
            access: self.access,
            invocation: self.invocation,
            cmdlet: self.cmdlet,
            part: self.part,
        };
        let others = |server: &Guid| self.part == Part::Asked && *server != self.cx.server;
        let servers: BTreeSet<Guid> = servers.into_iter().filter(others).collect();
        // All are asked before the first one is heard: they work at the same time.
        let asked: Vec<_> =
            servers.into_iter().map(|server| Conversation::begin(&run, server, true)).collect();
        let mut found = Vec::new();
        for asked in asked {
            let mut heard = Gathered { objects: Vec::new(), out: &mut *self.out };
            let failed = match asked {
                Ok(conversation) => conversation.follow(&run, &mut heard).result.err(),
                Err(unreached) => Some(unreached.record(self.cmdlet.name, None)),
            };
            found.append(&mut heard.objects);
            if let Some(record) = failed {
                let _ = self.out.error(record);
            }
        }
        found
    }

    /// Changes the directory and waits until the change is durable and visible. What is not the caller's to
    /// change, or not with these parameters, is left as it was.
    pub fn commit<R, F>(&mut self, change: F) -> Result<R, Fault>
    where
        R: Send + 'static,
        F: FnOnce(&mut Draft<'_>) -> Result<R, DirectoryError> + Send + 'static,
    {
        let (access, cmdlet) = (self.access.clone(), self.cmdlet.name);
        let parameters = self.parameter_names();
        let (result, changes) = self.cx.commit(move |draft| {
            let result = change(draft)?;
            let touched = draft.touched();
            access.check_changes(draft, &Use { cmdlet, parameters: &parameters }, &touched)?;
            Ok((result, Changes::of(draft, &touched)))
        })?;
        self.changes.add(changes);
        Ok(result)
    }

    /// Whether an object is the caller's to change with this call, before anything is done to it.
    pub fn check_write(&self, object: &Object) -> Outcome {
        let view = self.cx.directory.snapshot();
        let parameters = self.parameter_names();
        Ok(self.access.check_write(
            &view,
            &Use { cmdlet: self.cmdlet.name, parameters: &parameters },
            object,
        )?)
    }

    fn parameter_names(&self) -> Vec<Arc<str>> {
        self.invocation.parameters.keys().cloned().collect()
    }

    /// The caller as one who looks.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader { cx: self.cx, access: self.access, cmdlet: self.cmdlet.name }
    }

    /// Whether this call only looks.
    pub(crate) fn looks(&self) -> bool {
        let verb = self.cmdlet.name.split_once('-').map_or("", |(verb, _)| verb);
        ["Export", "Get", "Search", "Test"].contains(&verb)
    }

    /// An object that was found is seen, or is the caller's to change.
    pub(crate) fn admit(&self, view: &View, object: &Object, identity: &str) -> Outcome {
        if !self.reader().sees(view, object) {
            return Err(view.not_found(identity).into());
        }
        if self.looks() { Ok(()) } else { self.check_write(object) }
    }

    /// What was changed so far; it is taken away.
    pub(crate) fn take_changes(&mut self) -> Changes {
        mem::take(&mut self.changes)
    }

    /// A parameter's value; nothing when it was not given.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let caseless = || {
            let mut given = self.invocation.parameters.iter();
            given.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        self.invocation.get(name).or_else(caseless)
    }
    /// A parameter as text; nothing when it was not given or is `$null`.
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.get(name).filter(|value| !value.is_null()).map(text_of)
    }
    /// A parameter the cmdlet cannot do without.
    pub fn needed(&self, name: &str) -> Outcome<Arc<str>> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| Failure::missing(name))
    }
    /// True where a switch is on or a Boolean parameter is `$true`.
    pub fn switch(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::truth)
    }
    /// The values of a parameter that takes several; empty when it was not given.
    pub fn list(&self, name: &str) -> Vec<Arc<str>> {
        self.get(name).map_or_else(Vec::new, |value| value.clone().into_items().iter().map(text_of).collect())
    }
    /// A moment.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        match self.get(name) {
            Some(Value::DateTime(time)) => Some(*time),
            _ => None,
        }
    }
    /// What names the object: the `Identity` parameter's own identity (an object's GUID) or text.
    pub fn identity(&self, name: &str) -> Option<Arc<str>> {
        self.get(name).filter(|value| !value.is_null()).map(identity_text)
    }
    /// `-ResultSize`: how many objects to write.
    pub fn result_size(&self) -> usize {
        match self.get("ResultSize") {
            Some(Value::Unlimited(Unlimited::Unlimited)) => usize::MAX,
            Some(value) => text_of(value).parse().unwrap_or(usize::MAX),
            None => RESULT_SIZE,
        }
    }

    /// Writes one object.
    pub fn write(&mut self, value: Value) -> Flow {
        self.out.output(value)
    }
    /// Writes an error and goes on.
    pub fn error(&mut self, failure: Failure) {
        let _ = self.out.error(failure.record(self.cmdlet.name, None));
    }
    /// Writes a warning.
    pub fn warn(&mut self, text: &str) {
        self.out.warning(text);
    }
    /// Writes a verbose message.
    pub fn verbose(&mut self, text: &str) {
        self.out.verbose(text);
    }
    /// Says how far a long cmdlet is.
    pub fn progress(&mut self, activity: &str, status: &str, percent: usize) {
        let percent = i32::try_from(percent.min(100)).unwrap_or(-1);
        let (activity, status) = (activity.to_owned(), status.to_owned());
        self.out.progress(&Progress { activity, status, percent, completed: false });
    }
    /// Says that a long cmdlet's activity is over.
    pub fn progress_ended(&mut self, activity: &str) {
        let activity = activity.to_owned();
        self.out.progress(&Progress { activity, percent: 100, completed: true, ..Progress::default() });
    }
    /// Says, to whoever wants to hear it, where and for whom the cmdlet runs and what it was given: never values,
    /// which may be secret.
    pub(crate) fn introduce(&mut self) {
        let (name, server, caller) = (self.cmdlet.name, &self.cx.server_name, &self.person.name);
        if self.invocation.preferences.verbose {
            let all = self.access.is_everything();
            let may = if all { "may do everything" } else { "may do what their roles allow" };
            self.out.verbose(&format!("{name} runs on {server} for {caller}, who {may}."));
        }
        if self.invocation.preferences.debug {
            let names = self.parameter_names().join(", ");
            self.out.debug(&format!("{name} was given these parameters: {names}."));
        }
    }
    /// Nobody reads any more.
    pub fn stopping(&self) -> bool {
        self.out.stopping()
    }

    /// Writes up to `-ResultSize` objects, with the product's warning where there were more.
    pub fn write_all(&mut self, values: impl IntoIterator<Item = Value>) {
        let limit = self.result_size();
        for (count, value) in values.into_iter().enumerate() {
            if count == limit {
                self.warn(if self.get("ResultSize").is_some() { MORE } else { MORE_BY_DEFAULT });
                return;
            }
            if self.write(value) == Flow::Stop {
                return;
            }
        }
    }

    /// Whether to act: `-WhatIf` says what would be done, `-Confirm` (or a cmdlet that asks by itself) asks.
    /// `action` is a sentence without its full stop: `Removing mailbox "nuno"`.
    pub fn should_process(&mut self, action: &str) -> Outcome<bool> {
        if self.invocation.preferences.what_if {
            self.out.information(Value::string(format!("What if: {action}.")));
            return Ok(false);
        }
        let asks = self.invocation.preferences.confirm.unwrap_or(self.cmdlet.impact == Impact::High);
        if !asks || self.yes_to_all {
            return Ok(true);
        }
        let prompt = Prompt {
            caption: "Confirm".into(),
            message: format!("Are you sure you want to perform this action?\n{action}."),
            choices: ["&Yes", "Yes to &All", "&No", "No to A&ll"].map(String::from).to_vec(),
            default: 0,
            secret: false,
        };
        match self.out.prompt(&prompt) {
            Some(Value::Int(0)) => Ok(true),
            Some(Value::Int(1)) => {
                self.yes_to_all = true;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err(Fault::new(
                FaultKind::Invalid,
                "HostFunctionNotSupported",
                "The command needs a confirmation and nobody can be asked. Add -Confirm:$false to act without asking.",
            )
            .into()),
        }
    }
}

/// What names an object: its GUID where it has one (names may be ambiguous), else its text.
pub(crate) fn identity_text(value: &Value) -> Arc<str> {
    let of = |name: &str| value.property(name).filter(|v| !v.is_null()).map(|v| text_of(&v));
    match value {
        Value::Object(_) => of("Guid").or_else(|| of("Identity")).unwrap_or_else(|| text_of(value)),
        other => text_of(other),
    }
}
