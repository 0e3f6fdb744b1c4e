//! Which copy may serve when the active one is lost: the group decides who can, activation policies who may.

use std::sync::atomic::Ordering;

use base::Guid;
use dag::machine::activation::AutoActivation;
use directory::{
    Object, View,
    component::{ComponentState, component_state},
};

use super::{Manager, held::Copy};

impl Copy {
    /// Whether this copy may serve once the group makes it the active one.
    pub(super) fn is_allowed(&self, view: &View) -> bool {
        self.called.load(Ordering::Acquire) || self.may_activate(view, self.group.me())
    }

    /// An administrator wants this copy to be the active one, or does not any more.
    pub(super) fn call(&self, called: bool) {
        self.called.store(called, Ordering::Release);
        self.poke.send_replace(());
    }

    /// Whether the copy on a server may become the active one by itself. The one that was goes on.
    pub(super) fn may_activate(&self, view: &View, to: Guid) -> bool {
        let (Some(server), Some(copy)) = (view.get(to), view.copy_on(self.database, to)) else {
            return false;
        };
        let active = view.get(self.database).and_then(|database| database.link("Server"));
        let policy = |object: &Object| {
            let word = object.text("DatabaseCopyAutoActivationPolicy").unwrap_or_default();
            AutoActivation::parse(word).unwrap_or_default()
        };
        let is_allowed = match policy(server).max(policy(copy)) {
            AutoActivation::Unrestricted => true,
            AutoActivation::IntrasiteOnly => {
                active.is_none_or(|active| view.site_of(active) == view.site_of(to))
            }
            AutoActivation::Blocked => false,
        };
        let is_ready = component_state(server, "HighAvailability") == ComponentState::Active;
        active == Some(to) || is_allowed && is_ready && !copy.flag("ActivationSuspended")
    }

    /// Only this copy could become the active one, for it had most, but it may not serve: another one that may takes
    /// over as soon as it has all.
    pub(super) async fn step_aside(&self, manager: &Manager, view: &View) {
        if self.is_allowed(view) {
            return;
        }
        let Some(heir) = self.group.heir(|server| self.may_activate(view, server)) else { return };
        if let Err(error) = self.hand_over(manager, heir).await {
            tracing::info!(database = self.name, %error, "a copy that may not serve did not hand over");
        }
    }
}
