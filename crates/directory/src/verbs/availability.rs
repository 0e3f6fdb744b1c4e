//! Database availability groups and copies of databases: members, copies, the order in which they are preferred.

use std::sync::Arc;

use base::{EnhancedTimeSpan, Guid};

use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::MAILBOX_DATABASE_COPY,
    value::Value,
    view::View,
};

fn refuse<T>(text: String) -> Result<T, DirectoryError> {
    Err(DirectoryError::Invalid(text))
}

/// Takes a server into a group. It must not be in one.
pub fn add_group_member(draft: &mut Draft<'_>, group: Guid, server: Guid) -> Result<(), DirectoryError> {
    let server = draft.existing(server)?;
    if let Some(present) = server.link("DatabaseAvailabilityGroup").and_then(|guid| draft.get(guid)) {
        return refuse(format!(
            "The server \"{}\" is a member of the database availability group \"{}\" already.",
            server.name, present.name
        ));
    }
    let edit = Edit::set(Value::Link(group));
    draft.modify_system(server.guid, vec![("DatabaseAvailabilityGroup", edit)]).map(|_| ())
}

/// Takes a server out of its group. Replicated databases must have left it before.
pub fn remove_group_member(draft: &mut Draft<'_>, group: Guid, server: Guid) -> Result<(), DirectoryError> {
    let (owner, server) = (draft.existing(group)?, draft.existing(server)?);
    if server.link("DatabaseAvailabilityGroup") != Some(group) {
        return refuse(format!(
            "The server \"{}\" isn't a member of the database availability group \"{}\".",
            server.name, owner.name
        ));
    }
    let copies = draft.linking_to(server.guid).filter(|object| *object.class == MAILBOX_DATABASE_COPY);
    let replicated = |copy: &&Arc<Object>| {
        copy.link("Database").is_some_and(|database| draft.copies_of(database).len() > 1)
    };
    if let Some(copy) = copies.filter(|copy| replicated(copy)).min_by_key(|copy| copy.identity()) {
        return refuse(format!(
            "The server \"{}\" holds the copy \"{}\" of a replicated database and can't leave its group. Remove its \
             database copies first.",
            server.name,
            copy.identity()
        ));
    }
    draft.modify_system(server.guid, vec![("DatabaseAvailabilityGroup", Edit::clear())])?;
    stop_members(draft, group, &[server.guid], false)
}

/// Marks members of a group as stopped, or as started again.
pub fn stop_members(
    draft: &mut Draft<'_>,
    group: Guid,
    servers: &[Guid],
    stop: bool,
) -> Result<(), DirectoryError> {
    let links = || servers.iter().copied().map(Value::Link).collect();
    let (add, remove) = if stop { (links(), Vec::new()) } else { (Vec::new(), links()) };
    draft.modify_system(group, vec![("StoppedMailboxServers", Edit::AddRemove { add, remove })]).map(|_| ())
}

/// A copy of a database on another server.
#[derive(Clone, Debug)]
pub struct NewDatabaseCopy {
    /// Which database.
    pub database: Guid,
    /// Where.
    pub server: Guid,
    /// Its place in the order of preference; the last where there is none.
    pub preference: Option<i64>,
    /// `ReplayLagTime`, `TruncationLagTime`, `ReplayLagMaxDelay`, where they are set.
    pub spans: Vec<(&'static str, EnhancedTimeSpan)>,
    /// It is suspended from the start, with this comment.
    pub suspended: Option<String>,
}

/// Adds a copy. The server must be in the same group as the one with the active copy.
pub fn new_database_copy(draft: &mut Draft<'_>, new: NewDatabaseCopy) -> Result<Arc<Object>, DirectoryError> {
    let (database, server) = (draft.existing(new.database)?, draft.existing(new.server)?);
    complete_copies(draft)?;
    check_new_copy(draft, &database, &server)?;
    let count = draft.copies_of(database.guid).len();
    let suspended = new.suspended.is_some();
    let object = NewObject::new(&MAILBOX_DATABASE_COPY, &*server.name)
        .with("Database", Value::Link(database.guid))
        .with("Server", Value::Link(server.guid))
        .with("ActivationPreference", i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1))
        .with("Suspended", suspended)
        .with_some("SuspendComment", new.suspended);
    let spans = new.spans.into_iter();
    let copy =
        draft.create(spans.fold(object, |object, (name, span)| object.with(name, Value::Span(span))))?;
    if let Some(preference) = new.preference {
        prefer_copy(draft, copy.guid, preference)?;
    }
    draft.existing(copy.guid)
}

/// Whether a server may hold a further copy: it is in the group of the one with the active copy, and has none yet.
pub fn check_new_copy(view: &View, database: &Object, server: &Object) -> Result<(), DirectoryError> {
    let Some(active) = database.link("Server").and_then(|active| view.get(active)) else {
        return refuse(format!("The database \"{}\" is on no server.", database.name));
    };
    if let Some(copy) = view.copy_on(database.guid, server.guid) {
        return Err(DirectoryError::Exists(format!(
            "The database copy \"{}\" exists already.",
            copy.identity()
        )));
    }
    let group = |server: &Object| server.link("DatabaseAvailabilityGroup");
    if group(server).is_none() || group(server) != group(active) {
        return refuse(format!(
            "The server \"{}\" isn't a member of the same database availability group as \"{}\", which holds the \
             active copy of \"{}\".",
            server.name, active.name, database.name
        ));
    }
    if view.copies_of(database.guid).len() < 2 && database.flag("CircularLoggingEnabled") {
        return refuse(format!(
            "Circular logging is enabled for the database \"{}\". Disable it before you add the second copy.",
            database.name
        ));
    }
    Ok(())
}

/// The copy that a database has from the start; made where an older version did not.
pub(super) fn first_copy(
    draft: &mut Draft<'_>,
    database: &Object,
    server: &Object,
) -> Result<(), DirectoryError> {
    if draft.copies_of(database.guid).is_empty() {
        draft.create(
            NewObject::new(&MAILBOX_DATABASE_COPY, &*server.name)
                .with("Database", Value::Link(database.guid))
                .with("Server", Value::Link(server.guid)),
        )?;
    }
    Ok(())
}

/// Makes the first copy of every database that an older version made without one; true where there was one.
pub fn complete_copies(draft: &mut Draft<'_>) -> Result<bool, DirectoryError> {
    let databases: Vec<Arc<Object>> = draft.databases().cloned().collect();
    let bare = databases.iter().filter(|database| draft.copies_of(database.guid).is_empty());
    let bare: Vec<(&Arc<Object>, Guid)> =
        bare.filter_map(|database| Some((database, database.link("Server")?))).collect();
    let any = !bare.is_empty();
    for (database, server) in bare {
        let server = draft.existing(server)?;
        first_copy(draft, database, &server)?;
    }
    Ok(any)
}

/// Puts a copy at a place in the order of preference; the others move up or down, so that they are 1 to n.
pub fn prefer_copy(draft: &mut Draft<'_>, copy: Guid, preference: i64) -> Result<bool, DirectoryError> {
    let copy = draft.existing(copy)?;
    let database = copy.link("Database").unwrap_or(Guid::EMPTY);
    let mut order: Vec<Guid> = draft.copies_of(database).into_iter().map(|one| one.guid).collect();
    let place = usize::try_from(preference).unwrap_or(0);
    if place == 0 || place > order.len() {
        return refuse(format!(
            "The activation preference {preference} isn't valid: it must be from 1 to {}, the number of copies of the \
             database.",
            order.len()
        ));
    }
    order.retain(|guid| *guid != copy.guid);
    order.insert(place - 1, copy.guid);
    number(draft, &order)
}

fn number(draft: &mut Draft<'_>, order: &[Guid]) -> Result<bool, DirectoryError> {
    let mut changed = false;
    for (guid, place) in order.iter().zip(1i64..) {
        changed |= draft.modify_system(*guid, vec![("ActivationPreference", Edit::set(place))])?;
    }
    Ok(changed)
}

/// Says that the copy on a server is the active one now; false where it was. For whoever has made it so.
pub fn activate_copy(draft: &mut Draft<'_>, database: Guid, server: Guid) -> Result<bool, DirectoryError> {
    if draft.copy_on(database, server).is_none() {
        let (database, server) = (draft.existing(database)?, draft.existing(server)?);
        return refuse(format!(
            "The server \"{}\" holds no copy of database \"{}\".",
            server.name, database.name
        ));
    }
    draft.modify_system(database, vec![("Server", Edit::set(Value::Link(server)))])
}

/// Removes a passive copy; those behind it in the order of preference move up.
pub fn remove_database_copy(draft: &mut Draft<'_>, copy: Guid) -> Result<(), DirectoryError> {
    let copy = draft.existing(copy)?;
    let database = draft.existing(copy.link("Database").unwrap_or(Guid::EMPTY))?;
    if database.link("Server") == copy.link("Server") {
        return refuse(format!(
            "The copy \"{}\" is the active copy of the database and can't be removed. Activate another copy first, or \
             remove the passive copies and then the database.",
            copy.identity()
        ));
    }
    if database.flag("CircularLoggingEnabled") && draft.copies_of(database.guid).len() == 2 {
        return refuse(format!(
            "Circular logging is enabled for the database \"{}\". Disable it before you remove the last passive copy.",
            database.name
        ));
    }
    draft.delete(copy.guid)?;
    let order: Vec<Guid> = draft.copies_of(database.guid).into_iter().map(|one| one.guid).collect();
    number(draft, &order).map(|_| ())
}
