//! A runspace: keeps variables, functions and errors between lines, and runs scripts.

use std::{io, sync::Arc, thread};

use base::{
    Rng,
    clock::{SharedClock, SystemClock},
    rng::SystemRng,
};

use crate::{
    ast::Source,
    binder::{Argument, bind},
    cmdlet::{CommandSource, ErrorCategory, ErrorRecord, Streams},
    eval::{FunctionStage, Interp, Limits, Run, ScopeKind, State, Unwind, runtime},
    format::{Printer, Views},
    parser::{ParseError, parse},
    pipeline::ToHost,
    remote::Remoting,
    value::Value,
};

/// The evaluator's own stack, bytes: fits [`Limits::depth`] levels without optimisation. Only what is used is
/// ever backed by memory.
const STACK: usize = 64 << 20;

/// Files a script may read and write (`Get-Content`, `Export-Csv`, `.ps1` files). Absent on a server.
pub trait Files: Send + Sync {
    /// The whole file.
    ///
    /// # Errors
    /// As the operating system says.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Writes or appends.
    ///
    /// # Errors
    /// As the operating system says.
    fn write(&self, path: &str, bytes: &[u8], append: bool) -> io::Result<()>;
    /// Whether there is such a file.
    fn exists(&self, path: &str) -> bool;
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// To the end.
    Done {
        /// No error was left unhandled.
        success: bool,
    },
    /// The text is not complete: ask for another line and run all of it.
    Incomplete,
    /// `exit`.
    Exit(i32),
}

/// A session of the language.
pub struct Runspace {
    state: State,
}

impl std::fmt::Debug for Runspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runspace").finish_non_exhaustive()
    }
}

impl Runspace {
    /// A session over these commands, bounded as a person's own shell, with the system's clock.
    pub fn new(source: Arc<dyn CommandSource>) -> Self {
        Self::with(source, Arc::new(SystemClock), Arc::new(SystemRng), Limits::SHELL)
    }

    /// A session with everything given.
    pub fn with(
        source: Arc<dyn CommandSource>,
        clock: SharedClock,
        rng: Arc<dyn Rng>,
        limits: Limits,
    ) -> Self {
        Runspace { state: State::new(source, clock, rng, limits) }
    }

    /// Gives scripts access to files.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.state.files = Some(files);
        self
    }

    /// Lets scripts open sessions on other machines.
    #[must_use]
    pub fn with_remoting(mut self, remoting: Arc<dyn Remoting>) -> Self {
        self.state.remotes.remoting = Some(remoting);
        self
    }

    /// The machine that lines typed at the prompt run on, after `Enter-PSSession`.
    pub fn entered(&self) -> Option<&str> {
        self.state.remotes.entered.as_ref().map(|session| &*session.computer)
    }

    /// Leaves only these built-in commands, by their exact names: for sessions that strangers may open.
    #[must_use]
    pub fn with_builtins(mut self, names: &'static [&'static str]) -> Self {
        self.state.builtins = Some(names);
        self
    }

    /// Sets how types are shown.
    #[must_use]
    pub fn with_views(mut self, views: Arc<Views>) -> Self {
        self.state.views = views;
        self
    }

    /// Sets what `$env:` shows.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.state.environment = variables.into_iter().collect();
        self
    }

    /// Sets the screen's width in columns.
    pub fn set_width(&mut self, width: usize) {
        self.state.width = width.clamp(20, 10_000);
    }

    /// How types are shown.
    pub fn views(&self) -> &Arc<Views> {
        &self.state.views
    }

    /// A global variable.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.state.global.get(name)
    }

    /// Sets a global variable.
    pub fn set(&mut self, name: &str, value: Value) {
        self.state.global.set(name, value);
    }

    /// The commands' source.
    pub fn source(&self) -> &Arc<dyn CommandSource> {
        &self.state.source
    }

    /// Parses and runs text typed at the prompt or given by `-Command`; objects and messages go to `host`,
    /// errors nobody handled too. Print them with [`crate::format::Printer`].
    pub fn run(&mut self, text: &str, host: &mut (dyn Streams + Send)) -> Outcome {
        self.run_named("", text, host)
    }

    /// The state, for completion.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The same, to change it.
    pub(crate) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// A printer for this session's screen: its views, width and `$FormatEnumerationLimit`.
    pub fn printer(&self) -> Printer {
        let limit = match self.get("FormatEnumerationLimit") {
            Some(Value::Int(n)) => usize::try_from(n).unwrap_or(usize::MAX),
            _ => 4,
        };
        Printer::new(self.state.views.clone(), self.state.width).with_limit(limit)
    }

    /// As [`Runspace::run`], for a script file: `name` is its path, shown in errors. The script's `param(…)` is
    /// bound from the global `$args`, where `-Name` and `-Name:value` name parameters.
    pub fn run_named(&mut self, name: &str, text: &str, host: &mut (dyn Streams + Send)) -> Outcome {
        let source = Source { name: name.into(), text: text.strip_prefix('\u{feff}').unwrap_or(text).into() };
        // Scripts nest deeper than the caller's stack may be: a stack of our own is part of the bound.
        let state = &mut self.state;
        thread::scope(|scope| {
            let run = move || parse_and_run(state, source, host);
            match thread::Builder::new().name("script".into()).stack_size(STACK).spawn_scoped(scope, run) {
                Ok(worker) => worker.join().unwrap_or(Outcome::Done { success: false }),
                Err(_) => Outcome::Done { success: false },
            }
        })
    }
}

fn parse_and_run(state: &mut State, source: Source, host: &mut (dyn Streams + Send)) -> Outcome {
    let typed = source.name.is_empty();
    match parse(source) {
        Ok(block) => {
            let mut interp = Interp::new(state, host, block.source.clone());
            let bound = if block.params.is_some() { interp.bind_script(&block) } else { Ok(()) };
            let ended = interp.ended(bound).and_then(|ended| match ended {
                None if typed => interp.run_typed(&block),
                None => interp.run_script(&block),
                code => Ok(code),
            });
            let (ok, failed) = (interp.ok, interp.failed);
            state.ok = ok;
            match ended {
                Ok(code) => code.map_or(Outcome::Done { success: !failed }, Outcome::Exit),
                Err(()) => Outcome::Done { success: false },
            }
        }
        Err((ParseError { incomplete: true, .. }, _)) if typed => Outcome::Incomplete,
        Err((error, source)) => {
            let record = error.record(&source);
            state.remember(crate::eval::record_to_value(&record));
            state.ok = false;
            // The host decides nothing here: the run is over.
            let _ = host.error(record);
            Outcome::Done { success: false }
        }
    }
}

/// `-Name` or `-Name:value` given as a text.
fn named(text: &str) -> Option<(&str, Option<&str>)> {
    let rest = text.strip_prefix(crate::lexer::is_dash)?;
    rest.starts_with(char::is_alphabetic).then(|| match rest.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (rest, None),
    })
}

/// Whether text could be complete: a prompt asks for more lines while it is not.
pub fn is_complete(text: &str) -> bool {
    let source = Source { name: "".into(), text: text.into() };
    !matches!(parse(source), Err((ParseError { incomplete: true, .. }, _)))
}

impl Interp<'_> {
    /// Binds the global `$args` to a script's parameters, as variables of the global scope.
    fn bind_script(&mut self, block: &Arc<crate::ast::ScriptBlock>) -> Run<()> {
        let arguments = self.state.global.get("args").unwrap_or_default().into_items();
        let arguments = arguments.into_iter().map(|value| match value.as_str().map(named) {
            Some(Some((name, given))) => Argument::Named(name.into(), given.map(|text| text.into())),
            _ => Argument::Value(value.into()),
        });
        let name: Arc<str> = block.source.name.rsplit(['/', '\\']).next().unwrap_or_default().into();
        let function = Arc::new(self.lower_function(&name, block)?);
        let now = self.state.clock.now();
        let binding = bind(function.info.clone(), arguments.collect(), self.state.source.clone(), now)?;
        FunctionStage::new(self, function, binding, false, true, ScopeKind::Global).set_up(self)
    }

    /// Runs what was typed: here, or in the session that was entered.
    fn run_typed(&mut self, block: &Arc<crate::ast::ScriptBlock>) -> Result<Option<i32>, ()> {
        match self.run_entered(block) {
            Some(result) => self.ended(result),
            None => self.run_script(block),
        }
    }

    /// Runs a parsed script; `Ok(Some(code))` where it called `exit`.
    fn run_script(&mut self, block: &crate::ast::ScriptBlock) -> Result<Option<i32>, ()> {
        for part in [&block.begin, &block.process, &block.end].into_iter().flatten() {
            let result = self.run_block(part, &mut ToHost);
            let stop = result.is_err();
            let ended = self.ended(result)?;
            if stop {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    /// What a way out of a script comes to: `exit`'s code, a plain end, or an error that is shown here.
    fn ended(&mut self, result: Run<()>) -> Result<Option<i32>, ()> {
        match result {
            Err(Unwind::Exit(code)) => Ok(Some(code)),
            // A stray break or continue ends the script, as does return.
            Ok(()) | Err(Unwind::Return | Unwind::Break(_) | Unwind::Continue(_) | Unwind::Enough { .. }) => {
                Ok(None)
            }
            Err(Unwind::Error { record, .. } | Unwind::Stopped(record)) => {
                let record = if record.position.is_none() { record.at(self.position()) } else { *record };
                self.state.remember(crate::eval::record_to_value(&record));
                self.note_failure();
                let _ = self.host.error(record);
                Err(())
            }
        }
    }

    /// A file's content.
    pub(crate) fn read_file(&mut self, path: &str) -> Run<Vec<u8>> {
        let files = self.files()?;
        let bytes = files.read(path).map_err(|error| self.file_error(path, &error))?;
        self.charge(bytes.len())?;
        Ok(bytes)
    }

    /// A file's content; a file that cannot be read is an error of `command`, which goes on without it.
    pub(crate) fn read_or_report(&mut self, path: &str, command: &str) -> Run<Option<Vec<u8>>> {
        match self.read_file(path) {
            Err(Unwind::Error { record, .. }) => {
                self.write_error(record.from_command(command)).map(|()| None)
            }
            other => other.map(Some),
        }
    }

    /// Writes a file.
    pub(crate) fn write_file(&mut self, path: &str, bytes: &[u8], append: bool) -> Run<()> {
        let files = self.files()?;
        files.write(path, bytes, append).map_err(|error| self.file_error(path, &error))
    }

    fn files(&self) -> Run<Arc<dyn Files>> {
        self.state.files.clone().ok_or_else(|| {
            let text = "Files can't be read or written in this session.";
            runtime("FilesNotAvailable", ErrorCategory::PermissionDenied, text)
        })
    }

    fn file_error(&self, path: &str, error: &io::Error) -> Unwind {
        let (kind, id, category, text) = match error.kind() {
            io::ErrorKind::NotFound => (
                "System.Management.Automation.ItemNotFoundException",
                "PathNotFound",
                ErrorCategory::ObjectNotFound,
                format!("Cannot find path '{path}' because it does not exist."),
            ),
            io::ErrorKind::PermissionDenied => (
                "System.UnauthorizedAccessException",
                "UnauthorizedAccess",
                ErrorCategory::PermissionDenied,
                format!("Access to the path '{path}' is denied."),
            ),
            _ => ("System.IO.IOException", "FileError", ErrorCategory::OpenError, format!("{path}: {error}")),
        };
        ErrorRecord::new(kind, id, category, text).on(path).into()
    }
}
