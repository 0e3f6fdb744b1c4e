//! Move requests: New, and the one step of a move that the directory decides: in which database a mailbox is.

use std::sync::Arc;

use base::Guid;

use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::{MAILBOX_RESTORE_REQUEST, MOVE_REQUEST},
    value::Value,
    view::View,
};

/// What of a mailbox a request moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovePart {
    /// The user's attribute that holds the mailbox's GUID.
    pub mailbox: &'static str,
    /// The user's attribute that says where it is.
    pub database: &'static str,
    /// The request's attribute that says where it comes from.
    pub source: &'static str,
    /// The request's attribute that says where it goes.
    pub target: &'static str,
}

/// The mailbox itself, and its archive.
pub const MOVE_PARTS: [MovePart; 2] = [
    MovePart {
        mailbox: "ExchangeGuid",
        database: "Database",
        source: "SourceDatabase",
        target: "TargetDatabase",
    },
    MovePart {
        mailbox: "ArchiveGuid",
        database: "ArchiveDatabase",
        source: "SourceArchiveDatabase",
        target: "TargetArchiveDatabase",
    },
];

/// A move about to be requested.
#[derive(Clone, Debug, Default)]
pub struct NewMove {
    /// Whose mailbox.
    pub user: Guid,
    /// The database for the mailbox; nothing where only the archive goes.
    pub target: Option<Guid>,
    /// The database for the archive; nothing where it stays.
    pub archive_target: Option<Guid>,
    /// Further settings.
    pub settings: Vec<(&'static str, Value)>,
}

/// The request that moves a user's mailbox.
pub fn move_request_of(view: &View, user: Guid) -> Option<&Arc<Object>> {
    view.linking_to(user).find(|object| *object.class == MOVE_REQUEST && object.link("User") == Some(user))
}

/// Whether a request is over and only tells of the past.
pub fn is_over(request: &Object) -> bool {
    matches!(request.text("Status"), Some("Completed" | "CompletedWithWarning"))
}

/// Whether a move may be requested: what it moves, from where, to where.
pub fn check_new_move(
    view: &View,
    new: &NewMove,
) -> Result<Vec<(&'static MovePart, Guid, Guid)>, DirectoryError> {
    let user = view.get(new.user).ok_or_else(|| view.not_found(&new.user.to_string()))?;
    if let Some(request) = move_request_of(view, user.guid) {
        let why = if is_over(request) {
            "has a completed move request associated with it"
        } else {
            "is already being moved"
        };
        return Err(DirectoryError::Exists(format!(
            "The mailbox '{}' {why}. Before you create a new move request for it, run the \
             Remove-MoveRequest cmdlet to clear the old one.",
            user.identity()
        )));
    }
    let mut parts = Vec::new();
    for (part, target) in MOVE_PARTS.iter().zip([new.target, new.archive_target]) {
        let Some(target) = target else { continue };
        let Some(source) = user.link(part.database).filter(|_| user.guid_of(part.mailbox).is_some()) else {
            return Err(DirectoryError::Invalid(format!(
                "\"{}\" has no {} that could be moved.",
                user.identity(),
                if part.mailbox == "ArchiveGuid" { "archive" } else { "mailbox" }
            )));
        };
        let database = view.get(target).ok_or_else(|| view.not_found(&target.to_string()))?;
        if source == target {
            return Err(DirectoryError::Invalid(format!(
                "Mailbox '{}' is already in the target database '{}'.",
                user.identity(),
                database.name
            )));
        }
        if database.flag("Recovery") {
            return Err(DirectoryError::Invalid(format!(
                "The target database '{}' is a recovery database: no mailbox can be moved into it.",
                database.name
            )));
        }
        parts.push((part, source, target));
    }
    if parts.is_empty() {
        return Err(DirectoryError::Invalid("Neither a mailbox nor an archive is to be moved.".into()));
    }
    Ok(parts)
}

/// Requests a move.
pub fn new_move_request(draft: &mut Draft<'_>, new: NewMove) -> Result<Arc<Object>, DirectoryError> {
    let parts = check_new_move(draft, &new)?;
    let mailbox = draft.existing(new.user)?.guid_of("ExchangeGuid");
    let mut request = NewObject::new(&MOVE_REQUEST, new.user.to_string())
        .with("User", Value::Link(new.user))
        .with_some("ExchangeGuid", mailbox.map(Value::Guid))
        .with("StatusDetail", "Queued")
        .with("QueuedTimestamp", Value::Time(draft.now()));
    for (part, source, target) in parts {
        request = request.with(part.source, Value::Link(source)).with(part.target, Value::Link(target));
    }
    draft.create(new.settings.into_iter().fold(request, |request, (name, value)| request.with(name, value)))
}

/// What the mover notes of a request, be it to move or to restore; false where the request is gone.
pub fn note_move(
    draft: &mut Draft<'_>,
    request: Guid,
    edits: Vec<(&str, Edit)>,
) -> Result<bool, DirectoryError> {
    let is_request = |object: &Arc<Object>| [&MOVE_REQUEST, &MAILBOX_RESTORE_REQUEST].contains(&object.class);
    if !draft.get(request).is_some_and(is_request) {
        return Ok(false);
    }
    draft.modify_system(request, edits)?;
    Ok(true)
}

/// Says that the mailbox is in its new database: all of the request's parts at once, and only if each is
/// still where the move took it from. False where the request is gone or was suspended meanwhile.
pub fn switch_databases(draft: &mut Draft<'_>, request: Guid) -> Result<bool, DirectoryError> {
    let Some(object) = draft.get(request).cloned() else { return Ok(false) };
    if object.flag("Suspend") || object.flag("Switched") {
        return Ok(object.flag("Switched"));
    }
    let Some(user) = object.link("User") else { return Ok(false) };
    let owner = draft.existing(user)?;
    let mut edits = Vec::new();
    for part in &MOVE_PARTS {
        let Some(target) = object.link(part.target) else { continue };
        if owner.link(part.database) != object.link(part.source) {
            return Err(DirectoryError::Invalid(format!(
                "The mailbox of \"{}\" isn't in the database any more that it was to be moved from.",
                owner.identity()
            )));
        }
        edits.push((part.database, Edit::set(Value::Link(target))));
    }
    draft.modify_system(user, edits)?;
    draft.modify_system(request, vec![("Switched", Edit::set(true))])?;
    Ok(true)
}
