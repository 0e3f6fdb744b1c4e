//! Restore requests: New.

use std::sync::Arc;

use base::Guid;

use crate::{
    draft::{Draft, NewObject},
    error::DirectoryError,
    object::Object,
    schema::MAILBOX_RESTORE_REQUEST,
    value::Value,
    view::View,
};

/// Requests of one mailbox that nobody named.
const UNNAMED_MAX: usize = 10;
/// What those are called.
const NAME: &str = "MailboxRestore";

/// A restore about to be requested.
#[derive(Clone, Debug, Default)]
pub struct NewRestore {
    /// What it is called; `MailboxRestore`, `MailboxRestore1` and so on without a name.
    pub name: Option<String>,
    /// Whose mailbox it fills.
    pub target: Guid,
    /// The user's archive, not the mailbox itself.
    pub target_is_archive: bool,
    /// The database of the mailbox it takes from.
    pub source_database: Guid,
    /// That mailbox's own GUID.
    pub source: Guid,
    /// As it is called.
    pub source_name: String,
}

/// The restore requests that fill a user's mailbox.
pub fn restore_requests_of(view: &View, user: Guid) -> impl Iterator<Item = &Arc<Object>> {
    view.linking_to(user).filter(move |object| {
        *object.class == MAILBOX_RESTORE_REQUEST && object.link("TargetMailbox") == Some(user)
    })
}

/// Requests a restore.
pub fn new_restore_request(draft: &mut Draft<'_>, new: NewRestore) -> Result<Arc<Object>, DirectoryError> {
    let user = draft.existing(new.target)?;
    let name = free_name(draft, &user, new.name)?;
    let object = NewObject::new(&MAILBOX_RESTORE_REQUEST, draft.new_guid().to_string())
        .with("RequestName", name)
        .with("TargetMailbox", Value::Link(new.target))
        .with("TargetIsArchive", new.target_is_archive)
        .with("SourceDatabase", Value::Link(new.source_database))
        .with("SourceExchangeGuid", Value::Guid(new.source))
        .with("SourceMailboxName", new.source_name)
        .with("StatusDetail", "Queued")
        .with("QueuedTimestamp", Value::Time(draft.now()));
    draft.create(object)
}

/// A name that no other request of the user has.
fn free_name(view: &View, user: &Object, wanted: Option<String>) -> Result<String, DirectoryError> {
    let taken: Vec<String> = restore_requests_of(view, user.guid)
        .filter_map(|request| request.text("RequestName").map(str::to_lowercase))
        .collect();
    let is_free = |name: &String| !taken.contains(&name.to_lowercase());
    match wanted {
        Some(name) if is_free(&name) => Ok(name),
        Some(name) => Err(DirectoryError::Exists(format!(
            "The name '{name}' is used by another restore request of '{}'.",
            user.identity()
        ))),
        None => {
            let numbered = |n| if n == 0 { NAME.to_owned() } else { format!("{NAME}{n}") };
            (0..UNNAMED_MAX).map(numbered).find(is_free).ok_or_else(|| {
                DirectoryError::Exists(format!(
                    "'{}' has {UNNAMED_MAX} restore requests that nobody named. Remove old ones, or use the Name \
                     parameter.",
                    user.identity()
                ))
            })
        }
    }
}
