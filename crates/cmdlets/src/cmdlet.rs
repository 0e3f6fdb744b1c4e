//! What a cmdlet is here: a declared name and what runs it. Parameters, types and positions come from the
//! facts (`data/cmdlets.jsonl`), so that a cmdlet binds all that is documented.

use std::sync::Arc;

use directory::schema::{Kind, Preset};
use powershell::{
    Value,
    cmdlet::{CommandInfo, ParameterInfo},
};

use crate::{
    Failure, Outcome,
    call::Call,
    noun::{HANDLING, Noun},
    place::{Finder, Whereabouts},
};

/// One cmdlet that is built.
pub struct Cmdlet {
    /// `Verb-Noun`, spelt as the product does.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
    /// Whether it asks before it acts when nobody said `-Confirm:$false`.
    pub impact: Impact,
    /// Its declaration where it is not one of the documented ones.
    pub extra: Option<fn() -> CommandInfo>,
    /// Parameters beside the documented ones: name and type.
    pub own: &'static [(&'static str, &'static str)],
    /// Where its calls run.
    pub at: Whereabouts,
}

/// What runs a cmdlet.
pub enum Action {
    /// Derived from the noun's directory class.
    Get(&'static Noun),
    /// Derived likewise.
    Set(&'static Noun),
    /// Derived likewise.
    New(&'static Noun),
    /// Derived likewise.
    Remove(&'static Noun),
    /// Its own, and the parameters it reads beside those that say how to run.
    Run(fn(&mut Call<'_>) -> Outcome, &'static [&'static str]),
}

/// How much a mistake would hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impact {
    /// Nothing is asked unless `-Confirm` is given.
    Medium,
    /// Asked unless `-Confirm:$false` is given.
    High,
}

impl Cmdlet {
    /// A cmdlet with code of its own, which reads these parameters.
    pub const fn run(
        name: &'static str,
        run: fn(&mut Call<'_>) -> Outcome,
        takes: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            action: Action::Run(run, takes),
            impact: Impact::Medium,
            extra: None,
            own: &[],
            at: Whereabouts::HERE,
        }
    }
    /// `Get-` of a noun.
    pub const fn get(name: &'static str, noun: &'static Noun) -> Self {
        Self {
            name,
            action: Action::Get(noun),
            impact: Impact::Medium,
            extra: None,
            own: &[],
            at: Whereabouts::HERE,
        }
    }
    /// `Set-` of a noun.
    pub const fn set(name: &'static str, noun: &'static Noun) -> Self {
        Self {
            name,
            action: Action::Set(noun),
            impact: Impact::Medium,
            extra: None,
            own: &[],
            at: Whereabouts::HERE,
        }
    }
    /// `New-` of a noun.
    pub const fn new(name: &'static str, noun: &'static Noun) -> Self {
        Self {
            name,
            action: Action::New(noun),
            impact: Impact::Medium,
            extra: None,
            own: &[],
            at: Whereabouts::HERE,
        }
    }
    /// `Remove-` of a noun: asks first.
    pub const fn remove(name: &'static str, noun: &'static Noun) -> Self {
        Self {
            name,
            action: Action::Remove(noun),
            impact: Impact::High,
            extra: None,
            own: &[],
            at: Whereabouts::HERE,
        }
    }
    /// The same, but asks first.
    pub const fn asking(self) -> Self {
        Self { impact: Impact::High, ..self }
    }
    /// The same, declared here because the facts do not know it.
    pub const fn declared(self, info: fn() -> CommandInfo) -> Self {
        Self { extra: Some(info), ..self }
    }

    /// The same, with parameters beside the documented ones: for what the product keeps elsewhere, in its registry.
    pub const fn and_takes(self, own: &'static [(&'static str, &'static str)]) -> Self {
        Self { own, ..self }
    }

    /// The same, but its calls run where what these parameters mean is kept; the first that is given decides.
    pub const fn at(self, told_by: &'static [(&'static str, Finder)]) -> Self {
        Self { at: Whereabouts { told_by, ..self.at }, ..self }
    }
    /// The same, but it runs here, with a warning, where the server it belongs to can't be reached.
    pub const fn or_here(self) -> Self {
        Self { at: Whereabouts { or_here: true, ..self.at }, ..self }
    }

    /// Runs one call.
    pub(crate) fn invoke(&self, call: &mut Call<'_>) -> Outcome {
        match self.action {
            Action::Get(noun) => noun.get(call),
            Action::Set(noun) => noun.set(call),
            Action::New(noun) => noun.create(call),
            Action::Remove(noun) => noun.remove(call),
            Action::Run(run, _) => {
                match call.invocation.parameters.keys().find(|name| !self.understands(name)) {
                    Some(other) => Err(Failure::not_implemented(self.name, other)),
                    None => run(call),
                }
            }
        }
    }

    /// Whether a declared parameter does what it says; one that does not is refused when it is given.
    pub fn understands(&self, parameter: &str) -> bool {
        match self.action {
            Action::Get(noun) => noun.selects_by(parameter),
            Action::Set(noun) | Action::New(noun) => noun.understands(parameter),
            Action::Remove(_) => HANDLING.contains(&parameter),
            Action::Run(_, takes) => takes.contains(&parameter) || HANDLING.contains(&parameter),
        }
    }

    /// The noun whose objects it changes or shows, if it is one of the directory.
    pub(crate) fn noun(&self) -> Option<&'static Noun> {
        match self.action {
            Action::Get(noun) | Action::Set(noun) | Action::New(noun) | Action::Remove(noun) => Some(noun),
            Action::Run(..) => None,
        }
    }

    /// The words a parameter takes: those of the attribute it sets.
    pub(crate) fn words(&self, parameter: &str) -> Option<&'static [&'static str]> {
        let (Action::Set(noun) | Action::New(noun)) = self.action else { return None };
        if noun.special.iter().any(|row| row.0 == parameter) || noun.takes.contains(&parameter) {
            return None;
        }
        match noun.class.attribute(parameter)?.kind {
            Kind::Choice(words) | Kind::Flags(words) => Some(words),
            _ => None,
        }
    }

    /// The type of a parameter that may be `$null` because its attribute has no default.
    pub(crate) fn nullable(&self, parameter: &ParameterInfo) -> Option<&'static str> {
        let attribute = self.noun()?.class.attribute(&parameter.name)?;
        match (&*parameter.type_name, attribute.kind, attribute.preset) {
            ("Boolean", Kind::Bool, Preset::None) => Some("Nullable[Boolean]"),
            ("Int32", Kind::Int(..), Preset::None) => Some("Nullable[Int32]"),
            _ => None,
        }
    }
}

/// A declaration for a cmdlet that the facts do not know: name, and parameters as name and type.
pub(crate) fn declare(name: &str, synopsis: &str, parameters: &[(&str, &str)]) -> CommandInfo {
    CommandInfo {
        name: name.into(),
        module: crate::MODULE.into(),
        synopsis: synopsis.into(),
        parameters: parameters.iter().map(|(name, kind)| ParameterInfo::new(name, kind)).collect(),
        ..CommandInfo::default()
    }
}

/// Text of a value, for parameters that are names, addresses or identities.
pub(crate) fn text_of(value: &Value) -> Arc<str> {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string().into(),
    }
}
