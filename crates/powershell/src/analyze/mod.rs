//! Reads scripts without running them: which commands would run, which use something that is not built, and
//! which would fail to bind or to parse.
//!
//! Every command is bound with PowerShell's own rules. An argument that only a run would tell binds as anything;
//! a splatted variable may bring parameters that cannot be seen. Functions and aliases of the script, and of
//! files it dot-sources, are known.

mod calls;
mod constant;
mod names;
mod suggest;

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use crate::{
    ast::{Source, Span, walk},
    builtin,
    cmdlet::{CommandInfo, CommandSource},
    parser::{ParseError, parse},
    runspace::Files,
};
use calls::Checker;
use names::Names;

/// What is to be expected of a command, or of a file: that of its worst command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Binds, and all it uses is built.
    #[default]
    Runs,
    /// Names a command, a parameter or a type that is not here.
    NotBuilt,
    /// Fails to bind whenever it runs.
    BindError,
    /// The file is not PowerShell: none of it runs.
    ParseError,
}

impl Status {
    /// As reports write it.
    pub fn text(self) -> &'static str {
        match self {
            Status::Runs => "runs",
            Status::NotBuilt => "not-built",
            Status::BindError => "bind-error",
            Status::ParseError => "parse-error",
        }
    }
}

/// One command of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The command as it was typed; a type in brackets; empty for what does not parse.
    pub command: String,
    /// What is to be expected.
    pub status: Status,
    /// Why, and what to do; may be empty where it runs.
    pub message: String,
}

/// What was found in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file, as it was named.
    pub path: String,
    /// The worst of its commands.
    pub status: Status,
    /// Its commands, in the order of the text.
    pub statements: Vec<Finding>,
}

/// Analyses scripts for one set of commands; keeps what it learns about them between files.
pub struct Analyzer {
    source: Arc<dyn CommandSource>,
    files: Option<Arc<dyn Files>>,
    /// Aliases of a new session, lower case.
    aliases: std::collections::BTreeMap<Box<str>, Arc<str>>,
    /// Commands asked for, by lower-case name.
    known: HashMap<String, Option<Arc<CommandInfo>>>,
    /// What to say of commands nobody knows, by lower-case name.
    unknown: HashMap<String, Arc<str>>,
}

impl std::fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyzer").finish_non_exhaustive()
    }
}

impl Analyzer {
    /// For these commands beside the language's own.
    pub fn new(source: Arc<dyn CommandSource>) -> Self {
        Analyzer {
            source,
            files: None,
            aliases: builtin::aliases(),
            known: HashMap::new(),
            unknown: HashMap::new(),
        }
    }

    /// Lets it read the files that scripts dot-source.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = Some(files);
        self
    }

    /// Analyses a script: `path` is its name in the report, and where files beside it are looked for.
    pub fn analyze(&mut self, path: &str, text: &str) -> Report {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source { name: path.into(), text: text.into() };
        let statements = match parse(source) {
            Ok(block) => {
                let lines = Lines::new(text);
                let names = Names::collect(&block, path, self.files.as_deref());
                let mut checker = Checker::new(self, &names, &lines);
                walk::script_block(&block, &mut checker);
                checker.into_findings()
            }
            Err((error, _)) => vec![Finding {
                message: explained(&error),
                ..Lines::new(text).finding(error.span, "", Status::ParseError)
            }],
        };
        let status = statements.iter().map(|finding| finding.status).max().unwrap_or_default();
        Report { path: path.to_owned(), status, statements }
    }

    /// The command of a name: the language's own, or one of the source.
    fn find(&mut self, name: &str) -> Option<Arc<CommandInfo>> {
        let lower = name.to_lowercase();
        if let Some(known) = self.known.get(&lower) {
            return known.clone();
        }
        let own = builtin::find(name).map(|builtin| Arc::new(builtin.info()));
        let found = own.or_else(|| self.source.find(name));
        self.known.insert(lower, found.clone());
        found
    }

    /// Why a name is no command here, and what to do about it.
    fn explain(&mut self, name: &str, names: &Names) -> String {
        let lower = name.to_lowercase();
        let known = match self.unknown.get(&lower) {
            Some(known) => known.clone(),
            None => {
                let external = self.source.names();
                let own = builtin::ALL.iter().map(|builtin| builtin.name);
                let text: Arc<str> = suggest::command(name, own.chain(external.iter().map(|n| &**n))).into();
                self.unknown.insert(lower, text.clone());
                text
            }
        };
        match suggest::nearest(name, names.functions()) {
            Some(function) => format!("'{name}' is no command. Did you mean the script's own {function}?"),
            None => known.to_string(),
        }
    }
}

/// Where an error ended the parser, in the user's terms.
fn explained(error: &ParseError) -> String {
    let text = error.message.trim_end();
    if error.incomplete {
        format!("{text} The file ends before what was begun here is closed.")
    } else {
        text.to_owned()
    }
}

/// Where the lines of a text begin: places are found without reading it again.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// A finding at the beginning of a span, with nothing to say yet.
    fn finding(&self, span: Span, command: &str, status: Status) -> Finding {
        let at = self.text.floor_char_boundary((span.start as usize).min(self.text.len()));
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text[start..at].chars().count() + 1;
        Finding {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            command: command.to_owned(),
            status,
            message: String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
