//! What a runspace keeps between runs.

use std::{collections::BTreeMap, sync::Arc};

use base::{Rng, clock::SharedClock};

use super::{Limits, Scope, ScopeRef};
use crate::{
    cmdlet::CommandSource,
    format::Views,
    remote::Remotes,
    runspace::Files,
    value::{List, ListKind, Value},
};

/// How many errors `$Error` keeps (`$MaximumErrorCount`).
const ERRORS_MAX: usize = 256;

/// A module of a file.
pub(crate) struct Module {
    pub(crate) name: String,
    /// Keeps what its functions see.
    pub(crate) scope: ScopeRef,
    /// The functions it gave to the session.
    pub(crate) exported: Vec<Arc<str>>,
}

pub(crate) struct State {
    pub(crate) source: Arc<dyn CommandSource>,
    pub(crate) global: ScopeRef,
    /// Alias → command, lower case keys.
    pub(crate) aliases: BTreeMap<Box<str>, Arc<str>>,
    /// `$Error`, the latest first.
    pub(crate) errors: List,
    pub(crate) ok: bool,
    pub(crate) limits: Limits,
    pub(crate) clock: SharedClock,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) files: Option<Arc<dyn Files>>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Modules of files that were imported.
    pub(crate) modules: Vec<Module>,
    pub(crate) views: Arc<Views>,
    pub(crate) patterns: super::text_operators::Patterns,
    /// Columns of the screen.
    pub(crate) width: usize,
    /// Sessions on other machines.
    pub(crate) remotes: Remotes,
    /// The built-in commands there are; all of them where nothing is said.
    pub(crate) builtins: Option<&'static [&'static str]>,
}

impl State {
    pub(crate) fn new(
        source: Arc<dyn CommandSource>,
        clock: SharedClock,
        rng: Arc<dyn Rng>,
        limits: Limits,
    ) -> Self {
        let global = Scope::global();
        for (name, value) in [
            ("ErrorActionPreference", "Continue"),
            ("WarningPreference", "Continue"),
            ("VerbosePreference", "SilentlyContinue"),
            ("DebugPreference", "SilentlyContinue"),
            ("InformationPreference", "SilentlyContinue"),
            ("ProgressPreference", "Continue"),
            ("ConfirmPreference", "High"),
            ("ErrorView", "NormalView"),
        ] {
            global.set(name, value.into());
        }
        global.set("FormatEnumerationLimit", Value::Int(4));
        global.set("MaximumErrorCount", Value::Int(ERRORS_MAX as i32));
        global.set("WhatIfPreference", Value::Bool(false));
        State {
            source,
            global,
            aliases: crate::builtin::aliases(),
            errors: List::new(ListKind::ArrayList, Vec::new()),
            ok: true,
            limits,
            clock,
            rng,
            files: None,
            environment: BTreeMap::new(),
            modules: Vec::new(),
            views: Arc::default(),
            patterns: Default::default(),
            width: 120,
            remotes: Remotes::default(),
            builtins: None,
        }
    }

    /// Whether a built-in command exists in this session.
    pub(crate) fn has_builtin(&self, name: &str) -> bool {
        self.builtins.is_none_or(|there| there.contains(&name))
    }

    /// Remembers an error in `$Error`.
    pub(crate) fn remember(&self, error: Value) {
        self.errors.edit(|errors| {
            errors.insert(0, error);
            errors.truncate(ERRORS_MAX);
        });
    }
}
