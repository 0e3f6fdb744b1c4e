//! Calls that run on another server: how they get there, and how what they write comes back.
//!
//! One conversation for each call. Its head is the version of what follows; then frames, each a length (u32,
//! little-endian) and a postcard body: the order one way; what the cmdlet writes, questions and the end the other
//! way; the answers to questions. Who hears no more ends their side, and the cmdlet stops.

mod answer;
mod ask;
mod frame;
mod gathered;

use std::time::Duration;

use base::Guid;
use directory::Directory;
use powershell::{
    Value,
    cmdlet::{ErrorRecord, Preferences, Prompt, Written},
};
use serde::{Deserialize, Serialize};

pub use answer::Answers;
pub(crate) use ask::Conversation;
pub(crate) use gathered::Gathered;

use crate::changes::Changes;

/// Raised when a frame changes its shape: servers that work together must agree.
const VERSION: u16 = 1;
/// How long a server waits for changes of the directory that the other one has already.
const CATCH_UP: Duration = Duration::from_secs(3);

/// A call, and who makes it. It is bound and checked anew where it arrives.
#[derive(Serialize, Deserialize)]
struct Order {
    /// `Verb-Noun`.
    cmdlet: String,
    /// Named as declared.
    parameters: Vec<(String, Value)>,
    preferences: Preferences,
    pipeline_object: Option<Value>,
    /// How the caller logged on.
    name: String,
    /// Where from.
    origin: String,
    /// The account; nothing for a user of the machine.
    user: Option<Guid>,
    /// Only what the server keeps is asked for.
    share: bool,
    /// The newest change of the directory that the caller has seen.
    change: u64,
}

/// What the server says that runs it.
#[derive(Serialize, Deserialize)]
enum Said {
    Written(Written),
    /// A question, to be answered.
    Asks(Prompt),
    Ended {
        result: Result<(), ErrorRecord>,
        /// For the record, which the caller's server keeps.
        changes: Changes,
        /// The newest change of the directory there.
        change: u64,
    },
}

/// Waits until the directory has a change that another server has seen, but not for ever: a server that is cut off
/// answers from what it has.
async fn catch_up(directory: &Directory, change: u64) {
    let mut seen = directory.watch();
    let caught_up = tokio::time::timeout(CATCH_UP, seen.wait_for(|seen| *seen >= change)).await;
    if caught_up.is_err() {
        tracing::warn!(change, "this server's directory is behind that of another server");
    }
}
