//! Who may do what: management roles, assigned to people with a scope, come to one answer per cmdlet,
//! parameter and object.
//!
//! [`Access`] is what one person may do, resolved from the directory; it is asked by whoever runs cmdlets, in
//! one place, before and while they run.

mod assignment;
mod builtin;
mod parameters;
mod role;
mod scope;
mod seed;

use std::{collections::HashSet, sync::Arc};

use base::Guid;
use directory::{
    DirectoryError, Object, Touched, View,
    schema::{GROUP, MANAGEMENT_SCOPE, MOVE_REQUEST, ROLE_ASSIGNMENT, USER},
};

pub use assignment::{Grant, assignees_of, assignments_of, confers_rights, is_role_group};
pub use builtin::{
    BuiltIn, Implicit, ORGANIZATION_MANAGEMENT, ROLE_GROUPS, RoleGroup, Scopes, role as built_in,
    roles as built_in_roles,
};
pub use parameters::{Parameters, read_entry, write_entry};
pub use role::{DEPTH_MAX, Role, entries};
pub use scope::{Custom, Reach};
pub use seed::{DEFAULT_POLICY, SECURITY_GROUPS, seed};

/// The nouns whose cmdlets change role groups.
const ROLE_GROUP_NOUNS: &[&str] = &["RoleGroup", "RoleGroupMember"];
/// Whoever may use this cmdlet manages rights, and so also what rights hang on.
const MANAGES_RIGHTS: &str = "New-ManagementRoleAssignment";

/// What one person may do.
#[derive(Clone)]
pub struct Access {
    /// Nothing for the machine's own administrator, who may do everything.
    person: Option<Arc<Person>>,
}

struct Person {
    user: Guid,
    grants: Vec<Grant>,
    /// Every exclusive scope of the organisation.
    exclusive: Vec<Arc<Custom>>,
}

impl Access {
    /// Everything: for the administrator of the machine.
    pub fn everything() -> Self {
        Access { person: None }
    }

    /// What a user may do, by the roles assigned to them, to groups they are in, and to their policy. An
    /// account that is missing or disabled may do nothing.
    pub fn of(view: &View, user: Guid) -> Self {
        let account =
            view.get(user).filter(|object| *object.class == USER && !object.flag("AccountDisabled"));
        let grants = account.map(|account| assignment::grants_of(view, account)).unwrap_or_default();
        let exclusive = view.of_class(&MANAGEMENT_SCOPE).filter(|scope| scope.flag("Exclusive"));
        let exclusive = exclusive.map(|scope| Arc::new(Custom::of(view, scope))).collect();
        Access { person: Some(Arc::new(Person { user, grants, exclusive })) }
    }

    /// Whether nothing at all is limited.
    pub fn is_everything(&self) -> bool {
        self.person.is_none()
    }

    /// Whether nothing at all is allowed.
    pub fn is_nothing(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.grants.is_empty())
    }

    /// The person's user object; nothing for the machine's administrator.
    pub fn user(&self) -> Option<Guid> {
        self.person.as_ref().map(|person| person.user)
    }

    /// Whether a cmdlet exists for this person.
    pub fn may_use(&self, cmdlet: &str) -> bool {
        self.person.as_ref().is_none_or(|person| person.holding(cmdlet).next().is_some())
    }

    /// Whether a parameter of a cmdlet exists for this person.
    pub fn may_set(&self, cmdlet: &str, parameter: &str) -> bool {
        let allows =
            |person: &Arc<Person>| person.holding(cmdlet).any(|grant| grant.role.allows(cmdlet, parameter));
        self.person.as_ref().is_none_or(allows)
    }

    /// Whether an object may be looked at with a cmdlet.
    pub fn may_read(&self, view: &View, cmdlet: &str, object: &Object) -> bool {
        let reads =
            |person: &Arc<Person>| person.holding(cmdlet).any(|grant| grant.reads(view, person.user, object));
        self.person.as_ref().is_none_or(reads)
    }

    /// Whether an object may be changed with a cmdlet and these parameters.
    ///
    /// # Errors
    /// `Denied`, with the product's words.
    pub fn check_write(&self, view: &View, call: &Use<'_>, object: &Object) -> Result<(), DirectoryError> {
        match &self.person {
            Some(person) if !person.writes(view, call, object) => Err(out_of_scope(object)),
            _ => Ok(()),
        }
    }

    /// Whether what a transaction has done was this person's to do with a cmdlet: every object as it was
    /// before (as it is, where it is new), but for those that only lost a link to something removed.
    ///
    /// # Errors
    /// `Denied`, with the product's words.
    pub fn check_changes(
        &self,
        view: &View,
        call: &Use<'_>,
        touched: &[Touched],
    ) -> Result<(), DirectoryError> {
        let Some(person) = &self.person else { return Ok(()) };
        for change in touched.iter().filter(|change| !change.follows) {
            let Some(object) = change.before.as_ref().or(change.after.as_ref()) else { continue };
            if !person.writes(view, call, object) {
                return Err(out_of_scope(object));
            }
            self.check_rights(view, call, object, change)?;
            person.check_database(view, call, change)?;
        }
        Ok(())
    }

    /// What rights hang on is changed by those who manage rights: role groups by their own cmdlets, which look
    /// at who may; other groups that have roles, and the passwords of those who have, by whoever may assign
    /// roles.
    fn check_rights(
        &self,
        view: &View,
        call: &Use<'_>,
        object: &Object,
        change: &Touched,
    ) -> Result<(), DirectoryError> {
        let noun = call.cmdlet.split_once('-').map_or("", |(_, noun)| noun);
        let protected = match object.class {
            class if *class == GROUP && is_role_group(object) => {
                !ROLE_GROUP_NOUNS.iter().any(|own| own.eq_ignore_ascii_case(noun))
            }
            class if *class == GROUP => change.before.is_some() && confers_rights(view, object.guid),
            class if *class == USER => new_password(change) && confers_rights(view, object.guid),
            _ => false,
        };
        let allowed = !protected
            || self.user() == Some(object.guid)
            || (!is_role_group_object(object) && self.may_use(MANAGES_RIGHTS));
        if allowed { Ok(()) } else { Err(denied(INSUFFICIENT)) }
    }

    /// Whether this person may assign a role to others: it, or a role it is made from, is delegated to them.
    pub fn may_assign(&self, view: &View, role: &Object) -> bool {
        let Some(person) = &self.person else { return true };
        let mut above = HashSet::from([role.guid]);
        let mut role = role;
        while let Some(parent) = role.link("Parent").and_then(|guid| view.get(guid)) {
            if !above.insert(parent.guid) {
                break;
            }
            role = parent;
        }
        let account = view.get(person.user);
        let assignments = account.map(|account| assignment::all_of(view, account)).unwrap_or_default();
        assignments.iter().any(|assignment| {
            assignment.flag("Enabled")
                && assignment.text("RoleAssignmentDelegationType") == Some("DelegatingOrgWide")
                && assignment.link("Role").is_some_and(|guid| above.contains(&guid))
        })
    }

    /// Whether this person may say who is in a role group: its managers may, and those in groups that manage
    /// it; where it has none, and with `bypass`, everybody who may assign roles.
    pub fn may_manage(&self, view: &View, group: &Object, bypass: bool) -> bool {
        let Some(person) = &self.person else { return true };
        let mut managers = group.links("ManagedBy").peekable();
        if bypass || managers.peek().is_none() {
            return self.may_use(MANAGES_RIGHTS);
        }
        let Some(account) = view.get(person.user) else { return false };
        let own = assignees_of(view, account);
        managers.any(|manager| own.contains(&manager))
    }
}

/// A cmdlet and the parameters it is called with.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    /// `Verb-Noun`.
    pub cmdlet: &'a str,
    /// The names of the parameters given.
    pub parameters: &'a [Arc<str>],
}

impl Person {
    fn holding<'a>(&'a self, cmdlet: &'a str) -> impl Iterator<Item = &'a Grant> {
        self.grants.iter().filter(move |grant| grant.role.holds(cmdlet))
    }

    /// Each parameter must be allowed over the object by some assignment. What is in an exclusive scope is
    /// only reached by an assignment with such a scope.
    fn writes(&self, view: &View, call: &Use<'_>, object: &Object) -> bool {
        let guarded = self.exclusive.iter().any(|scope| scope.contains(view, object));
        let reaching: Vec<&Grant> = self
            .holding(call.cmdlet)
            .filter(|grant| grant.writes(view, self.user, object) && (!guarded || grant.is_exclusive(object)))
            .collect();
        let allowed = |parameter: &Arc<str>| reaching.iter().any(|g| g.role.allows(call.cmdlet, parameter));
        !reaching.is_empty() && call.parameters.iter().all(allowed)
    }

    /// A mailbox goes only into a database that is in scope, where a scope says which databases are.
    fn check_database(&self, view: &View, call: &Use<'_>, change: &Touched) -> Result<(), DirectoryError> {
        let database = |object: &Option<Arc<Object>>| match object {
            Some(user) if *user.class == USER => user.link("Database"),
            Some(request) if *request.class == MOVE_REQUEST => request.link("TargetDatabase"),
            _ => None,
        };
        let (before, after) = (database(&change.before), database(&change.after));
        let Some(target) = after.filter(|_| before != after).and_then(|guid| view.get(guid)) else {
            return Ok(());
        };
        let allowed = self.holding(call.cmdlet).any(|grant| match grant.config_write.custom() {
            Some(custom) if custom.is_databases() => custom.contains(view, target),
            _ => true,
        });
        if allowed { Ok(()) } else { Err(out_of_scope(target)) }
    }
}

const INSUFFICIENT: &str =
    "You don't have sufficient permissions. This operation can only be performed by a manager of the group.";

fn is_role_group_object(object: &Object) -> bool {
    *object.class == GROUP && is_role_group(object)
}

fn new_password(change: &Touched) -> bool {
    let password = |object: &Option<Arc<Object>>| {
        object.as_ref().and_then(|object| object.stored_value("PasswordHash").cloned())
    };
    change.before.is_some() && change.after.is_some() && password(&change.before) != password(&change.after)
}

fn denied(text: impl Into<String>) -> DirectoryError {
    DirectoryError::Denied(text.into())
}

/// A change of an object that is not the caller's to change.
fn out_of_scope(object: &Object) -> DirectoryError {
    denied(format!(
        "The operation on \"{}\" failed because it's out of the current user's write scope. '{}' isn't within your \
         current write scopes. Can't perform save operation.",
        object.name,
        object.dn().canonical()
    ))
}

/// The error of those who may not manage a group.
pub fn not_a_manager() -> DirectoryError {
    denied(INSUFFICIENT)
}

/// The error of those who may not assign a role.
pub fn not_delegated(role: &Object) -> DirectoryError {
    denied(format!(
        "You don't have access to create, change, or remove the \"{}\" management role assignment. You must be \
         assigned a delegating role assignment to the management role or its parent in the hierarchy without a \
         scope restriction.",
        role.name
    ))
}

/// Every assignment of the organisation.
pub fn all_assignments(view: &View) -> impl Iterator<Item = &Arc<Object>> {
    view.of_class(&ROLE_ASSIGNMENT)
}
