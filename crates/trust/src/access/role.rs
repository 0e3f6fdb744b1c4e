//! A management role of the directory as what it allows: its own entries, within those of each role above it.

use std::sync::Arc;

use directory::{Object, Value, View, schema::MANAGEMENT_ROLE};

use super::{
    builtin::{self, BuiltIn},
    parameters::{Entries, Parameters},
};

/// Most roles between one and the built-in role it descends from.
pub const DEPTH_MAX: usize = 16;

/// What a role allows.
#[derive(Clone)]
pub struct Role {
    /// The role's own entries first, those of its ancestors behind.
    own: Vec<Arc<Entries>>,
    root: &'static BuiltIn,
}

impl Role {
    /// A role of the directory. `None` where it descends from none that is known here.
    pub fn of(view: &View, role: &Object) -> Option<Self> {
        let mut own = Vec::new();
        let mut role = role;
        for _ in 0..=DEPTH_MAX {
            if *role.class != MANAGEMENT_ROLE {
                return None;
            }
            if let Some(root) = builtin::role(&role.name) {
                return Some(Role { own, root });
            }
            own.push(Arc::new(entries(role).collect()));
            role = view.get(role.link("Parent")?)?;
        }
        None
    }

    /// The built-in role it descends from, or is.
    pub fn root(&self) -> &'static BuiltIn {
        self.root
    }

    /// Whether it holds a cmdlet.
    pub fn holds(&self, cmdlet: &str) -> bool {
        self.levels(cmdlet).all(|level| level.is_some())
    }

    /// Whether it allows a parameter of a cmdlet.
    pub fn allows(&self, cmdlet: &str, parameter: &str) -> bool {
        self.levels(cmdlet).all(|level| level.is_some_and(|parameters| parameters.allow(parameter)))
    }

    fn levels(&self, cmdlet: &str) -> impl Iterator<Item = Option<&Parameters>> {
        let own = self.own.iter().map(move |entries| entries.get(cmdlet));
        own.chain(std::iter::once_with(move || self.root.get(cmdlet)))
    }
}

/// The entries a role's object keeps, as text.
pub fn entries(role: &Object) -> impl Iterator<Item = &str> {
    role.values("RoleEntries").iter().filter_map(Value::as_text)
}
