//! Pipelines that come as names and values instead of a script: what a session without a language runs.

use std::sync::Arc;

use super::ToHost;
use crate::{
    ast::Source,
    binder::Argument,
    builtin,
    cmdlet::{CommandInfo, CommandKind, ErrorRecord, Streams},
    eval::{Interp, Route, Run, Unwind, Wildcard},
    runspace::Runspace,
    value::Value,
};

/// One command of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name.
    pub name: Arc<str>,
    /// Parameters and arguments, in order.
    pub arguments: Vec<Argument>,
    /// Where the streams error, warning, verbose, debug, information go.
    pub merge: [Merge; 5],
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Merge {
    /// Where it belongs.
    #[default]
    None,
    /// Into the output.
    Output,
    /// Nowhere.
    Null,
}

impl Call {
    /// A command without arguments.
    pub fn new(name: &str) -> Self {
        Call { name: name.into(), arguments: Vec::new(), merge: [Merge::None; 5] }
    }

    fn routes(&self) -> [Route; 7] {
        let mut routes = [Route::Inherit; 7];
        for (route, merge) in routes[2..].iter_mut().zip(self.merge) {
            *route = match merge {
                Merge::None => Route::Inherit,
                Merge::Output => Route::Merge,
                Merge::Null => Route::Drop,
            };
        }
        routes
    }
}

impl Runspace {
    /// Runs commands as one pipeline, on this thread; `input` feeds the first one. Objects, messages and
    /// errors that end nothing go to `host`.
    ///
    /// # Errors
    /// What ended the pipeline: a command that does not exist, arguments that do not bind, a limit, or that it
    /// was stopped.
    pub fn invoke(
        &mut self,
        calls: Vec<Call>,
        input: Option<&mut (dyn Iterator<Item = Value> + Send)>,
        host: &mut (dyn Streams + Send),
    ) -> Result<(), ErrorRecord> {
        let source = Arc::new(Source { name: "".into(), text: "".into() });
        let mut interp = Interp::new(self.state_mut(), host, source);
        match interp.run_calls(calls, input) {
            Err(Unwind::Error { record, .. } | Unwind::Stopped(record)) => Err(*record),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Runspace {
    /// The declaration of a command that exists here, by its own name.
    pub fn declaration(&self, name: &str) -> Option<Arc<CommandInfo>> {
        let state = self.state();
        let builtin = builtin::find(name).filter(|builtin| state.has_builtin(builtin.name));
        builtin.map(|builtin| Arc::new(builtin.info())).or_else(|| state.source.find(name))
    }

    /// The declarations of the commands whose names fit one of the patterns: the built-in ones there are, and
    /// the source's; sorted by name.
    pub fn commands(&self, patterns: &[String]) -> Vec<Arc<CommandInfo>> {
        let state = self.state();
        let patterns: Vec<Wildcard> = patterns.iter().map(|pattern| Wildcard::new(pattern, false)).collect();
        let fits = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
        let builtins =
            builtin::ALL.iter().filter(|builtin| state.has_builtin(builtin.name) && fits(builtin.name));
        let mut all: Vec<Arc<CommandInfo>> = builtins
            .map(|builtin| CommandInfo { kind: CommandKind::Function, ..builtin.info() })
            .map(Arc::new)
            .collect();
        all.extend(
            state.source.names().iter().filter(|name| fits(name)).filter_map(|name| state.source.find(name)),
        );
        all.sort_by_cached_key(|info| info.name.to_lowercase());
        all
    }
}

impl Interp<'_> {
    fn run_calls(
        &mut self,
        calls: Vec<Call>,
        input: Option<&mut (dyn Iterator<Item = Value> + Send)>,
    ) -> Run<()> {
        let home = self.at.clone();
        let mut stages = Vec::with_capacity(calls.len());
        for call in calls {
            let (routes, fed) = (call.routes(), input.is_some() || !stages.is_empty());
            stages.push(self.prepare_bound(&Value::String(call.name), call.arguments, routes, fed)?);
        }
        let result = self.drive(&mut stages, input, &home, &mut ToHost);
        // What the common parameters collect is there even after an error.
        stages.iter_mut().try_for_each(|stage| stage.finish(self))?;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::{Collected, NoCommands};

    fn run(calls: Vec<Call>, input: Option<Vec<Value>>) -> (Result<(), ErrorRecord>, Collected) {
        let mut runspace = Runspace::new(Arc::new(NoCommands)).with_builtins(&[
            "Measure-Object",
            "Select-Object",
            "Get-Command",
            "Write-Warning",
        ]);
        let mut out = Collected::default();
        let mut input = input.map(Vec::into_iter);
        let input = input.as_mut().map(|items| items as &mut (dyn Iterator<Item = Value> + Send));
        (runspace.invoke(calls, input, &mut out), out)
    }

    fn call(name: &str, arguments: Vec<Argument>) -> Call {
        Call { arguments, ..Call::new(name) }
    }

    #[test]
    fn values_bind_as_if_typed() {
        let first = Argument::Named("Fi".into(), None);
        let select = call("select-object", vec![first, Argument::Value(Value::Int(2).into())]);
        let (result, out) = run(vec![select], Some(vec![1.into(), 2.into(), 3.into()]));
        assert_eq!((result, out.output), (Ok(()), vec![1.into(), 2.into()]));
    }

    #[test]
    fn commands_that_are_not_left_do_not_exist() {
        for name in ["Invoke-Expression", "iex", "Get-Variable", "%"] {
            let (result, _) = run(vec![call(name, Vec::new())], None);
            assert_eq!(result.unwrap_err().reason(), "CommandNotFoundException", "{name}");
        }
        let (result, out) = run(vec![call("Get-Command", Vec::new())], None);
        result.unwrap();
        assert_eq!(out.output.len(), 4, "only what is left is shown");
    }

    #[test]
    fn streams_are_merged() {
        let warn = call("Write-Warning", vec![Argument::Value("w".into())]);
        let merged = Call {
            merge: [Merge::None, Merge::Output, Merge::None, Merge::None, Merge::None],
            ..warn.clone()
        };
        assert_eq!(run(vec![warn], None).1.warnings, ["w"]);
        let (_, out) = run(vec![merged], None);
        assert_eq!((out.warnings.len(), out.output.len()), (0, 1));
    }
}
