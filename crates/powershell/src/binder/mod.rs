//! Turns what was typed into typed parameters, with PowerShell's rules and error texts.
//!
//! Named first (exact name or alias, else a unique prefix), then positional, then, for each pipeline object,
//! by value and by property name; then a parameter set is chosen and mandatory parameters are checked.

mod coerce;
mod common;
mod errors;
mod pipeline;
mod sets;

use std::sync::Arc;

use base::Timestamp;

pub use common::{COMMON, Common};
use sets::{Mask, Sets};

use crate::{
    cmdlet::{
        Bound, CommandInfo, CommandKind, CommandSource, ErrorRecord, Invocation, ParameterInfo, Preferences,
    },
    value::Value,
};

/// One element of a command line, evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// `-Name`, or `-Name:value`.
    Named(Arc<str>, Option<Given>),
    /// A value without a name: the previous parameter's, or positional.
    Value(Given),
}

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The value.
    pub value: Value,
    /// What was typed, where a bare number was: it counts where a text is wanted (`-Phone 0123`).
    pub text: Option<Arc<str>>,
    /// Only a run would tell the value: anything goes.
    pub unknown: bool,
}

impl Given {
    /// A value that only a run would tell.
    pub fn unknown() -> Self {
        Given { value: Value::Nothing, text: None, unknown: true }
    }
}

impl<T: Into<Value>> From<T> for Given {
    fn from(value: T) -> Self {
        Given { value: value.into(), text: None, unknown: false }
    }
}

/// A command line bound as far as it goes without pipeline objects.
#[derive(Debug)]
pub struct Binding {
    info: Arc<CommandInfo>,
    source: Arc<dyn CommandSource>,
    now: Timestamp,
    sets: Sets,
    mask: Mask,
    bound: Bound,
    common: Common,
}

impl std::fmt::Debug for dyn CommandSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CommandSource")
    }
}

/// Binds the arguments of a command. `now` is today, for times without a date.
///
/// # Errors
/// PowerShell's parameter binding errors.
pub fn bind(
    info: Arc<CommandInfo>,
    arguments: Vec<Argument>,
    source: Arc<dyn CommandSource>,
    now: Timestamp,
) -> Result<Binding, ErrorRecord> {
    let sets = Sets::of(&info);
    let mask = sets.all();
    let mut binding =
        Binding { info, source, now, sets, mask, bound: Bound::new(), common: Common::default() };
    let positional = binding.bind_named(arguments)?;
    binding.bind_positional(positional)?;
    Ok(binding)
}

/// Binds named parameters that came from a peer, and checks them as if typed: for a server.
///
/// # Errors
/// PowerShell's parameter binding errors.
pub fn bind_named(
    info: Arc<CommandInfo>,
    parameters: Bound,
    preferences: Preferences,
    source: Arc<dyn CommandSource>,
    now: Timestamp,
) -> Result<Invocation, ErrorRecord> {
    let arguments =
        parameters.into_iter().map(|(name, value)| Argument::Named(name, Some(value.into()))).collect();
    let binding = bind(info, arguments, source, now)?;
    let mut call = binding.finish()?;
    call.preferences = preferences;
    Ok(call)
}

impl Binding {
    /// Takes the named arguments, and hands back the positional ones.
    fn bind_named(&mut self, arguments: Vec<Argument>) -> Result<Vec<Given>, ErrorRecord> {
        let mut positional = Vec::new();
        let mut rest = arguments.into_iter().peekable();
        while let Some(argument) = rest.next() {
            let (name, given) = match argument {
                Argument::Value(value) => {
                    positional.push(value);
                    continue;
                }
                Argument::Named(name, given) => (name, given),
            };
            let found = resolve(&self.info, &name)?;
            let (parameter, is_common) = match found {
                Resolved::Own(at) => (self.info.parameters[at].clone(), false),
                Resolved::Common(parameter) => (parameter.info(), true),
            };
            let value = match given {
                Some(value) => value,
                None if parameter.is_switch() => true.into(),
                None => match rest.next_if(|next| matches!(next, Argument::Value(_))) {
                    Some(Argument::Value(value)) => value,
                    _ => return Err(errors::missing_argument(&self.info, &parameter)),
                },
            };
            if is_common {
                self.common.set(&self.info, &parameter, value, self.now)?;
            } else {
                self.bind_one(&parameter, value)?;
            }
        }
        Ok(positional)
    }

    fn bind_one(&mut self, parameter: &ParameterInfo, value: Given) -> Result<(), ErrorRecord> {
        if self.bound.contains_key(&parameter.name) {
            return Err(errors::already_bound(&self.info, parameter));
        }
        let value = coerce::parameter(&self.info, parameter, value, self.now)?;
        self.narrow(parameter)?;
        self.bound.insert(parameter.name.clone(), value);
        Ok(())
    }

    /// Leaves only the sets this parameter belongs to.
    fn narrow(&mut self, parameter: &ParameterInfo) -> Result<(), ErrorRecord> {
        let mask = self.mask & self.sets.mask(parameter);
        if mask == 0 {
            return Err(errors::ambiguous_set(&self.info));
        }
        self.mask = mask;
        Ok(())
    }

    fn bind_positional(&mut self, values: Vec<Given>) -> Result<(), ErrorRecord> {
        let mut values = values.into_iter();
        while let Some(value) = values.next() {
            if let Some(parameter) = self.next_positional() {
                self.bind_one(&parameter, value)?;
            } else if let Some(parameter) = self.remaining() {
                let mut all = vec![value.value];
                all.extend(values.by_ref().map(|given| given.value));
                self.bind_one(&parameter, Value::array(all).into())?;
            } else {
                return Err(errors::no_positional(&self.info, &value.value));
            }
        }
        Ok(())
    }

    /// The first unbound positional parameter; among equals the default set's.
    fn next_positional(&self) -> Option<ParameterInfo> {
        let open = |p: &&ParameterInfo| {
            p.position.is_some()
                && !p.remaining
                && !self.bound.contains_key(&p.name)
                && self.mask & self.sets.mask(p) != 0
        };
        // A place taken through another set's parameter is taken.
        let taken = |p: &&ParameterInfo| {
            !self
                .info
                .parameters
                .iter()
                .any(|o| o.position == p.position && self.bound.contains_key(&o.name) && o.name != p.name)
        };
        let default = self.mask & self.sets.default_mask();
        self.info
            .parameters
            .iter()
            .filter(open)
            .filter(taken)
            .min_by_key(|p| (p.position, default & self.sets.mask(p) == 0))
            .cloned()
    }

    fn remaining(&self) -> Option<ParameterInfo> {
        self.info
            .parameters
            .iter()
            .find(|p| p.remaining && !self.bound.contains_key(&p.name) && self.mask & self.sets.mask(p) != 0)
            .cloned()
    }

    /// Applies values for parameters that were not given (`$PSDefaultParameterValues`); those that do not
    /// fit the chosen sets are left out.
    ///
    /// # Errors
    /// Where a value does not convert.
    pub fn apply_defaults(&mut self, defaults: Vec<(Arc<str>, Value)>) -> Result<(), ErrorRecord> {
        for (name, value) in defaults {
            let Ok(resolved) = resolve(&self.info, &name) else { continue };
            match resolved {
                Resolved::Common(parameter) => {
                    let parameter = parameter.info();
                    if !self.common.has(&parameter.name) {
                        self.common.set(&self.info, &parameter, value.into(), self.now)?;
                    }
                }
                Resolved::Own(at) => {
                    let parameter = self.info.parameters[at].clone();
                    let fits = self.mask & self.sets.mask(&parameter) != 0;
                    if fits && !self.bound.contains_key(&parameter.name) {
                        self.bind_one(&parameter, value.into())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The common parameters that were given.
    pub fn common(&self) -> &Common {
        &self.common
    }

    /// What is bound so far.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// The command.
    pub fn info(&self) -> &Arc<CommandInfo> {
        &self.info
    }

    /// The call without a pipeline object.
    ///
    /// # Errors
    /// Where mandatory parameters are missing.
    pub fn finish(&self) -> Result<Invocation, ErrorRecord> {
        self.invocation(self.bound.clone(), self.mask, None)
    }

    /// Checks a call that is read and not run: a pipeline that feeds it may bring what is missing, and so may
    /// `more` arguments that cannot be seen (a splatted variable).
    ///
    /// # Errors
    /// Where every run would fail to bind.
    pub fn check(&self, fed: bool, more: bool) -> Result<(), ErrorRecord> {
        if more {
            return Ok(());
        }
        let mut bound = self.bound.clone();
        if fed {
            let open = self.info.parameters.iter().filter(|p| self.is_fed(p));
            let names: Vec<_> = open.map(|p| p.name.clone()).collect();
            if names.is_empty() && self.info.kind != CommandKind::Function {
                return Err(errors::input_not_bound(&self.info, &Value::Nothing));
            }
            bound.extend(names.into_iter().map(|name| (name, Value::Nothing)));
        }
        self.sets.choose(&self.info, self.mask, &bound).map(|_| ())
    }

    /// Chooses the set and checks mandatory parameters.
    fn invocation(
        &self,
        parameters: Bound,
        mask: Mask,
        pipeline_object: Option<Value>,
    ) -> Result<Invocation, ErrorRecord> {
        let parameter_set = self.sets.choose(&self.info, mask, &parameters)?;
        Ok(Invocation {
            command: self.info.clone(),
            parameters,
            parameter_set,
            pipeline_object,
            preferences: self.common.preferences(),
        })
    }
}

enum Resolved {
    Own(usize),
    Common(&'static common::CommonParameter),
}

/// Finds a parameter by what was typed: exact name or alias, else a unique prefix.
fn resolve(info: &CommandInfo, typed: &str) -> Result<Resolved, ErrorRecord> {
    if let Some(at) = info.parameters.iter().position(|p| p.is_named(typed)) {
        return Ok(Resolved::Own(at));
    }
    if let Some(parameter) = common::of(info).find(|c| c.is_named(typed)) {
        return Ok(Resolved::Common(parameter));
    }
    let starts = |name: &str| {
        name.len() >= typed.len()
            && name.is_char_boundary(typed.len())
            && name[..typed.len()].eq_ignore_ascii_case(typed)
    };
    let own: Vec<usize> = (0..info.parameters.len())
        .filter(|at| {
            let p = &info.parameters[*at];
            starts(&p.name) || p.aliases.iter().any(|a| starts(a))
        })
        .collect();
    let shared: Vec<_> = common::of(info).filter(|c| starts(c.name)).collect();
    match (&own[..], &shared[..]) {
        _ if typed.is_empty() => Err(errors::not_found(info, typed)),
        // The command's own parameter wins over a common one.
        ([at], _) => Ok(Resolved::Own(*at)),
        ([], [one]) => Ok(Resolved::Common(one)),
        ([], []) => Err(errors::not_found(info, typed)),
        _ => {
            let names = own.iter().map(|at| &*info.parameters[*at].name);
            Err(errors::ambiguous(info, typed, names.chain(shared.iter().map(|c| c.name))))
        }
    }
}

/// The declaration a typed parameter name means, for completion and analysis.
///
/// # Errors
/// Not found, or ambiguous.
pub fn resolve_parameter(info: &CommandInfo, typed: &str) -> Result<ParameterInfo, ErrorRecord> {
    Ok(match resolve(info, typed)? {
        Resolved::Own(at) => info.parameters[at].clone(),
        Resolved::Common(parameter) => parameter.info(),
    })
}

#[cfg(test)]
mod tests;
