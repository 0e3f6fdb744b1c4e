//! Variables and functions, by scope.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use super::function::Function;
use crate::{types::Type, value::Value};

/// A shared scope. Scopes form a chain to the global one; names are found along it.
pub(crate) type ScopeRef = Arc<Scope>;

/// What a scope belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Global,
    Script,
    Local,
    /// A module's own.
    Module,
}

/// One scope.
#[derive(Debug)]
pub(crate) struct Scope {
    kind: ScopeKind,
    parent: Option<ScopeRef>,
    variables: RwLock<HashMap<Box<str>, Slot>>,
    functions: RwLock<HashMap<Box<str>, Arc<Function>>>,
}

/// A variable: its value, the type it keeps, whether it may change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) value: Value,
    pub(crate) constraint: Option<Type>,
    pub(crate) constant: bool,
}

/// How many variables a scope may hold.
const VARIABLES_MAX: usize = 100_000;

/// The key names are kept under.
pub(crate) fn fold(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

impl Scope {
    pub(crate) fn global() -> ScopeRef {
        Arc::new(Scope::new(ScopeKind::Global, None))
    }

    pub(crate) fn child(parent: &ScopeRef, kind: ScopeKind) -> ScopeRef {
        Arc::new(Scope::new(kind, Some(parent.clone())))
    }

    fn new(kind: ScopeKind, parent: Option<ScopeRef>) -> Self {
        Scope { kind, parent, variables: RwLock::default(), functions: RwLock::default() }
    }

    /// This scope and its parents, the innermost first.
    fn chain(&self) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(self), |scope| scope.parent.as_deref())
    }

    /// The module's scope we are in, if any.
    pub(crate) fn module(self: &Arc<Self>) -> Option<ScopeRef> {
        std::iter::successors(Some(self), |scope| scope.parent.as_ref())
            .find(|scope| scope.kind == ScopeKind::Module)
            .cloned()
    }

    /// The functions of this scope itself.
    pub(crate) fn own_functions(&self) -> Vec<Arc<Function>> {
        self.functions.read().values().cloned().collect()
    }

    /// Removes a function of this scope.
    pub(crate) fn undefine(&self, name: &str) {
        self.functions.write().remove(&fold(name));
    }

    /// The nearest scope a script or the prompt owns.
    pub(crate) fn script(&self) -> &Scope {
        self.chain().find(|s| s.kind != ScopeKind::Local).unwrap_or(self)
    }

    /// The outermost scope.
    pub(crate) fn outermost(&self) -> &Scope {
        self.chain().last().unwrap_or(self)
    }

    /// `n` scopes up, 0 is this one.
    pub(crate) fn up(&self, n: usize) -> Option<&Scope> {
        self.chain().nth(n)
    }

    /// A variable of this scope or a parent.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let key = fold(name);
        self.chain().find_map(|s| s.variables.read().get(&key).map(|slot| slot.value.clone()))
    }

    /// A variable of this scope itself.
    pub(crate) fn slot(&self, name: &str) -> Option<Slot> {
        self.variables.read().get(&fold(name)).cloned()
    }

    /// Takes the value out, leaving null: for changing it in place. Put it back with [`Scope::set`].
    pub(crate) fn take(&self, name: &str) -> Option<Value> {
        let mut variables = self.variables.write();
        let slot = variables.get_mut(&fold(name))?;
        Some(std::mem::take(&mut slot.value))
    }

    /// Sets a variable of this scope; `false` where there are too many.
    pub(crate) fn set(&self, name: &str, value: Value) -> bool {
        let key = fold(name);
        let mut variables = self.variables.write();
        if let Some(slot) = variables.get_mut(&key) {
            slot.value = value;
            return true;
        }
        let room = variables.len() < VARIABLES_MAX;
        if room {
            variables.insert(key, Slot { value, ..Slot::default() });
        }
        room
    }

    /// Sets a variable with what it keeps.
    pub(crate) fn set_slot(&self, name: &str, slot: Slot) {
        self.variables.write().insert(fold(name), slot);
    }

    /// Removes a variable of this scope.
    pub(crate) fn remove(&self, name: &str) -> bool {
        self.variables.write().remove(&fold(name)).is_some()
    }

    /// Names and values of all variables seen from here, sorted.
    pub(crate) fn variables(&self) -> Vec<(Box<str>, Value)> {
        let mut all: HashMap<Box<str>, Value> = HashMap::new();
        for scope in self.chain() {
            for (name, slot) in scope.variables.read().iter() {
                all.entry(name.clone()).or_insert_with(|| slot.value.clone());
            }
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// A function of this scope or a parent.
    pub(crate) fn function(&self, name: &str) -> Option<Arc<Function>> {
        let key = fold(name);
        self.chain().find_map(|s| s.functions.read().get(&key).cloned())
    }

    /// Defines a function in this scope under another name.
    pub(crate) fn define_as(&self, name: &str, function: Arc<Function>) {
        self.functions.write().insert(fold(name), function);
    }

    /// Defines a function in this scope.
    pub(crate) fn define(&self, function: Arc<Function>) {
        self.functions.write().insert(fold(&function.name), function);
    }

    /// The names of all functions seen from here.
    pub(crate) fn functions(&self) -> Vec<Arc<str>> {
        self.chain()
            .flat_map(|s| s.functions.read().values().map(|f| f.name.clone()).collect::<Vec<_>>())
            .collect()
    }
}
