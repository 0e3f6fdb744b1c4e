//! Where a call runs. What it is about may be kept by another server (the store of a mailbox, a queue, an event
//! log): a cmdlet says which of its parameters tell, and the runner sends the call there.

use base::Guid;
use directory::{Object, Scope, View, schema::SERVER};

use crate::{call::Call, database::mailbox_database};

/// Finds the server that keeps what a parameter's value means; nothing where there is none such: then the cmdlet
/// runs here and says what is wrong.
pub type Finder = fn(&View, &str) -> Option<Guid>;

/// How the parameters of a cmdlet tell where its calls run.
#[derive(Clone, Copy)]
pub struct Whereabouts {
    /// Parameters that tell; the first that is given decides.
    pub told_by: &'static [(&'static str, Finder)],
    /// It can do without the server, too, and runs here where that can't be reached.
    pub or_here: bool,
}

impl Whereabouts {
    /// Every call runs where it is made.
    pub const HERE: Self = Self { told_by: &[], or_here: false };

    /// The other server that a call belongs to, if there is one.
    pub(crate) fn elsewhere(&self, call: &Call<'_>, view: &View) -> Option<Guid> {
        let mut told = self.told_by.iter();
        let server = told.find_map(|(parameter, find)| Some(find(view, &call.identity(parameter)?)))?;
        server.filter(|server| *server != call.cx.server)
    }
}

/// Which part of a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Somebody asked for it here: it runs wherever it belongs.
    Asked,
    /// All of it, on this server: it came from another one and goes no further.
    Whole,
    /// What this server keeps of what it is about.
    Share,
}

/// The server that has the active copy of a database.
pub(crate) fn of_database(view: &View, identity: &str) -> Option<Guid> {
    active_on(&*mailbox_database::NOUN.resolve(view, identity).ok()?)
}

/// The server itself.
pub(crate) fn of_server(view: &View, identity: &str) -> Option<Guid> {
    view.resolve(identity, Scope::Class(&SERVER)).ok().map(|server| server.guid)
}

/// The server that begins an identity: `EX01\Submission\17`.
pub(crate) fn of_path(view: &View, identity: &str) -> Option<Guid> {
    of_server(view, identity.split_once('\\')?.0)
}

/// The server that has the mailbox of a recipient.
pub(crate) fn of_mailbox(view: &View, identity: &str) -> Option<Guid> {
    let owner = view.resolve_recipient(identity).ok()?;
    active_on(view.get(owner.database()?)?)
}

/// Where the active copy of a database is.
pub(crate) fn active_on(database: &Object) -> Option<Guid> {
    database.link("Server")
}
