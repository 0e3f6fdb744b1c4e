//! `-WhatIf` and `-Confirm`: whether a command may act, and the answers it was given.

use std::sync::atomic::{AtomicU8, Ordering};

use super::{Interp, Run};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord, Prompt},
    value::Value,
};

/// How much a command changes; `$ConfirmPreference` says from where on it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Impact {
    None,
    Low,
    #[default]
    Medium,
    High,
}

impl Impact {
    /// Reads a name or the enumeration's number.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        const ALL: [(&str, Impact); 4] = [
            ("None", Impact::None),
            ("Low", Impact::Low),
            ("Medium", Impact::Medium),
            ("High", Impact::High),
        ];
        if let Value::Int(n) = value {
            return usize::try_from(*n).ok().and_then(|n| ALL.get(n)).map(|(_, impact)| *impact);
        }
        let text = value.to_string();
        ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)).map(|(_, impact)| *impact)
    }
}

/// `Yes to All` and `No to All` hold for all objects of one command in a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Consent(AtomicU8);

const YES_TO_ALL: u8 = 1;
const NO_TO_ALL: u8 = 2;

impl Consent {
    /// The answer that was given for all, as the place of a choice.
    fn given(&self) -> Option<i32> {
        match self.0.load(Ordering::Relaxed) {
            YES_TO_ALL => Some(Prompt::YES_TO_ALL),
            NO_TO_ALL => Some(Prompt::NO_TO_ALL),
            _ => None,
        }
    }

    fn keep(&self, answer: i32) {
        match answer {
            Prompt::YES_TO_ALL => self.0.store(YES_TO_ALL, Ordering::Relaxed),
            Prompt::NO_TO_ALL => self.0.store(NO_TO_ALL, Ordering::Relaxed),
            _ => {}
        }
    }
}

impl Interp<'_> {
    /// Asks the person; a confirmation that was answered for all is not asked for again. Nothing where nobody
    /// can answer; who stops the command instead of answering stops it here.
    pub(crate) fn ask(&mut self, prompt: &Prompt) -> Run<Option<Value>> {
        let consent = prompt.is_confirmation().then(|| self.at.consent.clone());
        if let Some(answer) = consent.as_ref().and_then(|consent| consent.given()) {
            return Ok(Some(Value::Int(answer)));
        }
        let answer = self.host.prompt(prompt);
        match (&answer, consent) {
            (None, _) => self.look()?,
            (Some(Value::Int(answer)), Some(consent)) => consent.keep(*answer),
            _ => {}
        }
        Ok(answer)
    }

    /// From which impact on commands ask: `-Confirm` here or around, else `$ConfirmPreference`.
    pub(crate) fn confirm_from(&self) -> Impact {
        match self.confirm() {
            Some(true) => Impact::Low,
            Some(false) => Impact::None,
            None => {
                let preference = self.at.scope.get("ConfirmPreference");
                preference.as_ref().and_then(Impact::read).unwrap_or(Impact::High)
            }
        }
    }

    /// As [`Interp::confirmed`], for commands of the language.
    pub(crate) fn should_process(&mut self, target: &str, action: &str) -> Run<bool> {
        self.confirmed(target, action, Impact::Medium)
    }

    /// Says what would be done under `-WhatIf`, asks under `-Confirm` or where the impact is high enough; true to
    /// go on.
    pub(crate) fn confirmed(&mut self, target: &str, action: &str, impact: Impact) -> Run<bool> {
        let question = format!("Performing the operation \"{action}\" on target \"{target}\".");
        if self.what_if() {
            self.write_information(format!("What if: {question}").into(), true);
            return Ok(false);
        }
        let from = self.confirm_from();
        if from == Impact::None || impact < from {
            self.write_verbose(&question);
            return Ok(true);
        }
        match self.ask(&Prompt::confirmation(&question))? {
            Some(Value::Int(Prompt::YES | Prompt::YES_TO_ALL)) => Ok(true),
            Some(_) => Ok(false),
            None => Err(nobody_there()),
        }
    }

    /// `ShouldContinue(query, caption)`: asks whatever the preferences say.
    pub(crate) fn should_continue(&mut self, query: &str, caption: &str) -> Run<bool> {
        let prompt = Prompt {
            caption: caption.into(),
            message: query.into(),
            choices: vec!["&Yes".into(), "&No".into()],
            ..Prompt::default()
        };
        match self.ask(&prompt)? {
            Some(Value::Int(answer)) => Ok(answer == Prompt::YES),
            Some(_) => Ok(false),
            None => Err(nobody_there()),
        }
    }
}

fn nobody_there() -> super::Unwind {
    let text = "The command needs confirmation, and nobody is there to give it. Use -Confirm:$false.";
    ErrorRecord::new(
        "System.Management.Automation.PSInvalidOperationException",
        "InvalidOperation",
        ErrorCategory::InvalidOperation,
        text,
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impacts_are_ordered_and_read() {
        assert!(Impact::None < Impact::Low && Impact::Medium < Impact::High);
        assert_eq!(Impact::read(&"high".into()), Some(Impact::High));
        assert_eq!(Impact::read(&Value::Int(1)), Some(Impact::Low));
        assert_eq!(Impact::read(&"x".into()), None);
    }

    #[test]
    fn only_answers_for_all_are_kept() {
        let consent = Consent::default();
        consent.keep(Prompt::YES);
        assert_eq!(consent.given(), None);
        consent.keep(Prompt::NO_TO_ALL);
        assert_eq!(consent.given(), Some(Prompt::NO_TO_ALL));
    }
}
