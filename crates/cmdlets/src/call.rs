//! One call of one cmdlet: its parameters, typed; its caller's wishes (`-WhatIf`, `-Confirm`); its streams.

use std::sync::Arc;

use base::{Fault, FaultKind, Timestamp, Unlimited};
use powershell::{
    Value,
    cmdlet::{Flow, Invocation, Prompt, Streams},
};

use crate::{
    Cmdlet, Context, Failure, Outcome,
    cmdlet::{Impact, text_of},
};

/// How many objects a Get cmdlet writes when `-ResultSize` does not say.
const RESULT_SIZE: usize = 1000;

const MORE: &str = "There are more results available than are currently displayed. To view them, increase the \
                    value for the ResultSize parameter.";
const MORE_BY_DEFAULT: &str = "By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number of \
     items returned. To return all items, specify \"-ResultSize Unlimited\". Be aware that, depending on the \
     actual number of items, returning all items can take a long time and consume a large amount of memory.";

/// A running cmdlet's world.
pub struct Call<'a> {
    /// The server.
    pub cx: &'a Context,
    /// What was bound.
    pub invocation: &'a Invocation,
    cmdlet: &'a Cmdlet,
    out: &'a mut dyn Streams,
    yes_to_all: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        cx: &'a Context,
        invocation: &'a Invocation,
        cmdlet: &'a Cmdlet,
        out: &'a mut dyn Streams,
    ) -> Self {
        Self { cx, invocation, cmdlet, out, yes_to_all: false }
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
