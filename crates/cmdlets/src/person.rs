//! Who runs cmdlets: what they may do, resolved once and anew when roles, groups or their account changed.

use std::sync::{Arc, Mutex, PoisonError};

use base::{Fault, FaultKind, Guid};
use directory::{Directory, View};
use trust::Access;

/// The one a session belongs to.
pub(crate) struct Person {
    /// How they logged on, for the log.
    pub(crate) name: Arc<str>,
    /// Where from.
    pub(crate) origin: Arc<str>,
    /// The account; nothing for a user of this machine.
    pub(crate) user: Option<Guid>,
    known: Mutex<Option<(Key, Arc<Known>)>>,
}

/// What must be the same for the answer to be.
type Key = (u64, u64);

/// What somebody may do, and the names of the cmdlets they have.
pub(crate) struct Known {
    pub(crate) access: Access,
    pub(crate) names: Vec<Arc<str>>,
}

impl Person {
    pub(crate) fn new(name: &str, origin: &str, user: Option<Guid>) -> Self {
        Self { name: name.into(), origin: origin.into(), user, known: Mutex::default() }
    }

    /// What this person may do now.
    pub(crate) fn known(&self, directory: &Directory) -> Arc<Known> {
        let view = directory.snapshot();
        let key = self.key(&view);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = known.as_ref().filter(|(of, _)| *of == key) {
            return known.clone();
        }
        let access = self.user.map_or_else(Access::everything, |user| Access::of(&view, user));
        let names = crate::names().into_iter().filter(|name| access.may_use(name)).collect();
        let fresh = Arc::new(Known { access, names });
        *known = Some((key, fresh.clone()));
        fresh
    }

    fn key(&self, view: &View) -> Key {
        let Some(user) = self.user else { return (0, 0) };
        (view.access_changes(), view.get(user).map_or(0, |account| account.change))
    }

    /// The error for somebody without any role.
    pub(crate) fn without_roles(&self) -> Fault {
        let text = format!("The user \"{}\" isn't assigned to any management roles.", self.name);
        Fault::new(FaultKind::AccessDenied, "CmdletAccessDeniedException", text)
    }
}
