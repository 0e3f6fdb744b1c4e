//! What lies in the folder of a database that has copies or is to have some.

use engine::{Database, EngineError, Options, Replica, has_voted, holds_database};

use crate::replica::{ServerId, found};

/// What lies in a copy's folder.
pub enum Found {
    /// No whole database.
    Nothing,
    /// A database that has never been replicated.
    Single,
    /// A copy that knows its group.
    Copy(Box<Replica>),
}

/// Looks what lies in a folder, and opens a copy. One that is not known to be `replicated` is only opened as a copy
/// where it has taken part in a group. Blocks.
pub fn look(options: Options, replicated: bool) -> Result<Found, EngineError> {
    if !holds_database(&options.disk, &options.dir)? {
        return Ok(Found::Nothing);
    }
    if !replicated && !has_voted(&options.disk, &options.dir)? {
        return Ok(Found::Single);
    }
    let replica = Replica::open(options, false)?;
    if replica.applied().1.is_some() {
        return Ok(Found::Copy(Box::new(replica)));
    }
    replica.database().close()?;
    Ok(Found::Single)
}

/// Makes a database that nobody has open the first copy of a group, and opens it as that.
pub async fn make_first(options: Options, me: ServerId) -> Result<Replica, EngineError> {
    let runtime = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || {
        let alone = Database::open(options.clone())?;
        runtime.block_on(found(&alone, me))?;
        alone.close()?;
        Replica::open(options, false)
    });
    made.await.unwrap_or_else(|error| Err(EngineError::Dismounted(error.to_string())))
}
